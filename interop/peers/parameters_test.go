package peers

import (
	"encoding/json"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// protected reads two members of a protected header.
func protected(t *testing.T, text string) (url, nonce string) {
	t.Helper()
	var h struct{ URL, Nonce string }
	if err := json.Unmarshal([]byte(text), &h); err != nil {
		t.Fatal(err)
	}
	return h.URL, h.Nonce
}

// both is a new key, ours and as go-jose reads it.
func both(t *testing.T, a jwk.Algorithm, kid string) (*jwk.Key, gojose.JSONWebKey) {
	t.Helper()
	key, err := jwk.Generate(a, kid)
	if err != nil {
		t.Fatal(err)
	}
	text, err := key.ExportPrivate()
	if err != nil {
		t.Fatal(err)
	}
	var theirs gojose.JSONWebKey
	if err := theirs.UnmarshalJSON(text); err != nil {
		t.Fatal(err)
	}
	return key, theirs
}

// Further members of a header, such as ACME's (RFC 8555 6.2), are read by go-jose as we
// write them, and by us as it writes them.
func TestParametersWithGoJose(t *testing.T) {
	key, theirs := both(t, jwk.ES256, "")
	ours, err := jws.Sign([]byte("x"), key, jws.SignOptions{Parameters: map[string]any{"jwk": key, "nonce": "n", "url": "https://a.example"}})
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := gojose.ParseSigned(ours, []gojose.SignatureAlgorithm{gojose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	h := parsed.Signatures[0].Protected
	if _, err := parsed.Verify(h.JSONWebKey); err != nil || h.Nonce != "n" || h.ExtraHeaders["url"] != "https://a.example" || !h.JSONWebKey.IsPublic() {
		t.Errorf("%+v, %v", h, err)
	}
	signer, err := gojose.NewSigner(gojose.SigningKey{Algorithm: gojose.ES256, Key: theirs.Key}, (&gojose.SignerOptions{EmbedJWK: true}).WithHeader("nonce", "n").WithHeader("url", "https://b.example"))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign([]byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := jws.VerifyJSON(t.Context(), []byte(signed.FullSerialize()), key, jws.Options{Algorithms: []jwk.Algorithm{jwk.ES256}})
	if err != nil {
		t.Fatal(err)
	}
	if url, nonce := protected(t, m.Header.Protected); url != "https://b.example" || nonce != "n" {
		t.Error(m.Header.Protected)
	}
}

// The claims that RFC 7519 5.3 repeats in the header of an encrypted token.
func TestEncryptedParametersWithGoJose(t *testing.T) {
	key, theirs := both(t, jwk.ECDHES, "k")
	ours, err := jwe.Encrypt([]byte("x"), key, jwe.EncryptOptions{Encryption: jwk.A256GCM, Parameters: map[string]any{"iss": "https://a.example"}})
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := gojose.ParseEncryptedCompact(ours, []gojose.KeyAlgorithm{gojose.ECDH_ES}, []gojose.ContentEncryption{gojose.A256GCM})
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := parsed.Decrypt(theirs.Key); err != nil || string(plain) != "x" || parsed.Header.ExtraHeaders["iss"] != "https://a.example" {
		t.Errorf("%q %+v %v", plain, parsed.Header, err)
	}
	public := theirs.Public()
	encrypter, err := gojose.NewEncrypter(gojose.A256GCM, gojose.Recipient{Algorithm: gojose.ECDH_ES, Key: public.Key}, (&gojose.EncrypterOptions{}).WithHeader("url", "https://b.example"))
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := encrypter.Encrypt([]byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	compact, err := sealed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	m, err := jwe.Decrypt(t.Context(), compact, key, jwe.DecryptOptions{Algorithms: []jwk.Algorithm{jwk.ECDHES}, Encryptions: []jwk.Algorithm{jwk.A256GCM}})
	if err != nil {
		t.Fatal(err)
	}
	if url, _ := protected(t, m.Header.Protected); url != "https://b.example" {
		t.Error(m.Header.Protected)
	}
}
