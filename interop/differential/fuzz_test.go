// Package differential holds the library to peers that read the same bytes:
// whatever we accept, a peer accepts too, and both see the same content. The
// peers are less strict, so the other way round says nothing.
package differential

import (
	"bytes"
	"context"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
	"github.com/jotward/jotward/jose/jwt"
)

var (
	ctx    = context.Background()
	secret = bytes.Repeat([]byte("0123456789abcdef"), 2)
)

func key(f testing.TB, a jwk.Algorithm) *jwk.Key {
	f.Helper()
	k, err := jwk.New(secret, a, "k")
	if err != nil {
		f.Fatal(err)
	}
	return k
}

func sign(f testing.TB, header, payload string) string {
	f.Helper()
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	sig, err := jws.SignInput(key(f, jwk.HS256), []byte(input))
	if err != nil {
		f.Fatal(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(sig)
}

// FuzzHeader signs under any header, so that the header alone decides.
func FuzzHeader(f *testing.F) {
	for _, h := range []string{`{"alg":"HS256"}`, `{"alg":"HS256","kid":"k","typ":"JWT"}`, `{"typ":"\u004aWT","alg":"HS256","x":[1,{"a":null}]}`,
		`{"alg":"HS256","crit":["b64"],"b64":true}`, ` { "alg" : "HS256" } `, `{"alg":"HS256","jwk":{}}`, `{"alg":"none"}`, `{"alg":"HS256","alg":"HS256"}`} {
		f.Add(h, `{"sub":"a"}`)
	}
	f.Fuzz(func(t *testing.T, header, payload string) {
		token := sign(t, header, payload)
		m, err := jws.Verify(ctx, token, key(t, jwk.HS256), jws.Options{Algorithms: []jwk.Algorithm{jwk.HS256}})
		if err != nil {
			return
		}
		var names map[string]any
		if err := json.Unmarshal([]byte(header), &names); err != nil {
			t.Fatalf("encoding/json does not read %q: %v", header, err)
		}
		for _, name := range []string{"crit", "jwk", "x5c", "x5t", "x5t#S256", "nonce"} {
			if _, there := names[name]; there {
				return // go-jose knows no b64 in crit, and reads what we leave unread
			}
		}
		p, err := gojose.ParseSigned(token, []gojose.SignatureAlgorithm{gojose.HS256})
		if err != nil {
			t.Fatalf("go-jose does not read %q: %v", header, err)
		}
		out, err := p.Verify(secret)
		if err != nil || !bytes.Equal(out, m.Payload) || p.Signatures[0].Header.KeyID != m.Header.KeyID {
			t.Fatalf("go-jose reads %q otherwise: %v", header, err)
		}
	})
}

// FuzzClaims holds the claims of a verified token to encoding/json.
func FuzzClaims(f *testing.F) {
	for _, c := range []string{`{}`, `{"sub":"a","aud":["b","c"],"exp":1e9,"x":{"y":[1.5,-0,"é"]}}`, `{"a":"\ud83d\ude00","b":1e-7}`, `{"exp":9007199254740993}`} {
		f.Add(c)
	}
	v, err := jwt.NewVerifier[map[string]any](key(f, jwk.HS256), jwt.Policy{Algorithms: []jwk.Algorithm{jwk.HS256}, Required: []string{},
		SkipIssuer: true, SkipAudience: true, SkipType: true, SkipLifetime: true, SkipExpiry: true, Clock: func() time.Time { return time.Unix(1700000000, 0) }})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, claims string) {
		got, err := v.Verify(ctx, sign(t, `{"alg":"HS256"}`, claims))
		if err != nil {
			return
		}
		var want map[string]any
		if err := json.Unmarshal([]byte(claims), &want); err != nil {
			t.Fatalf("encoding/json does not read %q: %v", claims, err)
		}
		if !reflect.DeepEqual(got.Claims, want) {
			t.Fatalf("%q is %v to us and %v to encoding/json", claims, got.Claims, want)
		}
	})
}

