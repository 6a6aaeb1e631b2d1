package jws_test

import (
	"context"
	"fmt"
	"log"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

func Example() {
	key, err := jwk.Generate(jwk.ES256, "2026")
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := jws.Sign([]byte("any bytes"), key, jws.SignOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	message, err := jws.Verify(context.Background(), token, key, jws.Options{Algorithms: []jwk.Algorithm{jwk.ES256}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s, under %s\n", message.Payload, message.Header.KeyID)
	// Output: any bytes, under 2026
}

func ExampleSignJSON() {
	first, err := jwk.Generate(jwk.ES256, "first")
	if err != nil {
		log.Fatal(err)
	}
	second, err := jwk.Generate(jwk.EdDSA, "second")
	if err != nil {
		log.Fatal(err)
	}
	text, err := jws.SignJSON([]byte("a contract"), []*jwk.Key{first, second}, jws.SignOptions{})
	if err != nil {
		log.Fatal(err)
	}
	message, err := jws.VerifyJSON(context.Background(), text, second, jws.Options{Algorithms: []jwk.Algorithm{jwk.EdDSA}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(message.Header.KeyID, string(message.Payload))
	// Output: second a contract
}
