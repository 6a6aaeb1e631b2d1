package statuslist

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// Defaults for the fields of Policy that are zero.
const (
	DefaultMaxSize = 1 << 20
	DefaultMinTTL  = time.Minute
)

// A Policy says which status lists a Verifier accepts. Its zero value is refused.
// It is a policy of its own: a list is signed by keys, and for a purpose, that
// need not be those of the tokens it speaks of.
type Policy struct {
	// Issuers are the accepted values of iss, compared exactly. The draft lets a
	// list have none: SkipIssuer is for that, where the keys name the issuer.
	Issuers []string
	// Algorithms are the accepted values of alg.
	Algorithms []jwk.Algorithm
	// MaxAge is how long after its iat a list is believed, whatever its exp says.
	// Without a bound, somebody between could serve the list from before a
	// revocation for ever.
	MaxAge time.Duration
	// MinTTL is the least time between two copies, so that a tiny ttl makes nobody
	// ask all the time (section 11.5). 0 means DefaultMinTTL.
	MinTTL time.Duration
	// MaxSize bounds the token in bytes. 0 means DefaultMaxSize.
	MaxSize int
	// MaxBytes bounds the inflated list in bytes. 0 means DefaultMaxBytes.
	MaxBytes int
	// Leeway is granted to other clocks at exp, nbf and iat. 0 means none.
	Leeway time.Duration
	// Clock returns the time.
	Clock func() time.Time

	SkipIssuer bool // any iss, or none, is accepted
	SkipMaxAge bool // a list is believed until its exp, and for ever without one
}

// A Verifier verifies status list tokens and answers from them. It is safe for
// use by many goroutines.
type Verifier struct {
	policy   Policy
	verifier *jwt.Verifier[claims]
}

// claims are what the registered ones leave; RawMessage tells null from absent.
type claims struct {
	TTL  json.RawMessage `json:"ttl"`
	List json.RawMessage `json:"status_list"`
}

// NewVerifier builds a Verifier. It fails with PolicyInvalid when an expectation
// is missing or contradicts itself.
func NewVerifier(keys jwt.KeySource, p Policy) (*Verifier, error) {
	p.Issuers, p.Algorithms = slices.Clone(p.Issuers), slices.Clone(p.Algorithms)
	switch {
	case p.MaxAge == 0 && !p.SkipMaxAge:
		return nil, fail(jose.PolicyInvalid, "no maximum age is named; SkipMaxAge leaves the check out")
	case p.MaxAge != 0 && p.SkipMaxAge:
		return nil, fail(jose.PolicyInvalid, "maximum age is named and SkipMaxAge is set")
	case p.MaxAge < 0 || p.MinTTL < 0 || p.MaxBytes < 0:
		return nil, fail(jose.PolicyInvalid, "a bound is negative")
	}
	if p.MinTTL == 0 {
		p.MinTTL = DefaultMinTTL
	}
	if p.MaxSize == 0 {
		p.MaxSize = DefaultMaxSize
	}
	required := []string{"sub", "iat", "status_list"}
	if !p.SkipIssuer {
		required = append(required, "iss")
	}
	v, err := jwt.NewVerifier[claims](keys, jwt.Policy{
		Issuers: p.Issuers, Algorithms: p.Algorithms, Type: mediaType, Required: required, MaxSize: p.MaxSize,
		Leeway: p.Leeway, Clock: p.Clock, SkipIssuer: p.SkipIssuer, SkipAudience: true, SkipLifetime: true,
	})
	if err != nil {
		return nil, err
	}
	return &Verifier{policy: p, verifier: v}, nil
}

// A Token is a status list that a Verifier accepted. It never changes.
type Token struct {
	Info
	list     *List
	by       *Verifier
	verified time.Time
}

// Len returns how many statuses the list holds.
func (t *Token) Len() int { return t.list.Len() }

