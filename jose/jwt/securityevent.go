package jwt

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/strictjson"
	"github.com/jotward/jotward/jose/jwk"
)

// A SecurityEventPolicy says which security event tokens a receiver accepts (RFC
// 8417). Its zero value is refused. typ is secevent+jwt and nothing else.
//
// A token that comes again is accepted again: transmitters repeat what was not
// acknowledged (RFC 8936 2.4), and a receiver knows events by their jti.
type SecurityEventPolicy struct {
	Issuers    []string        // accepted values of iss, compared exactly
	Audiences  []string        // aud must name at least one of them
	Algorithms []jwk.Algorithm // accepted values of alg
	MaxAge     time.Duration   // bounds how long ago iat is
	MaxSize    int             // in bytes; 0 means DefaultMaxSize
	Leeway     time.Duration   // granted to other clocks; 0 means none
	Clock      func() time.Time

	SkipAudience bool // any aud, or none, is accepted: aud is optional (RFC 8417 2.2)
	SkipAge      bool // iat may be as long ago as it likes: for streams that catch up
	// AllowExpiry accepts a token with exp, which is then judged. "exp ... use is
	// NOT RECOMMENDED" (RFC 8417 2.2): its absence keeps events from passing for
	// tokens that give access (RFC 8417 4.6).
	AllowExpiry bool
}

// A SecurityEvent is a security event token that was accepted. Its Subject is the
// sub claim, the subject of the whole token; an event may name another in its
// value.
type SecurityEvent struct {
	Token[struct{}]
	// Events are the values of events by their identifiers: at least one, each a
	// JSON object.
	Events map[string]json.RawMessage
}

// A SecurityEventVerifier verifies security event tokens. It is safe for use by
// many goroutines.
type SecurityEventVerifier struct {
	inner *Verifier[struct{}]
	outer *opener // nil for tokens that are signed alone
}

// NewSecurityEventVerifier builds a SecurityEventVerifier. It fails with
// PolicyInvalid.
func NewSecurityEventVerifier(keys KeySource, p SecurityEventPolicy) (*SecurityEventVerifier, error) {
	if (p.MaxAge == 0) != p.SkipAge || p.MaxAge < 0 {
		return nil, fail(jose.PolicyInvalid, "give MaxAge, or SkipAge to accept any")
	}
	rules := []rule{eventsRule, subjectRule, optionalText("txn"), optionalDate("toe")}
	if !p.SkipAge {
		rules = append(rules, fresh(p.MaxAge, p.Leeway))
	}
	if !p.AllowExpiry {
		rules = append(rules, forbid("exp", "an event does not expire"))
	}
	rules = append(rules, forbid("nonce", "it is in ID tokens"))
	inner, err := newProfile[struct{}](keys, Policy{
		Issuers: p.Issuers, Audiences: p.Audiences, Algorithms: p.Algorithms, Type: typeSecurityEvent,
		Required: []string{"iss", "iat", "jti"}, SkipLifetime: true, SkipAudience: p.SkipAudience,
		MaxSize: p.MaxSize, Leeway: p.Leeway, Clock: p.Clock,
	}, false, rules)
	if err != nil {
		return nil, err
	}
	return &SecurityEventVerifier{inner: inner}, nil
}

// Verify accepts a security event token or says why not. It fails like
// Verifier.Verify; with TypeMismatch for claims of other kinds of tokens, and with
// TokenExpired for an iat too long ago.
func (v *SecurityEventVerifier) Verify(ctx context.Context, token string) (*SecurityEvent, error) {
	t, err := verifyNested(ctx, v.outer, v.inner, token, nil)
	if err != nil {
		return nil, err
	}
	var d strictjson.Doc
	if err := d.Scan(t.Payload); err != nil {
		return nil, fail(jose.ClaimsInvalid, err.Error())
	}
	list, err := eventsOf(&d)
	if err != nil {
		return nil, err
	}
	out := &SecurityEvent{Token: *t, Events: make(map[string]json.RawMessage, len(list))}
	for _, m := range list {
		out.Events[m.Name] = json.RawMessage(m.Raw)
	}
	return out, nil
}

// Explain says of each check of Verify what came of it; see Verifier.Explain.
func (v *SecurityEventVerifier) Explain(ctx context.Context, token string) *Explanation {
	return explainNested(ctx, v.outer, v.inner, token, nil)
}

var eventsRule = rule{name: "events", claim: "events", expected: "an object with at least one event, each an object", check: func(f *facts) error {
	_, err := eventsOf(f.doc)
	return err
}}

// subjectRule keeps to one subject: sub, or sub_id, an object with a format (RFC
// 9493 3, 4.1). With both, "both MUST identify the same subject", which cannot be
// told from here, and which of them a reader takes is not ours to guess.
var subjectRule = rule{name: "subject", claim: "sub_id", expected: "sub, or sub_id, or neither", check: func(f *facts) error {
	v, ok := f.doc.Find("sub_id")
	if !ok {
		return nil
	}
	if v.Kind != strictjson.Object {
		return fail(jose.ClaimsInvalid, "sub_id is not an object")
	}
	if format, ok := findMember(v, "format"); !ok || format.Kind != strictjson.String || format.Raw == `""` {
		return fail(jose.ClaimsInvalid, "sub_id has no format")
	}
	if f.have&claimSub != 0 {
		return fail(jose.ClaimMismatch, "sub and sub_id are both there")
	}
	return nil
}}
