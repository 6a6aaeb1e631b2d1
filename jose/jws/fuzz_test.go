package jws_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

func seed(f *testing.F, folder string) {
	files, _ := filepath.Glob(filepath.Join("testdata", folder, "*"))
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && len(text) < 8192 {
			f.Add(string(text))
		}
	}
}

// FuzzVerify: nobody here can sign, so nothing but the figure is accepted.
func FuzzVerify(f *testing.F) {
	seed(f, "reject")
	f.Add(figures[0].message)
	key := parse(f, figures[0].key, jwk.HS256)
	f.Fuzz(func(t *testing.T, token string) {
		m, err := jws.Verify(ctx, token, key, allow(jwk.HS256))
		if (err == nil) != (token == figures[0].message) || err != nil && (m != nil || jose.ReasonOf(err) == "") {
			t.Fatalf("%q: %v, %v", token, m, err)
		}
	})
}

// FuzzVerifyJSON: what is accepted carries the figure's payload.
func FuzzVerifyJSON(f *testing.F) {
	seed(f, "reject-json")
	f.Add(figures[10].message)
	key := parse(f, figures[10].key)
	f.Fuzz(func(t *testing.T, text string) {
		m, err := jws.VerifyJSON(ctx, []byte(text), key, allow(jwk.HS256))
		if err != nil && (m != nil || jose.ReasonOf(err) == "") || err == nil && string(m.Payload) != frodo {
			t.Fatalf("%q: %v, %v", text, m, err)
		}
	})
}

// FuzzParseHeader: what is accepted names an algorithm and writes back.
func FuzzParseHeader(f *testing.F) {
	f.Add(encode(`{"alg":"HS256","kid":"k","typ":"JWT","cty":"x"}`))
	f.Add(encode(`{"alg":"none","crit":["x"]}`))
	f.Fuzz(func(t *testing.T, segment string) {
		h, err := jws.ParseHeader(segment)
		if err != nil && (h != jws.Header{} || jose.ReasonOf(err) == "") || err == nil && h.Algorithm == "" {
			t.Fatalf("%q: %+v, %v", segment, h, err)
		}
	})
}
