package grant

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/internal/secret"
	"github.com/jotward/jotward/internal/token"
)

// Introspection is the answer of RFC 7662 2.2; when it is not active nothing
// else is set.
type Introspection struct {
	Active bool
	Access *token.Access // an access token's claims
	Grant  *Grant        // a refresh token's grant
}

// Introspect looks a token up for an authenticated client. What a token is is
// found out, never hinted. An access token is shown to its client and to those
// whom it is for: who is named in its audience, or may ask for that audience
// (RFC 7662 4: or an attacker learns what a stolen token is good for). A
// refresh token is active to its own client only. A failure of the store is an
// error, never "inactive".
func (s *Service) Introspect(ctx context.Context, c client.Client, text string) (Introspection, error) {
	a, err := s.verify(ctx, text)
	if err == nil {
		if !concerns(a, c) {
			return Introspection{}, nil
		}
		ok, err := s.accessLive(ctx, a)
		if err != nil || !ok {
			return Introspection{}, err
		}
		if a.Extra == nil {
			a = a.WithExtra(text)
		}
		return Introspection{Active: true, Access: &a}, nil
	}
	if missing(err) != nil {
		return Introspection{}, err
	}
	t, err := s.Store.Refresh(ctx, secret.Hash(text))
	if err != nil || !t.Spent.IsZero() || !s.Now().Before(t.Expires) {
		return Introspection{}, missing(err)
	}
	g, err := s.live(ctx, t.GrantID, c, reason.RefreshInvalid)
	if err != nil || c.Disabled {
		return Introspection{}, missing(err)
	}
	who, err := s.Store.Account(ctx, g.Subject)
	if err != nil || who.Disabled {
		return Introspection{}, missing(err)
	}
	return Introspection{Active: true, Grant: &g}, nil
}

// Alive returns the claims of one of our access tokens that nothing has ended, for an
// endpoint of the issuer that takes one.
func (s *Service) Alive(ctx context.Context, text string) (token.Access, error) {
	a, err := s.verify(ctx, text)
	if err != nil {
		return a, err
	}
	ok, err := s.accessLive(ctx, a)
	if err == nil && !ok {
		err = reason.New(reason.TokenRevoked, nil)
	}
	return a, err
}

// Told returns what UserInfo says of the person behind an access token that is alive.
// What was allowed beside its scopes was allowed to the client of the grant, and to
// nobody who got a token for it in exchange (RFC 8693).
func (s *Service) Told(ctx context.Context, a token.Access) (token.Profile, error) {
	person, err := s.Store.Account(ctx, a.Subject)
	if err != nil {
		return token.Profile{}, err
	}
	g, err := s.Store.Grant(ctx, a.GrantID)
	if err != nil {
		return token.Profile{}, err
	}
	c, err := s.Store.Client(ctx, a.ClientID)
	if err != nil {
		return token.Profile{}, err
	}
	var claims []string
	if g.ClientID == c.ID {
		claims = token.Single(g.UserInfoClaims, c.Scopes)
	}
	return token.Tell(person, strings.Fields(a.Scope), claims), nil
}

// concerns reports whether a client may know about an access token. To be allowed to ask
// for an audience is enough where an operator allowed it: a client that registered
// itself got all audiences of the policy, and is a stranger.
func concerns(a token.Access, c client.Client) bool {
	return a.ClientID == c.ID || slices.ContainsFunc(a.Audience, func(v string) bool { return v == c.ID || !c.Registered && slices.Contains(c.Audiences, v) })
}

// missing forgives that something is not there, or is no longer alive.
func missing(err error) error {
	if _, ok := errors.AsType[*reason.Error](err); ok {
		return nil
	}
	return err
}

func (s *Service) accessLive(ctx context.Context, a token.Access) (bool, error) {
	code, err := s.Ended(ctx, a)
	return err == nil && code == "", err
}

// Ended says what has ended one of our access tokens, whose claims they are; "" for one
// that nothing has. That its time is over is no such end.
func (s *Service) Ended(ctx context.Context, a token.Access) (reason.Code, error) {
	if gone, err := s.Store.TokenRevoked(ctx, a.ID); err != nil || gone {
		return reason.TokenRevoked, err
	}
	c, err := s.Store.Client(ctx, a.ClientID)
	switch {
	case err != nil || a.ClientVersion < c.Version:
		return reason.ClientRevoked, missing(err)
	case c.Disabled:
		return reason.ClientDisabled, nil
	case a.GrantID == "":
		return s.ownerEnded(ctx, a)
	}
	who, err := s.Store.Account(ctx, a.Subject)
	if err != nil || a.SubjectVersion < who.Version {
		return reason.SubjectRevoked, missing(err)
	}
	if who.Disabled {
		return reason.AccountDisabled, nil
	}
	ses, err := s.Store.Session(ctx, a.SessionID)
	if err != nil || ses.Ended {
		return reason.SessionRevoked, missing(err)
	}
	g, err := s.Store.Grant(ctx, a.GrantID)
	if err != nil || g.Revoked {
		return reason.GrantRevoked, missing(err)
	}
	if g.ClientID == a.ClientID {
		return "", nil
	}
	c, err = s.Store.Client(ctx, g.ClientID) // to which the token was issued that was exchanged for this one
	if err != nil || c.Disabled {
		return reason.ClientDisabled, missing(err)
	}
	return "", nil
}

// ownerEnded looks at the client whose own token was exchanged for this one (RFC 8693), by
// the version that it had: what takes that client's tokens back takes this one too.
func (s *Service) ownerEnded(ctx context.Context, a token.Access) (reason.Code, error) {
	if a.Subject == a.ClientID {
		return "", nil
	}
	c, err := s.Store.Client(ctx, a.Subject)
	if err != nil || c.Disabled || a.SubjectVersion < c.Version {
		return reason.ClientRevoked, missing(err)
	}
	return "", nil
}

// Revoke is RFC 7009: a token that is unknown or another client's is no error
// to the caller (2.2).
func (s *Service) Revoke(ctx context.Context, c client.Client, requestID, text string) error {
	who := audit.Actor{Kind: "client", ID: c.ID, Request: requestID}
	a, err := s.verify(ctx, text)
	if err == nil {
		if a.ClientID != c.ID {
			return nil
		}
		// Once is enough: who repeats it must not make the log grow at every edge.
		if gone, err := s.Store.TokenRevoked(ctx, a.ID); err != nil || gone {
			return err
		}
		return s.Store.Record(ctx, audit.New(s.Now(), who, "token.revoke", "token", a.ID).Revoking(revoke.Entry{
			Kind: revoke.KindToken, ID: a.ID, Expires: time.Unix(a.Expiry, 0).Add(client.Room), Reason: reason.Requested}))
	}
	if missing(err) != nil {
		return err
	}
	t, err := s.Store.Refresh(ctx, secret.Hash(text))
	if err != nil {
		return missing(err)
	}
	if _, err := s.live(ctx, t.GrantID, c, reason.RefreshInvalid); err != nil {
		return missing(err)
	}
	return s.revoke(ctx, who, t.GrantID, reason.Requested)
}
