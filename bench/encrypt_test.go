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
	private, err := jwk.New(x.private, x.alg, "2026-11")
	if err != nil {
		b.Fatal(err)
	}
	if public, err = jwk.New(x.public, x.alg, "2026-11"); err != nil {
		b.Fatal(err)
	}
	return private, public
}

// BenchmarkEncrypt encrypts the payload of the token to one key with A256GCM.
func BenchmarkEncrypt(b *testing.B) {
	for _, x := range boxes(b) {
		_, public := newKeys(b, x)
		b.Run(x.name+"/jotward", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := jwe.Encrypt([]byte(payload), public, jwe.EncryptOptions{Encryption: jwk.A256GCM}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(x.name+"/go-jose", func(b *testing.B) {
			b.ReportAllocs()
			e, err := gojose.NewEncrypter(gojose.A256GCM, gojose.Recipient{Algorithm: gojose.KeyAlgorithm(x.headerAlg), Key: x.public}, nil)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				m, err := e.Encrypt([]byte(payload))
				if err != nil {
					b.Fatal(err)
				}
				if _, err := m.CompactSerialize(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(x.name+"/jwx", func(b *testing.B) {
			b.ReportAllocs()
			alg, _ := jwa.LookupKeyEncryptionAlgorithm(x.headerAlg)
			for b.Loop() {
				if _, err := jwxjwe.Encrypt([]byte(payload), jwxjwe.WithKey(alg, x.public), jwxjwe.WithContentEncryption(jwa.A256GCM())); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkDecrypt opens what we encrypted.
func BenchmarkDecrypt(b *testing.B) {
	for _, x := range boxes(b) {
		private, public := newKeys(b, x)
		token, err := jwe.Encrypt([]byte(payload), public, jwe.EncryptOptions{Encryption: jwk.A256GCM})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(x.name+"/jotward", func(b *testing.B) {
			b.ReportAllocs()
			o := jwe.DecryptOptions{Algorithms: []jwk.Algorithm{jwk.Algorithm(x.headerAlg)}, Encryptions: []jwk.Algorithm{jwk.A256GCM}}
			for b.Loop() {
				if _, err := jwe.Decrypt(context.Background(), token, private, o); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(x.name+"/go-jose", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m, err := gojose.ParseEncrypted(token, []gojose.KeyAlgorithm{gojose.KeyAlgorithm(x.headerAlg)}, []gojose.ContentEncryption{gojose.A256GCM})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := m.Decrypt(x.private); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(x.name+"/jwx", func(b *testing.B) {
			b.ReportAllocs()
			alg, _ := jwa.LookupKeyEncryptionAlgorithm(x.headerAlg)
			for b.Loop() {
				if _, err := jwxjwe.Decrypt([]byte(token), jwxjwe.WithKey(alg, x.private)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
