package jwe_test

import (
	"bytes"
	"testing"

	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
)

// fuzzOptions keep each run short.
func fuzzOptions() jwe.DecryptOptions {
	o := everything()
	o.Decompress, o.MaxIterations = true, 5000
	return o
}

func fuzzKeys(f *testing.F) *jwk.Set {
	var keys []*jwk.Key
	for _, fig := range figures[:7] { // the later ones use the same keys again
		keys = append(keys, mustParse(f, fig.key, jwk.Algorithm(fig.alg)))
	}
	set, err := jwk.NewSet(keys...)
	if err != nil {
		f.Fatal(err)
	}
	return set
}

// Whatever opens is one spelling: bent anywhere, it opens no more.
func FuzzDecrypt(f *testing.F) {
	keys := fuzzKeys(f)
	for _, fig := range figures {
		f.Add(fig.message)
	}
	known := map[string]bool{}
	for _, fig := range figures {
		known[fig.message] = true
	}
	f.Fuzz(func(t *testing.T, token string) {
		m, err := jwe.Decrypt(ctx, token, keys, fuzzOptions())
		if err == nil && !known[token] && m.Header.Algorithm != jwk.ECDHES {
			t.Errorf("opened something that nobody sealed")
		}
	})
}

func FuzzDecryptJSON(f *testing.F) {
	keys := fuzzKeys(f)
	for _, fig := range figures {
		f.Add([]byte(fig.message))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		_, _ = jwe.DecryptJSON(ctx, text, keys, fuzzOptions())
		if !bytes.Equal(before, text) {
			t.Error("the input was changed")
		}
	})
}

func FuzzParseHeader(f *testing.F) {
	for _, fig := range figures {
		if segments, err := jwe.Split(fig.message); err == nil {
			f.Add(segments[0])
		}
	}
	f.Fuzz(func(t *testing.T, segment string) {
		h, err := jwe.ParseHeader(segment)
		if err == nil && (h.Algorithm == "" || h.Encryption == "") {
			t.Error("a header without alg or enc")
		}
	})
}
