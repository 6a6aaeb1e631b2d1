package jwk

import (
	"encoding/json"
	"fmt"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/alg"
)

// spell writes members that need no escaping as one JSON object.
func spell(members []member) []byte {
	out := []byte{'{'}
	for i, m := range members {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(append(append(out, '"'), m.name...), `":"`...), m.value...), '"')
	}
	return append(out, '}')
}

// document returns the JWK with the given members after kty, kid, use and alg.
func (k *Key) document(members []member, ops string) ([]byte, error) {
	out := []byte(`{"kty":"` + k.keyType() + `"`)
	if k.keyID != "" {
		kid, err := json.Marshal(k.keyID)
		if err != nil {
			return nil, fail(jose.KeyInvalid, "kid cannot be written")
		}
		out = append(append(out, `,"kid":`...), kid...)
	}
	use := "sig"
	if !k.data.Row.Family.Signs() {
		use = "enc"
	}
	out = append(out, `,"use":"`+use+`","alg":"`+k.data.Row.Name+`"`+ops...)
	for _, m := range members {
		if m.name != "kty" && m.name != "alg" {
			out = append(out, `,"`+m.name+`":"`+m.value+`"`...)
		}
	}
	return append(k.appendChain(out), '}'), nil
}

// MarshalJSON returns the public half as a JWK. For a shared secret that is
// kty, kid and alg alone, never k. It cannot fail for a Key that was built.
func (k *Key) MarshalJSON() ([]byte, error) {
	if k.none() {
		return []byte("null"), nil
	}
	if k.IsSymmetric() {
		return k.document(nil, "")
	}
	return k.document(k.members, "")
}

// ExportPrivate returns the whole key, private members included, as a JWK. It
// is the loud way out: everything else that prints a Key shows its public half.
// It fails with KeyMisuse for a public key, and for a key whose private half
// lives elsewhere.
func (k *Key) ExportPrivate() ([]byte, error) {
	if len(k.private) == 0 {
		return nil, fail(jose.KeyMisuse, "the key has no private half that could be exported")
	}
	if k.IsSymmetric() {
		return k.document(k.private, k.operations())
	}
	return k.document(append(k.members[:len(k.members):len(k.members)], k.private...), k.operations())
}

// operations returns the key_ops of a key that may do less than its material can (RFC
// 7517 4.3), so that what was taken from it does not come back by exporting it. The
// public half needs none: use says all that it can do.
func (k *Key) operations() string {
	d := k.data
	forth, back, names := d.CanSign, d.CanVerify, [2]string{"sign", "verify"}
	if !d.Row.Family.Signs() {
		forth, back, names = d.CanEncrypt, d.CanDecrypt, [2]string{"wrapKey", "unwrapKey"}
		if d.Row.Family == alg.Direct || d.Row.Family.EncryptsContent() {
			names = [2]string{"encrypt", "decrypt"}
		}
	}
	switch {
	case forth && back:
		return ""
	case forth:
		return `,"key_ops":["` + names[0] + `"]`
	}
	return `,"key_ops":["` + names[1] + `"]`
}

// String describes the key without its material: algorithm, kid, and whether it is private.
func (k *Key) String() string {
	if k.none() {
		return "jwk.Key(nil)"
	}
	kind := "public"
	switch {
	case k.IsSymmetric():
		kind = "secret"
	case k.IsPrivate():
		kind = "private"
	}
	return fmt.Sprintf("jwk.Key(%s %s kid=%q)", k.data.Row.Name, kind, k.keyID)
}

// GoString is String, so that %#v shows no material.
func (k *Key) GoString() string { return k.String() }

// Format is String for every verb, so that no verb walks into the fields. It is
// a method of Key, so that a copy has it as well.
func (k Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// MarshalText is String: text encoders and log handlers show no material.
func (k *Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
