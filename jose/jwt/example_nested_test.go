package jwt_test

import (
	"context"
	"fmt"
	"time"

	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// A client that registered id_token_encrypted_response_alg opens and verifies its
// ID tokens in one step.
func ExampleNewNestedIDTokenVerifier() {
	provider := exampleKey()
	client, err := jwk.Generate(jwk.ECDHESA256KW, "client")
	if err != nil {
		fmt.Println(err)
		return
	}
	signed, err := jwt.NewIDTokenVerifier[struct{}](provider, jwt.IDTokenPolicy{
		Issuer: "https://id.example", ClientID: "web", Algorithms: []jwk.Algorithm{jwk.ES256}, MaxLifetime: time.Hour, Clock: exampleTime,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier, err := jwt.NewNestedIDTokenVerifier(client, jwe.DecryptOptions{
		Algorithms: []jwk.Algorithm{jwk.ECDHESA256KW}, Encryptions: []jwk.Algorithm{jwk.A256GCM},
	}, signed)
	if err != nil {
		fmt.Println(err)
		return
	}
	inside := issued(provider, "JWT", map[string]any{"iss": "https://id.example", "aud": "web", "sub": "alice",
		"iat": 1700000000, "exp": 1700000600, "nonce": "n-1"})
	text, err := jwt.Encrypt(inside, client, jwe.EncryptOptions{Encryption: jwk.A256GCM})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := verifier.Verify(context.Background(), text, jwt.IDTokenRequest{Nonce: "n-1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.Subject)
	_, err = verifier.Verify(context.Background(), inside, jwt.IDTokenRequest{Nonce: "n-1"})
	fmt.Println(err)
	// Output:
	// alice
	// token_malformed: not five segments
}
