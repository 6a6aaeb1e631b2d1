package jwk_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
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

func ExampleGenerate() {
	key, err := jwk.Generate(jwk.ES256, "2026")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%v\n", key) // whatever the verb, no private member is shown
	private, err := key.ExportPrivate()
	if err != nil {
		fmt.Println(err)
		return
	}
	again, err := jwk.Parse(private, jwk.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(again.Thumbprint() == key.Thumbprint())
	// Output:
	// jwk.Key(ES256 private kid="2026")
	// true
}

// A key that lives in an HSM or a KMS is any crypto.Signer; for decryption a
// crypto.Decrypter or an ecdh.KeyExchanger.
func ExampleNew() {
	var elsewhere crypto.Signer
	elsewhere, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		fmt.Println(err)
		return
	}
	key, err := jwk.New(elsewhere, jwk.ES256, "hsm-1")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(key.CanSign(), key)
	// Output: true jwk.Key(ES256 private kid="hsm-1")
}

// One key that cannot be used takes no other with it.
func ExampleParseSet() {
	set, err := jwk.ParseSet([]byte(`{"keys":[
		{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
		{"kty":"EC","crv":"secp256k1","kid":"b","x":"AA","y":"AA"}]}`), jwk.Options{PublicOnly: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(set.Keys())
	fmt.Println(set.Skipped())
	// Output:
	// [jwk.Key(EdDSA public kid="a")]
	// [key_invalid: keys[1]: no algorithm for type "EC" and curve "secp256k1"]
}

func ExampleParsePEM() {
	key, err := jwk.Generate(jwk.ECDHESA256KW, "2026")
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := key.MarshalPEM()
	if err != nil {
		fmt.Println(err)
		return
	}
	// PEM names no algorithm, and a key has one: the caller says which.
	public, err := jwk.ParsePEM(text, jwk.ECDHESA256KW, "2026")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(public.CanEncrypt(), public.CanDecrypt())
	// Output: true false
}
