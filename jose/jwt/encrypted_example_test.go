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

// Signed by the issuer, then encrypted to the one who may read it.
func ExampleNewNestedVerifier() {
	issuerKey, err := jwk.Generate(jwk.ES256, "issuer")
	if err != nil {
		log.Fatal(err)
	}
	readerKey, err := jwk.Generate(jwk.ECDHESA256KW, "reader")
	if err != nil {
		log.Fatal(err)
	}
	at := time.Unix(1700000000, 0)
	signer, err := jwt.NewSigner(issuerKey, jwt.SignerOptions{Type: "at+jwt"})
	if err != nil {
		log.Fatal(err)
	}
	signed, err := signer.Sign(map[string]any{"iss": "https://id.example", "sub": "alice", "aud": "api", "iat": at.Unix(), "exp": at.Add(time.Minute).Unix()})
	if err != nil {
		log.Fatal(err)
	}
	token, err := jwt.Encrypt(signed, readerKey, jwe.EncryptOptions{Encryption: jwk.A256GCM})
	if err != nil {
		log.Fatal(err)
	}

	inner, err := jwt.NewVerifier[struct{}](issuerKey, jwt.Policy{
		Issuers: []string{"https://id.example"}, Audiences: []string{"api"}, Algorithms: []jwk.Algorithm{jwk.ES256},
		Type: "at+jwt", MaxLifetime: time.Hour, Clock: func() time.Time { return at },
	})
	if err != nil {
		log.Fatal(err)
	}
	outer := jwe.DecryptOptions{Algorithms: []jwk.Algorithm{jwk.ECDHESA256KW}, Encryptions: []jwk.Algorithm{jwk.A256GCM}}
	verifier, err := jwt.NewNestedVerifier(readerKey, outer, inner)
	if err != nil {
		log.Fatal(err)
	}
	verified, err := verifier.Verify(context.Background(), token)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(verified.Subject)
	// Output: alice
}

// Claims that a program encrypts for itself: read, judged, and never a Token.
func ExampleNewDecrypter() {
	key, err := jwk.Generate(jwk.A256GCM, "own")
	if err != nil {
		log.Fatal(err)
	}
	claims := []byte(`{"iss":"me","aud":"me","sub":"cart-17","iat":1700000000,"exp":1700000600,"total":"12.50"}`)
	token, err := jwe.Encrypt(claims, key, jwe.EncryptOptions{Type: "cart+jwt"})
	if err != nil {
		log.Fatal(err)
	}
	decrypter, err := jwt.NewDecrypter[struct {
		Total string `json:"total"`
	}](key, jwe.DecryptOptions{Algorithms: []jwk.Algorithm{jwk.Direct}, Encryptions: []jwk.Algorithm{jwk.A256GCM}}, jwt.Policy{
		Issuers: []string{"me"}, Audiences: []string{"me"}, Type: "cart+jwt", MaxLifetime: time.Hour,
		Clock: func() time.Time { return time.Unix(1700000100, 0) },
	})
	if err != nil {
		log.Fatal(err)
	}
	cart, err := decrypter.Decrypt(context.Background(), token)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(cart.Subject, cart.Claims.Total)
	// Output: cart-17 12.50
}

func ExampleNewSigner() {
	key, err := jwk.Generate(jwk.EdDSA, "2026")
	if err != nil {
		log.Fatal(err)
	}
	signer, err := jwt.NewSigner(key, jwt.SignerOptions{Type: "at+jwt"})
	if err != nil {
		log.Fatal(err)
	}
	_, err = signer.Sign([]byte(`{"sub":"alice","sub":"mallory"}`)) // bytes are signed as they are, if they are strict JSON
	fmt.Println(err)
	// Output: claims_invalid: json: duplicate member name
}
