package jwt_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// fixedKey is the same in every process that fuzzes, so that findings repeat.
func fixedKey(f *testing.F) *jwk.Key {
	k, err := jwk.New([]byte("thirty-two bytes, and not a secret"), jwk.HS256, "k")
	if err != nil {
		f.Fatal(err)
	}
	return k
}

// FuzzVerify gives any text to a verifier. Only the one good token is accepted,
// because nobody here can sign; everything else is refused with a reason.
func FuzzVerify(f *testing.F) {
	k := fixedKey(f)
	v := verifier(f, k, goodPolicy(jwk.HS256))
	good := sign(f, k, goodClaims)
	f.Add(good)
	for _, seed := range []string{"", ".", "..", "...", "a.b.c", good + ".", good[1:], strings.Replace(good, ".", "..", 1), `{"payload":""}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		got, err := v.Verify(ctx, token)
		if (err == nil) != (token == good) || (got == nil) != (err != nil) || err != nil && jose.ReasonOf(err) == "" {
			t.Fatalf("%q: %v, %v", token, got, err)
		}
	})
}

// FuzzClaims signs any payload: what is accepted is what encoding/json reads
// too, and holds at the policy's time.
func FuzzClaims(f *testing.F) {
	k := fixedKey(f)
	p := goodPolicy(jwk.HS256)
	v, err := jwt.NewVerifier[map[string]any](k, p)
	if err != nil {
		f.Fatal(err)
	}
	typed := verifier(f, k, p)
	f.Add(goodClaims)
	for _, payload := range rejectedClaims(f) {
		if len(payload) < 2048 {
			f.Add(payload)
		}
	}
	f.Fuzz(func(t *testing.T, payload string) {
		if len(payload) > 5000 {
			return
		}
		token := sign(t, k, payload)
		_, typedErr := typed.Verify(ctx, token)
		got, err := v.Verify(ctx, token)
		if err != nil {
			if jose.ReasonOf(err) == "" || typedErr == nil {
				t.Fatalf("%q: %v, typed %v", payload, err, typedErr)
			}
			return
		}
		var want map[string]any
		if err := json.Unmarshal([]byte(payload), &want); err != nil {
			t.Fatalf("%q is accepted: %v", payload, err)
		}
		if want["iss"] != issuer || got.Issuer != issuer || !now.Before(got.Expiry) || got.IssuedAt.After(now) || got.Subject != want["sub"] {
			t.Fatalf("%q is read as %+v", payload, got.Registered)
		}
	})
}
