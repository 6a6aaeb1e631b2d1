package jwt_test

import (
	"fmt"
	"log"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

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
