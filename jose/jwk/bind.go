package jwk

import (
	"slices"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/alg"
	"github.com/jotward/jotward/jose/internal/strictjson"
)

// permissions is what use and key_ops leave (RFC 7517 4.2, 4.3).
type permissions struct{ sign, verify, encrypt, decrypt bool }

func (p permissions) signatures() bool { return p.sign || p.verify }
func (p permissions) encryption() bool { return p.encrypt || p.decrypt }

func (r *reader) permissions() (allowed permissions, ops []string) {
	use, hasUse := r.text("use")
	sig, enc := !hasUse || use == "sig", !hasUse || use == "enc"
	all := permissions{sign: sig, verify: sig, encrypt: enc, decrypt: enc}
	v, ok := r.doc.Find("key_ops")
	if !ok {
		return all, nil
	}
	if v.Kind != strictjson.Array {
		r.wrong("key_ops", "not an array")
		return permissions{}, nil
	}
	ops = []string{} // given, and so never nil
	for c := strictjson.Open(v); ; {
		m, more := c.Next()
		if !more {
			break
		}
		if m.Kind != strictjson.String {
			r.wrong("key_ops", "not an array of strings")
			return permissions{}, nil
		}
		op := m.Text()
		if slices.Contains(ops, op) {
			r.wrong("key_ops", "an operation stands twice")
			return permissions{}, nil
		}
		ops = append(ops, op)
	}
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(ops, name) })
	}
	// Agreement is both: the sender and the receiver derive the same key.
	derives := has("deriveKey", "deriveBits")
	given := permissions{
		sign: has("sign"), verify: has("verify"),
		encrypt: has("encrypt", "wrapKey") || derives, decrypt: has("decrypt", "unwrapKey") || derives,
	}
	if kty, _ := r.text("kty"); len(ops) == 0 && (kty == "EC" || kty == "OKP") && !hasPrivate(r.doc) {
		// Web Cryptography exports public keys for agreement like this: only the
		// private half has operations there. For a signature it still allows nothing.
		given.encrypt = true
	}
	// "The information they convey MUST be consistent" (RFC 7517 4.3).
	if use == "sig" && (given.encryption() || len(ops) > 0 && !given.signatures()) ||
		use == "enc" && (given.signatures() || len(ops) > 0 && !given.encryption()) {
		r.wrong("key_ops", "does not agree with use")
	}
	allowed = permissions{
		sign: sig && given.sign, verify: sig && given.verify,
		encrypt: enc && given.encrypt, decrypt: enc && given.decrypt,
	}
	return allowed, ops
}

// bind finds the one algorithm of a key: its alg member's, its curve's, or the
// one of the caller's list that fits its type and what use and key_ops leave.
func bind(r *reader, kty string, list []Algorithm, allowed permissions) (*alg.Row, error) {
	name, hasAlg := r.text("alg")
	crv, hasCurve := r.text("crv")
	if r.err != nil {
		return nil, r.err
	}
	if !hasCurve {
		crv = ""
	}
	permitted := func(row *alg.Row) bool {
		return row.Family.Signs() && allowed.signatures() || !row.Family.Signs() && allowed.encryption()
	}
	if hasAlg {
		row := alg.Lookup(name)
		switch {
		case row == nil:
			return nil, fail(jose.AlgorithmNotAllowed, "alg "+quote(name)+" is no algorithm of this library")
		case !row.Fits(kty, crv):
			return nil, fail(jose.KeyInvalid, "alg "+name+" does not fit the key's type or curve")
		case !permitted(row):
			return nil, fail(jose.KeyMisuse, "use or key_ops forbid "+name)
		}
		return row, nil
	}
	if kty == "AKP" { // "The parameter alg is REQUIRED" (RFC 9964 3)
		return nil, fail(jose.KeyInvalid, "alg: missing")
	}
	return bindByType(kty, crv, list, permitted)
}

func bindByType(kty, crv string, list []Algorithm, permitted func(*alg.Row) bool) (*alg.Row, error) {
	var usual *alg.Row // EdDSA stands before Ed25519: the name more readers know
	known, forbidden := false, true
	for _, row := range alg.All() {
		if !row.Fits(kty, crv) {
			continue
		}
		known = true
		if permitted(row) {
			forbidden = false
			if usual == nil && row.Curve != "" {
				usual = row
			}
		}
	}
	switch {
	case !known:
		return nil, fail(jose.KeyInvalid, "no algorithm for type "+quote(kty)+" and curve "+quote(crv))
	case forbidden:
		return nil, fail(jose.KeyMisuse, "use or key_ops forbid all that the key could do")
	}
	var found *alg.Row
	for _, a := range list {
		row := alg.Lookup(string(a))
		if row == nil || !row.Fits(kty, crv) || !permitted(row) || found.Same(row) {
			continue
		}
		if found != nil {
			return nil, fail(jose.KeyAmbiguous, "the key has no alg and fits "+found.Name+" and "+row.Name)
		}
		found = row
	}
	if found == nil {
		found = usual
	}
	if found == nil {
		return nil, fail(jose.KeyAmbiguous, "the key has no alg and none of the listed algorithms fits it")
	}
	return found, nil
}
