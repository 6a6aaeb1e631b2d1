package jwk_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/jotward/jotward/jose/jwk"
)

// What key_ops took from a key is still taken from it after an export, and its public
// half can do what the other half's operation asks of it (RFC 7517 4.3).
func TestOperationsSurvive(t *testing.T) {
	for _, a := range []jwk.Algorithm{jwk.HS256, jwk.ES256, jwk.EdDSA, jwk.RS256, jwk.RSAOAEP256, jwk.ECDHES, jwk.A128KW, jwk.A256GCM} {
		k, err := jwk.Generate(a, "k")
		if err != nil {
			t.Fatal(a, err)
		}
		whole, err := k.ExportPrivate()
		if err != nil || strings.Contains(string(whole), "key_ops") {
			t.Fatal(a, err)
		}
		for _, ops := range []string{"sign", "verify", "encrypt", "decrypt", "wrapKey", "unwrapKey"} {
			text := strings.Replace(string(whole), "{", `{"key_ops":["`+ops+`"],`, 1)
			k, err := jwk.Parse([]byte(text), jwk.Options{})
			if err != nil {
				continue // not for this algorithm
			}
			again, err := k.ExportPrivate()
			if err != nil {
				t.Fatal(a, ops, err)
			}
			back, err := jwk.Parse(again, jwk.Options{})
			if err != nil {
				t.Fatalf("%s, %s: %v", a, ops, err)
			}
			can := func(k *jwk.Key) [4]bool { return [4]bool{k.CanSign(), k.CanVerify(), k.CanEncrypt(), k.CanDecrypt()} }
			if can(back) != can(k) {
				t.Errorf("%s, %s: can %v, and after an export %v", a, ops, can(k), can(back))
			}
			if k.IsSymmetric() {
				continue
			}
			public, err := k.Public()
			if err != nil {
				t.Fatal(a, ops, err)
			}
			signs := a == jwk.ES256 || a == jwk.EdDSA || a == jwk.RS256
			if can(public) != [4]bool{false, signs, !signs, false} {
				t.Errorf("%s, %s: the public half can %v", a, ops, can(public))
			}
		}
	}
}

// key_ops are written as they were read, in an export, in what marshalling shows and
// after a second reading; the public half has the counterparts, and nothing private.
func TestOperationsAreWrittenAsTheyWereRead(t *testing.T) {
	for _, c := range []struct {
		alg         jwk.Algorithm
		ops, public string
	}{
		{jwk.ES256, `["sign"]`, `["verify"]`},
		{jwk.ES256, `["verify","sign"]`, `["verify"]`},
		{jwk.RS256, `["sign","verify"]`, `["verify"]`},
		{jwk.EdDSA, `["verify"]`, `["verify"]`},
		{jwk.RSAOAEP256, `["decrypt"]`, `["encrypt"]`},
		{jwk.RSAOAEP256, `["unwrapKey"]`, `["wrapKey"]`},
		{jwk.RSAOAEP256, `["decrypt","unwrapKey","wrapKey"]`, `["encrypt","wrapKey"]`},
		{jwk.ECDHES, `["deriveKey","deriveBits"]`, `["deriveKey","deriveBits"]`},
		{jwk.ES256, `["sign","urn:example:\"print\""]`, `["verify"]`},
		{jwk.HS256, `["verify"]`, ""},
		{jwk.A128KW, `["unwrapKey"]`, ""},
	} {
		generated, err := jwk.Generate(c.alg, "k")
		if err != nil {
			t.Fatal(err)
		}
		whole, err := generated.ExportPrivate()
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(strings.Replace(string(whole), `"use":"sig",`, "", 1), `"use":"enc",`, "", 1)
		text = strings.Replace(text, "{", `{"key_ops":`+c.ops+",", 1)
		for range 2 { // parse, marshal, parse, marshal
			k, err := jwk.Parse([]byte(text), jwk.Options{})
			if err != nil {
				t.Fatal(c.alg, c.ops, err)
			}
			out, err := k.ExportPrivate()
			if err != nil {
				t.Fatal(err)
			}
			if text = string(out); opsOf(t, text) != c.ops || strings.Contains(text, `"use"`) {
				t.Errorf("%s, %s: exported %s", c.alg, c.ops, opsOf(t, text))
			}
			if k.IsSymmetric() {
				continue
			}
			public, err := k.Public()
			if err != nil {
				t.Fatal(err)
			}
			shown, err := json.Marshal(k)
			if err != nil {
				t.Fatal(err)
			}
			half, err := json.Marshal(public)
			if err != nil {
				t.Fatal(err)
			}
			if string(shown) != string(half) || opsOf(t, string(half)) != c.public || strings.Contains(string(half), `"d"`) {
				t.Errorf("%s, %s: shown %s, public %s", c.alg, c.ops, shown, half)
			}
			back, err := jwk.Parse(half, jwk.Options{PublicOnly: true})
			if err != nil || back.CanVerify() != public.CanVerify() || back.CanEncrypt() != public.CanEncrypt() {
				t.Errorf("%s, %s: %v", c.alg, c.ops, err)
				continue
			}
			if again, err := json.Marshal(back); err != nil || string(again) != string(half) {
				t.Errorf("%s, %s: %s after another reading, %v", c.alg, c.ops, again, err)
			}
		}
	}
}

// opsOf returns the text of key_ops.
func opsOf(t *testing.T, text string) string {
	t.Helper()
	var members struct {
		Ops json.RawMessage `json:"key_ops"`
	}
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		t.Fatal(err)
	}
	return string(members.Ops)
}
