package client

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/internal/secret"
)

// Get returns a client, or NotFound.
func (s *Service) Get(ctx context.Context, id string) (Client, error) { return s.Store.Client(ctx, id) }

// List returns clients in order of id after the cursor.
func (s *Service) List(ctx context.Context, after string, limit int) ([]Client, error) {
	return s.Store.Clients(ctx, after, limit)
}

// What follows changes a client. revision is the one that the caller has read:
// when the client has moved on the answer is Conflict; zero means any.

// Update replaces what an operator configures; kind, secret and state stay.
// When it takes roles, permissions, scopes or audiences away, tokens that still
// have them are revoked.
func (s *Service) Update(ctx context.Context, actor audit.Actor, revision int64, c Client) (Client, error) {
	return s.change(ctx, c.ID, revision, func(old *Client) (audit.Act, error) {
		less := narrower(c.Roles, old.Roles) || narrower(c.Permissions, old.Permissions) ||
			narrower(c.Scopes, old.Scopes) || narrower(c.Audiences, old.Audiences)
		old.Narrowed = old.Narrowed || narrower(c.Scopes, old.Scopes) || narrower(c.GrantTypes, old.GrantTypes)
		old.Name, old.GrantTypes, old.RedirectURIs, old.Scopes, old.Audiences = c.Name, c.GrantTypes, c.RedirectURIs, c.Scopes, c.Audiences
		old.Roles, old.Permissions, old.AccessTokenLifetime, old.SkipConsent = c.Roles, c.Permissions, c.AccessTokenLifetime, c.SkipConsent
		old.DPoP, old.PAR, old.PostLogoutRedirectURIs = c.DPoP, c.PAR, c.PostLogoutRedirectURIs
		old.IDTokenAlgorithm, old.UserInfoAlgorithm, old.AccessTokenAlgorithm = c.IDTokenAlgorithm, c.UserInfoAlgorithm, c.AccessTokenAlgorithm
		old.IDTokenEncryption, old.IDTokenContent = c.IDTokenEncryption, c.IDTokenContent
		old.AccessTokenFormat, old.AccessTokenClaims, old.IDTokenClaims = c.AccessTokenFormat, c.AccessTokenClaims, c.IDTokenClaims
		old.BackchannelLogoutURI, old.BackchannelLogoutSession = c.BackchannelLogoutURI, c.BackchannelLogoutSession
		old.FrontchannelLogoutURI, old.FrontchannelLogoutSession = c.FrontchannelLogoutURI, c.FrontchannelLogoutSession
		c.Public = old.Public
		if c.AuthMethod = c.method(); old.AuthMethod == AuthSecret && c.AuthMethod != AuthSecret { // a secret that was replaced never holds again
			old.SecretHash, old.PreviousSecretHash, old.PreviousSecretExpires = noSecret(), nil, time.Time{}
		}
		old.AuthMethod, old.JWKS, old.JWKSURI, old.TLSSubject, old.TLSBound = c.AuthMethod, c.JWKS, c.JWKSURI, c.TLSSubject, c.TLSBound
		if err := s.check(*old); err != nil || !less {
			return audit.New(s.Now(), actor, "client.update", "client", c.ID), err
		}
		return s.revoking(actor, old, "client.update", reason.RolesChanged), nil
	})
}

// narrower reports whether something of old is gone.
func narrower(now, old []string) bool {
	return slices.ContainsFunc(old, func(v string) bool { return !slices.Contains(now, v) })
}

// MaxOverlap bounds how long two secrets of a client hold.
const MaxOverlap = 7 * 24 * time.Hour

