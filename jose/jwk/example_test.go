package jwk_test

import (
	"fmt"

	"github.com/jotward/jotward/jose/jwk"
)

// A key that names no algorithm is bound to the one of the list that fits it.
func ExampleParse() {
	key, err := jwk.Parse([]byte(`{"kty":"OKP","crv":"Ed25519","kid":"2026","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`),
		jwk.Options{Algorithms: []jwk.Algorithm{jwk.Ed25519, jwk.RS256}, PublicOnly: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(key)
	fmt.Println(key.Thumbprint())
	// Output:
	// jwk.Key(Ed25519 public kid="2026")
	// kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k
}

func ExampleParse_weak() {
	_, err := jwk.Parse([]byte(`{"kty":"oct","alg":"HS256","k":"c2VjcmV0"}`), jwk.Options{})
	fmt.Println(err)
	// Output: key_weak: HS256 needs a secret of 32 bytes or more, this one has 6
}
