package grant

import (
	"context"
	"errors"
	"strings"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/rule"
	"github.com/jotward/jotward/internal/session"
	"github.com/jotward/jotward/internal/token"
	"github.com/jotward/jotward/jose/lint"
)

// mapped are the claims that expressions give a token of a kind, issued with
// an access token of these claims. One that gives null is left out; one that fails, or
// whose value is a secret by the look of it, refuses the token: who reads it must not take
// a claim that is missing for one that was never meant.
func (s *Service) mapped(ctx context.Context, r Request, a token.Access, kind string, list map[string]string) (map[string]any, error) {
	if len(list) == 0 {
		return nil, nil
	}
	facts, err := s.facts(ctx, r, a)
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	for name, text := range list {
		e, err := s.claims.Compile(text)
		if err != nil {
			return nil, unmapped(name, err)
		}
		v, err := e.Value(facts)
		if err != nil {
			return nil, unmapped(name, err)
		}
		if v != nil {
			out[name] = v
		}
	}
	for _, f := range client.Findings(out, kind == token.KindID, s.Now()) {
		if s.Found != nil {
			s.Found(r.Client.ID, f.Code)
		}
		if f.Severity == lint.Error {
			return nil, unmapped(f.Where, errors.New(string(f.Code)))
		}
	}
	return out, nil
}

func unmapped(name string, err error) error {
	return reason.New(reason.ClaimUnavailable, errors.Join(errors.New("grant: claim "+name), err))
}

// facts are what expressions see. Of a client's own token the account is empty.
func (s *Service) facts(ctx context.Context, r Request, a token.Access) (rule.Facts, error) {
	var who account.Account
	var g Grant
	var err error
	if a.GrantID != "" {
		if who, err = s.Store.Account(ctx, a.Subject); err != nil {
			return nil, unknown(err, reason.AccountDisabled)
		}
		if g, err = s.Store.Grant(ctx, a.GrantID); err != nil {
			return nil, unknown(err, reason.GrantRevoked)
		}
	}
	c := r.Client
	return rule.Facts{"account.id": who.ID, "account.username": who.Username, "account.email": who.Email, "account.roles": some(who.Roles), "account.permissions": some(who.Permissions),
		"client.id": c.ID, "client.roles": some(c.Roles), "client.audiences": some(c.Audiences),
		"request.scope": strings.Fields(a.Scope), "request.audience": []string(a.Audience), "request.grant_type": r.GrantType, "request.acr": session.ACR(g.AMR)}, nil
}

// some is a list that is never nil.
func some(list []string) []string { return append([]string{}, list...) }
