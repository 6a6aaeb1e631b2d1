package jwk_test

import (
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
