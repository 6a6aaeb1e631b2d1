package jwt

import (
	"context"
	"reflect"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/strictjson"
	"github.com/jotward/jotward/jose/jwk"
)

// An IntrospectionPolicy says which signed introspection responses a resource
// server accepts (RFC 9701). Its zero value is refused. typ is
// token-introspection+jwt and nothing else.
type IntrospectionPolicy struct {
	Issuer     string          // the authorization server, compared exactly with iss
	Audience   string          // this resource server: aud names it
	Algorithms []jwk.Algorithm // accepted values of alg
	MaxAge     time.Duration   // bounds how long ago iat is: a response answers one request
	MaxSize    int             // in bytes; 0 means DefaultMaxSize
	Leeway     time.Duration   // granted to other clocks; 0 means none
	Clock      func() time.Time
}

// An Introspection is a response that was accepted: that the server gave it is
// sure, and what it says is in Active.
type Introspection[C any] struct {
	Token[struct{}] // of the response itself: iss, aud and iat
	// Active is what the server says of the token that it was asked about (RFC 7662
	// 2.2). When it is false, the token gives no access, and Claims is empty.
	Active bool
	// Claims are the members of token_introspection.
	Claims C
}

// An IntrospectionVerifier verifies introspection responses whose members are
// read into a C. It is safe for use by many goroutines.
type IntrospectionVerifier[C any] struct {
	inner *Verifier[struct{}]
	plan  decoder
	outer *opener // nil for responses that are signed alone
}

// NewIntrospectionVerifier builds an IntrospectionVerifier. How C is read is
// decided here, as by NewVerifier. It fails with PolicyInvalid.
func NewIntrospectionVerifier[C any](keys KeySource, p IntrospectionPolicy) (*IntrospectionVerifier[C], error) {
	if p.MaxAge <= 0 {
		return nil, fail(jose.PolicyInvalid, "no MaxAge is given")
	}
	issuers, audiences := whom(p.Issuer, p.Audience)
	inner, err := newProfile[struct{}](keys, Policy{
		Issuers: issuers, Audiences: audiences, Algorithms: p.Algorithms, Type: typeIntrospection,
		Required: []string{"iss", "aud", "iat"}, SkipLifetime: true,
		MaxSize: p.MaxSize, Leeway: p.Leeway, Clock: p.Clock,
	}, false, []rule{
		introspectionRule, fresh(p.MaxAge, p.Leeway),
		// What a reader that looks at no typ would take for an access token (RFC 9701 8.1).
		forbid("exp", "it belongs to the token, inside token_introspection"),
		forbid("sub", "it belongs to the token, inside token_introspection"),
	})
	if err != nil {
		return nil, err
	}
	v := &IntrospectionVerifier[C]{inner: inner}
	if v.plan, _, err = compileClaims(reflect.TypeFor[C]()); err != nil {
		return nil, err
	}
	return v, nil
}

// Verify accepts a response or says why not. That the token is inactive is no
// failure: ask Active. It fails like Verifier.Verify; with TypeMismatch for a
// response with exp or sub of its own, and with TokenExpired for an iat too long
// ago.
func (v *IntrospectionVerifier[C]) Verify(ctx context.Context, response string) (*Introspection[C], error) {
	t, err := verifyNested(ctx, v.outer, v.inner, response, nil)
	if err != nil {
		return nil, err
	}
	var d strictjson.Doc
	if err := d.Scan(t.Payload); err != nil {
		return nil, fail(jose.ClaimsInvalid, err.Error())
	}
	member, active, err := introspected(&d)
	if err != nil {
		return nil, err
	}
	out := &Introspection[C]{Token: *t, Active: active}
	if !active || v.plan == nil {
		return out, nil
	}
	c := strictjson.At(member)
	if err := v.plan.decode(reflect.ValueOf(&out.Claims).Elem(), &c); err != nil {
		return nil, err
	}
	return out, nil
}

// Explain says of each check of Verify what came of it; see Verifier.Explain.
func (v *IntrospectionVerifier[C]) Explain(ctx context.Context, response string) *Explanation {
	return explainNested(ctx, v.outer, v.inner, response, nil)
}

// introspected returns token_introspection and its active (RFC 9701 5, RFC 7662 2.2).
func introspected(doc *strictjson.Doc) (member strictjson.Value, active bool, err error) {
	member, ok := doc.Find("token_introspection")
	if !ok {
		return member, false, fail(jose.ClaimMissing, "token_introspection is required")
	}
	if member.Kind != strictjson.Object {
		return member, false, fail(jose.ClaimsInvalid, "token_introspection is not an object")
	}
	v, ok := findMember(member, "active")
	if !ok {
		return member, false, fail(jose.ClaimMissing, "active is required in token_introspection")
	}
	if v.Kind != strictjson.True && v.Kind != strictjson.False {
		return member, false, fail(jose.ClaimsInvalid, "active is neither true nor false")
	}
	return member, v.Kind == strictjson.True, nil
}

var introspectionRule = rule{name: "token_introspection", claim: "token_introspection", expected: "an object with active, true or false", check: func(f *facts) error {
	_, _, err := introspected(f.doc)
	return err
}}
