package jws_test

import (
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// What is no UTF-8 cannot be written into a header: encoding/json would replace it.
func TestHeaderIsUTF8(t *testing.T) {
	k, err := jwk.Generate(jwk.HS256, "k")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []jws.SignOptions{{Type: "\xff"}, {ContentType: "a\xff"}} {
		if text, err := jws.Sign([]byte("x"), k, o); jose.ReasonOf(err) != jose.HeaderInvalid {
			t.Errorf("%q: %s %v", o.Type+o.ContentType, text, err)
		}
	}
}
