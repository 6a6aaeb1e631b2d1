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
	"runtime"
	"strings"
	"testing"
	"time"

	cristalhq "github.com/cristalhq/jwt/v5"
	gojose "github.com/go-jose/go-jose/v4"
	gojosejwt "github.com/go-jose/go-jose/v4/jwt"
	golangjwt "github.com/golang-jwt/jwt/v5"
	kataras "github.com/kataras/jwt"
	"github.com/lestrrat-go/jwx/v3/jwa"
	jwxjwt "github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

const (
	issuer   = "https://issuer.example"
	audience = "https://api.example"
	keyID    = "2026-11"
)

// claims are typed claims as an API reads them: all that are not registered.
type claims struct {
	ClientID  string   `json:"client_id"`
	SessionID string   `json:"sid"`
	AuthTime  int64    `json:"auth_time"`
	Scope     string   `json:"scope"`
	Roles     []string `json:"roles"`
}

// payload is the claims set of a typical access token: twelve claims, a token of
// about 600 bytes once it is signed with HS256.
const payload = `{"iss":"https://issuer.example","sub":"248289761001","aud":"https://api.example",` +
	`"exp":1700000600,"nbf":1700000000,"iat":1700000000,"jti":"f2b1c5d0a7e94c3e8d61","client_id":"web-frontend",` +
	`"sid":"08a5019c-17e1-4977-8f42-65a12843ea02","auth_time":1699999000,` +
	`"scope":"openid profile orders:read orders:write","roles":["clerk","buyer","auditor"]}`

var now = time.Unix(1700000100, 0)

func clock() time.Time { return now }

// subject is one algorithm with its key in everybody's form.
type subject struct {
	alg     jwk.Algorithm
	private any
	public  any
	token   string
	input   []byte
	body    string // the payload's segment
	mark    string // the signature's segment
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
	case jwk.RS256, jwk.PS256:
		k, _ := rsa.GenerateKey(rand.Reader, 2048)
		s.private, s.public = k, &k.PublicKey
	}
	key, err := jwk.New(s.private, alg, keyID)
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
	s.input, s.mark = []byte(s.token[:dot]), s.token[dot+1:]
	_, s.body, _ = strings.Cut(s.token[:dot], ".")
	if s.sig, err = base64.RawURLEncoding.DecodeString(s.mark); err != nil {
		b.Fatal(err)
	}
	return s
}

var algorithms = []jwk.Algorithm{jwk.HS256, jwk.ES256, jwk.EdDSA, jwk.RS256, jwk.PS256}

func each(b *testing.B, f func(b *testing.B, s *subject)) {
	for _, alg := range algorithms {
		b.Run(string(alg), func(b *testing.B) {
			s := newSubject(b, alg)
			b.ReportAllocs()
			f(b, s)
		})
	}
}

// BenchmarkRaw is the operation of the standard library and the base64 decoding
// of payload and signature: what no verifier can do without. Nothing is parsed.
func BenchmarkRaw(b *testing.B) { each(b, raw) }

func raw(b *testing.B, s *subject) {
	check := rawCheck(b, s)
	for b.Loop() {
		rawOnce(b, s, check)
	}
}

func rawOnce(b *testing.B, s *subject, check func(sig []byte) bool) {
	if _, err := base64.RawURLEncoding.DecodeString(s.body); err != nil {
		b.Error(err)
	}
	sig, err := base64.RawURLEncoding.DecodeString(s.mark)
	if err != nil || !check(sig) {
		b.Error("refused", err)
	}
}

// rawCheck returns the standard library's verification. ECDSA's takes a form that
// JOSE does not have, and is given it ready made.
func rawCheck(b *testing.B, s *subject) func(sig []byte) bool {
	switch pub := s.public.(type) {
	case []byte:
		return func(sig []byte) bool {
			m := hmac.New(sha256.New, pub)
			m.Write(s.input)
			return hmac.Equal(m.Sum(nil), sig)
		}
	case *ecdsa.PublicKey:
		der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(s.sig[:32]), new(big.Int).SetBytes(s.sig[32:])})
		if err != nil {
			b.Fatal(err)
		}
		return func([]byte) bool {
			sum := sha256.Sum256(s.input)
			return ecdsa.VerifyASN1(pub, sum[:], der)
		}
	case ed25519.PublicKey:
		return func(sig []byte) bool { return ed25519.Verify(pub, s.input, sig) }
	case *rsa.PublicKey:
		if s.alg == jwk.PS256 {
			return func(sig []byte) bool {
				sum := sha256.Sum256(s.input)
				return rsa.VerifyPSS(pub, crypto.SHA256, sum[:], sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
			}
		}
		return func(sig []byte) bool {
			sum := sha256.Sum256(s.input)
			return rsa.VerifyPKCS1v15(pub, crypto.SHA256, sum[:], sig) == nil
		}
	}
	b.Fatal("no raw operation")
	return nil
}

// BenchmarkRawMAC is hmac.New and sum alone, without the base64 that Raw includes:
// what the goal of twice the raw operation is held against.
func BenchmarkRawMAC(b *testing.B) {
	b.Run(string(jwk.HS256), func(b *testing.B) {
		s := newSubject(b, jwk.HS256)
		b.ReportAllocs()
		for b.Loop() {
			rawMAC(b, s)
		}
	})
}

