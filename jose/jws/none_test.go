package jws_test

import (
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// No key is refused, and no panic.
func TestNoKey(t *testing.T) {
	t.Parallel()
	for _, k := range []*jwk.Key{nil, {}} {
		_, sign := jws.Sign([]byte("x"), k, jws.SignOptions{})
		_, input := jws.SignInput(k, []byte("x"))
		for name, err := range map[string]error{"Sign": sign, "SignInput": input, "VerifySignature": jws.VerifySignature(k, []byte("x"), make([]byte, 64))} {
			if r := jose.ReasonOf(err); r != jose.PolicyInvalid && r != jose.KeyMisuse {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
