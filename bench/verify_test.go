// Package bench measures the library beside others and beside the raw
// operation of the standard library, over the same token bytes.
package bench

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"
	"time"

	gojose "github.com/go-jose/go-jose/v4"
	gojosejwt "github.com/go-jose/go-jose/v4/jwt"
	golangjwt "github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwa"
	jwxjwt "github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

const (
	issuer   = "https://issuer.example"
	audience = "https://api.example"
)

// claims are typed claims as an API reads them.
type claims struct {
	ClientID string   `json:"client_id"`
	Scope    string   `json:"scope"`
	Roles    []string `json:"roles"`
}

const payload = `{"iss":"https://issuer.example","sub":"248289761001","aud":"https://api.example",` +
	`"exp":1700000600,"iat":1700000000,"jti":"f2b1c5d0a7e94c3e","client_id":"web","scope":"orders:read orders:write",` +
	`"roles":["clerk","buyer"]}`

var now = time.Unix(1700000100, 0)

func clock() time.Time { return now }

// subject is one algorithm with its key in everybody's form.
type subject struct {
	alg     jwk.Algorithm
	private any
	public  any
	token   string
	input   []byte
	sig     []byte
}

func newSubject(b testing.TB, alg jwk.Algorithm) *subject {
	b.Helper()
	s := &subject{alg: alg}
	switch alg {
	case jwk.HS256:
		secret := make([]byte, 32)
		rand.Read(secret)
		s.private, s.public = secret, secret
	case jwk.ES256:
		k, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		s.private, s.public = k, &k.PublicKey
	case jwk.EdDSA:
		p, k, _ := ed25519.GenerateKey(rand.Reader)
		s.private, s.public = k, p
	case jwk.RS256:
		k, _ := rsa.GenerateKey(rand.Reader, 2048)
		s.private, s.public = k, &k.PublicKey
	}
	key, err := jwk.New(s.private, alg, "2026-11")
	if err != nil {
		b.Fatal(err)
	}
	signer, err := jwt.NewSigner(key, jwt.SignerOptions{Type: "at+jwt"})
	if err != nil {
		b.Fatal(err)
	}
	if s.token, err = signer.Sign([]byte(payload)); err != nil {
		b.Fatal(err)
	}
	dot := strings.LastIndexByte(s.token, '.')
	s.input = []byte(s.token[:dot])
	if s.sig, err = base64.RawURLEncoding.DecodeString(s.token[dot+1:]); err != nil {
		b.Fatal(err)
	}
	return s
}

var algorithms = []jwk.Algorithm{jwk.HS256, jwk.ES256, jwk.EdDSA, jwk.RS256}

func each(b *testing.B, f func(b *testing.B, s *subject)) {
	for _, alg := range algorithms {
		b.Run(string(alg), func(b *testing.B) {
			s := newSubject(b, alg)
			b.ReportAllocs()
			f(b, s)
		})
	}
}

// BenchmarkRaw is the operation of the standard library alone: no parsing.
func BenchmarkRaw(b *testing.B) { each(b, raw) }

func raw(b *testing.B, s *subject) {
	switch pub := s.public.(type) {
	case []byte:
		for b.Loop() {
			m := hmac.New(sha256.New, pub)
			m.Write(s.input)
			if !hmac.Equal(m.Sum(nil), s.sig) {
				b.Fatal("mac")
			}
		}
	case *ecdsa.PublicKey:
		der, _ := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(s.sig[:32]), new(big.Int).SetBytes(s.sig[32:])})
		for b.Loop() {
			sum := sha256.Sum256(s.input)
			if !ecdsa.VerifyASN1(pub, sum[:], der) {
				b.Fatal("ecdsa")
			}
		}
	case ed25519.PublicKey:
		for b.Loop() {
			if !ed25519.Verify(pub, s.input, s.sig) {
				b.Fatal("ed25519")
			}
		}
	case *rsa.PublicKey:
		for b.Loop() {
			sum := sha256.Sum256(s.input)
			if rsa.VerifyPKCS1v15(pub, crypto.SHA256, sum[:], s.sig) != nil {
				b.Fatal("rsa")
			}
		}
	}
}

func BenchmarkJotward(b *testing.B) { each(b, ours) }

