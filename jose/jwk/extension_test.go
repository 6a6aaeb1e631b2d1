package jwk_test

import (
	"errors"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/keydata"
	"github.com/jotward/jotward/jose/jwk"
)

// yes is an extension for one algorithm, whose signatures all hold.
type yes struct{ broken bool }

func (yes) Names() []string { return []string{"ML-DSA-44"} }
func (y yes) Read(string, []byte, []byte) (keydata.Outside, error) {
	if y.broken {
		return nil, errors.New("no key")
	}
	return y, nil
}
func (yes) Verify(_, _ []byte) bool     { return true }
func (yes) Sign([]byte) ([]byte, error) { return []byte("signed"), nil }
func (y yes) Public() keydata.Outside   { return y }

// An extension is asked for its own algorithms, with bytes of the right size, and
// for nothing else.
func TestExtensions(t *testing.T) {
	e := jwk.NewExtension(keydata.Inside(), yes{})
	k, err := e.Key(jwk.MLDSA44, make([]byte, 1312), make([]byte, 32), "")
	if err != nil || !k.CanSign() || k.KeyID() != k.Thumbprint() || k.PublicKey() != nil {
		t.Fatal(k, err)
	}
	if pub, err := k.Public(); err != nil || pub.CanSign() || !pub.CanVerify() {
		t.Error(pub, err)
	}
	if k, err = e.Key(jwk.MLDSA44, make([]byte, 1312), nil, "public"); err != nil || k.CanSign() || k.KeyID() != "public" {
		t.Error(k, err)
	}
	_, err = e.Key(jwk.MLDSA44, make([]byte, 1311), nil, "")
	wants(t, err, jose.KeyInvalid)
	_, err = e.Key(jwk.MLDSA65, make([]byte, 1952), nil, "")
	wants(t, err, jose.AlgorithmNotAllowed)
	_, err = e.Key("ML-DSA-99", nil, nil, "")
	wants(t, err, jose.AlgorithmNotAllowed)
	_, err = e.Key(jwk.MLDSA44, make([]byte, 1312), nil, "\xff")
	wants(t, err, jose.KeyInvalid)
	_, err = jwk.NewExtension(keydata.Inside(), yes{broken: true}).Key(jwk.MLDSA44, make([]byte, 1312), nil, "")
	wants(t, err, jose.KeyInvalid)
	_, err = jwk.Extension{}.Key(jwk.MLDSA44, make([]byte, 1312), nil, "")
	wants(t, err, jose.AlgorithmNotAllowed)
	// A ticket that a stranger can make: its type's zero value.
	_, err = jwk.NewExtension(keydata.Access{}, yes{}).Key(jwk.MLDSA44, make([]byte, 1312), nil, "")
	wants(t, err, jose.AlgorithmNotAllowed)
}
