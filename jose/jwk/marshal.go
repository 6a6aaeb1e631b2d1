package jwk

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jotward/jotward/jose"
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

// document returns the JWK with the given members after kty, kid, use or key_ops, and alg.
func (k *Key) document(members []member, ops []string) ([]byte, error) {
	out := []byte(`{"kty":"` + k.keyType() + `"`)
	if k.keyID != "" {
		kid, err := json.Marshal(k.keyID)
		if err != nil {
			return nil, fail(jose.KeyInvalid, "kid cannot be written")
		}
		out = append(append(out, `,"kid":`...), kid...)
	}
	if ops != nil {
		// As it was read: it says more than use, and the two "SHOULD NOT be used together"
		// (RFC 7517 4.3).
		list, err := json.Marshal(ops)
		if err != nil {
			return nil, fail(jose.KeyInvalid, "key_ops cannot be written")
		}
		out = append(append(out, `,"key_ops":`...), list...)
	} else if k.data.Row.Family.Signs() {
		out = append(out, `,"use":"sig"`...)
	} else {
		out = append(out, `,"use":"enc"`...)
	}
	out = append(out, `,"alg":"`+k.data.Row.Name+`"`...)
	for _, m := range members {
		if m.name != "kty" && m.name != "alg" {
			out = append(out, `,"`+m.name+`":"`+m.value+`"`...)
		}
	}
	return append(k.appendChain(out), '}'), nil
}

// MarshalJSON returns the public half as a JWK, with the key_ops of Public where the
// key was read with key_ops, and with use where it was not. For a shared secret that
// is kty, kid, use and alg alone, never k. It cannot fail for a Key that was built.
func (k *Key) MarshalJSON() ([]byte, error) {
	if k.none() {
		return []byte("null"), nil
	}
	if k.IsSymmetric() {
		return k.document(nil, nil)
	}
	if k.IsPrivate() {
		return k.document(k.members, publicOperations(k.ops))
	}
	return k.document(k.members, k.ops)
}

// ExportPrivate returns the whole key, private members included, as a JWK, with the
// key_ops that it was read with, so that what was taken from a key does not come back
// by exporting it. It is the loud way out: everything else that prints a Key shows its public half.
// It fails with KeyMisuse for a public key, and for a key whose private half
// lives elsewhere.
func (k *Key) ExportPrivate() ([]byte, error) {
	if len(k.private) == 0 {
		return nil, fail(jose.KeyMisuse, "the key has no private half that could be exported")
	}
	if k.IsSymmetric() {
		return k.document(k.private, k.ops)
	}
	return k.document(append(k.members[:len(k.members):len(k.members)], k.private...), k.ops)
}

// publicOperations returns what is left of a private key's key_ops for its public half
// (RFC 7517 4.3). Both halves derive. An operation that nobody knows is left out, for
// nobody knows whose it is.
func publicOperations(ops []string) []string {
	if ops == nil {
		return nil
	}
	counterparts := map[string]string{
		"sign": "verify", "verify": "verify", "encrypt": "encrypt", "decrypt": "encrypt", "wrapKey": "wrapKey", "unwrapKey": "wrapKey",
		"deriveKey": "deriveKey", "deriveBits": "deriveBits",
	}
	out := []string{}
	for _, op := range ops {
		if name := counterparts[op]; name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
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
