package jwk_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
)

// Every asymmetric key goes out as DER and PEM and comes back the same.
func TestDERRoundTrip(t *testing.T) {
	for _, a := range []jwk.Algorithm{jwk.RS256, jwk.ES256, jwk.ES512, jwk.EdDSA, jwk.RSAOAEP256, jwk.ECDHES} {
		k, err := jwk.Generate(a, "k")
		if err != nil {
			t.Fatal(err)
		}
		public, err := k.MarshalDER()
		if err != nil {
			t.Fatal(a, err)
		}
		private, err := k.ExportPrivateDER()
		if err != nil {
			t.Fatal(a, err)
		}
		for _, der := range [][]byte{public, private} {
			back, err := jwk.ParseDER(der, a, "k")
			if err != nil || back.Thumbprint() != k.Thumbprint() {
				t.Errorf("%s: %v, %v", a, back, err)
			}
			_, err = jwk.ParseDER(append(bytes.Clone(der), 0), a, "k")
			wants(t, err, jose.KeyInvalid)
		}
	}
	_, err := jwk.ParseDER(make([]byte, 16<<10+1), jwk.ES256, "")
	wants(t, err, jose.KeyInvalid)
	_, err = jwk.ParseDER(nil, jwk.ES256, "")
	wants(t, err, jose.KeyInvalid)
	secret, err := jwk.Generate(jwk.HS256, "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = secret.MarshalDER()
	wants(t, err, jose.KeyMisuse)
	_, err = secret.ExportPrivateDER()
	wants(t, err, jose.KeyMisuse)
}

// A certificate comes along with the key, for signatures and for agreement.
func TestCertificates(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []jwk.Algorithm{jwk.ES256, jwk.ECDHESA128KW} {
		k, err := jwk.ParseDER(der, a, "k")
		if err != nil || len(k.Certificates()) != 1 || !bytes.Equal(k.Certificates()[0].Raw, der) {
			t.Fatalf("%s: %v, %v", a, k, err)
		}
		text, err := json.Marshal(k)
		if err != nil || !strings.Contains(string(text), `"x5c":["`) || !strings.Contains(string(text), `"x5t#S256":"`) {
			t.Fatalf("%s: %s, %v", a, text, err)
		}
		back, err := jwk.Parse(text, jwk.Options{})
		if err != nil || len(back.Certificates()) != 1 {
			t.Errorf("%s: %v, %v", a, back, err)
		}
		whole, err := jwk.New(private, a, "k")
		if err != nil {
			t.Fatal(err)
		}
		if whole, err = whole.WithCertificates(k.Certificates()...); err != nil {
			t.Fatal(err)
		}
		if pub, err := whole.Public(); err != nil || len(pub.Certificates()) != 1 {
			t.Errorf("%s: the public half: %v, %v", a, pub, err)
		}
		other, err := jwk.Generate(a, "k")
		if err != nil {
			t.Fatal(err)
		}
		_, err = other.WithCertificates(k.Certificates()...)
		wants(t, err, jose.KeyInvalid)
		_, err = whole.WithCertificates()
		wants(t, err, jose.KeyInvalid)
		_, err = whole.WithCertificates(make([]*x509.Certificate, 17)...)
		wants(t, err, jose.KeyInvalid)
	}
	secret, err := jwk.Generate(jwk.HS256, "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = secret.WithCertificates(&x509.Certificate{})
	wants(t, err, jose.KeyMisuse)
}

// RFC 9278 4, over RFC 7638 3.1.
func TestThumbprintURI(t *testing.T) {
	k, err := jwk.Parse([]byte(rfc7517A2RSA), jwk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := k.ThumbprintURI(); got != "urn:ietf:params:oauth:jwk-thumbprint:sha-256:NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" {
		t.Error(got)
	}
}
