package jwk_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"log"
	"math/big"
	"strings"

	"github.com/jotward/jotward/jose/jwk"
)

// A public key as openssl and databases keep it.
func ExampleParseDER() {
	generated, err := jwk.Generate(jwk.ES256, "2026")
	if err != nil {
		log.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(generated.PublicKey())
	if err != nil {
		log.Fatal(err)
	}
	key, err := jwk.ParseDER(der, jwk.ES256, "2026")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(key, key.Thumbprint() == generated.Thumbprint())
	// Output: jwk.Key(ES256 public kid="2026") true
}

// A name for a key that follows from the key alone (RFC 9278).
func ExampleKey_ThumbprintURI() {
	key, err := jwk.Parse([]byte(`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`), jwk.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(key.ThumbprintURI())
	// Output: urn:ietf:params:oauth:jwk-thumbprint:sha-256:kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k
}

// A key that is published with its certificate.
func ExampleKey_WithCertificates() {
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	key, err := jwk.New(signer, jwk.ES256, "2026")
	if err != nil {
		log.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.PublicKey(), signer)
	if err != nil {
		log.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		log.Fatal(err)
	}
	with, err := key.WithCertificates(certificate)
	if err != nil {
		log.Fatal(err)
	}
	text, err := with.MarshalJSON()
	fmt.Println(strings.Contains(string(text), `"x5c"`), err)
	// Output: true <nil>
}
