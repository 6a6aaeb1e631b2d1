package jwt

import (
	"context"
	"crypto"
	"crypto/hmac"
	"slices"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/alg"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/jwk"
)

// An IDTokenPolicy says which ID tokens a client accepts (OpenID Connect Core
// 3.1.3.7). Its zero value is refused. typ is JWT or absent; a token that says
// it is of another kind never passes.
type IDTokenPolicy struct {
	Issuer   string // the provider, compared exactly with iss
	ClientID string // this client: aud names it
	// TrustedAudiences may stand in aud beside the client. Any other name there
	// refuses the token (OpenID Connect Core 3.1.3.7, 3).
	TrustedAudiences []string
	Algorithms       []jwk.Algorithm // accepted values of alg
	MaxLifetime      time.Duration   // bounds exp minus iat
	MaxSize          int             // in bytes; 0 means DefaultMaxSize
	Leeway           time.Duration   // granted to other clocks; 0 means none
	Clock            func() time.Time
}

// IDTokenRequest is what a client knows of the request that an ID token answers.
// Its zero value is refused: Nonce or NoNonce says whether a nonce was sent.
type IDTokenRequest struct {
	// Nonce is the nonce that was sent, which the token must repeat.
	Nonce string
	// NoNonce: none was sent. A token with a nonce then answers somebody else's
	// request, and is refused.
	NoNonce bool
	// AccessToken came with the ID token: at_hash must be its hash.
	AccessToken string
	// Code came with the ID token from the authorization endpoint: c_hash must be
	// its hash (OpenID Connect Core 3.3.2.10).
	Code string
	// AllowMissingHash accepts a token without at_hash or c_hash. Only tokens from
	// the token endpoint may lack them (OpenID Connect Core 3.1.3.6). A hash that is
	// there is always checked.
	AllowMissingHash bool
	// MaxAge is the max_age that was sent: auth_time is then required and at most
	// that long ago. 0 means that none was sent: for a max_age of 0, which asks for a
	// new sign-in, give the time that has passed since the request was sent.
	MaxAge time.Duration
	// ACR are the values of acr that will do, when it matters how the person
	// signed in. None means that any will.
	ACR []string
}

// An IDTokenVerifier verifies ID tokens whose claims are read into a C. It is
// safe for use by many goroutines.
type IDTokenVerifier[C any] struct {
	inner  *Verifier[C]
	leeway time.Duration
	outer  *opener // nil for tokens that are signed alone
}

// NewIDTokenVerifier builds an IDTokenVerifier. It fails with PolicyInvalid.
func NewIDTokenVerifier[C any](keys KeySource, p IDTokenPolicy) (*IDTokenVerifier[C], error) {
	issuers, audiences := whom(p.Issuer, p.ClientID)
	if slices.Contains(p.TrustedAudiences, "") {
		return nil, fail(jose.PolicyInvalid, "a trusted audience is the empty string")
	}
	inner, err := newProfile[C](keys, Policy{
		Issuers: issuers, Audiences: audiences, Algorithms: p.Algorithms, Type: typeID,
		Required:    []string{"iss", "sub", "aud", "exp", "iat"},
		MaxLifetime: p.MaxLifetime, MaxSize: p.MaxSize, Leeway: p.Leeway, Clock: p.Clock,
	}, true, []rule{
		audienceRule(p.ClientID, slices.Clone(p.TrustedAudiences)),
		authorizedPartyRule(p.ClientID),
		optionalText("acr"), optionalDate("auth_time"),
		// Tokens of other kinds that have no typ of their own.
		forbid("events", "it is in logout tokens and security events"),
		forbid("token_introspection", "it is in introspection responses"),
	})
	if err != nil {
		return nil, err
	}
	return &IDTokenVerifier[C]{inner: inner, leeway: p.Leeway}, nil
}

// Verify accepts an ID token or says why not. It fails like Verifier.Verify; with
// NonceMismatch; with ClaimMismatch for aud, azp, at_hash, c_hash, auth_time or
// acr; with ClaimMissing, and with PolicyInvalid for a request that leaves
// something unsaid.
func (v *IDTokenVerifier[C]) Verify(ctx context.Context, token string, r IDTokenRequest) (*Token[C], error) {
	rules, err := v.rules(r)
	if err != nil {
		return nil, err
	}
	return verifyNested(ctx, v.outer, v.inner, token, rules)
}

// Explain says of each check of Verify what came of it; see Verifier.Explain. It
// fails with PolicyInvalid for a request that leaves something unsaid.
func (v *IDTokenVerifier[C]) Explain(ctx context.Context, token string, r IDTokenRequest) (*Explanation, error) {
	rules, err := v.rules(r)
	if err != nil {
		return nil, err
	}
	return explainNested(ctx, v.outer, v.inner, token, rules), nil
}

func (v *IDTokenVerifier[C]) rules(r IDTokenRequest) ([]rule, error) {
	switch {
	case r.NoNonce == (r.Nonce != ""):
		return nil, fail(jose.PolicyInvalid, "give Nonce, or NoNonce when none was sent")
	case r.MaxAge < 0 || slices.Contains(r.ACR, ""):
		return nil, fail(jose.PolicyInvalid, "MaxAge is negative, or an ACR is the empty string")
	}
	return []rule{
		nonceRule(r.Nonce),
		hashRule("at_hash", r.AccessToken, r.AllowMissingHash),
		hashRule("c_hash", r.Code, r.AllowMissingHash),
		authTimeRule(r.MaxAge, v.leeway),
		acrRule(r.ACR),
	}, nil
}

