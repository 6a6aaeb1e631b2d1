package jwk_test

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"io"
	"math/big"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/keydata"
	"github.com/jotward/jotward/jose/jwk"
)

// exchanger stands for a key in an HSM, on any curve.
type exchanger struct{ *ecdh.PrivateKey }

// opener is a decrypter whose public half is anything.
type opener struct{ public crypto.PublicKey }

func (o opener) Public() crypto.PublicKey { return o.public }
func (opener) Decrypt(io.Reader, []byte, crypto.DecrypterOpts) ([]byte, error) {
	return nil, nil
}

// Material of an agreement: what fits becomes a key, everything else says why not.
func TestAgreementMaterial(t *testing.T) {
	for _, curve := range []ecdh.Curve{ecdh.P256(), ecdh.P384(), ecdh.P521(), ecdh.X25519()} {
		private, err := curve.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		var thumbs []string
		for _, material := range []any{private, private.PublicKey(), exchanger{private}} {
			k, err := jwk.New(material, jwk.ECDHES, "k")
			if err != nil || k.CanSign() || k.CanVerify() || !k.CanEncrypt() || k.CanDecrypt() != k.IsPrivate() {
				t.Fatalf("%v from a %T: %v, %v", curve, material, k, err)
			}
			thumbs = append(thumbs, k.Thumbprint())
		}
		if thumbs[0] != thumbs[1] || thumbs[0] != thumbs[2] {
			t.Errorf("%v: %v", curve, thumbs)
		}
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p256, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	//lint:ignore SA1019 a point that is off the curve cannot be made in another way
	off := &ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)}
	zero, err := ecdh.X25519().NewPublicKey(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		material any
		alg      jwk.Algorithm
		want     jose.Reason
	}{
		"nil public":                {(*ecdh.PublicKey)(nil), jwk.ECDHES, jose.KeyInvalid},
		"nil private":               {(*ecdh.PrivateKey)(nil), jwk.ECDHES, jose.KeyInvalid},
		"nil ecdsa public":          {(*ecdsa.PublicKey)(nil), jwk.ECDHES, jose.KeyInvalid},
		"nil ecdsa private":         {(*ecdsa.PrivateKey)(nil), jwk.ECDHES, jose.KeyInvalid},
		"empty ecdsa private":       {&ecdsa.PrivateKey{}, jwk.ECDHES, jose.KeyInvalid},
		"P-224":                     {p224, jwk.ECDHES, jose.KeyInvalid},
		"off the curve":             {off, jwk.ECDHES, jose.KeyInvalid},
		"small order":               {zero, jwk.ECDHES, jose.KeyWeak},
		"Ed25519":                   {ed, jwk.ECDHES, jose.KeyMisuse},
		"for signatures":            {p256, jwk.ES256, jose.KeyMisuse},
		"public, for signatures":    {p256.PublicKey(), jwk.ES256, jose.KeyMisuse},
		"for RSA":                   {p256, jwk.RSAOAEP, jose.KeyMisuse},
		"elsewhere, for signatures": {exchanger{p256}, jwk.ES256, jose.KeyMisuse},
		"a decrypter without RSA":   {opener{ed.Public()}, jwk.RSAOAEP, jose.KeyMisuse},
		"a decrypter of nothing":    {opener{nil}, jwk.RSAOAEP, jose.KeyMisuse},
		"a text":                    {"secret", jwk.A128KW, jose.KeyMisuse},
	} {
		if _, err := jwk.New(c.material, c.alg, ""); jose.ReasonOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	for _, a := range []jwk.Algorithm{jwk.Direct, jwk.PBES2HS256A128KW, jwk.MLDSA44, "RSA1_5"} {
		_, err := jwk.Generate(a, "")
		wants(t, err, jose.AlgorithmNotAllowed)
	}
}

// A key of an extension's algorithm is read where the extension is given.
func TestExtensionIsAskedByParse(t *testing.T) {
	o := jwk.Options{Extensions: []jwk.Extension{jwk.NewExtension(keydata.Inside(), yes{})}}
	k, err := jwk.NewExtension(keydata.Inside(), yes{}).Key(jwk.MLDSA44, make([]byte, 1312), []byte{1}, "k")
	if err != nil {
		t.Fatal(err)
	}
	text, err := k.ExportPrivate()
	if err != nil {
		t.Fatal(err)
	}
	if back, err := jwk.Parse(text, o); err != nil || !back.CanSign() || back.Thumbprint() != k.Thumbprint() {
		t.Error(back, err)
	}
	for _, bad := range []string{`{"kty":"AKP","alg":"ML-DSA-44"}`, `{"kty":"AKP","alg":"ML-DSA-44","pub":"="}`,
		`{"kty":"AKP","alg":"ML-DSA-44","pub":"AA","priv":""}`, `{"kty":"AKP","pub":"AA"}`} {
		_, err := jwk.Parse([]byte(bad), o)
		wants(t, err, jose.KeyInvalid)
	}
}
