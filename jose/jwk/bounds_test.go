package jwk_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
)

// What crypto/rsa would take and the library does not: the exponent's bound is
// that of RSA elsewhere, and RFC 7518's oth is not written.
func TestRSAOutOfBounds(t *testing.T) {
	t.Parallel()
	whole, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for e, want := range map[int]jose.Reason{1<<31 - 1: "", 1<<31 + 1: jose.KeyInvalid, 1<<32 + 1: jose.KeyInvalid, 1<<62 + 1: jose.KeyInvalid, 1: jose.KeyWeak, -3: jose.KeyWeak, 65538: jose.KeyInvalid} {
		for _, a := range []jwk.Algorithm{jwk.RS256, jwk.PS256, jwk.RSAOAEP} {
			if _, err := jwk.New(&rsa.PublicKey{N: whole.N, E: e}, a, ""); jose.ReasonOf(err) != want {
				t.Errorf("%s, e = %d: %v", a, e, err)
			}
		}
	}
	//lint:ignore SA1019 what is refused has to be made
	three, err := rsa.GenerateMultiPrimeKey(rand.Reader, 3, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, err = jwk.New(three, jwk.RS256, "")
	wants(t, err, jose.KeyInvalid)
}

// Sizes are judged before anything is read.
func TestTextsOutOfBounds(t *testing.T) {
	t.Parallel()
	set := []byte(`{"keys":[` + rfc7517A2RSA + `]}`)
	const most = 2 << 20
	for size, want := range map[int]jose.Reason{most: "", most + 1: jose.KeySetInvalid} {
		text := append(bytes.Clone(set), bytes.Repeat([]byte(" "), size-len(set))...)
		if _, err := jwk.ParseSet(text, jwk.Options{}); jose.ReasonOf(err) != want {
			t.Errorf("a set of %d bytes: %v", size, err)
		}
	}

	// PKCS #8 has room for attributes (RFC 5958 2), which nobody reads.
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	var inside struct {
		Version    int
		Algorithm  pkix.AlgorithmIdentifier
		Key        []byte
		Attributes asn1.RawValue `asn1:"optional"`
	}
	if _, err := asn1.Unmarshal(der, &inside); err != nil {
		t.Fatal(err)
	}
	for size, want := range map[int]jose.Reason{100: "", 16 << 10: jose.KeyInvalid} {
		inside.Attributes = asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: append([]byte{4, 0x82, byte(size >> 8), byte(size)}, make([]byte, size)...)}
		long, err := asn1.Marshal(inside)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jwk.ParseDER(long, jwk.ES256, ""); jose.ReasonOf(err) != want {
			t.Errorf("a key with attributes of %d bytes: %v", size, err)
		}
	}
}

// RFC 7468 has no headers: what they say of a key, nobody would heed.
func TestPEMHeaders(t *testing.T) {
	t.Parallel()
	text, err := generate(t, jwk.ES256, "k").MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if _, err := jwk.ParsePEM(text, jwk.ES256, ""); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"Comment", "Proc-Type", "DEK-Info"} {
		block.Headers = map[string]string{name: "x"}
		_, err := jwk.ParsePEM(pem.EncodeToMemory(block), jwk.ES256, "")
		wants(t, err, jose.KeyInvalid)
	}
}
