package jwe_test

import (
	"context"
	"fmt"
	"log"

	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
)

func Example() {
	key, err := jwk.Generate(jwk.ECDHESA256KW, "")
	if err != nil {
		log.Fatal(err)
	}
	public, err := key.Public() // what the sender has
	if err != nil {
		log.Fatal(err)
	}
	token, err := jwe.Encrypt([]byte("for your eyes"), public, jwe.EncryptOptions{Encryption: jwk.A256GCM})
	if err != nil {
		log.Fatal(err)
	}
	message, err := jwe.Decrypt(context.Background(), token, key, jwe.DecryptOptions{
		Algorithms:  []jwk.Algorithm{jwk.ECDHESA256KW},
		Encryptions: []jwk.Algorithm{jwk.A256GCM},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(message.Plaintext))
	// Output: for your eyes
}

func ExampleEncryptJSON() {
	alice, err := jwk.Generate(jwk.ECDHESA128KW, "alice")
	if err != nil {
		log.Fatal(err)
	}
	bob, err := jwk.Generate(jwk.A256KW, "bob")
	if err != nil {
		log.Fatal(err)
	}
	text, err := jwe.EncryptJSON([]byte("for both"), nil, []*jwk.Key{alice, bob}, jwe.EncryptOptions{Encryption: jwk.A256GCM})
	if err != nil {
		log.Fatal(err)
	}
	message, err := jwe.DecryptJSON(context.Background(), text, bob, jwe.DecryptOptions{
		Algorithms:  []jwk.Algorithm{jwk.A256KW},
		Encryptions: []jwk.Algorithm{jwk.A256GCM},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(message.Header.KeyID, string(message.Plaintext))
	// Output: bob for both
}
