package jwk

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/strictjson"
)

// A Set is an immutable list of keys that tokens choose from by kid and alg.
type Set struct {
	keys    []*Key
	byID    map[string][]*Key
	skipped []error
}

// NewSet builds a set. It fails with KeyAmbiguous when two keys answer to the
// same kid and the same algorithm, and with KeyInvalid for a nil key.
func NewSet(keys ...*Key) (*Set, error) {
	s := &Set{keys: slices.Clone(keys), byID: make(map[string][]*Key, len(keys))}
	for i, k := range s.keys {
		if k.none() {
			return nil, fail(jose.KeyInvalid, "nil key")
		}
		for _, other := range s.byID[k.keyID] {
			// "Different keys within the JWK Set SHOULD use distinct kid values", but for
			// equivalent keys of different type (RFC 7517 4.5).
			if k.keyID != "" && k.Accepts(other.Algorithm()) {
				return nil, fail(jose.KeyAmbiguous, "two keys for "+string(k.Algorithm())+" have the kid "+quote(k.keyID))
			}
		}
		if s.byID[k.keyID] == nil { // as a rule there is no other, and the list is a part of s.keys
			s.byID[k.keyID] = s.keys[i : i+1 : i+1]
			continue
		}
		s.byID[k.keyID] = append(s.byID[k.keyID], k)
	}
	return s, nil
}

// ParseSet reads a JWK Set (RFC 7517 5). Keys that cannot be used (unknown
// types, other uses, weak or malformed material, and with Options.PublicOnly
// whatever holds a private or secret member) are left out, as that clause
// wants, and Skipped lists why: one bad key is never used and takes no good one
// with it.
//
// The whole set is refused with KeySetInvalid when it is not strict JSON, has
// too many keys, or has an entry that is no object; when it mixes public keys
// with secrets, for a document is either published or kept, and a secret in a
// published one is lost (Wycheproof's jws_mixedSymmetryKeyset); and with KeyAmbiguous when two keys have the same kid
// and algorithm, for which of them the issuer meant is not ours to guess.
func ParseSet(data []byte, o Options) (*Set, error) {
	if len(data) > maxSetText {
		return nil, fail(jose.KeySetInvalid, fmt.Sprintf("a set of more than %d bytes", maxSetText))
	}
	var d strictjson.Doc
	if err := d.Scan(string(data)); err != nil {
		return nil, fail(jose.KeySetInvalid, err.Error())
	}
	v, ok := d.Find("keys")
	if !ok || v.Kind != strictjson.Array {
		return nil, fail(jose.KeySetInvalid, "keys: missing or not an array")
	}
	keys, skipped, err := parseEntries(v, o)
	if err != nil {
		return nil, err
	}
	secrets, publics := false, false
	for _, k := range keys {
		secrets = secrets || k.IsSymmetric()
		publics = publics || !k.IsPrivate()
	}
	if secrets && publics {
		return nil, fail(jose.KeySetInvalid, "public keys and shared secrets in one set")
	}
	s, err := NewSet(keys...)
	if err != nil {
		return nil, err
	}
	s.skipped = skipped
	return s, nil
}

func parseEntries(v strictjson.Value, o Options) (keys []*Key, skipped []error, err error) {
	var d strictjson.Doc
	seen := map[string]bool{}
	count := 0
	for c := strictjson.Open(v); ; count++ {
		m, more := c.Next()
		if !more {
			return keys, skipped, nil
		}
		if count >= maxSetKeys {
			return nil, nil, fail(jose.KeySetInvalid, fmt.Sprintf("a set of more than %d keys", maxSetKeys))
		}
		if m.Kind != strictjson.Object || d.Scan(m.Raw) != nil {
			return nil, nil, fail(jose.KeySetInvalid, fmt.Sprintf("keys[%d]: not an object", count))
		}
		if id := identity(&d); id != "" {
			// Also when one of the two is malformed and would be left out: which of
			// them the issuer meant is not ours to guess.
			if seen[id] {
				return nil, nil, fail(jose.KeyAmbiguous, fmt.Sprintf("keys[%d]: another key has the same kid, type and algorithm", count))
			}
			seen[id] = true
		}
		k, err := parse(&reader{doc: &d}, o)
		if err != nil {
			skipped = append(skipped, jose.NewError(jose.ReasonOf(err), fmt.Sprintf("keys[%d]: %s", count, jose.DetailOf(err)), nil))
			continue
		}
		keys = append(keys, k)
	}
}

// identity is what tells the entries of one kid apart, "" for an entry without kid.
func identity(d *strictjson.Doc) string {
	if v, ok := d.Find("kid"); !ok || v.Kind != strictjson.String || v.Raw == `""` {
		return ""
	}
	var id strings.Builder
	for _, name := range []string{"kid", "kty", "alg", "use", "crv"} {
		if v, ok := d.Find(name); ok && v.Kind == strictjson.String {
			id.WriteString(v.Text())
		}
		id.WriteByte(0)
	}
	return id.String()
}

// Keys returns the usable keys in order. The slice is the caller's own.
func (s *Set) Keys() []*Key { return slices.Clone(s.keys) }

// Skipped returns why keys were left out, each with its reason.
func (s *Set) Skipped() []error { return slices.Clone(s.skipped) }

// Len returns how many usable keys the set holds.
func (s *Set) Len() int { return len(s.keys) }

// Lookup returns the keys that answer to kid, compared exactly, and alg. An
// empty kid asks for every key bound to alg. A kid that no key has is answered
// by the keys that have no kid, for they claim no name that could differ
// (RFC 7515 appendix A.6 is such a case). It fails with KeyNotFound, or with
// KeyMisuse when the kid is known but bound to another algorithm.
func (s *Set) Lookup(_ context.Context, kid string, a Algorithm) ([]*Key, error) {
	if s == nil {
		return nil, fail(jose.KeyNotFound, "there is no set")
	}
	candidates := s.keys
	if kid != "" {
		if candidates = s.byID[kid]; len(candidates) == 0 {
			candidates = s.byID[""]
		}
	}
	var found []*Key
	for _, k := range candidates {
		if k.Accepts(a) {
			found = append(found, k)
		}
	}
	switch {
	case len(found) > 0:
		return found, nil
	case kid != "" && len(s.byID[kid]) > 0:
		return nil, boundElsewhere(candidates[0], a)
	case kid != "":
		return nil, fail(jose.KeyNotFound, "no key has the kid "+quote(kid))
	}
	return nil, fail(jose.KeyNotFound, "the token has no kid and no key is bound to "+string(a))
}

// Generation returns 0: a set never changes.
func (s *Set) Generation() uint64 { return 0 }

// MarshalJSON returns the set as it may be published: the public halves of its
// asymmetric keys, and nothing of shared secrets (RFC 7517 5).
func (s *Set) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteString(`{"keys":[`)
	first := true
	for _, k := range s.keys {
		if k.IsSymmetric() {
			continue
		}
		text, err := k.MarshalJSON()
		if err != nil {
			return nil, err
		}
		if !first {
			out.WriteByte(',')
		}
		first = false
		out.Write(text)
	}
	out.WriteString("]}")
	return out.Bytes(), nil
}
