package jwt_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// Who comes from a library whose registered claims are a struct to embed meets no token
// without them, and no claim of another name in their place.
func TestRegisteredAsClaims(t *testing.T) {
	k := generate(t, jwk.ES256, "k")
	s, err := jwt.NewSigner(k, jwt.SignerOptions{Type: "at+jwt"})
	if err != nil {
		t.Fatal(err)
	}
	r := jwt.Registered{Issuer: issuer, Subject: "alice", Audience: []string{audience}, IssuedAt: now, Expiry: now.Add(time.Minute)}
	v := verifier(t, public(t, k), goodPolicy(jwk.ES256))
	for _, claims := range []any{r, &r} {
		text, err := s.Sign(claims)
		if err != nil {
			t.Fatal(err)
		}
		got := accepted(t, v, text)
		if got.Subject != "alice" || !got.Expiry.Equal(r.Expiry) || strings.Contains(got.Payload, "nbf") || strings.Contains(got.Payload, "jti") {
			t.Error(got.Payload)
		}
	}
	type embedded struct {
		jwt.Registered
		Role string `json:"role"`
	}
	text, err := s.Sign(embedded{jwt.Registered{Issuer: issuer}, "clerk"})
	if err != nil || text == "" {
		t.Error("texts alone:", err)
	}
	_, err = s.Sign(embedded{Registered: r})
	wants(t, err, jose.ClaimsInvalid)
	for _, bad := range []string{`{"exp":"soon"}`, `{"iat":true}`, `{"nbf":-1}`, `{"iss":1}`, `{"sub":null}`, `{"aud":[1]}`, `{"jti":{}}`} {
		var claims map[string]any
		if err := json.Unmarshal([]byte(bad), &claims); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Sign(claims); jose.ReasonOf(err) != jose.ClaimsInvalid {
			t.Errorf("%s: %v", bad, err)
		}
		if _, err := s.Sign([]byte(bad)); err != nil {
			t.Errorf("%s as it is: %v", bad, err)
		}
	}

	_, err = jwt.NewVerifier[embedded](public(t, k), goodPolicy(jwk.ES256))
	wants(t, err, jose.PolicyInvalid)
	_, err = jwt.NewVerifier[struct{ R jwt.Registered }](public(t, k), goodPolicy(jwk.ES256))
	wants(t, err, jose.PolicyInvalid)
}
