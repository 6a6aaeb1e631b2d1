package jwe_test

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"testing"

	"github.com/jotward/jotward/jose/jwk"
)

func raw(t testing.TB, segment string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(segment)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// elsewhere stands for a key in an HSM: it answers, and shows nothing.
type elsewhere struct{ key *jwk.Key }

func (e elsewhere) as(a jwk.Algorithm, t testing.TB) any {
	t.Helper()
	text, err := e.key.ExportPrivatePEM()
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if a == jwk.RSAOAEP {
		return decrypter{private.(*rsa.PrivateKey)}
	}
	key, err := private.(interface {
		ECDH() (*ecdh.PrivateKey, error)
	}).ECDH()
	if err != nil {
		t.Fatal(err)
	}
	return exchanger{key}
}

type decrypter struct{ key *rsa.PrivateKey }

func (d decrypter) Public() crypto.PublicKey { return d.key.Public() }
func (d decrypter) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	panic("asked to sign")
}
func (d decrypter) Decrypt(r io.Reader, msg []byte, o crypto.DecrypterOpts) ([]byte, error) {
	return d.key.Decrypt(rand.Reader, msg, o)
}

type exchanger struct{ key *ecdh.PrivateKey }

func (e exchanger) PublicKey() *ecdh.PublicKey                  { return e.key.PublicKey() }
func (e exchanger) Curve() ecdh.Curve                           { return e.key.Curve() }
func (e exchanger) ECDH(public *ecdh.PublicKey) ([]byte, error) { return e.key.ECDH(public) }

// sealDirect makes a compact message under a shared key of A128GCM, with a
// header that Encrypt would not write.
func sealDirect(t testing.TB, key []byte, header string, plaintext []byte) string {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	iv := make([]byte, aead.NonceSize())
	sealed := string(aead.Seal(nil, iv, plaintext, []byte(encode(header))))
	n := len(plaintext)
	return compact(header, "", encode(string(iv)), encode(sealed[:n]), encode(sealed[n:]))
}
