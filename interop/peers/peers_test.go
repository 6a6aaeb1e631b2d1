// Package peers has tokens of ours read by libraries and a command that we did
// not write, and theirs by us, for every algorithm that both have.
package peers

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

const payload = `{"sub":"alice","é":"<&>"}`

// A peer does with its own code what ours does. Keys are JWKs.
type peer interface {
	sign(alg, key string) (token string, err error)
	verify(alg, key, token string) (payload string, err error)
	encrypt(alg, enc, key string) (token string, err error)
	decrypt(alg, enc, key, token string) (payload string, err error)
}

// lacks says which algorithms a peer has not. Everything else must work.
var lacks = map[string][]string{
	"go-jose": {"Ed25519", "RSA-OAEP-384", "RSA-OAEP-512", "X25519", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87"},
	"jwx":     {"ML-DSA-44", "ML-DSA-65", "ML-DSA-87"},
	"npm":     {"ML-DSA-44", "ML-DSA-65", "ML-DSA-87"}, // which need Node 24
	"jose":    {"EdDSA", "Ed25519", "X25519", "RSA-OAEP", "RSA-OAEP-256", "RSA-OAEP-384", "RSA-OAEP-512", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87"},
}

func peers(t *testing.T) map[string]peer {
	return map[string]peer{"go-jose": goJose{}, "jwx": jwx{}, "npm": startNode(t), "jose": startCommand(t)}
}

// skip says what is missing, and fails where nothing may be skipped.
func skip(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("JOTWARD_CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

func export(t *testing.T, k *jwk.Key) (public, private string) {
	t.Helper()
	whole, err := k.ExportPrivate()
	if err != nil {
		t.Fatal(err)
	}
	if k.IsSymmetric() {
		return string(whole), string(whole)
	}
	pub, err := k.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(pub), string(whole)
}

func TestSignatures(t *testing.T) {
	ctx := context.Background()
	all := peers(t)
	for _, a := range jwk.SignatureAlgorithms() {
		k, err := jwk.Generate(a, "k")
		if err != nil {
			t.Fatal(err)
		}
		public, private := export(t, k)
		ours, err := jws.Sign([]byte(payload), k, jws.SignOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for name, p := range all {
			if slices.Contains(lacks[name], string(a)) {
				continue
			}
			if got, err := p.verify(string(a), public, ours); err != nil || got != payload {
				t.Errorf("%s: %s does not read ours: %q, %v", a, name, got, err)
			}
			theirs, err := p.sign(string(a), private)
			if err != nil {
				t.Errorf("%s: %s does not sign: %v", a, name, err)
				continue
			}
			m, err := jws.Verify(ctx, theirs, k, jws.Options{Algorithms: []jwk.Algorithm{a}})
			if err != nil || string(m.Payload) != payload {
				t.Errorf("%s: we do not read %s's: %v", a, name, err)
			}
			bent := ours[:len(ours)-6] + strings.Map(func(r rune) rune {
				if r == 'A' {
					return 'B'
				}
				return 'A'
			}, ours[len(ours)-6:len(ours)-3]) + ours[len(ours)-3:]
			if _, err := p.verify(string(a), public, bent); err == nil {
				t.Errorf("%s: %s accepts anything", a, name)
			}
		}
	}
}

// box is a key and the name under which a peer may lack it.
type box struct {
	key  *jwk.Key
	alg  string
	name string
}

// curves returns keys for an agreement on each curve.
func curves(t *testing.T, a jwk.Algorithm) (list []box) {
	t.Helper()
	for name, curve := range map[string]ecdh.Curve{string(a): ecdh.P256(), string(a) + " P-384": ecdh.P384(), string(a) + " P-521": ecdh.P521(), "X25519": ecdh.X25519()} {
		private, err := curve.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		k, err := jwk.New(private, a, "k")
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, box{k, string(a), name})
	}
	return list
}

func boxes(t *testing.T) (list []box) {
	t.Helper()
	for _, a := range jwk.KeyManagementAlgorithms() {
		switch a {
		case jwk.Direct:
			continue
		case jwk.PBES2HS256A128KW, jwk.PBES2HS384A192KW, jwk.PBES2HS512A256KW:
			k, err := jwk.New([]byte("correct horse battery staple"), a, "k")
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, box{k, string(a), string(a)})
		case jwk.ECDHES, jwk.ECDHESA256KW:
			list = append(list, curves(t, a)...)
		default:
			k, err := jwk.Generate(a, "k")
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, box{k, string(a), string(a)})
		}
	}
	for _, enc := range jwk.ContentEncryptionAlgorithms() {
		k, err := jwk.Generate(enc, "k")
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, box{k, "dir", string(enc)})
	}
	return list
}

func TestEncryption(t *testing.T) {
	ctx := context.Background()
	all := peers(t)
	for i, b := range boxes(t) {
		public, private := export(t, b.key)
		encs := jwk.ContentEncryptionAlgorithms()
		switch {
		case b.alg == "dir":
			encs = []jwk.Algorithm{b.key.Algorithm()}
		case b.name != "A256KW" && b.name != "ECDH-ES": // each enc once with a wrapped and an agreed key
			encs = encs[i%len(encs):][:1]
		}
		for _, enc := range encs {
			o := jwe.DecryptOptions{Algorithms: []jwk.Algorithm{jwk.Algorithm(b.alg)}, Encryptions: []jwk.Algorithm{enc}, MaxIterations: 1_000_000}
			ours, err := jwe.Encrypt([]byte(payload), b.key, jwe.EncryptOptions{Encryption: enc, Iterations: 2000, PartyUInfo: []byte("u"), PartyVInfo: []byte("v")})
			if err != nil {
				t.Fatal(err)
			}
			for name, p := range all {
				if slices.Contains(lacks[name], b.name) {
					continue
				}
				if got, err := p.decrypt(b.alg, string(enc), private, ours); err != nil || got != payload {
					t.Errorf("%s %s: %s does not read ours: %q, %v", b.name, enc, name, got, err)
				}
				theirs, err := p.encrypt(b.alg, string(enc), public)
				if err != nil {
					t.Errorf("%s %s: %s does not encrypt: %v", b.name, enc, name, err)
					continue
				}
				m, err := jwe.Decrypt(ctx, theirs, b.key, o)
				if err != nil || string(m.Plaintext) != payload {
					t.Errorf("%s %s: we do not read %s's: %v", b.name, enc, name, err)
				}
			}
		}
	}
}
