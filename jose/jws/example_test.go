package jws_test

import (
	"context"
	"fmt"

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
