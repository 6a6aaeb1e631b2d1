// Package client keeps the OAuth clients (RFC 6749 2).
package client

import (
	"context"
	"crypto/subtle"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
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
	Version                          int64 // client_ver of tokens
	SecretHash                       []byte
	Created                          time.Time
}

// Bounds of an access token's life.
const (
	DefaultLifetime = 10 * time.Minute
	MinLifetime     = 5 * time.Minute
	MaxLifetime     = 60 * time.Minute
)

// Store is what the service needs.
type Store interface {
	CreateClient(ctx context.Context, c Client, act audit.Act) error
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

// AllowsRedirect compares exactly (RFC 9700 4.1.3), but for the port of a
// literal loopback address (RFC 8252 7.3).
func (c Client) AllowsRedirect(uri string) bool {
	if slices.Contains(c.RedirectURIs, uri) {
		return true
	}
	got, ok := withoutPort(uri)
	if !ok {
		return false
	}
	return slices.ContainsFunc(c.RedirectURIs, func(r string) bool {
		want, ok := withoutPort(r)
		return ok && want == got
	})
}

func withoutPort(uri string) (string, bool) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "http" || u.User != nil || !strings.HasPrefix(uri, "http://"+u.Host) {
		return "", false
	}
	host := u.Hostname()
	if host != "127.0.0.1" && host != "::1" {
		return "", false
	}
	if p := u.Port(); p != "" && u.Host != net.JoinHostPort(host, p) {
		return "", false
	}
	return host + " " + strings.TrimPrefix(uri, "http://"+u.Host), true
}

func (c Client) check() error {
	bad := func(s string) error { return reason.New(reason.RequestInvalid, errors.New("client: "+s)) }
	if c.ID == "" || len(c.ID) > 256 || strings.HasPrefix(c.ID, "usr_") {
		return bad("id is missing, too long or starts with usr_")
	}
	if l := c.Lifetime(); l < MinLifetime || l > MaxLifetime {
		return bad("access token lifetime outside 5 to 60 minutes")
	}
	for _, r := range c.RedirectURIs {
		u, err := url.Parse(r)
		if err != nil || !u.IsAbs() || strings.Contains(r, "#") || u.Scheme == "javascript" || u.Scheme == "data" {
			return bad("redirect_uri is not absolute or has a fragment (RFC 6749 3.1.2)")
		}
		if _, loop := withoutPort(r); u.Scheme == "http" && !loop {
			return bad("redirect_uri with http is for loopback addresses only")
		}
	}
	if c.Public && slices.Contains(c.GrantTypes, "client_credentials") {
		return bad("a public client cannot use client_credentials (RFC 6749 4.4)")
	}
	return nil
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
	c.Version, c.Created, c.Disabled = 1, s.Now(), false
	if err := s.Store.CreateClient(ctx, c, audit.New(s.Now(), actor, "client.create", "client", c.ID)); err != nil {
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
		return Client{}, reason.New(reason.ClientInvalid, nil)
	}
	return c, nil
}

// Identify returns a public client by its id alone, for requests that PKCE or
// a refresh token secures (RFC 6749 2.1, 3.2.1).
func (s *Service) Identify(ctx context.Context, id string) (Client, error) {
	c, err := s.Store.Client(ctx, id)
	if err != nil && !errors.Is(err, reason.New(reason.NotFound, nil)) {
		return Client{}, err
	}
	if err != nil || !c.Public || c.Disabled {
		return Client{}, reason.New(reason.ClientInvalid, nil)
	}
	return c, nil
}

// Get returns a client, or NotFound.
func (s *Service) Get(ctx context.Context, id string) (Client, error) { return s.Store.Client(ctx, id) }

// List returns clients in order of id after the cursor.
func (s *Service) List(ctx context.Context, after string, limit int) ([]Client, error) {
	return s.Store.Clients(ctx, after, limit)
}

// Update replaces what an operator configures; kind, secret and state stay.
func (s *Service) Update(ctx context.Context, actor audit.Actor, c Client) (Client, error) {
	old, err := s.Store.Client(ctx, c.ID)
	if err != nil {
		return Client{}, err
	}
	c.Public, c.SecretHash, c.Version, c.Created, c.Disabled = old.Public, old.SecretHash, old.Version, old.Created, old.Disabled
	if err := c.check(); err != nil {
		return Client{}, err
	}
	return c, s.Store.UpdateClient(ctx, c, old.Version, audit.New(s.Now(), actor, "client.update", "client", c.ID))
}

// RotateSecret replaces the secret and returns the new one, once.
func (s *Service) RotateSecret(ctx context.Context, actor audit.Actor, id string) (string, error) {
	c, err := s.Store.Client(ctx, id)
	if err != nil {
		return "", err
	}
	if c.Public {
		return "", reason.New(reason.RequestInvalid, errors.New("client: a public client has no secret"))
	}
	text := secret.New("")
	c.SecretHash = secret.Hash(text)
	return text, s.Store.UpdateClient(ctx, c, c.Version, audit.New(s.Now(), actor, "client.secret", "client", id))
}

// Disable shuts the client and revokes its tokens.
func (s *Service) Disable(ctx context.Context, actor audit.Actor, id string) error {
	c, err := s.Store.Client(ctx, id)
	if err != nil {
		return err
	}
	from := c.Version
	c.Version++
	c.Disabled = true
	return s.Store.UpdateClient(ctx, c, from, s.revoking(actor, c, "client.disable"))
}

// Enable opens the client again.
func (s *Service) Enable(ctx context.Context, actor audit.Actor, id string) error {
	c, err := s.Store.Client(ctx, id)
	if err != nil {
		return err
	}
	c.Disabled = false
	return s.Store.UpdateClient(ctx, c, c.Version, audit.New(s.Now(), actor, "client.enable", "client", id))
}

// Delete removes the client with its grants and revokes its tokens.
func (s *Service) Delete(ctx context.Context, actor audit.Actor, id string) error {
	c, err := s.Store.Client(ctx, id)
	if err != nil {
		return err
	}
	from := c.Version
	c.Version++
	return s.Store.DeleteClient(ctx, id, from, s.revoking(actor, c, "client.delete"))
}

func (s *Service) revoking(actor audit.Actor, c Client, action string) audit.Act {
	return audit.New(s.Now(), actor, action, "client", c.ID).Revoking(revoke.Entry{Kind: revoke.KindClient, ID: c.ID,
		Version: c.Version, Expires: s.Now().Add(s.TokenLife), Reason: reason.ClientDisabled})
}
