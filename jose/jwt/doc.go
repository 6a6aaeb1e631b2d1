// Package jwt signs and verifies JSON Web Tokens (RFC 7519) the way RFC 8725
// asks for.
//
// A Verifier is built once, from a key source and a Policy whose zero value is
// refused, and used by any number of goroutines:
//
//	v, err := jwt.NewVerifier[Claims](keys, jwt.Policy{
//		Issuers:     []string{"https://issuer.example"},
//		Audiences:   []string{"https://api.example"},
//		Algorithms:  []jwt.Algorithm{jwt.ES256},
//		Type:        "at+jwt",
//		MaxLifetime: time.Hour,
//		Clock:       time.Now,
//	})
//	token, err := v.Verify(ctx, text)
//
// Each kind of token that a specification describes has a policy of its own beside
// it, which knows that kind's rules: NewAccessTokenVerifier, NewIDTokenVerifier,
// NewLogoutTokenVerifier, NewSecurityEventVerifier, NewDPoPVerifier,
// NewClientAssertionVerifier and NewIntrospectionVerifier. No token of one kind
// passes for another. For an access token by RFC 9068 use NewAccessTokenVerifier, which
// also demands jti, client_id and a scope that is one; the general Verifier is for tokens
// of a form of your own, and for at+jwt from an issuer that leaves those claims out.
// Verifier.Explain says of every check what came of it.
//
// Every failure is a *jose.Error with a reason code, and Verify neither uses nor
// reveals anything about the claims before the signature holds. Only the compact
// serialization is read.
package jwt