// Verify accepts the status list token of uri, which is Reference.URI of the
// token whose status is asked. It fails like jwt.Verifier.Verify, with
// ClaimMismatch when the list is another one, and with StatusUnknown when it is
// malformed, too large or too old (section 8.3, steps 3 to 5).
func (v *Verifier) Verify(ctx context.Context, token, uri string) (*Token, error) {
	got, err := v.verifier.Verify(ctx, token)
	if err != nil {
		return nil, err
	}
	if got.Subject != uri {
		return nil, fail(jose.ClaimMismatch, fmt.Sprintf("sub is %.128q, the token's status is in %.128q", got.Subject, uri))
	}
	t := &Token{by: v, verified: v.policy.Clock()}
	t.Info = Info{URI: got.Subject, Issuer: got.Issuer, IssuedAt: got.IssuedAt, Expiry: got.Expiry}
	if t.TTL, err = readTTL(got.Claims.TTL); err != nil {
		return nil, err
	}
	if err := v.checkAge(t, t.verified); err != nil {
		return nil, err
	}
	t.list, t.AggregationURI, err = parseList(string(got.Claims.List), v.policy.MaxBytes)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// maxTTL is where greater numbers stop being different: a hundred years.
const maxTTL = 100 * 365 * 24 * time.Hour

// readTTL reads "a positive number encoded in JSON as a number" of seconds.
func readTTL(raw json.RawMessage) (time.Duration, error) {
	if raw == nil {
		return 0, nil
	}
	seconds, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || !(seconds > 0) {
		return 0, fail(jose.StatusUnknown, "ttl is not a positive number")
	}
	if seconds >= maxTTL.Seconds() {
		return maxTTL, nil
	}
	return max(time.Duration(seconds*float64(time.Second)), 1), nil
}

// checkAge refuses a list whose time is over.
func (v *Verifier) checkAge(t *Token, now time.Time) error {
	early := now.Add(-v.policy.Leeway)
	if !t.Expiry.IsZero() && !early.Before(t.Expiry) {
		return fail(jose.StatusUnknown, "the list expired at "+t.Expiry.UTC().Format(time.RFC3339))
	}
	if age := early.Sub(t.IssuedAt); !v.policy.SkipMaxAge && age > v.policy.MaxAge {
		return fail(jose.StatusUnknown, fmt.Sprintf("the list is %s old, at most %s are accepted", age, v.policy.MaxAge))
	}
	return nil
}

// Check returns the status of a token. The error is nil for VALID and for
// nothing else: it has the reason StatusNotValid when the list says another
// status, which is then returned for callers to whom SUSPENDED or a value of
// their own means something; ClaimMismatch when the list is not the one that the
// reference names; and StatusUnknown when the index is outside, t is not from
// this Verifier, or its time is over meanwhile.
func (v *Verifier) Check(t *Token, ref Reference) (Status, error) {
	if t == nil || t.by != v {
		return Invalid, fail(jose.StatusUnknown, "no list of this verifier")
	}
	if ref.URI != t.URI {
		return Invalid, fail(jose.ClaimMismatch, fmt.Sprintf("the list is %.128q, the token's status is in %.128q", t.URI, ref.URI))
	}
	if err := v.checkAge(t, v.policy.Clock()); err != nil {
		return Invalid, err
	}
	s, err := t.list.Status(ref.Index)
	if err != nil {
		return Invalid, err
	}
	if s != Valid {
		return s, fail(jose.StatusNotValid, "the status list says "+s.String())
	}
	return s, nil
}

// Due reports whether a fresh copy of the list should be fetched: its ttl has
// passed since it was verified here, and the policy's MinTTL too, or Check would
// refuse it (sections 8.3 and 11.5). A list without ttl is due when it is refused.
func (v *Verifier) Due(t *Token) bool {
	now := v.policy.Clock()
	if t == nil || t.by != v || v.checkAge(t, now) != nil {
		return true
	}
	return t.TTL != 0 && now.Sub(t.verified) >= max(t.TTL, v.policy.MinTTL)
}
