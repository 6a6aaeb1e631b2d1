package jwk_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"io"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
)

// halfSigner is a signer whose public half is whatever a KMS answered.
type halfSigner struct{ public crypto.PublicKey }

func (e halfSigner) Public() crypto.PublicKey { return e.public }

func (e halfSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, nil }

// Halves of a key, as a failed big.Int.SetString leaves them, are refused and no panic.
func TestKeysWithoutCoordinates(t *testing.T) {
	t.Parallel()
	whole, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	//lint:ignore SA1019 what is refused has to be made
	noY := ecdsa.PublicKey{Curve: elliptic.P256(), X: whole.X}
	//lint:ignore SA1019 what is refused has to be made
	half := &ecdsa.PrivateKey{PublicKey: noY, D: whole.D}
	empty := ecdsa.PublicKey{Curve: elliptic.P256()}
	for _, a := range []jwk.Algorithm{jwk.ES256, jwk.ECDHES} {
		for name, material := range map[string]any{"nothing": &empty, "no y": &noY, "a private key without y": half, "a private key without d": &ecdsa.PrivateKey{PublicKey: whole.PublicKey},
			"no key": (*ecdsa.PublicKey)(nil), "no private key": (*ecdsa.PrivateKey)(nil), "a signer without": halfSigner{&empty}} {
			if k, err := jwk.New(material, a, ""); k != nil || err == nil {
				t.Errorf("%s for %s: %v", name, a, k)
			}
		}
	}
}

// The zero Key is nil's like: it can do nothing, and panics nowhere that nil does not.
func TestZeroKeyCanNothing(t *testing.T) {
	t.Parallel()
	for _, k := range []*jwk.Key{nil, {}} {
		if k.CanSign() || k.CanVerify() || k.CanEncrypt() || k.CanDecrypt() || k.Algorithm() != "" || k.KeyID() != "" {
			t.Error("no key can something")
		}
		if _, err := k.Public(); jose.ReasonOf(err) != jose.PolicyInvalid {
			t.Error(err)
		}
	}
}
