package jwe_test

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// remote is a key in a service that fails.
type remote struct {
	public crypto.PublicKey
	err    error
}

func (r remote) Public() crypto.PublicKey                                        { return r.public }
func (r remote) Decrypt(io.Reader, []byte, crypto.DecrypterOpts) ([]byte, error) { return nil, r.err }
func (r remote) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error)       { return nil, r.err }

type remoteECDH struct {
	*ecdh.PrivateKey
	err error
}

func (r remoteECDH) ECDH(*ecdh.PublicKey) ([]byte, error) { return nil, r.err }

// Only a key that says that it cannot be reached is told from a message that does
// not open; what else it says stays here.
func TestKeysThatAreAway(t *testing.T) {
	down := fmt.Errorf("kms: timeout: %w", jose.KeysUnavailable)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecdhKey, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ecdsaKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		err    error
		reason jose.Reason
	}{{down, jose.KeysUnavailable}, {errors.New("bad padding at byte 7"), jose.DecryptionFailed}, {rsa.ErrDecryption, jose.DecryptionFailed}} {
		for a, material := range map[jwk.Algorithm]any{jwk.RSAOAEP256: remote{&rsaKey.PublicKey, c.err}, jwk.ECDHES: remoteECDH{ecdhKey, c.err}, jwk.ECDHESA256KW: remoteECDH{ecdhKey, c.err}} {
			key, err := jwk.New(material, a, "k")
			if err != nil {
				t.Fatal(a, err)
			}
			text, err := jwe.Encrypt([]byte("x"), key, jwe.EncryptOptions{Encryption: jwk.A256GCM})
			if err != nil {
				t.Fatal(a, err)
			}
			_, err = jwe.Decrypt(t.Context(), text, key, jwe.DecryptOptions{Algorithms: []jwk.Algorithm{a}, Encryptions: []jwk.Algorithm{jwk.A256GCM}})
			if jose.ReasonOf(err) != c.reason || c.reason == jose.DecryptionFailed && errors.Unwrap(err) != nil {
				t.Errorf("%s, %v: %v", a, c.err, err)
			}
		}
		key, err := jwk.New(remote{&ecdsaKey.PublicKey, c.err}, jwk.ES256, "k")
		if err != nil {
			t.Fatal(err)
		}
		want := jose.KeyInvalid
		if c.reason == jose.KeysUnavailable {
			want = jose.KeysUnavailable
		}
		if _, err := jws.SignInput(key, []byte("x")); jose.ReasonOf(err) != want || !errors.Is(err, c.err) {
			t.Errorf("sign, %v: %v", c.err, err)
		}
	}
}
