package jws_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// A key that is not there is refused, by every way to sign, and nothing panics.
func TestSigningWithoutKey(t *testing.T) {
	for name, sign := range map[string]func() error{
		"Sign":         func() error { _, err := jws.Sign(nil, nil, jws.SignOptions{}); return err },
		"SignDetached": func() error { _, err := jws.SignDetached(nil, nil, jws.SignOptions{}); return err },
		"EncodeHeader": func() error { _, err := jws.EncodeHeader(nil, jws.SignOptions{}); return err },
		"SignJSON":     func() error { _, err := jws.SignJSON(nil, []*jwk.Key{nil}, jws.SignOptions{}); return err },
	} {
		if err := sign(); !errors.Is(err, jose.PolicyInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A source that is no key, or gives none, refuses and does not panic.
func TestSourcesWithoutKeys(t *testing.T) {
	k := generate(t, jwk.HS256, "")
	token, err := jws.Sign([]byte("x"), k, jws.SignOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		keys jws.KeySource
		want jose.Reason
	}{
		"no key": {(*jwk.Key)(nil), jose.KeyNotFound}, "the zero key": {&jwk.Key{}, jose.KeyNotFound},
		"no set": {(*jwk.Set)(nil), jose.KeyNotFound}, "the zero set": {&jwk.Set{}, jose.KeyNotFound},
		"nil in an answer": {answer{nil}, jose.KeyMisuse}, "the zero key in an answer": {answer{&jwk.Key{}}, jose.KeyMisuse},
	} {
		_, err := jws.Verify(ctx, token, c.keys, allow(jwk.HS256))
		if jose.ReasonOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := jws.Verify(ctx, token, answer{nil, k}, allow(jwk.HS256)); err != nil {
		t.Error(err)
	}
}

// away is a KMS that cannot be asked, or that answers with an error.
type away struct {
	key crypto.Signer
	err error
}

func (a away) Public() crypto.PublicKey                                  { return a.key.Public() }
func (a away) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, a.err }

// A key elsewhere that cannot be reached is told apart from one that fails.
func TestSigningWithKeysThatAreAway(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for want, cause := range map[jose.Reason]error{jose.KeysUnavailable: fmt.Errorf("dial: %w", jose.KeysUnavailable), jose.KeyInvalid: errors.New("no such key")} {
		k, err := jwk.New(away{private, cause}, jwk.ES256, "kms")
		if err != nil {
			t.Fatal(err)
		}
		if _, err = jws.Sign([]byte("x"), k, jws.SignOptions{}); jose.ReasonOf(err) != want || !errors.Is(err, cause) {
			t.Errorf("%v: %v, want %s", cause, err, want)
		}
	}
}

type answer []*jwk.Key

func (a answer) Lookup(context.Context, string, jwk.Algorithm) ([]*jwk.Key, error) { return a, nil }
