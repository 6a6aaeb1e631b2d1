package jwt_test

import (
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// A verifier that no constructor has built knows no policy, and refuses a token
// that every policy would accept.
func TestZeroVerifiersRefuse(t *testing.T) {
	token := sign(t, generate(t, jwk.HS256, ""), goodClaims)
	request := jwt.DPoPRequest{Proofs: []string{token}, Method: "GET", URL: audience, NoAccessToken: true, Nonces: []string{"n"}}
	id := jwt.IDTokenRequest{NoNonce: true}
	refused := map[string]func() error{
		"Verifier":        func() error { return second(new(jwt.Verifier[claims]).Verify(ctx, token)) },
		"nil Verifier":    func() error { return second((*jwt.Verifier[claims])(nil).Verify(ctx, token)) },
		"NestedVerifier":  func() error { return second(new(jwt.NestedVerifier[claims]).Verify(ctx, token)) },
		"Decrypter":       func() error { return second(new(jwt.Decrypter[claims]).Decrypt(ctx, token)) },
		"IDToken":         func() error { return second(new(jwt.IDTokenVerifier[claims]).Verify(ctx, token, id)) },
		"LogoutToken":     func() error { return second(new(jwt.LogoutTokenVerifier).Verify(ctx, token)) },
		"SecurityEvent":   func() error { return second(new(jwt.SecurityEventVerifier).Verify(ctx, token)) },
		"ClientAssertion": func() error { return second(new(jwt.ClientAssertionVerifier).Verify(ctx, token)) },
		"Introspection":   func() error { return second(new(jwt.IntrospectionVerifier[claims]).Verify(ctx, token)) },
		"DPoP":            func() error { return second(new(jwt.DPoPVerifier).Verify(ctx, request)) },
		"Explain":         func() error { return new(jwt.Verifier[claims]).Explain(ctx, token).Failure() },
		"Explain nested":  func() error { return new(jwt.NestedVerifier[claims]).Explain(ctx, token).Failure() },
		"Explain logout":  func() error { return new(jwt.LogoutTokenVerifier).Explain(ctx, token).Failure() },
		"Explain client":  func() error { return new(jwt.ClientAssertionVerifier).Explain(ctx, token).Failure() },
		"Explain proof":   func() error { return second(new(jwt.DPoPVerifier).Explain(ctx, request)) },
	}
	for name, f := range refused {
		t.Run(name, func(t *testing.T) { wants(t, f(), jose.PolicyInvalid) })
	}
}

func second[T any](_ T, err error) error { return err }
