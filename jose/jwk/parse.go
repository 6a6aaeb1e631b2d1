package jwk

import (
	"fmt"
	"math/big"
	"slices"
	"unicode/utf8"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/alg"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/strictjson"
)

// Bounds of what is parsed.
const (
	maxKeyText = 128 << 10 // bytes of one JWK; an x5c chain is its largest honest part
	maxSetText = 2 << 20   // bytes of one set
	maxSetKeys = 512       // entries of one set
	maxKeyID   = 1024      // bytes of a kid
)

// Options say how a JWK is read. The zero value suits keys that name their alg.
type Options struct {
	// Algorithms binds a key without alg: to the one of these that fits its
	// type. Two that fit are refused with KeyAmbiguous; EdDSA and Ed25519 count
	// as one. Keys on a curve are bound by the curve and need no list. A key
	// that has an alg ignores it.
	Algorithms []Algorithm
	// KeyID is used when the key has no kid.
	KeyID string
	// PublicOnly refuses keys that hold any private or secret member, and leaves
	// them out of sets, for documents that others publish: whoever publishes a
	// private key has lost it.
	PublicOnly bool
	// Extensions read keys of algorithms that are not in this module, such as
	// mldsa.Extension's. Without them such keys are refused, and left out of sets.
	Extensions []Extension
}

// Parse reads one JWK (RFC 7517 4). It fails with KeyInvalid (not strict JSON,
// wrong types, members that disagree), KeyWeak, KeyMisuse (use or key_ops leave
// nothing that the key's algorithm does), KeyAmbiguous, or AlgorithmNotAllowed
// (an alg that is no algorithm of this library).
func Parse(data []byte, o Options) (*Key, error) {
	if len(data) > maxKeyText {
		return nil, fail(jose.KeyInvalid, fmt.Sprintf("a key of more than %d bytes", maxKeyText))
	}
	var d strictjson.Doc
	if err := d.Scan(string(data)); err != nil {
		return nil, fail(jose.KeyInvalid, err.Error())
	}
	return parse(&reader{doc: &d}, o)
}

// reader takes members of a JWK and remembers the first that is wrong.
type reader struct {
	doc *strictjson.Doc
	err error
}

func (r *reader) wrong(name, what string) {
	if r.err == nil {
		r.err = fail(jose.KeyInvalid, name+": "+what)
	}
}

// text returns the string member of that name; a member of another type is wrong.
func (r *reader) text(name string) (string, bool) {
	v, ok := r.doc.Find(name)
	if !ok {
		return "", false
	}
	if v.Kind != strictjson.String {
		r.wrong(name, "not a string")
		return "", false
	}
	return v.Text(), true
}

// octets returns the bytes of a base64url member.
func (r *reader) octets(name string) ([]byte, bool) {
	s, ok := r.text(name)
	if !ok {
		return nil, false
	}
	b, err := b64.Bytes(s)
	if err != nil {
		r.wrong(name, err.Error())
		return nil, false
	}
	return b, true
}

// integer returns a Base64urlUInt (RFC 7518 2): the fewest octets that hold it.
func (r *reader) integer(name string, maxBits int) *big.Int {
	b, ok := r.octets(name)
	switch {
	case !ok:
		return nil
	case len(b) == 0:
		r.wrong(name, "empty")
		return nil
	case len(b) > 1 && b[0] == 0:
		r.wrong(name, "leading zero octet")
		return nil
	case len(b) > (maxBits+7)/8:
		r.wrong(name, "too large")
		return nil
	}
	return new(big.Int).SetBytes(b)
}

func parse(r *reader, o Options) (*Key, error) {
	kty, ok := r.text("kty")
	if !ok && r.err == nil {
		r.wrong("kty", "missing")
	}
	if r.err != nil {
		return nil, r.err
	}
	if o.PublicOnly && hasPrivate(r.doc) {
		return nil, fail(jose.KeyMisuse, "a private or secret member where only public keys belong")
	}
	k := newKey(nil, o.KeyID)
	if kid, ok := r.text("kid"); ok {
		k.keyID = kid
	}
	if r.err == nil {
		r.err = checkKeyID(k.keyID)
	}
	allowed, ops := r.permissions()
	k.ops = ops
	if r.err != nil {
		return nil, r.err
	}
	var err error
	if k.data.Row, err = bind(r, kty, o.Algorithms, allowed); err != nil {
		return nil, err
	}
	if err := k.read(r, kty, o.Extensions); err != nil {
		return nil, err
	}
	if err := k.readCertificates(r); err != nil {
		return nil, err
	}
	k.allow(allowed)
	if d := k.data; !d.CanSign && !d.CanVerify && !d.CanEncrypt && !d.CanDecrypt {
		return nil, fail(jose.KeyMisuse, "a public key whose key_ops allow only what a private key does")
	}
	k.thumb = thumbprint(k.members)
	return k, nil
}

