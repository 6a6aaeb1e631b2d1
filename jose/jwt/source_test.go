package jwt_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
	"github.com/jotward/jotward/jose/jwt"
)

var errDown = errors.New("the database is down")

type downSource struct{}

func (downSource) Lookup(context.Context, string, jwk.Algorithm) ([]*jwk.Key, error) {
	return nil, errDown
}
func (downSource) Generation() uint64 { return 0 }

// A key source's own error has a reason like every other, and is still found.
func TestSourceThatFails(t *testing.T) {
	k, err := jwk.Generate(jwk.ES256, "k")
	if err != nil {
		t.Fatal(err)
	}
	s, err := jwt.NewSigner(k, jwt.SignerOptions{Type: "at+jwt"})
	if err != nil {
		t.Fatal(err)
	}
	token, err := s.Sign(map[string]any{"iss": "i", "sub": "s", "aud": "a", "iat": 1, "exp": 2})
	if err != nil {
		t.Fatal(err)
	}
	v, err := jwt.NewVerifier[struct{}](downSource{}, jwt.Policy{Issuers: []string{"i"}, Audiences: []string{"a"}, Algorithms: []jwk.Algorithm{jwk.ES256},
		Type: "at+jwt", MaxLifetime: time.Hour, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	_, ofJWT := v.Verify(t.Context(), token)
	_, ofJWS := jws.Verify(t.Context(), token, downSource{}, jws.Options{Algorithms: []jwk.Algorithm{jwk.ES256}})
	secret, err := jwk.Generate(jwk.A256GCM, "k")
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := jwe.Encrypt([]byte("x"), secret, jwe.EncryptOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, ofJWE := jwe.Decrypt(t.Context(), sealed, downSource{}, jwe.DecryptOptions{Algorithms: []jwk.Algorithm{"dir"}, Encryptions: []jwk.Algorithm{jwk.A256GCM}})
	for name, err := range map[string]error{"jwt": ofJWT, "jws": ofJWS, "jwe": ofJWE, "explain": v.Explain(t.Context(), token).Failure()} {
		if jose.ReasonOf(err) != jose.KeysUnavailable || name != "explain" && !errors.Is(err, errDown) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
