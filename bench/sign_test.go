package bench

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"testing"

	cristalhq "github.com/cristalhq/jwt/v5"
	gojose "github.com/go-jose/go-jose/v4"
	gojosejwt "github.com/go-jose/go-jose/v4/jwt"
	golangjwt "github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwa"
	jwxjwk "github.com/lestrrat-go/jwx/v3/jwk"
	jwxjwt "github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// BenchmarkRawSign is the operation of the standard library and the base64
// encoding of payload and signature.
func BenchmarkRawSign(b *testing.B) { each(b, rawSign) }

func rawSign(b *testing.B, s *subject) {
	sign := rawSigner(b, s)
	for b.Loop() {
		if _, err := rawSignOnce(sign); err != nil {
			b.Fatal(err)
		}
	}
}

func rawSignOnce(sign func() ([]byte, error)) (mark string, err error) {
	if base64.RawURLEncoding.EncodeToString([]byte(payload)) == "" {
		return "", errors.New("no text")
	}
	sig, err := sign()
	return base64.RawURLEncoding.EncodeToString(sig), err
}

func rawSigner(b *testing.B, s *subject) func() ([]byte, error) {
	switch key := s.private.(type) {
	case []byte:
		return func() ([]byte, error) {
			m := hmac.New(sha256.New, key)
			m.Write(s.input)
			return m.Sum(nil), nil
		}
	case *ecdsa.PrivateKey:
		return func() ([]byte, error) {
			sum := sha256.Sum256(s.input)
			return ecdsa.SignASN1(rand.Reader, key, sum[:])
		}
	case ed25519.PrivateKey:
		return func() ([]byte, error) { return ed25519.Sign(key, s.input), nil }
	case *rsa.PrivateKey:
		if s.alg == jwk.PS256 {
			return func() ([]byte, error) {
				sum := sha256.Sum256(s.input)
				return rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
			}
		}
		return func() ([]byte, error) {
			sum := sha256.Sum256(s.input)
			return rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
		}
	}
	b.Fatal("no raw operation")
	return nil
}

// BenchmarkJotwardSign signs the claims as bytes that are already JSON.
func BenchmarkJotwardSign(b *testing.B) { each(b, ourSign) }

func ourSign(b *testing.B, s *subject) {
	signer := ourSigner(b, s)
	for b.Loop() {
		if _, err := signer.Sign([]byte(payload)); err != nil {
			b.Fatal(err)
		}
	}
}

func ourSigner(b *testing.B, s *subject) *jwt.Signer {
	key, err := jwk.New(s.private, s.alg, keyID)
	if err != nil {
		b.Fatal(err)
	}
	signer, err := jwt.NewSigner(key, jwt.SignerOptions{Type: "at+jwt"})
	if err != nil {
		b.Fatal(err)
	}
	return signer
}

// structClaims are all twelve as a struct of the usual form.
type structClaims struct {
	Issuer    string `json:"iss"`
	Subject   string `json:"sub"`
	Audience  string `json:"aud"`
	Expiry    int64  `json:"exp"`
	NotBefore int64  `json:"nbf"`
	IssuedAt  int64  `json:"iat"`
	ID        string `json:"jti"`
	claims
}

func filled(b *testing.B) (c structClaims) {
	if err := json.Unmarshal([]byte(payload), &c); err != nil {
		b.Fatal(err)
	}
	return c
}

// BenchmarkJotwardSignStruct signs the claims as a struct, which encoding/json
// writes, and which the ones after it are given too.
func BenchmarkJotwardSignStruct(b *testing.B) {
	each(b, func(b *testing.B, s *subject) {
		signer, c := ourSigner(b, s), filled(b)
		for b.Loop() {
			if _, err := signer.Sign(&c); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkGolangJWTSign(b *testing.B) { each(b, golangSign) }

func golangSign(b *testing.B, s *subject) {
	method, c := golangjwt.GetSigningMethod(string(s.alg)), golangFilled(b)
	for b.Loop() {
		if _, err := golangSignOnce(method, c, s); err != nil {
			b.Fatal(err)
		}
	}
}

func golangFilled(b *testing.B) golangClaims {
	all := filled(b)
	c := golangClaims{claims: all.claims}
	c.Issuer, c.Audience, c.Subject, c.ID = all.Issuer, golangjwt.ClaimStrings{audience}, all.Subject, all.ID
	c.ExpiresAt, c.NotBefore, c.IssuedAt = golangjwt.NewNumericDate(now), golangjwt.NewNumericDate(now), golangjwt.NewNumericDate(now)
	return c
}

func golangSignOnce(method golangjwt.SigningMethod, c golangClaims, s *subject) (string, error) {
	t := golangjwt.NewWithClaims(method, c)
	t.Header["kid"], t.Header["typ"] = keyID, "at+jwt"
	return t.SignedString(s.private)
}

func BenchmarkGoJoseSign(b *testing.B) {
	each(b, func(b *testing.B, s *subject) {
		o := (&gojose.SignerOptions{}).WithType("at+jwt").WithHeader("kid", keyID)
		signer, err := gojose.NewSigner(gojose.SigningKey{Algorithm: gojose.SignatureAlgorithm(s.alg), Key: s.private}, o)
		if err != nil {
			b.Fatal(err)
		}
		c := filled(b)
		for b.Loop() {
			if _, err := gojosejwt.Signed(signer).Claims(&c).Serialize(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkJWXSign has its token built beforehand: it takes no struct.
func BenchmarkJWXSign(b *testing.B) {
	each(b, func(b *testing.B, s *subject) {
		alg, _ := jwa.LookupSignatureAlgorithm(string(s.alg))
		key, err := jwxjwk.Import(s.private)
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

func BenchmarkKatarasSign(b *testing.B) {
	each(b, func(b *testing.B, s *subject) {
		keys, c := katarasKeys(s), filled(b)
		for b.Loop() {
			if _, err := keys.SignToken(keyID, &c); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkCristalhqSign(b *testing.B) {
	each(b, func(b *testing.B, s *subject) {
		builder, c := cristalhq.NewBuilder(cristalSigner(b, s), cristalhq.WithKeyID(keyID)), filled(b)
		for b.Loop() {
			if _, err := builder.Build(&c); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func cristalSigner(b *testing.B, s *subject) (signer cristalhq.Signer) {
	var err error
	switch key := s.private.(type) {
	case []byte:
		signer, err = cristalhq.NewSignerHS(cristalhq.HS256, key)
	case *ecdsa.PrivateKey:
		signer, err = cristalhq.NewSignerES(cristalhq.ES256, key)
	case ed25519.PrivateKey:
		signer, err = cristalhq.NewSignerEdDSA(key)
	case *rsa.PrivateKey:
		if signer, err = cristalhq.NewSignerRS(cristalhq.RS256, key); s.alg == jwk.PS256 {
			signer, err = cristalhq.NewSignerPS(cristalhq.PS256, key)
		}
	}
	if err != nil {
		b.Fatal(err)
	}
	return signer
}