// audienceRule keeps out audiences that the client does not trust.
func audienceRule(clientID string, trusted []string) rule {
	return rule{name: "other_audiences", claim: "aud", expected: "no audience but the client and those it trusts", check: func(f *facts) error {
		for _, a := range f.reg.Audience {
			if a != clientID && !slices.Contains(trusted, a) {
				return fail(jose.AudienceMismatch, "aud also names "+show(a)+", which is not trusted")
			}
		}
		return nil
	}}
}

// authorizedPartyRule wants azp where there are several audiences, and to be the
// client wherever it stands (OpenID Connect Core 3.1.3.7, 4 and 5).
func authorizedPartyRule(clientID string) rule {
	return rule{name: "azp", claim: "azp", expected: show(clientID) + ", or absent with one audience", check: func(f *facts) error {
		azp, err := f.text("azp")
		switch {
		case err != nil:
			return err
		case azp == "" && len(f.reg.Audience) > 1:
			return fail(jose.ClaimMissing, "azp is required with several audiences")
		case azp != "" && azp != clientID:
			return fail(jose.ClaimMismatch, "azp is "+show(azp))
		}
		return nil
	}}
}

// nonceRule compares the nonce with the one that was sent; "" means none was.
func nonceRule(want string) rule {
	expected := "the nonce that was sent"
	if want == "" {
		expected = "absent: none was sent"
	}
	return rule{name: "nonce", claim: "nonce", hidden: true, expected: expected, check: func(f *facts) error {
		got, err := f.text("nonce")
		switch {
		case err != nil:
			return err
		case want == "" && got != "":
			return fail(jose.NonceMismatch, "nonce is there and none was sent")
		case !hmac.Equal([]byte(got), []byte(want)):
			return fail(jose.NonceMismatch, "nonce is missing or another one")
		}
		return nil
	}}
}

// hashRule checks at_hash or c_hash against the value it is the hash of; with no
// value there is nothing to check but the claim's type.
func hashRule(claim, value string, optional bool) rule {
	expected := "the left half of the hash of what came with the token"
	if value == "" {
		expected = "anything: nothing that it belongs to was given"
	}
	return rule{name: claim, claim: claim, hidden: true, expected: expected, check: func(f *facts) error {
		got, err := f.text(claim)
		switch {
		case err != nil || value == "":
			return err
		case got == "" && optional:
			return nil
		case got == "":
			return fail(jose.ClaimMissing, claim+" is required with what came with the token")
		}
		want, err := TokenHash(f.alg, value)
		if err != nil {
			return err
		}
		if !hmac.Equal([]byte(got), []byte(want)) {
			return fail(jose.ClaimMismatch, claim+" is the hash of something else")
		}
		return nil
	}}
}

// TokenHash returns the at_hash of an access token, or the c_hash of a code, for
// an ID token that is signed with a: the left half of its hash, with the hash
// that a uses (OpenID Connect Core 3.1.3.6, 3.3.2.11). Ed25519 hashes with
// SHA-512 (RFC 8032 5.1). It fails with AlgorithmNotAllowed where no hash is
// known: to skip the check there is CVE-2026-28498.
func TokenHash(a jwk.Algorithm, value string) (string, error) {
	row := alg.Lookup(string(a))
	var hash crypto.Hash
	switch {
	case row == nil || !row.Family.Signs():
	case row.Family == alg.Ed25519:
		hash = crypto.SHA512
	default:
		hash = row.Hash
	}
	if hash == 0 {
		return "", fail(jose.AlgorithmNotAllowed, "no hash is known for "+show(string(a)))
	}
	h := hash.New()
	h.Write([]byte(value))
	return b64.Encode(h.Sum(nil)[:hash.Size()/2]), nil
}

// authTimeRule wants auth_time to be no longer ago than maxAge, 0 for any.
func authTimeRule(maxAge, leeway time.Duration) rule {
	expected := "anything: no max_age was sent"
	if maxAge > 0 {
		expected = "at most " + maxAge.String() + " ago"
	}
	return rule{name: "auth_time", claim: "auth_time", expected: expected, check: func(f *facts) error {
		if maxAge == 0 {
			return nil
		}
		at, err := f.date("auth_time")
		switch {
		case err != nil:
			return err
		case at.IsZero():
			return fail(jose.ClaimMissing, "auth_time is required, for max_age was sent")
		case at.After(f.now.Add(leeway)):
			return fail(jose.ClaimMismatch, "auth_time is "+stamp(at)+", now is "+stamp(f.now))
		case at.Add(maxAge + leeway).Before(f.now):
			return fail(jose.ClaimMismatch, "auth_time is "+stamp(at)+", longer ago than "+maxAge.String())
		}
		return nil
	}}
}

// acrRule wants acr to be one of the list; none means any.
func acrRule(list []string) rule {
	expected := "anything: none is demanded"
	if len(list) > 0 {
		expected = "one of " + showList(list)
	}
	return rule{name: "acr_value", claim: "acr", expected: expected, check: func(f *facts) error {
		if len(list) == 0 {
			return nil
		}
		got, err := f.text("acr")
		switch {
		case err != nil:
			return err
		case got == "":
			return fail(jose.ClaimMissing, "acr is required")
		case !slices.Contains(list, got):
			return fail(jose.ClaimMismatch, "acr is "+show(got))
		}
		return nil
	}}
}
