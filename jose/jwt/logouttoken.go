package jwt

import (
	"context"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/strictjson"
	"github.com/jotward/jotward/jose/jwk"
)

// logoutEvent is the member of events that makes a logout token (OpenID Connect
// Back-Channel Logout 2.4).
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// A LogoutTokenPolicy says which logout tokens a client accepts (OpenID Connect
// Back-Channel Logout 2.4, 2.6). Its zero value is refused.
type LogoutTokenPolicy struct {
	Issuer      string          // the provider, compared exactly with iss
	ClientID    string          // this client: aud names it
	Algorithms  []jwk.Algorithm // accepted values of alg
	MaxLifetime time.Duration   // bounds exp minus iat
	MaxSize     int             // in bytes; 0 means DefaultMaxSize
	Leeway      time.Duration   // granted to other clocks; 0 means none
	Clock       func() time.Time
	// Replay remembers the jti of accepted tokens: each is accepted once.
	Replay     ReplayStore
	SkipReplay bool // a token may come again: ending a session twice ends it once
	// AllowUntyped accepts a token without typ, or of typ JWT, as well. typ
	// logout+jwt is recommended and not required (2.4): providers older than that
	// write none. Such a token is then told from an ID token by events, which it
	// must have, and nonce, which it must not.
	AllowUntyped bool
}

// A LogoutToken is a logout token that was accepted. Of Subject and SessionID at
// least one is not empty.
type LogoutToken struct {
	Token[struct{}]
	SessionID string // sid; "" ends every session of the subject
}

// A LogoutTokenVerifier verifies logout tokens. It is safe for use by many goroutines.
type LogoutTokenVerifier struct {
	inner  *Verifier[struct{}]
	policy LogoutTokenPolicy
	outer  *opener // nil for tokens that are signed alone
}

// NewLogoutTokenVerifier builds a LogoutTokenVerifier. It fails with PolicyInvalid.
func NewLogoutTokenVerifier(keys KeySource, p LogoutTokenPolicy) (*LogoutTokenVerifier, error) {
	if (p.Replay == nil) != p.SkipReplay {
		return nil, fail(jose.PolicyInvalid, "give Replay, or SkipReplay to accept a token again")
	}
	issuers, audiences := whom(p.Issuer, p.ClientID)
	policy := Policy{
		Issuers: issuers, Audiences: audiences, Algorithms: p.Algorithms, Type: typeLogout,
		Required:    []string{"iss", "aud", "iat", "exp", "jti"},
		MaxLifetime: p.MaxLifetime, MaxSize: p.MaxSize, Leeway: p.Leeway, Clock: p.Clock,
	}
	rules := []rule{logoutEventRule, whoRule, forbid("nonce", "it is in ID tokens")}
	inner, err := newProfile[struct{}](keys, policy, p.AllowUntyped, rules)
	if err != nil {
		return nil, err
	}
	return &LogoutTokenVerifier{inner: inner, policy: p}, nil
}

// Verify accepts a logout token or says why not. It fails like Verifier.Verify;
// with TypeMismatch for a token with a nonce, and with TokenReplayed or
// StoreUnavailable.
func (v *LogoutTokenVerifier) Verify(ctx context.Context, token string) (*LogoutToken, error) {
	t, err := verifyNested(ctx, v.outer, v.inner, token, nil)
	if err != nil {
		return nil, err
	}
	if !v.policy.SkipReplay {
		key := replayKey(typeLogout, t.Issuer, t.ID)
		if err := spend(ctx, v.policy.Replay, key, t.Expiry.Add(v.policy.Leeway)); err != nil {
			return nil, err
		}
	}
	out := &LogoutToken{Token: *t}
	out.SessionID, err = claimText(t.Payload, "sid")
	return out, err
}

// Explain says of each check of Verify but the last what came of it; see
// Verifier.Explain. Whether the token was used before is not asked, for asking
// uses it.
func (v *LogoutTokenVerifier) Explain(ctx context.Context, token string) *Explanation {
	return explainNested(ctx, v.outer, v.inner, token, nil)
}

var logoutEventRule = rule{name: "events", claim: "events", expected: "an object with the logout event, whose value is an object", check: func(f *facts) error {
	list, err := eventsOf(f.doc)
	if err != nil {
		return err
	}
	for _, m := range list {
		if m.Name == logoutEvent {
			return nil
		}
	}
	return fail(jose.TypeMismatch, "events does not hold the logout event")
}}

// whoRule: "A Logout Token MUST contain either a sub or a sid Claim, and MAY
// contain both" (2.4).
var whoRule = rule{name: "sub_or_sid", claim: "sid", expected: "sub, or sid, or both", check: func(f *facts) error {
	sid, err := f.text("sid")
	if err == nil && sid == "" && f.reg.Subject == "" {
		err = fail(jose.ClaimMissing, "sub or sid is required")
	}
	return err
}}

// claimText reads a claim of a payload that was accepted.
func claimText(payload, name string) (string, error) {
	var d strictjson.Doc
	if err := d.Scan(payload); err != nil {
		return "", fail(jose.ClaimsInvalid, err.Error())
	}
	f := facts{doc: &d}
	return f.text(name)
}
