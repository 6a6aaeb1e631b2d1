package jwt

import (
	"context"
	"reflect"
	"strings"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/header"
	"github.com/jotward/jotward/jose/internal/strictjson"
	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// A NestedVerifier opens encrypted tokens and verifies the signed token inside
// (RFC 7519 5.2, 7.2). It is safe for use by many goroutines.
type NestedVerifier[C any] struct {
	outer *opener
	inner *Verifier[C]
}

// NewNestedVerifier builds a NestedVerifier: outer says what may be opened, and
// with which keys; inner what is believed, an access token's verifier for one. The
// profiles with a verifier of their own type have a constructor like this each, such
// as NewNestedIDTokenVerifier. outer.MaxSize 0 means twice the inner policy's. It
// fails with PolicyInvalid.
func NewNestedVerifier[C any](keys jwe.KeySource, outer jwe.DecryptOptions, inner *Verifier[C]) (*NestedVerifier[C], error) {
	if inner == nil {
		return nil, errNestedInner()
	}
	o, err := newOpener(keys, outer, &inner.core.policy)
	if err != nil {
		return nil, err
	}
	return &NestedVerifier[C]{outer: o, inner: inner}, nil
}

// Verify accepts a token that opens under the keys and whose content is a signed
// token that the inner Verifier accepts. cty must say so: "the value MUST be
// JWT" (RFC 7519 5.2). It fails like jwe.Decrypt, with TypeMismatch, like
// Verifier.Verify, and with ClaimMismatch when iss, sub or aud stands in the header
// as well and says something else than the claim (RFC 7519 5.3).
func (v *NestedVerifier[C]) Verify(ctx context.Context, token string) (*Token[C], error) {
	return verifyNested(ctx, v.outer, v.inner, token, nil)
}

// Explain says of each check of Verify what came of it; see Verifier.Explain.
func (v *NestedVerifier[C]) Explain(ctx context.Context, token string) *Explanation {
	return explainNested(ctx, v.outer, v.inner, token, nil)
}

// checkReplicated holds the iss, sub and aud that stand in the header as well,
// for those on the way who cannot open the token, to the claims: whoever receives
// them "SHOULD verify that their values are identical" (RFC 7519 5.3).
func checkReplicated(token, payload string) error {
	segment, _, _ := strings.Cut(token, ".")
	var members, claims strictjson.Doc
	if err := header.Scan(&members, segment); err != nil {
		return err
	}
	if err := claims.Scan(payload); err != nil {
		return fail(jose.ClaimsInvalid, err.Error())
	}
	for _, name := range []string{"iss", "sub", "aud"} {
		outside, replicated := members.Find(name)
		inside, claimed := claims.Find(name)
		if !replicated || !claimed {
			continue
		}
		a, errA := strictjson.Any(outside)
		b, errB := strictjson.Any(inside)
		if errA != nil || errB != nil || !reflect.DeepEqual(a, b) {
			return fail(jose.ClaimMismatch, name+" in the header is another than the claim")
		}
	}
	return nil
}

// Encrypt nests a signed token: it encrypts it to key under a header whose cty
// is JWT (RFC 7519 5.2). It fails like jws.ParseHeader for what is no
// compact signature, and like jwe.Encrypt.
func Encrypt(signed string, key *jwk.Key, o jwe.EncryptOptions) (string, error) {
	segment, _, _, err := jws.Split(signed)
	if err != nil {
		return "", err
	}
	if _, err := jws.ParseHeader(segment); err != nil {
		return "", err
	}
	o.ContentType = "JWT"
	return jwe.Encrypt([]byte(signed), key, o)
}

// A Decrypter opens tokens that are encrypted and not signed. It is safe for use
// by many goroutines.
type Decrypter[C any] struct {
	keys   jwe.KeySource
	outer  jwe.DecryptOptions
	policy policy
	reader reader[C]
}

// An UnauthenticatedToken is what a Decrypter read: claims that nobody vouches
// for. Whoever has the public key could have written them, so nothing in this
// library takes one where a Token is asked for (CVE-2026-29000). They suit data
// that the reader sent to itself, and a shared secret whose holders are equals.
type UnauthenticatedToken[C any] struct {
	Header     jwe.Header
	Registered        // the registered claims
	Claims     C      // the caller's claims
	Payload    string // the claims set as it was encrypted
}

// NewDecrypter builds a Decrypter. outer names the algorithms, so p.Algorithms
// must be empty; everything else of p holds as for NewVerifier. It fails with
// PolicyInvalid.
func NewDecrypter[C any](keys jwe.KeySource, outer jwe.DecryptOptions, p Policy) (*Decrypter[C], error) {
	switch {
	case keys == nil:
		return nil, fail(jose.PolicyInvalid, "no key source")
	case len(p.Algorithms) > 0:
		return nil, fail(jose.PolicyInvalid, "Algorithms are for signatures, and an encrypted-only token has none")
	case outer.MaxSize != 0:
		return nil, fail(jose.PolicyInvalid, "the policy's MaxSize bounds the token")
	}
	c, err := compileClaimsPolicy(p)
	if err != nil {
		return nil, err
	}
	outer.MaxSize = c.MaxSize
	if err := outer.Check(); err != nil {
		return nil, err
	}
	d := &Decrypter[C]{keys: keys, outer: outer, policy: c}
	if err = d.reader.compile(); err != nil {
		return nil, err
	}
	return d, nil
}

// Decrypt opens a token and judges its claims. A nested token, which says so by
// its cty, is refused with TypeMismatch: it has a signature, and a
// NestedVerifier looks at it. Otherwise it fails like NestedVerifier.Verify.
func (d *Decrypter[C]) Decrypt(ctx context.Context, token string) (*UnauthenticatedToken[C], error) {
	m, err := jwe.Decrypt(ctx, token, d.keys, d.outer)
	if err != nil {
		return nil, err
	}
	if isNested(m.Header.ContentType) {
		return nil, fail(jose.TypeMismatch, "cty is JWT: the content is a token of its own")
	}
	if !d.policy.SkipType && !equalFoldASCII(mediaType(m.Header.Type), d.policy.Type) {
		return nil, fail(jose.TypeMismatch, "typ is "+show(m.Header.Type)+", "+show(d.policy.Type)+" is expected")
	}
	room := d.reader.borrow()
	defer d.reader.release(room)
	room.payload = append(room.payload[:0], m.Plaintext...)
	var t Token[C]
	if err := d.reader.read(&t, &d.policy, nil, room); err != nil {
		return nil, err
	}
	if err := checkReplicated(token, t.Payload); err != nil {
		return nil, err
	}
	return &UnauthenticatedToken[C]{Header: m.Header, Registered: t.Registered, Claims: t.Claims, Payload: t.Payload}, nil
}
