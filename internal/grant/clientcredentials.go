package grant

import (
	"context"
	"slices"
	"strings"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/secret"
	"github.com/jotward/jotward/internal/token"
)

// clientCredentials is RFC 6749 4.4: for confidential clients only; no grant is
// stored and no refresh token is given (4.4.3). The subject is the client, whose
// id can never be a person's (RFC 9700 4.15); its roles are the client's own.
func (s *Service) clientCredentials(ctx context.Context, r Request) (Response, Result, error) {
	if r.Client.Public {
		return Response{}, "", reason.New(reason.ClientUnauthorized, nil)
	}
	list, err := scopes(r.Scope, r.Client.Scopes)
	if err != nil {
		return Response{}, "", err
	}
	if r.Scope == "" { // all: what was saved with the client is longer than what a request may name
		list = slices.Compact(slices.Sorted(slices.Values(r.Client.Scopes)))
	}
	// There is nobody whom these could be about; the answer says what was given (RFC 6749 3.3).
	list = slices.DeleteFunc(list, token.OfPerson)
	aud, err := audiences(r.Resources, r.Client.Audiences)
	if err != nil {
		return Response{}, "", err
	}
	t, err := s.terms(r.Client, aud)
	if err != nil {
		return Response{}, "", err
	}
	now := s.Now()
	c := token.Access{Subject: r.Client.ID, Audience: aud, ClientID: r.Client.ID, Expiry: now.Add(t.Lifetime).Unix(),
		IssuedAt: now.Unix(), ID: secret.ID(""), Scope: strings.Join(list, " "), ClientVersion: r.Client.Version,
		Roles: r.Client.Roles, Permissions: r.Client.Permissions, Confirmation: r.Bound.Claim()}
	text, err := s.access(ctx, r, c, t)
	return Response{AccessToken: text, TokenType: c.Type(), Scope: c.Scope, ExpiresIn: c.Expiry - c.IssuedAt}, Issued, err
}
