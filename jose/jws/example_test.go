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

// The payload travels beside the signature, as it is (RFC 7797).
func ExampleSignDetached() {
	key, err := jwk.Generate(jwk.EdDSA, "2026")
	if err != nil {
		log.Fatal(err)
	}
	body := []byte(`{"amount":"12.50"}`)
	signature, err := jws.SignDetached(body, key, jws.SignOptions{Unencoded: true})
	if err != nil {
		log.Fatal(err)
	}
	_, err = jws.VerifyDetached(context.Background(), signature, body, key, jws.Options{Algorithms: []jwk.Algorithm{jwk.EdDSA}})
	fmt.Println(err)
	_, err = jws.VerifyDetached(context.Background(), signature, []byte(`{"amount":"99.50"}`), key, jws.Options{Algorithms: []jwk.Algorithm{jwk.EdDSA}})
	fmt.Println(err)
	// Output:
	// <nil>
	// signature_invalid: the signature does not hold under the key
}
