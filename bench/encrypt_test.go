package bench

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"
	"github.com/lestrrat-go/jwx/v3/jwa"
	jwxjwe "github.com/lestrrat-go/jwx/v3/jwe"

	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
)

// box is one way of encrypting, with its key in everybody's form.
type box struct {
	name            string
	alg             jwk.Algorithm // of our key: the enc for dir
	headerAlg       string
	private, public any
}

func boxes(b *testing.B) []box {
	b.Helper()
	secret := make([]byte, 32)
	rand.Read(secret)
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	return []box{
		{"dir+A256GCM", jwk.A256GCM, "dir", secret, secret},
		{"RSA-OAEP-256", jwk.RSAOAEP256, "RSA-OAEP-256", r, &r.PublicKey},
		{"ECDH-ES+A256KW", jwk.ECDHESA256KW, "ECDH-ES+A256KW", e, &e.PublicKey},
	}
}

func newKeys(b *testing.B, x box) (private, public *jwk.Key) {
	b.Helper()
	private, err := jwk.New(x.private, x.alg, keyID)
	if err != nil {
		b.Fatal(err)
	}
	if public, err = jwk.New(x.public, x.alg, keyID); err != nil {
		b.Fatal(err)
	}
	return private, public
}

// library is one library's way of encrypting the payload for x, and of opening a
// token that we encrypted.
type library struct {
	name             string
	encrypt, decrypt func() error
}

func libraries(b *testing.B, x box) []library {
	b.Helper()
	private, public := newKeys(b, x)
	token, err := jwe.Encrypt([]byte(payload), public, jwe.EncryptOptions{Encryption: jwk.A256GCM})
	if err != nil {
		b.Fatal(err)
	}
	o := jwe.DecryptOptions{Algorithms: []jwk.Algorithm{jwk.Algorithm(x.headerAlg)}, Encryptions: []jwk.Algorithm{jwk.A256GCM}}
	encrypter, err := gojose.NewEncrypter(gojose.A256GCM, gojose.Recipient{Algorithm: gojose.KeyAlgorithm(x.headerAlg), Key: x.public, KeyID: keyID}, nil)
	if err != nil {
		b.Fatal(err)
	}
	alg, _ := jwa.LookupKeyEncryptionAlgorithm(x.headerAlg)
	return []library{
		{"jotward", func() error {
			_, err := jwe.Encrypt([]byte(payload), public, jwe.EncryptOptions{Encryption: jwk.A256GCM})
			return err
		}, func() error {
			_, err := jwe.Decrypt(context.Background(), token, private, o)
			return err
		}},
		{"go-jose", func() error {
			m, err := encrypter.Encrypt([]byte(payload))
			if err == nil {
				_, err = m.CompactSerialize()
			}
			return err
		}, func() error {
			m, err := gojose.ParseEncryptedCompact(token, []gojose.KeyAlgorithm{gojose.KeyAlgorithm(x.headerAlg)}, []gojose.ContentEncryption{gojose.A256GCM})
			if err == nil {
				_, err = m.Decrypt(x.private)
			}
			return err
		}},
		{"jwx", func() error {
			_, err := jwxjwe.Encrypt([]byte(payload), jwxjwe.WithKey(alg, x.public), jwxjwe.WithContentEncryption(jwa.A256GCM()))
			return err
		}, func() error {
			_, err := jwxjwe.Decrypt([]byte(token), jwxjwe.WithKey(alg, x.private))
			return err
		}},
	}
}

// BenchmarkEncrypt encrypts the payload of the token to one key with A256GCM.
func BenchmarkEncrypt(b *testing.B) {
	eachLibrary(b, func(l library) func() error { return l.encrypt })
}

// BenchmarkDecrypt opens what we encrypted.
func BenchmarkDecrypt(b *testing.B) {
	eachLibrary(b, func(l library) func() error { return l.decrypt })
}

func eachLibrary(b *testing.B, of func(library) func() error) {
	for _, x := range boxes(b) {
		for _, l := range libraries(b, x) {
			f := of(l)
			b.Run(x.name+"/"+l.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := f(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
