package jwt

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// DefaultMaxSize bounds a token when Policy.MaxSize is 0: what fits a request
// header of the usual servers.
const DefaultMaxSize = 8192

// A Policy says what a Verifier accepts. Its zero value is refused: an
// expectation that is missing is an error of NewVerifier, never a check that is
// silently off. A check is only left out by a field whose name says so. The
// Policy is copied and never changed.
type Policy struct {
	// Issuers are the accepted values of iss, compared exactly (RFC 8725 3.8).
	Issuers []string
	// Audiences: aud must name at least one of them, compared exactly (RFC 8725 3.9).
	Audiences []string
	// Algorithms are the accepted values of alg, compared exactly (RFC 8725 3.1).
	Algorithms []jwk.Algorithm
	// Type is the accepted typ, such as "at+jwt" or "JWT": compared as a media
	// type whose "application/" may be left out, in ASCII without case
	// (RFC 7515 4.1.9, RFC 8725 3.11).
	Type string
	// Required names the claims that must be there and be neither null nor an
	// empty string. nil means exp, iat, iss, aud and sub; an empty list means none.
	Required []string
	// MaxLifetime bounds exp minus iat, or exp minus now without iat. A token
	// without exp is then refused.
	MaxLifetime time.Duration
	// MaxSize bounds the token in bytes. 0 means DefaultMaxSize.
	MaxSize int
	// Leeway is granted to other clocks at exp, nbf and iat. 0 means none.
	Leeway time.Duration
	// Clock returns the time. The library reads no clock of its own.
	Clock func() time.Time

	SkipIssuer   bool // any iss, or none, is accepted; for tokens without issuer
	SkipAudience bool // any aud, or none, is accepted
	SkipType     bool // any typ, or none, is accepted
	SkipLifetime bool // exp may be as far away as it likes, or missing unless required
	SkipExpiry   bool // exp may have passed; for hints such as id_token_hint, never for access
}

// claimSet is a set of claims that a verifier reads itself.
type claimSet uint16

const (
	claimIss claimSet = 1 << iota
	claimSub
	claimAud
	claimExp
	claimNbf
	claimIat
	claimJti
	claimCnf
	claimScope
)

// registered are the names of the registered claims, in the order of their bits.
var registered = [...]string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti"}

// claimBit returns the bit of a registered claim, and 0 for every other name.
func claimBit(name string) claimSet {
	if i := slices.Index(registered[:], name); i >= 0 {
		return 1 << i
	}
	return 0
}

// policy is a Policy that has been checked and prepared.
type policy struct {
	Policy
	required      claimSet
	requiredOther []string
	untyped       bool   // a token without typ, or of typ JWT, is accepted beside Type
	rules         []rule // what a profile checks beside
	longest       string // MaxLifetime in words
}

func (p *policy) checkAlgorithm(h jws.Header) error {
	if !slices.Contains(p.Algorithms, h.Algorithm) {
		return jws.NotAllowed(h.Algorithm)
	}
	return nil
}

func (p *policy) checkType(h jws.Header) error {
	if isNested(h.ContentType) {
		// Its payload is another token, and no claims set (RFC 7519 7.2 step 8).
		return fail(jose.TypeMismatch, "cty is "+show(h.ContentType)+": the content is a token of its own")
	}
	got := mediaType(h.Type)
	if p.SkipType || equalFoldASCII(got, p.Type) || p.untyped && (got == "" || equalFoldASCII(got, typeID)) {
		return nil
	}
	return fail(jose.TypeMismatch, "typ is "+show(h.Type)+", "+show(p.Type)+" is expected")
}

// isNested reports whether a cty says that the content is a JWT of its own (RFC
// 7519 5.2: "the value MUST be JWT" then, in any case of letters).
func isNested(cty string) bool { return equalFoldASCII(mediaType(cty), "JWT") }

func compilePolicy(p Policy) (policy, error) {
	if err := p.checkAlgorithms(); err != nil {
		return policy{}, err
	}
	return compileClaimsPolicy(p)
}

// compileClaimsPolicy prepares everything but the algorithms.
func compileClaimsPolicy(p Policy) (policy, error) {
	c := policy{Policy: p}
	c.Issuers, c.Audiences = slices.Clone(p.Issuers), slices.Clone(p.Audiences)
	c.Algorithms = slices.Clone(p.Algorithms)
	c.Type = mediaType(p.Type)
	if c.MaxSize == 0 {
		c.MaxSize = DefaultMaxSize
	}
	c.longest = p.MaxLifetime.String()
	required := p.Required
	if required == nil {
		required = []string{"exp", "iat", "iss", "aud", "sub"}
	}
	for _, name := range required {
		if bit := claimBit(name); bit != 0 {
			c.required |= bit
		} else {
			c.requiredOther = append(c.requiredOther, name)
		}
	}
	return c, p.check()
}

func (p Policy) check() error {
	both := func(given, skip bool, what, field string) error {
		switch {
		case !given && !skip:
			return fail(jose.PolicyInvalid, fmt.Sprintf("no %s is named; Skip%s leaves the check out", what, field))
		case given && skip:
			return fail(jose.PolicyInvalid, fmt.Sprintf("%s is named and Skip%s is set", what, field))
		}
		return nil
	}
	for _, err := range []error{
		both(len(p.Issuers) > 0, p.SkipIssuer, "issuer", "Issuer"),
		both(len(p.Audiences) > 0, p.SkipAudience, "audience", "Audience"),
		both(p.Type != "", p.SkipType, "type", "Type"),
		both(p.MaxLifetime != 0, p.SkipLifetime, "maximum lifetime", "Lifetime"),
	} {
		if err != nil {
			return err
		}
	}
	switch {
	case slices.Contains(p.Issuers, "") || slices.Contains(p.Audiences, "") || slices.Contains(p.Required, ""):
		return fail(jose.PolicyInvalid, "an issuer, audience or required claim is the empty string")
	case p.MaxLifetime < 0 || p.Leeway < 0 || p.MaxSize < 0:
		return fail(jose.PolicyInvalid, "a bound is negative")
	case p.Clock == nil:
		return fail(jose.PolicyInvalid, "no clock is given; time.Now is one")
	}
	return nil
}

func (p Policy) checkAlgorithms() error {
	if len(p.Algorithms) == 0 {
		return fail(jose.PolicyInvalid, "no algorithms are allowed")
	}
	for _, a := range p.Algorithms {
		if !a.IsSignature() {
			return fail(jose.PolicyInvalid, fmt.Sprintf("unknown algorithm %q", string(a)))
		}
	}
	return nil
}

// mediaType leaves out "application/" where RFC 7515 4.1.9 lets it be left out:
// when nothing after it has a slash.
func mediaType(s string) string {
	const prefix = "application/"
	if len(s) > len(prefix) && equalFoldASCII(s[:len(prefix)], prefix) && !strings.Contains(s[len(prefix):], "/") {
		return s[len(prefix):]
	}
	return s
}

// equalFoldASCII compares without case in ASCII only: strings.EqualFold takes
// U+212A for k and U+017F for s.
func equalFoldASCII(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		x, y := a[i], b[i]
		if 'A' <= x && x <= 'Z' {
			x += 'a' - 'A'
		}
		if 'A' <= y && y <= 'Z' {
			y += 'a' - 'A'
		}
		if x != y {
			return false
		}
	}
	return true
}

func fail(r jose.Reason, detail string) *jose.Error { return jose.NewError(r, detail, nil) }
