package jwt_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// A token is signed, verified, and refused for its reason an hour later.
func Example() {
	type accessClaims struct {
		ClientID string `json:"client_id"`
	}
	moment := time.Unix(1700000000, 0)
	key, err := jwk.Generate(jwk.ES256, "2026")
	if err != nil {
		fmt.Println(err)
		return
	}
	signer, err := jwt.NewSigner(key, jwt.SignerOptions{Type: "at+jwt"})
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := signer.Sign(map[string]any{
		"iss": "https://issuer.example", "aud": "https://api.example", "sub": "alice", "client_id": "web",
		"iat": moment.Unix(), "exp": moment.Add(10 * time.Minute).Unix(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier, err := jwt.NewVerifier[accessClaims](key, jwt.Policy{
		Issuers:     []string{"https://issuer.example"},
		Audiences:   []string{"https://api.example"},
		Algorithms:  []jwk.Algorithm{jwk.ES256},
		Type:        "at+jwt",
		MaxLifetime: time.Hour,
		Clock:       func() time.Time { return moment },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := verifier.Verify(context.Background(), text)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.Subject, "by", token.Claims.ClientID)

	moment = moment.Add(time.Hour)
	_, err = verifier.Verify(context.Background(), text)
	fmt.Println(err, errors.Is(err, jose.TokenExpired))
	// Output:
	// alice by web
	// token_expired: exp was 2023-11-14T22:23:20Z, now is 2023-11-14T23:13:20Z true
}
