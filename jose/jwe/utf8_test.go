package jwe_test

import (
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
)

// What is no UTF-8 cannot be written into a header: encoding/json would replace it.
func TestHeaderIsUTF8(t *testing.T) {
	k, err := jwk.Generate(jwk.A256GCM, "k")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []jwe.EncryptOptions{{Type: "\xff"}, {ContentType: "a\xff"}} {
		if text, err := jwe.Encrypt([]byte("x"), k, o); jose.ReasonOf(err) != jose.HeaderInvalid {
			t.Errorf("%q: %s %v", o.Type+o.ContentType, text, err)
		}
	}
}