// FuzzToken bends whole tokens, compact and JSON, signed and encrypted.
func FuzzToken(f *testing.F) {
	f.Add(sign(f, `{"alg":"HS256","kid":"k"}`, `{"sub":"a"}`))
	text, err := jws.SignJSON([]byte("x"), []*jwk.Key{key(f, jwk.HS256), key(f, jwk.HS256)}, jws.SignOptions{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	for _, a := range []jwk.Algorithm{jwk.A256KW, jwk.A256GCMKW, jwk.A256GCM} {
		token, err := jwe.Encrypt([]byte("x"), key(f, a), jwe.EncryptOptions{Encryption: jwk.A256GCM})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(token)
		if text, err = jwe.EncryptJSON([]byte("x"), []byte("aad"), []*jwk.Key{key(f, a)}, jwe.EncryptOptions{Encryption: jwk.A256GCM}); err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, token string) {
		signed(t, token)
		encrypted(t, token)
	})
}

func signed(t *testing.T, token string) {
	o := jws.Options{Algorithms: []jwk.Algorithm{jwk.HS256}}
	m, err := jws.Verify(ctx, token, key(t, jwk.HS256), o)
	if err != nil {
		if m, err = jws.VerifyJSON(ctx, []byte(token), key(t, jwk.HS256), o); err != nil {
			return
		}
	}
	p, err := gojose.ParseSigned(token, []gojose.SignatureAlgorithm{gojose.HS256})
	var other *gojose.ErrUnexpectedSignatureAlgorithm
	if errors.As(err, &other) && strings.HasPrefix(strings.TrimSpace(token), "{") {
		return // of several signatures one is of another algorithm: which must hold is ours to say (RFC 7515 5.2)
	}
	if err != nil {
		t.Fatalf("go-jose does not read %q: %v", token, err)
	}
	_, _, out, err := p.VerifyMulti(secret)
	if err != nil || !bytes.Equal(out, m.Payload) {
		t.Fatalf("go-jose reads %q otherwise: %v", token, err)
	}
}

func encrypted(t *testing.T, token string) {
	for _, a := range []jwk.Algorithm{jwk.A256KW, jwk.A256GCMKW, jwk.A256GCM} {
		alg := a
		if a == jwk.A256GCM {
			alg = jwk.Direct
		}
		o := jwe.DecryptOptions{Algorithms: []jwk.Algorithm{alg}, Encryptions: []jwk.Algorithm{jwk.A256GCM}}
		m, err := jwe.Decrypt(ctx, token, key(t, a), o)
		if err != nil {
			if m, err = jwe.DecryptJSON(ctx, []byte(token), key(t, a), o); err != nil {
				continue
			}
		}
		p, err := gojose.ParseEncrypted(token, []gojose.KeyAlgorithm{gojose.KeyAlgorithm(alg)}, []gojose.ContentEncryption{gojose.A256GCM})
		if err != nil {
			t.Fatalf("go-jose does not read %q: %v", token, err)
		}
		_, _, out, err := p.DecryptMulti(secret)
		if err != nil || !bytes.Equal(out, m.Plaintext) {
			t.Fatalf("go-jose reads %q otherwise: %v", token, err)
		}
	}
}

// FuzzKey reads keys: what we read, go-jose reads, with the same thumbprint.
func FuzzKey(f *testing.F) {
	for _, a := range []jwk.Algorithm{jwk.ES256, jwk.EdDSA, jwk.ECDHES} {
		k, err := jwk.Generate(a, "k")
		if err != nil {
			f.Fatal(err)
		}
		whole, err := k.ExportPrivate()
		if err != nil {
			f.Fatal(err)
		}
		public, err := k.MarshalJSON()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(whole))
		f.Add(string(public))
	}
	f.Add(`{"kty":"oct","alg":"HS256","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}`)
	f.Fuzz(func(t *testing.T, text string) {
		k, err := jwk.Parse([]byte(text), jwk.Options{})
		if err != nil || k.PublicKey() == nil || strings.Contains(text, "X25519") {
			return // go-jose has no X25519
		}
		var names map[string]any
		if err := json.Unmarshal([]byte(text), &names); err != nil {
			t.Fatalf("encoding/json does not read %q: %v", text, err)
		}
		for name := range names {
			// go-jose decodes members that the type does not have; RFC 7517 4 has them ignored.
			own := map[any][]string{"EC": {"crv", "x", "y", "d"}, "OKP": {"crv", "x", "d"}, "RSA": {"n", "e"}}[names["kty"]]
			if !slices.Contains([]string{"kty", "kid", "alg", "use"}, name) && !slices.Contains(own, name) {
				return
			}
		}
		var p gojose.JSONWebKey
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			t.Fatalf("go-jose does not read %q: %v", text, err)
		}
		sum, err := p.Thumbprint(crypto.SHA256)
		if err != nil || base64.RawURLEncoding.EncodeToString(sum) != k.Thumbprint() {
			t.Fatalf("go-jose reads %q otherwise: %v", text, err)
		}
	})
}
