//go:build goexperiment.jsonv2

package bench

import (
	"testing"

	"github.com/lestrrat-go/jwx/v4/jwa"
	jwxjwe "github.com/lestrrat-go/jwx/v4/jwe"
	jwxjwk "github.com/lestrrat-go/jwx/v4/jwk"
	jwxjwt "github.com/lestrrat-go/jwx/v4/jwt"

	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
)

// jwx v4 builds under GOEXPERIMENT=jsonv2 alone, which puts another encoding/json
// under everybody: its figures are to be read beside Raw's and Jotward's of the
// same run, and not beside the main table.

// BenchmarkJWX4 is BenchmarkJWX with v4.
func BenchmarkJWX4(b *testing.B) {
	each(b, func(b *testing.B, s *subject) {
		alg, _ := jwa.LookupSignatureAlgorithm(string(s.alg))
		for b.Loop() {
			t, err := jwxjwt.ParseString(s.token, jwxjwt.WithKey(alg, s.public), jwxjwt.WithIssuer(issuer),
				jwxjwt.WithAudience(audience), jwxjwt.WithClock(jwxjwt.ClockFunc(clock)))
			if err != nil {
				b.Fatal(err)
			}
			if client, err := jwxjwt.Get[string](t, "client_id"); err != nil || client != "web-frontend" {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkJWX4Sign is BenchmarkJWXSign with v4.
func BenchmarkJWX4Sign(b *testing.B) {
	each(b, func(b *testing.B, s *subject) {
		alg, _ := jwa.LookupSignatureAlgorithm(string(s.alg))
		key, err := jwxjwk.Import[jwxjwk.Key](s.private)
		if err != nil {
			b.Fatal(err)
		}
		if err := key.Set(jwxjwk.KeyIDKey, keyID); err != nil {
			b.Fatal(err)
		}
		t, err := jwxjwt.ParseInsecure([]byte(s.token))
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := jwxjwt.Sign(t, jwxjwt.WithKey(alg, key)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkJWX4Encrypt and BenchmarkJWX4Decrypt are v4's rows for
// BenchmarkEncrypt and BenchmarkDecrypt.
func BenchmarkJWX4Encrypt(b *testing.B) {
	eachBox(b, func(x box, alg jwa.KeyEncryptionAlgorithm, _ []byte) error {
		_, err := jwxjwe.Encrypt([]byte(payload), jwxjwe.WithKey(alg, x.public), jwxjwe.WithContentEncryption(jwa.A256GCM()))
		return err
	})
}

func BenchmarkJWX4Decrypt(b *testing.B) {
	eachBox(b, func(x box, alg jwa.KeyEncryptionAlgorithm, token []byte) error {
		_, err := jwxjwe.Decrypt(token, jwxjwe.WithKey(alg, x.private))
		return err
	})
}

func eachBox(b *testing.B, f func(x box, alg jwa.KeyEncryptionAlgorithm, token []byte) error) {
	for _, x := range boxes(b) {
		_, public := newKeys(b, x)
		token, err := jwe.Encrypt([]byte(payload), public, jwe.EncryptOptions{Encryption: jwk.A256GCM})
		if err != nil {
			b.Fatal(err)
		}
		alg, _ := jwa.LookupKeyEncryptionAlgorithm(x.headerAlg)
		b.Run(x.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := f(x, alg, []byte(token)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
