package jwe_test

import (
	"strings"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
)

// Members whose type the RFC gives have it, also those that nobody uses.
func TestHeaderMembers(t *testing.T) {
	for _, member := range []string{`"alg":[]`, `"enc":7`, `"kid":null`, `"typ":{}`, `"cty":true`, `"zip":1`, `"jku":1`, `"x5u":[]`, `"x5t":1`, `"x5t#S256":1`,
		`"jwk":"x"`, `"x5c":"x"`, `"x5c":[]`, `"x5c":["QQ",1]`, `"x5c":[["QQ"]]`, `"epk":[]`, `"apu":1`, `"apv":"!"`, `"iv":"A"`, `"tag":null`, `"p2s":{}`, `"p2c":"4096"`, `"p2c":04096`} {
		rest := `"alg":"dir","enc":"A128GCM",`
		name, _, _ := strings.Cut(member, ":")
		rest = strings.NewReplacer(`"alg":"dir",`, map[bool]string{true: "", false: `"alg":"dir",`}[name == `"alg"`],
			`"enc":"A128GCM",`, map[bool]string{true: "", false: `"enc":"A128GCM",`}[name == `"enc"`]).Replace(rest)
		if _, err := jwe.ParseHeader(encode("{" + rest + member + "}")); jose.ReasonOf(err) != jose.HeaderInvalid {
			t.Errorf("%s: %v", member, err)
		}
	}
	good := `{"alg":"dir","enc":"A128GCM","kid":"k","typ":"t","cty":"c","zip":"DEF","jku":"https://u","jwk":{"kty":"EC"},"x5c":["QQ==","QQ=="],"apu":"QQ","p2c":4096,"other":{"a":1}}`
	h, err := jwe.ParseHeader(encode(good))
	if err != nil || h.Algorithm != jwk.Direct || h.Encryption != jwk.A128GCM || h.KeyID != "k" || h.Type != "t" || h.ContentType != "c" || !h.Compressed || h.Protected != good {
		t.Errorf("%+v, %v", h, err)
	}
	for _, segment := range []string{"", "=", "e30=", "e30"} {
		if _, err := jwe.ParseHeader(segment); err == nil {
			t.Errorf("%q is a header", segment)
		}
	}
}

// What does not fit is said when it is written, and not by the reader.
func TestEncryptingRefused(t *testing.T) {
	a256, err := jwk.New(make([]byte, 32), jwk.Direct, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jwe.Encrypt(nil, a256, jwe.EncryptOptions{Encryption: jwk.A128GCM}); jose.ReasonOf(err) != jose.KeyMisuse {
		t.Errorf("dir with a key of another size: %v", err)
	}
	token, err := jwe.Encrypt([]byte("x"), a256, jwe.EncryptOptions{Encryption: jwk.A256GCM})
	if err != nil {
		t.Fatal(err)
	}
	if m, err := jwe.Decrypt(ctx, token, a256, everything()); err != nil || string(m.Plaintext) != "x" {
		t.Errorf("a key that says dir: %v", err)
	}
	bound := generate(t, jwk.A256GCM)
	if _, err := jwe.EncryptJSON(nil, nil, []*jwk.Key{bound}, jwe.EncryptOptions{Encryption: jwk.A128CBCHS256}); jose.ReasonOf(err) != jose.KeyMisuse {
		t.Errorf("a key bound to another encryption: %v", err)
	}
	long := jwe.EncryptOptions{Type: strings.Repeat("x", jwe.MaxHeaderSize)}
	if _, err := jwe.Encrypt(nil, bound, long); jose.ReasonOf(err) != jose.HeaderInvalid {
		t.Errorf("a huge header: %v", err)
	}
	if _, err := jwe.EncryptJSON(nil, nil, []*jwk.Key{bound}, long); jose.ReasonOf(err) != jose.HeaderInvalid {
		t.Errorf("a huge header in JSON: %v", err)
	}
	if _, err := jwe.EncryptJSON(nil, nil, make([]*jwk.Key, 17), jwe.EncryptOptions{Encryption: jwk.A128GCM}); jose.ReasonOf(err) != jose.PolicyInvalid {
		t.Errorf("seventeen keys: %v", err)
	}
	if _, err := jwe.EncryptJSON(nil, nil, []*jwk.Key{nil}, jwe.EncryptOptions{Encryption: jwk.A128GCM}); jose.ReasonOf(err) != jose.PolicyInvalid {
		t.Errorf("a nil key: %v", err)
	}
}
