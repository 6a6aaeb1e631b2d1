package jwe_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/jotward/jotward/jose"
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

// A key that both sides have encrypts without any more ado.
func ExampleEncrypt() {
	key, err := jwk.Generate(jwk.A256GCM, "shared") // for dir: the key is the content's own
	if err != nil {
		log.Fatal(err)
	}
	token, err := jwe.Encrypt([]byte("state of a form"), key, jwe.EncryptOptions{Encryption: jwk.A256GCM, Type: "form"})
	if err != nil {
		log.Fatal(err)
	}
	o := jwe.DecryptOptions{Algorithms: []jwk.Algorithm{jwk.Direct}, Encryptions: []jwk.Algorithm{jwk.A256GCM}}
	message, err := jwe.Decrypt(context.Background(), token, key, o)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(message.Header.Type, string(message.Plaintext))
	_, err = jwe.Decrypt(context.Background(), token[:len(token)-4]+"AAAA", key, o)
	fmt.Println(err)
	// Output:
	// form state of a form
	// decryption_failed: the message does not open under the key
}

// What is compressed tells by its length what is in it, so nothing is unless both sides
// ask for it; and it is bounded when it is read.
func ExampleEncrypt_compressed() {
	key, err := jwk.Generate(jwk.A256KW, "")
	if err != nil {
		log.Fatal(err)
	}
	report := []byte(strings.Repeat("the same line again\n", 1000))
	token, err := jwe.Encrypt(report, key, jwe.EncryptOptions{Encryption: jwk.A256GCM, Compress: true})
	if err != nil {
		log.Fatal(err)
	}
	o := jwe.DecryptOptions{Algorithms: []jwk.Algorithm{jwk.A256KW}, Encryptions: []jwk.Algorithm{jwk.A256GCM}}
	_, err = jwe.Decrypt(context.Background(), token, key, o)
	fmt.Println(err)
	o.Decompress, o.MaxInflated = true, 64<<10
	message, err := jwe.Decrypt(context.Background(), token, key, o)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(message.Plaintext), "bytes from a token under 1,000:", len(token) < 1000)
	// Output:
	// compression_not_allowed: zip is in the header
	// 20000 bytes from a token under 1,000: true
}

// A password that a person typed: how much work it costs stands in the token, and the
// reader bounds it.
func ExampleEncrypt_password() {
	password, err := jwk.New([]byte("correct horse battery staple"), jwk.PBES2HS256A128KW, "")
	if err != nil {
		log.Fatal(err)
	}
	token, err := jwe.Encrypt([]byte("a backup"), password, jwe.EncryptOptions{Encryption: jwk.A256GCM, Iterations: 20_000})
	if err != nil {
		log.Fatal(err)
	}
	o := jwe.DecryptOptions{Algorithms: []jwk.Algorithm{jwk.PBES2HS256A128KW}, Encryptions: []jwk.Algorithm{jwk.A256GCM}, MaxIterations: 10_000}
	_, err = jwe.Decrypt(context.Background(), token, password, o)
	fmt.Println(jose.ReasonOf(err))
	o.MaxIterations = 100_000
	message, err := jwe.Decrypt(context.Background(), token, password, o)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(message.Plaintext))
	// Output:
	// work_exceeded
	// a backup
}
