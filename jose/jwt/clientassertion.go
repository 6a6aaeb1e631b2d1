package jwt

import (
	"context"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/strictjson"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// A ClientAssertionPolicy says which assertion an authorization server takes for
// one client's authentication (RFC 7523 3, with draft-ietf-oauth-rfc7523bis).
// Its zero value is refused.
type ClientAssertionPolicy struct {
	// Issuer is the server's own issuer identifier, the one value of aud, as a
	// string. An address of an endpoint, a list, or a second audience is refused: with
	// those, a client of two servers can be led to make for one an assertion that
	// the other takes (draft-ietf-oauth-rfc7523bis 1, audience injection).
	Issuer      string
	ClientID    string          // the client whose keys the Verifier has: iss and sub
	Algorithms  []jwk.Algorithm // accepted values of alg
	MaxLifetime time.Duration   // bounds exp minus iat, or exp minus now without iat; minutes
	MaxSize     int             // in bytes; 0 means DefaultMaxSize
	Leeway      time.Duration   // granted to other clocks; 0 means none
	Clock       func() time.Time
	// Replay remembers the jti of accepted assertions: each is accepted once.
	Replay ReplayStore
	// AllowUntyped accepts an assertion without typ, or of typ JWT, as well: RFC 7523
	// names no type, and clients older than draft-ietf-oauth-rfc7523bis write none.
	// Use it where the client's keys sign nothing else.
	AllowUntyped bool
}

// A ClientAssertionVerifier verifies the assertions of one client. It is safe for
// use by many goroutines, and cheap to build for one request.
type ClientAssertionVerifier struct {
	inner  *Verifier[struct{}]
	policy ClientAssertionPolicy
}

// NewClientAssertionVerifier builds a ClientAssertionVerifier from the client's
// keys. It fails with PolicyInvalid.
func NewClientAssertionVerifier(keys KeySource, p ClientAssertionPolicy) (*ClientAssertionVerifier, error) {
	if p.Replay == nil {
		return nil, fail(jose.PolicyInvalid, "no Replay is given: an assertion is accepted once")
	}
	issuers, audiences := whom(p.ClientID, p.Issuer)
	policy := Policy{
		Issuers: issuers, Audiences: audiences, Algorithms: p.Algorithms, Type: typeAssertion,
		Required:    []string{"iss", "sub", "aud", "exp", "jti"},
		MaxLifetime: p.MaxLifetime, MaxSize: p.MaxSize, Leeway: p.Leeway, Clock: p.Clock,
	}
	rules := []rule{soleAudienceRule(p.Issuer), clientSubjectRule(p.ClientID), forbid("events", "it is in logout tokens and security events")}
	inner, err := newProfile[struct{}](keys, policy, p.AllowUntyped, rules)
	if err != nil {
		return nil, err
	}
	return &ClientAssertionVerifier{inner: inner, policy: p}, nil
}

// Verify accepts an assertion, once, or says why not. It fails like
// Verifier.Verify; with ClaimMismatch for a sub that is not the client, and with
// TokenReplayed or StoreUnavailable.
func (v *ClientAssertionVerifier) Verify(ctx context.Context, assertion string) (*Token[struct{}], error) {
	t, err := v.inner.Verify(ctx, assertion)
	if err != nil {
		return nil, err
	}
	key := replayKey(typeAssertion, t.Issuer, t.ID)
	if err := spend(ctx, v.policy.Replay, key, t.Expiry.Add(v.policy.Leeway)); err != nil {
		return nil, err
	}
	return t, nil
}

// Explain says of each check of Verify but the last what came of it; see
// Verifier.Explain. Whether the assertion was used before is not asked, for asking
// uses it.
func (v *ClientAssertionVerifier) Explain(ctx context.Context, assertion string) *Explanation {
	return v.inner.Explain(ctx, assertion)
}

func soleAudienceRule(issuer string) rule {
	return rule{name: "sole_audience", claim: "aud", expected: show(issuer) + " alone, as a string", check: func(f *facts) error {
		if v, _ := f.doc.Find("aud"); v.Kind != strictjson.String {
			return fail(jose.AudienceMismatch, "aud is a list, and the issuer alone, as a string, is expected")
		}
		return nil
	}}
}

func clientSubjectRule(clientID string) rule {
	return rule{name: "client", claim: "sub", expected: show(clientID), check: func(f *facts) error {
		if f.reg.Subject != clientID {
			return fail(jose.ClaimMismatch, "sub is "+show(f.reg.Subject)+", and the client is expected")
		}
		return nil
	}}
}

// UnverifiedClientID reads the iss of an assertion, so that the client's keys can
// be found when the request names no client_id (RFC 7521 4.2). Nothing vouches
// for it before a ClientAssertionVerifier of that client has accepted the
// assertion. It fails with TokenOversize beyond DefaultMaxSize, TokenMalformed,
// ClaimsInvalid or ClaimMissing.
func UnverifiedClientID(assertion string) (string, error) {
	if len(assertion) > DefaultMaxSize {
		return "", fail(jose.TokenOversize, "the assertion is larger than a client could need")
	}
	_, payload, _, err := jws.Split(assertion)
	if err != nil {
		return "", err
	}
	text, err := b64.Bytes(payload)
	if err != nil {
		return "", fail(jose.TokenMalformed, "payload: "+err.Error())
	}
	id, err := claimText(string(text), "iss")
	if err == nil && id == "" {
		err = fail(jose.ClaimMissing, "iss is required")
	}
	return id, err
}
