package jws_test

import (
	"context"
	"errors"
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

type answer []*jwk.Key

func (a answer) Lookup(context.Context, string, jwk.Algorithm) ([]*jwk.Key, error) { return a, nil }
