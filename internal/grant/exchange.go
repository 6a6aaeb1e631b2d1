package grant

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/secret"
	"github.com/jotward/jotward/internal/token"
)

// TokenExchange is the grant type of RFC 8693.
const TokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange"

const typeAccessToken = "urn:ietf:params:oauth:token-type:access_token"

// Exchange is what a token exchange asks beside scope and resource (RFC 8693 2.1).
type Exchange struct {
	SubjectToken, SubjectTokenType string
	ActorToken, ActorTokenType     string
	RequestedTokenType             string
	Audiences                      []string
}

// maxActors bounds how many may act for one another behind one token.
const maxActors = 4

// exchange gives a confidential client, for an access token that was issued to it or
// for it, another for who is behind it: with less, for where the client may go, for
// no longer, and naming the client as the one that acts (RFC 8693 1.1, delegation).
// What ends the person's grant ends the new token as well.
func (s *Service) exchange(ctx context.Context, r Request) (Response, Result, error) {
	if r.Client.Public {
		return Response{}, "", reason.New(reason.ClientUnauthorized, nil)
	}
	subject, err := s.exchanged(ctx, r)
	if err != nil {
		return Response{}, "", err
	}
	held := strings.Fields(subject.Scope)
	list := both(held, r.Client.Scopes)
	if r.Scope != "" {
		if list, err = scopes(r.Scope, list); err != nil {
			return Response{}, "", err
		}
	}
	aud, err := audiences(append(r.Resources, r.Exchange.Audiences...), r.Client.Audiences)
	if err != nil {
		return Response{}, "", err
	}
	if err := s.Within(subject.Subject); err != nil {
		return Response{}, "", err
	}
	t, err := s.terms(r.Client, aud)
	if err != nil {
		return Response{}, "", err
	}
	c, err := s.delegated(ctx, subject, r)
	if err != nil {
		return Response{}, "", err
	}
	c.Audience, c.Scope, c.Expiry = aud, strings.Join(list, " "), min(c.IssuedAt+int64(t.Lifetime/time.Second), subject.Expiry)
	text, err := s.access(ctx, r, c, t)
	if err == nil { // who acted for whom is in nobody's hands before it is written down
		err = s.Store.Record(ctx, audit.New(s.Now(), actor(r), "token.exchange", "token", c.ID,
			"subject", c.Subject, "audience", strings.Join(aud, " "), "scope", c.Scope, "from", subject.ID, "grant", c.GrantID))
	}
	return Response{AccessToken: text, TokenType: c.Type(), IssuedTokenType: typeAccessToken, Scope: c.Scope, ExpiresIn: c.Expiry - c.IssuedAt}, Issued, err
}

// exchanged returns the claims of the token that is exchanged.
func (s *Service) exchanged(ctx context.Context, r Request) (token.Access, error) {
	x := r.Exchange
	if x.SubjectToken == "" || x.SubjectTokenType != typeAccessToken || x.RequestedTokenType != "" && x.RequestedTokenType != typeAccessToken {
		return token.Access{}, reason.New(reason.RequestInvalid, errors.New("grant: an access token is exchanged for an access token, and for nothing else"))
	}
	if (x.ActorToken == "") != (x.ActorTokenType == "") || x.ActorTokenType != "" && x.ActorTokenType != typeAccessToken {
		return token.Access{}, reason.New(reason.RequestInvalid, errors.New("grant: actor_token and its type do not make an access token"))
	}
	if x.ActorToken != "" { // who acts is the client: it may say so once more, and of nobody else
		actor, err := s.Alive(ctx, x.ActorToken)
		if err != nil || actor.Subject != r.Client.ID || actor.ClientID != r.Client.ID {
			return token.Access{}, subjectInvalid(err)
		}
	}
	a, err := s.Alive(ctx, x.SubjectToken)
	if err != nil || a.ClientID != r.Client.ID && !slices.Contains(a.Audience, r.Client.ID) {
		return token.Access{}, subjectInvalid(err)
	}
	return a, nil
}

// subjectInvalid is one refusal for tokens that do not hold and for those of others:
// who found a token does not learn which it is. A failure inside stays one.
func subjectInvalid(err error) error {
	if _, refused := errors.AsType[*reason.Error](err); err != nil && !refused {
		return err
	}
	return reason.New(reason.SubjectTokenInvalid, err)
}

// delegated are the claims for who is behind a token, as they are now.
func (s *Service) delegated(ctx context.Context, a token.Access, r Request) (token.Access, error) {
	now := s.Now()
	c := token.Access{Subject: a.Subject, ClientID: r.Client.ID, ClientVersion: r.Client.Version, GrantID: a.GrantID, SessionID: a.SessionID, AuthTime: a.AuthTime, ACR: a.ACR, AMR: a.AMR,
		IssuedAt: now.Unix(), ID: secret.ID(""), Actor: a.Actor, Confirmation: r.Bound.Claim()}
	if a.ClientID != r.Client.ID {
		if c.Actor = (&token.Actor{Subject: r.Client.ID, Actor: a.Actor}); c.Actor.Depth() > maxActors {
			return c, reason.New(reason.SubjectTokenInvalid, errors.New("grant: too many act for one another"))
		}
	}
	if a.GrantID == "" { // a client's own
		of, err := s.Store.Client(ctx, a.Subject)
		c.Roles, c.Permissions = of.Roles, of.Permissions
		if a.Subject != r.Client.ID {
			c.SubjectVersion = of.Version
		}
		return c, unknown(err, reason.SubjectTokenInvalid)
	}
	person, err := s.Store.Account(ctx, a.Subject)
	c.SubjectVersion, c.Roles, c.Permissions = person.Version, person.Roles, person.Permissions
	return c, unknown(err, reason.SubjectTokenInvalid)
}
