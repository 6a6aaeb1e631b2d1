// Package client keeps the OAuth clients (RFC 6749 2).
package client

import (
	"context"
	"crypto/subtle"
	"errors"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/secret"
)

// Client is an OAuth client.
type Client struct {
	ID, Name                         string
	Public                           bool
	GrantTypes, RedirectURIs, Scopes []string
	Audiences, Roles, Permissions    []string
	AccessTokenLifetime              time.Duration // 0 means DefaultLifetime
	SkipConsent, Disabled            bool
	Version                          int64 // client_ver of tokens: a higher one revokes those before it
	Revision                         int64 // grows at every change: what If-Match compares
	SecretHash                       []byte
	Created                          time.Time
}

// Bounds of an access token's life.
const (
	DefaultLifetime = 10 * time.Minute
	MinLifetime     = 5 * time.Minute
	MaxLifetime     = 60 * time.Minute
)

// Room is how much longer than a token lives its revocation is remembered: for one
// that a request signs which had read its client or grant just before, for a clock
// that is set right meanwhile, and for an edge whose clock is behind.
const Room = 5 * time.Minute

// TokenLife is how long a revocation is remembered, and a key published, when the
// tokens it concerns are not known.
const TokenLife = MaxLifetime + Room

// Store is what the service needs. CreateClient returns the version that the
// client begins with: not below what the log revoked of a deleted client of the
// same id, so that neither's tokens pass for the other's. UpdateClient and
// DeleteClient change the row whose revision is still from, else Conflict.
type Store interface {
	CreateClient(ctx context.Context, c Client, act audit.Act) (version int64, err error)
	Client(ctx context.Context, id string) (Client, error)
	Clients(ctx context.Context, after string, limit int) ([]Client, error)
	UpdateClient(ctx context.Context, c Client, from int64, act audit.Act) error
	DeleteClient(ctx context.Context, id string, from int64, act audit.Act) error
}

// Service manages clients.
type Service struct {
	Store     Store
	Now       func() time.Time
	TokenLife time.Duration
}

// Lifetime returns the life of the client's access tokens.
func (c Client) Lifetime() time.Duration {
	if c.AccessTokenLifetime == 0 {
		return DefaultLifetime
	}
	return c.AccessTokenLifetime
}

// Create adds a client and returns its secret, once; "" for a public client.
func (s *Service) Create(ctx context.Context, actor audit.Actor, c Client) (Client, string, error) {
	if c.ID == "" {
		c.ID = secret.ID("cl_")
	}
	if err := c.check(); err != nil {
		return Client{}, "", err
	}
	text := ""
	c.SecretHash = nil
	if !c.Public {
		text = secret.New("")
		c.SecretHash = secret.Hash(text)
	}
	c.Version, c.Revision, c.Created, c.Disabled = 1, 1, s.Now(), false
	var err error
	if c.Version, err = s.Store.CreateClient(ctx, c, audit.New(s.Now(), actor, "client.create", "client", c.ID)); err != nil {
		return Client{}, "", err
	}
	return c, text, nil
}

// Authenticate checks a confidential client's secret. Unknown, public, disabled
// and wrong are one answer (RFC 6749 5.2) after equal work.
func (s *Service) Authenticate(ctx context.Context, id, text string) (Client, error) {
	c, err := s.Store.Client(ctx, id)
	if err != nil && !errors.Is(err, reason.New(reason.NotFound, nil)) {
		return Client{}, err
	}
	want := make([]byte, 32)
	known := err == nil && !c.Public && !c.Disabled && len(c.SecretHash) == 32
	if known {
		want = c.SecretHash
	}
	same := subtle.ConstantTimeCompare(want, secret.Hash(text)) == 1
	if !known || !same {
		return Client{}, refusal(c, err, "another secret than that of client "+c.ID)
	}
	return c, nil
}

// refusal says to the caller that the client could not be authenticated, and to the
// operator why. What nobody has registered is not repeated: it may be a secret.
func refusal(c Client, unknown error, otherwise string) error {
	switch {
	case unknown != nil:
		otherwise = "no client has this id"
	case c.Disabled:
		otherwise = "client " + c.ID + " is disabled"
	}
	return reason.New(reason.ClientInvalid, errors.New(otherwise))
}

// Identify returns a public client by its id alone, for requests that PKCE or
// a refresh token secures (RFC 6749 2.1, 3.2.1).
func (s *Service) Identify(ctx context.Context, id string) (Client, error) {
	c, err := s.Store.Client(ctx, id)
	if err != nil && !errors.Is(err, reason.New(reason.NotFound, nil)) {
		return Client{}, err
	}
	if err != nil || !c.Public || c.Disabled {
		return Client{}, refusal(c, err, "no secret, which client "+c.ID+" needs")
	}
	return c, nil
}