func rawMAC(b *testing.B, s *subject) {
	m := hmac.New(sha256.New, s.private.([]byte))
	m.Write(s.input)
	if !hmac.Equal(m.Sum(nil), s.sig) {
		b.Fatal("mac")
	}
}

func BenchmarkJotward(b *testing.B) { each(b, ours) }

func ours(b *testing.B, s *subject) {
	v := ourVerifier(b, s)
	ctx := context.Background()
	for b.Loop() {
		t, err := v.Verify(ctx, s.token)
		if err != nil || t.Claims.ClientID != "web-frontend" {
			b.Fatal(err)
		}
	}
}

func ourVerifier(b *testing.B, s *subject) *jwt.Verifier[claims] {
	key, err := jwk.New(s.public, s.alg, keyID)
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
	return v
}

// golangClaims are the same claims in golang-jwt's form.
type golangClaims struct {
	golangjwt.RegisteredClaims
	claims
}

func BenchmarkGolangJWT(b *testing.B) { each(b, golang) }

func golang(b *testing.B, s *subject) {
	p := golangParser(s)
	keyFunc := func(*golangjwt.Token) (any, error) { return s.public, nil }
	for b.Loop() {
		var c golangClaims
		if _, err := p.ParseWithClaims(s.token, &c, keyFunc); err != nil || c.ClientID != "web-frontend" {
			b.Fatal(err)
		}
	}
}

func golangParser(s *subject) *golangjwt.Parser {
	return golangjwt.NewParser(golangjwt.WithValidMethods([]string{string(s.alg)}), golangjwt.WithIssuer(issuer),
		golangjwt.WithAudience(audience), golangjwt.WithExpirationRequired(), golangjwt.WithIssuedAt(), golangjwt.WithTimeFunc(clock))
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
			if err := t.Claims(s.public, &r, &c); err != nil || c.ClientID != "web-frontend" {
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
			if err := t.Get("client_id", &client); err != nil || client != "web-frontend" {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkKataras finds the key by kid, as the others do: with one key given it
// takes no header but its own.
func BenchmarkKataras(b *testing.B) {
	kataras.Clock = clock // it has one for the process
	each(b, func(b *testing.B, s *subject) {
		keys := katarasKeys(s)
		expected := kataras.Expected{Issuer: issuer, Audience: kataras.Audience{audience}}
		for b.Loop() {
			var c claims
			// It may write behind the token, so each call gets one of its own.
			if err := keys.VerifyToken([]byte(s.token), &c, expected); err != nil || c.ClientID != "web-frontend" {
				b.Fatal(err)
			}
		}
	})
}

func katarasKeys(s *subject) kataras.Keys {
	algorithms := map[jwk.Algorithm]kataras.Alg{jwk.HS256: kataras.HS256, jwk.ES256: kataras.ES256, jwk.EdDSA: kataras.EdDSA,
		jwk.RS256: kataras.RS256, jwk.PS256: kataras.PS256}
	return kataras.Keys{keyID: {ID: keyID, Alg: algorithms[s.alg], Public: s.public, Private: s.private}}
}

// cristalClaims are the same claims in cristalhq's form.
type cristalClaims struct {
	cristalhq.RegisteredClaims
	claims
}

// BenchmarkCristalhq has one key and looks at no kid, which is all it offers.
func BenchmarkCristalhq(b *testing.B) {
	each(b, func(b *testing.B, s *subject) {
		v := cristalVerifier(b, s)
		for b.Loop() {
			var c cristalClaims
			if err := cristalhq.ParseClaims([]byte(s.token), v, &c); err != nil || c.ClientID != "web-frontend" {
				b.Fatal(err)
			}
			if !c.IsIssuer(issuer) || !c.IsForAudience(audience) || !c.IsValidAt(now) {
				b.Fatal("claims")
			}
		}
	})
}

func cristalVerifier(b *testing.B, s *subject) (v cristalhq.Verifier) {
	var err error
	switch pub := s.public.(type) {
	case []byte:
		v, err = cristalhq.NewVerifierHS(cristalhq.HS256, pub)
	case *ecdsa.PublicKey:
		v, err = cristalhq.NewVerifierES(cristalhq.ES256, pub)
	case ed25519.PublicKey:
		v, err = cristalhq.NewVerifierEdDSA(pub)
	case *rsa.PublicKey:
		if v, err = cristalhq.NewVerifierRS(cristalhq.RS256, pub); s.alg == jwk.PS256 {
			v, err = cristalhq.NewVerifierPS(cristalhq.PS256, pub)
		}
	}
	if err != nil {
		b.Fatal(err)
	}
	return v
}

// eight runs f in eight goroutines, or the next number above that the cores divide.
func eight(b *testing.B, f func()) {
	cores := runtime.GOMAXPROCS(0)
	b.SetParallelism((8 + cores - 1) / cores)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			f()
		}
	})
}

// BenchmarkRawParallel and BenchmarkJotwardParallel say how eight goroutines
// scale: compare each with its own benchmark of one.
func BenchmarkRawParallel(b *testing.B) {
	s := newSubject(b, jwk.HS256)
	check := rawCheck(b, s)
	eight(b, func() { rawOnce(b, s, check) })
}

func BenchmarkJotwardParallel(b *testing.B) {
	s := newSubject(b, jwk.HS256)
	v := ourVerifier(b, s)
	eight(b, func() {
		if _, err := v.Verify(context.Background(), s.token); err != nil {
			b.Error(err)
		}
	})
}
