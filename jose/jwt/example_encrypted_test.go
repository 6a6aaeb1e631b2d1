package jwt_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// A token that is signed by the issuer, and encrypted to the one reader.
func ExampleNewNestedVerifier() {
	moment := time.Unix(1700000000, 0)
	issuer, err := jwk.Generate(jwk.ES256, "issuer")
	if err != nil {
		log.Fatal(err)
	}
	reader, err := jwk.Generate(jwk.ECDHESA256KW, "reader")
	if err != nil {
		log.Fatal(err)
	}
	signer, err := jwt.NewSigner(issuer, jwt.SignerOptions{Type: "at+jwt"})
	if err != nil {
		log.Fatal(err)
	}
	signed, err := signer.Sign(map[string]any{
		"iss": "https://issuer.example", "aud": "https://api.example", "sub": "alice",
		"iat": moment.Unix(), "exp": moment.Add(10 * time.Minute).Unix(),
	})
	if err != nil {
		log.Fatal(err)
	}
	text, err := jwt.Encrypt(signed, reader, jwe.EncryptOptions{Encryption: jwk.A256GCM})
	if err != nil {
		log.Fatal(err)
	}
	inner, err := jwt.NewVerifier[struct{}](issuer, jwt.Policy{
		Issuers: []string{"https://issuer.example"}, Audiences: []string{"https://api.example"},
		Algorithms: []jwk.Algorithm{jwk.ES256}, Type: "at+jwt", MaxLifetime: time.Hour,
		Clock: func() time.Time { return moment },
	})
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := jwt.NewNestedVerifier(reader, jwe.DecryptOptions{
		Algorithms: []jwk.Algorithm{jwk.ECDHESA256KW}, Encryptions: []jwk.Algorithm{jwk.A256GCM},
	}, inner)
	if err != nil {
		log.Fatal(err)
	}
	token, err := verifier.Verify(context.Background(), text)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Subject)
	// Output: alice
}

// State that a server sends to itself through a browser: nobody else has the key,
// so nobody else has written it.
func ExampleNewDecrypter() {
	moment := time.Unix(1700000000, 0)
	key, err := jwk.Generate(jwk.A256GCM, "state")
	if err != nil {
		log.Fatal(err)
	}
	text, err := jwe.Encrypt([]byte(`{"return_to":"/cart","exp":1700000300}`), key, jwe.EncryptOptions{Type: "state+jwt"})
	if err != nil {
		log.Fatal(err)
	}
	type state struct {
		ReturnTo string `json:"return_to"`
	}
	decrypter, err := jwt.NewDecrypter[state](key, jwe.DecryptOptions{
		Algorithms: []jwk.Algorithm{jwk.Direct}, Encryptions: []jwk.Algorithm{jwk.A256GCM},
	}, jwt.Policy{
		Type: "state+jwt", SkipIssuer: true, SkipAudience: true, Required: []string{"exp"}, MaxLifetime: time.Hour,
		Clock: func() time.Time { return moment },
	})
	if err != nil {
		log.Fatal(err)
	}
	token, err := decrypter.Decrypt(context.Background(), text)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Claims.ReturnTo)
	// Output: /cart
}
