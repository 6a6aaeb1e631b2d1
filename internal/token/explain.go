package token

import (
	"context"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// Explain runs every check that one of the issuer's own tokens must pass, as a verifier of
// that kind and audience would, for an operator to read. "" says that the audience is
// not checked.
func (m *Minter) Explain(ctx context.Context, text, kind, audience string) (*jwt.Explanation, error) {
	typ := "at+jwt"
	if kind == KindID {
		typ = "JWT"
	}
	set, err := m.Ring.Set(ctx, keyring.PurposeToken)
	if err != nil {
		return nil, err
	}
	p := m.own(set, typ)
	if audience != "" {
		p.SkipAudience, p.Audiences = false, []string{audience}
	}
	v, err := jwt.NewVerifier[struct{}](set, p)
	if err != nil {
		return nil, err
	}
	return v.Explain(ctx, text), nil
}

// Read returns the claims of one of the issuer's own access tokens, expired or not. They
// are for showing: nobody is let in by them.
func (m *Minter) Read(ctx context.Context, text string) (Access, error) {
	v, err := known[Access](ctx, m, "at+jwt")
	if err != nil {
		return Access{}, err
	}
	t, err := v.Verify(ctx, text)
	if err != nil {
		return Access{}, err
	}
	return t.Claims, nil
}

// own is the policy for the issuer's own tokens of a type, for any audience.
func (m *Minter) own(set *jwk.Set, typ string) jwt.Policy {
	return jwt.Policy{Issuers: []string{m.Issuer}, SkipAudience: true, Algorithms: algorithms(set), Type: typ, MaxLifetime: client.MaxLifetime, Clock: m.Now}
}

// known verifies who signed tokens of a type, and not whether they hold today.
func known[C any](ctx context.Context, m *Minter, typ string) (*jwt.Verifier[C], error) {
	set, err := m.Ring.Set(ctx, keyring.PurposeToken)
	if err != nil {
		return nil, err
	}
	p := m.own(set, typ)
	p.MaxLifetime, p.SkipExpiry, p.SkipLifetime = 0, true, true
	return jwt.NewVerifier[C](set, p)
}