func ours(b *testing.B, s *subject) {
	key, err := jwk.New(s.public, s.alg, "2026-11")
	if err != nil {
		b.Fatal(err)
	}
	set, err := jwk.NewSet(key)
	if err != nil {
		b.Fatal(err)
	}
	v, err := jwt.NewVerifier[claims](set, jwt.Policy{
		Issuers: []string{issuer}, Audiences: []string{audience}, Algorithms: []jwk.Algorithm{s.alg},
		Type: "at+jwt", MaxLifetime: time.Hour, Clock: clock,
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	for b.Loop() {
		t, err := v.Verify(ctx, s.token)
		if err != nil || t.Claims.ClientID != "web" {
			b.Fatal(err)
		}
	}
}

// golangClaims are the same claims in golang-jwt's form.
type golangClaims struct {
	golangjwt.RegisteredClaims
	claims
}

func BenchmarkGolangJWT(b *testing.B) { each(b, golang) }

func golang(b *testing.B, s *subject) {
	p := golangjwt.NewParser(golangjwt.WithValidMethods([]string{string(s.alg)}), golangjwt.WithIssuer(issuer),
		golangjwt.WithAudience(audience), golangjwt.WithExpirationRequired(), golangjwt.WithIssuedAt(), golangjwt.WithTimeFunc(clock))
	keyFunc := func(*golangjwt.Token) (any, error) { return s.public, nil }
	for b.Loop() {
		var c golangClaims
		if _, err := p.ParseWithClaims(s.token, &c, keyFunc); err != nil || c.ClientID != "web" {
			b.Fatal(err)
		}
	}
}

func BenchmarkGoJose(b *testing.B) {
	each(b, func(b *testing.B, s *subject) {
		for b.Loop() {
			t, err := gojosejwt.ParseSigned(s.token, []gojose.SignatureAlgorithm{gojose.SignatureAlgorithm(s.alg)})
			if err != nil {
				b.Fatal(err)
			}
			var r gojosejwt.Claims
			var c claims
			if err := t.Claims(s.public, &r, &c); err != nil || c.ClientID != "web" {
				b.Fatal(err)
			}
			if err := r.Validate(gojosejwt.Expected{Issuer: issuer, AnyAudience: gojosejwt.Audience{audience}, Time: now}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkJWX(b *testing.B) {
	each(b, func(b *testing.B, s *subject) {
		alg, _ := jwa.LookupSignatureAlgorithm(string(s.alg))
		for b.Loop() {
			t, err := jwxjwt.ParseString(s.token, jwxjwt.WithKey(alg, s.public), jwxjwt.WithIssuer(issuer),
				jwxjwt.WithAudience(audience), jwxjwt.WithClock(jwxjwt.ClockFunc(clock)))
			if err != nil {
				b.Fatal(err)
			}
			var client string
			if err := t.Get("client_id", &client); err != nil || client != "web" {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkJotwardParallel(b *testing.B) {
	s := newSubject(b, jwk.HS256)
	key, err := jwk.New(s.public, s.alg, "2026-11")
	if err != nil {
		b.Fatal(err)
	}
	v, err := jwt.NewVerifier[claims](key, jwt.Policy{
		Issuers: []string{issuer}, Audiences: []string{audience}, Algorithms: []jwk.Algorithm{s.alg},
		Type: "at+jwt", MaxLifetime: time.Hour, Clock: clock,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := v.Verify(context.Background(), s.token); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkJotwardSign signs the same claims, as bytes.
func BenchmarkJotwardSign(b *testing.B) {
	each(b, func(b *testing.B, s *subject) {
		key, err := jwk.New(s.private, s.alg, "2026-11")
		if err != nil {
			b.Fatal(err)
		}
		signer, err := jwt.NewSigner(key, jwt.SignerOptions{Type: "at+jwt"})
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := signer.Sign([]byte(payload)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkGolangJWTSign signs the same claims, as a struct, which is the only way it has.
func BenchmarkGolangJWTSign(b *testing.B) {
	each(b, func(b *testing.B, s *subject) {
		method := golangjwt.GetSigningMethod(string(s.alg))
		c := golangClaims{claims: claims{ClientID: "web", Scope: "orders:read orders:write", Roles: []string{"clerk", "buyer"}}}
		c.Issuer, c.Audience, c.Subject, c.ID = issuer, golangjwt.ClaimStrings{audience}, "248289761001", "f2b1c5d0a7e94c3e"
		c.ExpiresAt, c.IssuedAt = golangjwt.NewNumericDate(now), golangjwt.NewNumericDate(now)
		for b.Loop() {
			t := golangjwt.NewWithClaims(method, c)
			t.Header["kid"], t.Header["typ"] = "2026-11", "at+jwt"
			if _, err := t.SignedString(s.private); err != nil {
				b.Fatal(err)
			}
		}
	})
}
