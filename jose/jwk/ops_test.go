package jwk_test

import (
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
)

// A browser's public key for agreement says key_ops: []. It agrees, and does
// nothing else; a private key, a secret and a key for signatures that say so do nothing.
func TestOperationsOfABrowsersKey(t *testing.T) {
	const point = `"x":"weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ","y":"e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck"`
	list := jwk.Options{Algorithms: []jwk.Algorithm{jwk.ECDHES}}
	k, err := jwk.Parse([]byte(`{"kty":"EC","crv":"P-256","ext":true,"key_ops":[],`+point+`}`), list)
	if err != nil || k.Algorithm() != jwk.ECDHES || !k.CanEncrypt() || k.CanVerify() {
		t.Fatal(k, err)
	}
	// And so it stays when it is written and read again.
	out, err := k.MarshalJSON()
	if err != nil || opsOf(t, string(out)) != "[]" {
		t.Errorf("%s, %v", out, err)
	}
	if k, err = jwk.Parse(out, jwk.Options{}); err != nil || !k.CanEncrypt() {
		t.Errorf("%v, %v", k, err)
	}
	for _, text := range []string{
		`{"kty":"EC","crv":"P-256","alg":"ES256","key_ops":[],` + point + `}`,
		`{"kty":"EC","crv":"P-256","alg":"ECDH-ES","key_ops":[],` + point + `,"d":"VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"}`,
		`{"kty":"oct","alg":"A128KW","key_ops":[],"k":"GawgguFyGrWKav7AX4VKUg"}`,
	} {
		_, err := jwk.Parse([]byte(text), jwk.Options{})
		wants(t, err, jose.KeyMisuse)
	}
}
