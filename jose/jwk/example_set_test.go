package jwk_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// What an issuer publishes at its jwks_uri: MarshalJSON writes public halves alone.
func ExampleNewSet() {
	present, err := jwk.Parse([]byte(`{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"2026","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`), jwk.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	next, err := jwk.Generate(jwk.EdDSA, "2027") // published before it signs
	if err != nil {
		fmt.Println(err)
		return
	}
	set, err := jwk.NewSet(present, next)
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := json.Marshal(set)
	if err != nil {
		fmt.Println(err)
		return
	}
	read, err := jwk.ParseSet(text, jwk.Options{PublicOnly: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(read.Keys())
	fmt.Println(read.Lookup(context.Background(), "2026", jwk.EdDSA))
	_, err = jwk.NewSet(present, present)
	fmt.Println(err)
	// Output:
	// [jwk.Key(EdDSA public kid="2026") jwk.Key(EdDSA public kid="2027")]
	// [jwk.Key(EdDSA public kid="2026")] <nil>
	// key_ambiguous: two keys for EdDSA have the kid "2026"
}

// kms is a service that signs digests and shows its private key to nobody. What such a
// service answers with is ASN.1, as crypto.Signer wants it.
type kms struct{ inside *ecdsa.PrivateKey }

func (s kms) Public() crypto.PublicKey { return s.inside.Public() }

func (s kms) Sign(_ io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
	return ecdsa.SignASN1(rand.Reader, s.inside, digest) // here stands the call to the service
}

// A key in a KMS signs tokens like any other, and cannot be exported.
func ExampleNew_signer() {
	inside, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		fmt.Println(err)
		return
	}
	key, err := jwk.New(kms{inside}, jwk.ES256, "kms/42")
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := jws.Sign([]byte("any bytes"), key, jws.SignOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	public, err := key.Public()
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = jws.Verify(context.Background(), token, public, jws.Options{Algorithms: []jwk.Algorithm{jwk.ES256}})
	fmt.Println(err)
	_, err = key.ExportPrivate()
	fmt.Println(err)
	// Output:
	// <nil>
	// key_misuse: the key has no private half that could be exported
}
