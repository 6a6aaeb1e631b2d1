package jwt

import (
	"context"
	"fmt"
	"strings"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// NewNestedIDTokenVerifier builds an IDTokenVerifier for a client that has its ID
// tokens encrypted (OpenID Connect Core 2, 3.1.3.7 step 1). Its arguments are
// those of NewNestedVerifier; it accepts encrypted tokens alone, whose content
// inner accepts, and its Verify fails like NestedVerifier.Verify as well. It fails
// with PolicyInvalid, also for an inner that is for encrypted tokens already.
func NewNestedIDTokenVerifier[C any](keys jwe.KeySource, outer jwe.DecryptOptions, inner *IDTokenVerifier[C]) (*IDTokenVerifier[C], error) {
	if inner == nil || inner.outer != nil {
		return nil, errNestedInner()
	}
	o, err := newOpener(keys, outer, &inner.inner.core.policy)
	if err != nil {
		return nil, err
	}
	return &IDTokenVerifier[C]{inner: inner.inner, leeway: inner.leeway, outer: o}, nil
}

// NewNestedIntrospectionVerifier builds an IntrospectionVerifier for a resource
// server that has its responses encrypted (RFC 9701 5). Otherwise it is as
// NewNestedIDTokenVerifier.
func NewNestedIntrospectionVerifier[C any](keys jwe.KeySource, outer jwe.DecryptOptions, inner *IntrospectionVerifier[C]) (*IntrospectionVerifier[C], error) {
	if inner == nil || inner.outer != nil {
		return nil, errNestedInner()
	}
	o, err := newOpener(keys, outer, &inner.inner.core.policy)
	if err != nil {
		return nil, err
	}
	return &IntrospectionVerifier[C]{inner: inner.inner, plan: inner.plan, outer: o}, nil
}

// NewNestedLogoutTokenVerifier builds a LogoutTokenVerifier for a client that has
// its tokens encrypted: logout tokens are then encrypted to the same keys as ID
// tokens (OpenID Connect Back-Channel Logout 2.4). Otherwise it is as
// NewNestedIDTokenVerifier. Its replay store is that of inner.
func NewNestedLogoutTokenVerifier(keys jwe.KeySource, outer jwe.DecryptOptions, inner *LogoutTokenVerifier) (*LogoutTokenVerifier, error) {
	if inner == nil || inner.outer != nil {
		return nil, errNestedInner()
	}
	o, err := newOpener(keys, outer, &inner.inner.core.policy)
	if err != nil {
		return nil, err
	}
	return &LogoutTokenVerifier{inner: inner.inner, policy: inner.policy, outer: o}, nil
}

// NewNestedSecurityEventVerifier builds a SecurityEventVerifier for a receiver
// that has its events encrypted (RFC 8417 5.1). Otherwise it is as
// NewNestedIDTokenVerifier.
func NewNestedSecurityEventVerifier(keys jwe.KeySource, outer jwe.DecryptOptions, inner *SecurityEventVerifier) (*SecurityEventVerifier, error) {
	if inner == nil || inner.outer != nil {
		return nil, errNestedInner()
	}
	o, err := newOpener(keys, outer, &inner.inner.core.policy)
	if err != nil {
		return nil, err
	}
	return &SecurityEventVerifier{inner: inner.inner, outer: o}, nil
}

func errNestedInner() error {
	return fail(jose.PolicyInvalid, "no verifier for what is inside, or one for what is encrypted already")
}

// An opener takes the encryption off a nested token (RFC 7519 7.2). None, a nil,
// is for tokens that have no encryption.
type opener struct {
	keys    jwe.KeySource
	options jwe.DecryptOptions
}

func newOpener(keys jwe.KeySource, options jwe.DecryptOptions, inner *policy) (*opener, error) {
	if keys == nil {
		return nil, fail(jose.PolicyInvalid, "no key source to decrypt with")
	}
	if options.MaxSize == 0 {
		options.MaxSize = 2 * inner.MaxSize
	}
	if err := options.Check(); err != nil {
		return nil, err
	}
	return &opener{keys: keys, options: options}, nil
}

// open returns the signed token inside. That it opened says nothing about who
// wrote it: only what the verifier of a signature makes of it counts.
func (o *opener) open(ctx context.Context, token string) (string, error) {
	m, err := jwe.Decrypt(ctx, token, o.keys, o.options)
	if err != nil {
		return "", err
	}
	if !isNested(m.Header.ContentType) {
		return "", fail(jose.TypeMismatch, "cty is "+show(m.Header.ContentType)+", a signed token inside says JWT")
	}
	return string(m.Plaintext), nil
}

// verifyNested is v.verify beneath the encryption, if there is one.
func verifyNested[C any](ctx context.Context, o *opener, v *Verifier[C], token string, more []rule) (*Token[C], error) {
	if o == nil {
		return v.verify(ctx, new(Token[C]), token, more)
	}
	signed, err := o.open(ctx, token)
	if err != nil {
		return nil, err
	}
	t, err := v.verify(ctx, new(Token[C]), signed, more)
	if err != nil {
		return nil, err
	}
	if err := checkReplicated(token, t.Payload); err != nil {
		return nil, err
	}
	return t, nil
}

// explainNested is v.explain beneath the encryption, if there is one: with a check
// before the others, of the encryption, and one after them, of its header.
func explainNested[C any](ctx context.Context, o *opener, v *Verifier[C], token string, more []rule) *Explanation {
	if o == nil {
		return v.explain(ctx, token, more)
	}
	const wantHeader = "iss, sub and aud as the claims have them, or absent"
	signed, err := o.open(ctx, token)
	e := &explainer{}
	e.add("encryption", err, "a signed token inside "+algorithmNames(o.options.Algorithms)+" with "+algorithmNames(o.options.Encryptions), "a signed token inside")
	if err != nil {
		e.checks = append(e.checks, v.explainer(more).done().Checks...)
		e.skip("encryption_header", wantHeader, "a check before it failed")
		return &Explanation{Checks: e.checks}
	}
	e.checks = append(e.checks, v.explain(ctx, signed, more).Checks...)
	_, segment, _, err := jws.Split(signed)
	payload, decode := b64.Bytes(segment)
	if err != nil || decode != nil {
		e.skip("encryption_header", wantHeader, "the claims could not be read")
	} else {
		e.add("encryption_header", checkReplicated(token, string(payload)), wantHeader, fmt.Sprintf("nothing else in %d bytes of claims", len(payload)))
	}
	return &Explanation{Checks: e.checks}
}

// algorithmNames lists algorithms for people.
func algorithmNames(list []jwk.Algorithm) string {
	texts := make([]string, len(list))
	for i, a := range list {
		texts[i] = string(a)
	}
	return strings.Join(texts, ", ")
}
