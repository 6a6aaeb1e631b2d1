package jws_test

import (
	"context"
	"fmt"
	"log"
	"strings"

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

// A payload that is signed as it stands (RFC 7797): the compact form shows it to whoever
// reads a log, if it has no dot.
func ExampleSign_unencoded() {
	key, err := jwk.Generate(jwk.EdDSA, "2026")
	if err != nil {
		log.Fatal(err)
	}
	token, err := jws.Sign([]byte("amount=1250&to=bob"), key, jws.SignOptions{Unencoded: true})
	if err != nil {
		log.Fatal(err)
	}
	_, payload, _, err := jws.Split(token)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(payload)
	_, err = jws.Verify(context.Background(), strings.Replace(token, "to=bob", "to=eve", 1), key, jws.Options{Algorithms: []jwk.Algorithm{jwk.EdDSA}})
	fmt.Println(err)
	// Output:
	// amount=1250&to=bob
	// signature_invalid: the signature does not hold under the key
}

// A webhook's sender signs any bytes; typ says of which kind they are, so that nothing
// else that the key signs passes for them.
func ExampleSign() {
	key, err := jwk.Generate(jwk.ES256, "2026")
	if err != nil {
		log.Fatal(err)
	}
	public, err := key.Public() // what the receiver has
	if err != nil {
		log.Fatal(err)
	}
	token, err := jws.Sign([]byte("order 4711 was paid"), key, jws.SignOptions{Type: "webhook", ContentType: "text/plain"})
	if err != nil {
		log.Fatal(err)
	}
	message, err := jws.Verify(context.Background(), token, public, jws.Options{Algorithms: []jwk.Algorithm{jwk.ES256}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(message.Header.Type, message.Header.ContentType, string(message.Payload))
	// Output: webhook text/plain order 4711 was paid
}
