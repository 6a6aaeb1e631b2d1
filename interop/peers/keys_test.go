package peers

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/jotward/jotward/jose/jwk"
)

// A namer makes keys and names them by RFC 7638.
type namer interface {
	generate(alg string) (key string, err error)
	thumbprint(key string) (string, error)
}

// A pemPeer reads and writes keys as PEM, and so DER.
type pemPeer interface {
	fromPEM(text, alg string) (key string, err error)
	toPEM(key, alg string) (text string, err error)
}

// A chainPeer reads and writes JWKs with x5c.
type chainPeer interface {
	readChain(key string) (chain [][]byte, err error)
	writeChain(key string, chain ...*x509.Certificate) (string, error)
}

// those gives the peers of these names to a test, as what they must be.
func those[P any](t *testing.T, run func(t *testing.T, name string, p P), names ...string) {
	eachPeer(t, func(t *testing.T, name string, p peer) {
		if slices.Contains(names, name) {
			run(t, name, p.(P))
		}
	})
}

// keyAlgorithms are one for each kind of key.
var keyAlgorithms = []jwk.Algorithm{jwk.RS256, jwk.ES256, jwk.ES384, jwk.ES512, jwk.EdDSA, jwk.HS256}

// nameless is which kinds of keys a peer cannot name. What stands here must not
// work, so that the list stays true.
var nameless = map[string][]jwk.Algorithm{"jose": {jwk.EdDSA}, "go-jose": {jwk.HS256}}

// A key has one thumbprint, whoever made the key and whoever computes it.
func TestThumbprints(t *testing.T) {
	those(t, func(t *testing.T, name string, p namer) {
		for _, a := range keyAlgorithms {
			lacks := slices.Contains(nameless[name], a)
			ours := generate(t, a, "k")
			public, private := export(t, ours, string(a))
			for _, h := range []holder{public, private} {
				if got, err := p.thumbprint(h.jwk); (err == nil && got == ours.Thumbprint()) == lacks {
					t.Errorf("%s: ours is %s to it, and %s to us: %v", a, got, ours.Thumbprint(), err)
				}
			}
			if lacks {
				continue
			}
			theirs, err := p.generate(string(a))
			if err != nil {
				t.Errorf("%s: %v", a, err)
				continue
			}
			want, err := p.thumbprint(theirs)
			if err != nil {
				t.Errorf("%s: %v", a, err)
			}
			k, err := jwk.Parse([]byte(theirs), jwk.Options{Algorithms: []jwk.Algorithm{a}})
			if err != nil || k.Thumbprint() != want || !k.CanSign() {
				t.Errorf("%s: theirs is %s: %v: %v", a, want, k, err)
			}
		}
	}, "go-jose", "jwx", "npm", "jose")
}

// Keys go and come back as SubjectPublicKeyInfo and PKCS #8.
func TestPEM(t *testing.T) {
	those(t, func(t *testing.T, _ string, p pemPeer) {
		for _, a := range []jwk.Algorithm{jwk.RS256, jwk.PS512, jwk.ES256, jwk.ES384, jwk.ES512, jwk.EdDSA} {
			ours := generate(t, a, "k")
			public, err := ours.MarshalPEM()
			if err != nil {
				t.Fatal(err)
			}
			private, err := ours.ExportPrivatePEM()
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range [][]byte{public, private} {
				isPrivate := bytes.Equal(text, private)
				read, err := p.fromPEM(string(text), string(a))
				if err != nil {
					t.Errorf("%s: it does not read ours: %v\n%s", a, err, text)
					continue
				}
				k, err := jwk.Parse([]byte(read), jwk.Options{Algorithms: []jwk.Algorithm{a}})
				if err != nil || k.Thumbprint() != ours.Thumbprint() || k.IsPrivate() != isPrivate {
					t.Errorf("%s: it reads another key: %v, %v", a, k, err)
					continue
				}
				theirs, err := p.toPEM(read, string(a))
				if err != nil {
					t.Errorf("%s: it writes none: %v", a, err)
					continue
				}
				k, err = jwk.ParsePEM([]byte(theirs), a, "")
				if err != nil || k.Thumbprint() != ours.Thumbprint() || k.IsPrivate() != isPrivate {
					t.Errorf("%s: we do not read theirs: %v, %v\n%s", a, k, err, theirs)
				}
				block, _ := pem.Decode([]byte(theirs))
				if block.Type == "EC PRIVATE KEY" {
					continue // RFC 5915, which has no DER that tells what it is
				}
				if k, err = jwk.ParseDER(block.Bytes, a, ""); err != nil || k.Thumbprint() != ours.Thumbprint() {
					t.Errorf("%s: we do not read their DER: %v, %v", a, k, err)
				}
			}
			text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certify(t, ours).Raw})
			read, err := p.fromPEM(string(text), string(a))
			if err != nil {
				t.Errorf("%s: it does not read a certificate: %v", a, err)
				continue
			}
			k, err := jwk.Parse([]byte(read), jwk.Options{Algorithms: []jwk.Algorithm{a}})
			if err != nil || k.Thumbprint() != ours.Thumbprint() || k.IsPrivate() {
				t.Errorf("%s: it reads another key from a certificate: %v", a, err)
			}
			if k, err := jwk.ParsePEM(text, a, ""); err != nil || k.Thumbprint() != ours.Thumbprint() || k.IsPrivate() {
				t.Errorf("%s: we read another key from a certificate: %v", a, err)
			}
		}
	}, "jwx", "npm")
}

// A chain in x5c is the same to both (RFC 7517 4.7).
func TestCertificateChains(t *testing.T) {
	those(t, func(t *testing.T, _ string, p chainPeer) {
		for _, a := range []jwk.Algorithm{jwk.RS256, jwk.ES256, jwk.EdDSA} {
			ours := generate(t, a, "k")
			chain := []*x509.Certificate{certify(t, ours), certify(t, generate(t, jwk.ES256, "root"))}
			with, err := ours.WithCertificates(chain...)
			if err != nil {
				t.Fatal(err)
			}
			public, _ := export(t, with, string(a))
			read, err := p.readChain(public.jwk)
			if err != nil || !sameChain(read, chain) {
				t.Errorf("%s: it reads %d of ours: %v", a, len(read), err)
			}
			bare, _ := export(t, ours, string(a))
			theirs, err := p.writeChain(bare.jwk, chain...)
			if err != nil {
				t.Errorf("%s: it writes none: %v", a, err)
				continue
			}
			k, err := jwk.Parse([]byte(theirs), jwk.Options{Algorithms: []jwk.Algorithm{a}})
			if err != nil {
				t.Errorf("%s: we do not read theirs: %v: %s", a, err, theirs)
				continue
			}
			var der [][]byte
			for _, c := range k.Certificates() {
				der = append(der, c.Raw)
			}
			if !sameChain(der, chain) || k.Thumbprint() != ours.Thumbprint() {
				t.Errorf("%s: another chain: %s", a, theirs)
			}
		}
	}, "go-jose", "jwx")
}

func sameChain(der [][]byte, chain []*x509.Certificate) bool {
	return slices.EqualFunc(der, chain, func(b []byte, c *x509.Certificate) bool { return bytes.Equal(b, c.Raw) })
}

// certify makes a certificate that a key signs for itself.
func certify(t *testing.T, k *jwk.Key) *x509.Certificate {
	t.Helper()
	der, err := k.ExportPrivateDER()
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: k.KeyID()}, NotBefore: time.Unix(1700000000, 0), NotAfter: time.Unix(4000000000, 0)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, private.(crypto.Signer).Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}