// read fills in the material of the key's type.
func (k *Key) read(r *reader, kty string, extensions []Extension) error {
	switch kty {
	case "oct":
		secret, ok := r.octets("k")
		if !ok {
			return r.missing("k")
		}
		return k.setSecret(secret)
	case "RSA":
		return k.readRSA(r)
	case "EC":
		return k.readEC(r)
	case "AKP":
		return k.readAKP(r, extensions)
	default: // bind accepted it, so it is OKP
		if k.data.Row.Family == alg.ECDHES {
			return k.readX25519(r)
		}
		return k.readOKP(r)
	}
}

func (r *reader) missing(name string) error {
	r.wrong(name, "missing")
	return r.err
}

func (k *Key) readRSA(r *reader) error {
	if _, ok := r.doc.Find("oth"); ok {
		return fail(jose.KeyInvalid, "oth: more than two primes")
	}
	// The bound on n is looser than checkRSA's, so that it names the right reason.
	n := r.integer("n", 2*maxRSA)
	e := r.integer("e", 256)
	if r.err != nil {
		return r.err
	}
	if n == nil || e == nil {
		return r.missing("n or e")
	}
	if e.BitLen() > 31 {
		return fail(jose.KeyInvalid, "exponent is above 2^31-1")
	}
	pub := rsaPublic(n, int(e.Int64()))
	if err := k.setRSAPublic(pub); err != nil {
		return err
	}
	return k.readRSAPrivate(r)
}

func (k *Key) readRSAPrivate(r *reader) error {
	var v [6]*big.Int
	given := 0
	for i, name := range []string{"d", "p", "q", "dp", "dq", "qi"} {
		if v[i] = r.integer(name, maxRSA); v[i] != nil {
			given++
		}
	}
	if r.err != nil {
		return r.err
	}
	switch {
	case given == 0:
		return nil
	case given == 1 && v[0] != nil:
		return k.setRSAParts(v[0], nil, nil)
	case given != len(v):
		// RFC 7518 6.3.2: with any of the other members, all of them.
		return fail(jose.KeyInvalid, "some private members are missing")
	}
	return k.setRSAParts(v[0], v[1:3], v[3:])
}

func (k *Key) readEC(r *reader) error {
	size := k.data.Row.Size
	var curve *alg.Curve
	if k.data.Row.Family == alg.ECDHES {
		crv, _ := r.text("crv")
		curve = alg.LookupCurve(crv) // bind found it
		size = curve.Size
	}
	x, okX := r.octets("x")
	y, okY := r.octets("y")
	d, okD := r.octets("d")
	if r.err != nil {
		return r.err
	}
	if !okX || !okY {
		return r.missing("x or y")
	}
	// "The length of this octet string MUST be the full size of a coordinate" (RFC 7518 6.2.1.2).
	if len(x) != size || len(y) != size {
		return fail(jose.KeyInvalid, "a coordinate has the wrong length")
	}
	point := slices.Concat([]byte{4}, x, y)
	if curve != nil {
		return k.setAgreement(curve, point, d, okD)
	}
	if err := k.setPoint(point); err != nil {
		return err
	}
	if okD {
		return k.setScalar(d)
	}
	return nil
}

// readX25519 reads a key for agreement (RFC 8037 2).
func (k *Key) readX25519(r *reader) error {
	x, okX := r.octets("x")
	d, okD := r.octets("d")
	if r.err != nil {
		return r.err
	}
	if !okX {
		return r.missing("x")
	}
	return k.setAgreement(alg.LookupCurve("X25519"), x, d, okD)
}

func (k *Key) readOKP(r *reader) error {
	x, okX := r.octets("x")
	d, okD := r.octets("d")
	if r.err != nil {
		return r.err
	}
	if !okX {
		return r.missing("x")
	}
	if err := k.setEd25519Public(x); err != nil {
		return err
	}
	if okD {
		return k.setSeed(d)
	}
	return nil
}

// hasPrivate looks for members that only private or secret keys have, by name
// and not by type, so that a private key of an unknown type is found as well.
func hasPrivate(d *strictjson.Doc) bool {
	return slices.ContainsFunc(d.Members(), func(m strictjson.Member) bool { return alg.IsPrivateMember(m.Name) })
}

func checkKeyID(kid string) error {
	if len(kid) > maxKeyID {
		return fail(jose.KeyInvalid, fmt.Sprintf("kid of more than %d bytes", maxKeyID))
	}
	if !utf8.ValidString(kid) {
		// A header would spell it with U+FFFD, and no key of that name would answer.
		return fail(jose.KeyInvalid, "kid is not UTF-8")
	}
	return nil
}

// quote shows a string that somebody else wrote, cut and escaped.
func quote(s string) string {
	if len(s) > 64 {
		s = s[:64]
	}
	return fmt.Sprintf("%q", s)
}