// RotateSecret replaces the secret and returns the new one, once. The present one
// holds beside it for the overlap; an older one ends now. It fails with
// RequestInvalid for a client without a secret and an overlap outside 0 to MaxOverlap.
func (s *Service) RotateSecret(ctx context.Context, actor audit.Actor, id string, revision int64, overlap time.Duration) (string, error) {
	if overlap < 0 || overlap > MaxOverlap {
		return "", &reason.Error{Code: reason.RequestInvalid, Detail: "overlap is outside 0 to 604800 seconds"}
	}
	text := secret.New("")
	_, err := s.change(ctx, id, revision, func(c *Client) (audit.Act, error) {
		if c.AuthMethod != AuthSecret {
			return audit.Act{}, &reason.Error{Code: reason.RequestInvalid, Detail: "the client has no secret: it authenticates by " + c.AuthMethod}
		}
		c.PreviousSecretHash, c.PreviousSecretExpires = nil, time.Time{}
		if overlap > 0 {
			c.PreviousSecretHash, c.PreviousSecretExpires = c.SecretHash, s.Now().Add(overlap)
		}
		c.SecretHash = secret.Hash(text)
		return audit.New(s.Now(), actor, "client.secret", "client", id, "overlap", overlap.String()), nil
	})
	if err != nil {
		return "", err
	}
	return text, nil
}

// RevokeTokens revokes every access token of the client; it may get new ones.
func (s *Service) RevokeTokens(ctx context.Context, actor audit.Actor, id string) error {
	_, err := s.change(ctx, id, 0, func(c *Client) (audit.Act, error) {
		return s.revoking(actor, c, "client.revoke", reason.Administrator), nil
	})
	return err
}

// Disable shuts the client and revokes its tokens.
func (s *Service) Disable(ctx context.Context, actor audit.Actor, id string, revision int64) error {
	_, err := s.change(ctx, id, revision, func(c *Client) (audit.Act, error) {
		c.Disabled = true
		return s.revoking(actor, c, "client.disable", reason.ClientDisabled), nil
	})
	return err
}

// Enable opens the client again.
func (s *Service) Enable(ctx context.Context, actor audit.Actor, id string, revision int64) error {
	_, err := s.change(ctx, id, revision, func(c *Client) (audit.Act, error) {
		c.Disabled = false
		return audit.New(s.Now(), actor, "client.enable", "client", id), nil
	})
	return err
}

// Delete removes the client with its grants and revokes its tokens.
func (s *Service) Delete(ctx context.Context, actor audit.Actor, id string, revision int64) error {
	return again(revision, func() error {
		c, err := s.read(ctx, id, revision)
		if err != nil {
			return err
		}
		return s.Store.DeleteClient(ctx, id, c.Revision, s.revoking(actor, &c, "client.delete", reason.ClientDisabled))
	})
}

func (s *Service) read(ctx context.Context, id string, revision int64) (Client, error) {
	c, err := s.Store.Client(ctx, id)
	if err == nil && revision != 0 && revision != c.Revision {
		err = reason.New(reason.Conflict, nil)
	}
	return c, err
}

func (s *Service) change(ctx context.Context, id string, revision int64, change func(*Client) (audit.Act, error)) (c Client, err error) {
	err = again(revision, func() error {
		if c, err = s.read(ctx, id, revision); err != nil {
			return err
		}
		from := c.Revision
		c.Revision++
		act, err := change(&c)
		if err != nil {
			return err
		}
		return s.Store.UpdateClient(ctx, c, from, act)
	})
	return c, err
}

// again tries a change of any revision anew when another was faster. Each round
// that is lost was won by somebody else, so a few are enough.
func again(revision int64, try func() error) (err error) {
	for range 16 {
		if err = try(); revision != 0 || !errors.Is(err, reason.New(reason.Conflict, nil)) {
			return err
		}
	}
	return err
}

// revoking raises the version and describes the act that says so to every edge.
func (s *Service) revoking(actor audit.Actor, c *Client, action string, why reason.Code) audit.Act {
	c.Version++
	return audit.New(s.Now(), actor, action, "client", c.ID).Revoking(revoke.Entry{Kind: revoke.KindClient, ID: c.ID,
		Version: c.Version, Expires: s.Now().Add(s.TokenLife), Reason: why})
}
