package sdjwt_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jws"
	"github.com/jotward/jotward/jose/sdjwt"
)

// FuzzProcess signs any payload and sends any disclosures along. What is accepted
// is strict JSON without a digest, and the holder reads the same from it.
func FuzzProcess(f *testing.F) {
	h := newHouse(f)
	name, elem := encode(`["s","name","Ann"]`), encode(`["s",{"a":1}]`)
	f.Add(`{`+sd(name)+`,"l":["x",`+el(elem)+`]}`, name+"~"+elem)
	f.Add(`{"_sd":["x"],"_sd_alg":"sha-256","a":{"_sd":[]}}`, "")
	f.Add(`{"l":[{"...":"x"},{"...":"y","z":1}]}`, "WyJzIiwxXQ")
	f.Fuzz(func(t *testing.T, payload, disclosures string) {
		text, err := jws.Sign([]byte(payload), h.issuer, jws.SignOptions{Type: "test+sd-jwt"})
		if err != nil {
			t.Fatal(err)
		}
		text += "~"
		if disclosures != "" {
			text += disclosures + "~"
		}
		token, err := h.free.Verify(ctx, text, "")
		if err != nil {
			if jose.ReasonOf(err) == "" || token != nil {
				t.Fatalf("%q, %q: %v", payload, disclosures, err)
			}
			return
		}
		var got map[string]any
		if err := json.Unmarshal([]byte(token.Payload), &got); err != nil || !reflect.DeepEqual(got, token.Claims) {
			t.Fatalf("%s: %v", token.Payload, err)
		}
		c, err := sdjwt.Open(text)
		if err != nil || c.Payload() != token.Payload {
			t.Fatalf("%s is %v for its holder", token.Payload, err)
		}
		if n := strings.Count(text, "~") - 1; len(c.Places()) != n {
			t.Fatalf("%d places for %d disclosures", len(c.Places()), n)
		}
		if again, err := c.Present(c.Places()...); err != nil || again != text {
			t.Fatalf("%q presented as %q, %v", text, again, err)
		}
	})
}

// FuzzVerify gives any text to a verifier of each kind. Nobody here can sign.
func FuzzVerify(f *testing.F) {
	h := newHouse(f)
	f.Add("a.b.c~d~", "")
	f.Add(strings.Repeat("~", 100), "n")
	f.Add(h.sign(`{}`)[1:]+"~", "n")
	f.Fuzz(func(t *testing.T, text, nonce string) {
		for _, v := range []*sdjwt.Verifier[map[string]any]{h.free, h.bound} {
			if token, err := v.Verify(ctx, text, nonce); token != nil || jose.ReasonOf(err) == "" {
				t.Fatalf("%q: %v, %v", text, token, err)
			}
		}
	})
}

// FuzzCompact: what comes out is the compact form of what went in.
func FuzzCompact(f *testing.F) {
	f.Add([]byte(`{"payload":"p","protected":"h","signature":"s","header":{"disclosures":["a","b"],"kb_jwt":"x.y.z"}}`))
	f.Add([]byte(`{"payload":"p","signatures":[{"protected":"h","signature":"s","header":{"disclosures":[]}},{}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		compact, err := sdjwt.Compact(text)
		if err != nil {
			if r := jose.ReasonOf(err); r != jose.TokenMalformed && r != jose.TokenOversize {
				t.Fatal(err)
			}
			return
		}
		flat, err := sdjwt.FlattenedJSON(compact)
		if jose.ReasonOf(err) == jose.TokenOversize {
			return // too many disclosures
		}
		if err != nil {
			t.Fatalf("%q: %v", compact, err)
		}
		if again, err := sdjwt.Compact(flat); err == nil && again != compact || err != nil && len(flat) <= sdjwt.DefaultMaxSize {
			t.Fatalf("%q is %q, %v", compact, again, err)
		}
	})
}
