package jws_test

import (
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
