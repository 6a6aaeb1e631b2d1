package jwt_test

import (
	"crypto/aes"
	"crypto/cipher"
	"strings"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

var directOnly = jwe.DecryptOptions{Algorithms: []jwk.Algorithm{jwk.Direct}, Encryptions: []jwk.Algorithm{jwk.A256GCM}}

// directBox returns a secret, and a function that encrypts with it under any header.
func directBox(t *testing.T) (*jwk.Key, func(header, text string) string) {
	t.Helper()
	secret := strings.Repeat("k", 32)
	box, err := jwk.New([]byte(secret), jwk.A256GCM, "")
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return box, func(header, text string) string {
		segment, iv := encode(`{"alg":"dir","enc":"A256GCM",`+header+`}`), make([]byte, aead.NonceSize())
		out := string(aead.Seal(nil, iv, []byte(text), []byte(segment)))
		return segment + ".." + encode(string(iv)) + "." + encode(out[:len(text)]) + "." + encode(out[len(text):])
	}
}

// What stands in the header for those who cannot open the token is what is inside
// (RFC 7519 5.3).
func TestReplicatedClaims(t *testing.T) {
	box, direct := directBox(t)
	dir := directOnly
	signing := generate(t, jwk.ES256, "s")
	nested, err := jwt.NewNestedVerifier(box, dir, verifier(t, public(t, signing), goodPolicy(jwk.ES256)))
	if err != nil {
		t.Fatal(err)
	}
	only, err := jwt.NewDecrypter[claims](box, dir, goodPolicy())
	if err != nil {
		t.Fatal(err)
	}
	signed := sign(t, signing, goodClaims)
	for header, want := range map[string]jose.Reason{
		`"x":1`:         "",
		`"sub":"alice"`: "",
		`"sub":"\u0061lice","jti":"not looked at"`: "",
		`"sub":"bob"`:                   jose.ClaimMismatch,
		`"iss":"https://other.example"`: jose.ClaimMismatch,
		`"iss":["x"]`:                   jose.ClaimMismatch,
		`"aud":"` + audience + `x"`:     jose.ClaimMismatch,
		`"sub":null`:                    jose.ClaimMismatch,
	} {
		if _, err := nested.Verify(ctx, direct(header+`,"cty":"JWT"`, signed)); jose.ReasonOf(err) != want {
			t.Errorf("nested, %s: %v, want %q", header, err, want)
		}
		if _, err := only.Decrypt(ctx, direct(header+`,"typ":"at+jwt"`, goodClaims)); jose.ReasonOf(err) != want {
			t.Errorf("encrypted only, %s: %v, want %q", header, err, want)
		}
	}
}
