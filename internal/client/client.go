// Package client keeps the OAuth clients (RFC 6749 2).
package client

import (
	"context"
	"crypto/x509"
	"slices"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/secret"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
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

	// The secret before the present one, while both hold (see RotateSecret).
	PreviousSecretHash    []byte
	PreviousSecretExpires time.Time
	// AuthMethod is how the client authenticates; TLSSubject is for tls_client_auth.
	AuthMethod string
	TLSSubject TLSSubject
	// JWKS is a JWK Set of public keys, for a client that signs assertions in place
	// of having a secret (private_key_jwt, RFC 7523 2.2), and for one that shows
	// certificates which it made itself; "" for others.
	JWKS string
	// JWKSURI is where such a client publishes them, in place of JWKS.
	JWKSURI string
	// TLSBound says that the client gets tokens only with a certificate, and that they
	// are bound to it (RFC 8705 3.4).
	TLSBound bool
	// DPoP says that the client gets tokens for a DPoP proof only (RFC 9449 5.2).
	DPoP bool
	// PAR says that the client's authorization requests must be pushed (RFC 9126 6).
	PAR bool
	// PostLogoutRedirectURIs are where a person may be sent after signing out
	// (OpenID Connect RP-Initiated Logout 3.1).
	PostLogoutRedirectURIs []string
	// Where the client is told that a session ended (Back-Channel Logout 2.2), and
	// what a browser opens for that (Front-Channel Logout 2); "" for nowhere. Each is told
	// the session whether the client demands it or not.
	BackchannelLogoutURI, FrontchannelLogoutURI         string
	BackchannelLogoutSession, FrontchannelLogoutSession bool
	// Registered says that the client made itself (see Registrar): nobody has looked at it.
	Registered bool
	// Narrowed says that an operator took scopes or grant types from it. One that registered
	// itself does not take them back.
	Narrowed bool
	// What the client's tokens are signed with, and whether an answer about a person
	// is (OpenID Connect Dynamic Client Registration 2). "" means the issuer's own
	// algorithm, and an answer that is not signed.
	IDTokenAlgorithm, UserInfoAlgorithm, AccessTokenAlgorithm jwk.Algorithm
	// IDTokenEncryption is the key management by which its ID tokens are encrypted for one of
	// its own keys, and IDTokenContent what their content is encrypted with (OpenID Connect
	// Dynamic Client Registration 2); "" for tokens that are signed alone.
	IDTokenEncryption, IDTokenContent jwk.Algorithm
	// AccessTokenFormat is FormatJWT or FormatOpaque; "" is FormatJWT.
	AccessTokenFormat string
	// What its tokens say beside: CEL expressions by the name of the claim.
	AccessTokenClaims, IDTokenClaims map[string]string
}

// The formats of access tokens: one that says all about itself, and a random text that
// only the issuer can say something about (RFC 7662), so that it ends the moment it is
// taken back.
const (
	FormatJWT    = "jwt"
	FormatOpaque = "opaque"
)

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
	// Issuer is the one audience of a client's assertion, and Replay remembers those
	// that were used.
	Issuer string
	Replay jwt.ReplayStore
	// Reachable says whether an address may be one that the issuer sends to; nil
	// means that none may.
	Reachable func(address string) error
	// Keys returns the key set at a jwks_uri; nil where none is fetched.
	Keys func(address string) (jwt.KeySource, error)
	// Certificates says that the issuer sees those of clients, and Authorities whose are
	// believed in tls_client_auth; nil: nobody's.
	Certificates bool
	Authorities  *x509.CertPool
	// Offers reports whether tokens can be signed with an algorithm; nil: with none
	// that a client names.
	Offers func(jwk.Algorithm) bool
}

// Grants reports whether the client may use a grant type.
func (c Client) Grants(grantType string) bool { return slices.Contains(c.GrantTypes, grantType) }

// Lifetime returns the life of the client's access tokens.
func (c Client) Lifetime() time.Duration {
	if c.AccessTokenLifetime == 0 {
		return DefaultLifetime
	}
	return c.AccessTokenLifetime
}

// Create adds a client and returns its secret, once; "" for one that has none.
func (s *Service) Create(ctx context.Context, actor audit.Actor, c Client) (Client, string, error) {
	if c.ID == "" {
		c.ID = secret.ID("cl_")
	}
	c.AuthMethod = c.method()
	if err := s.check(c); err != nil {
		return Client{}, "", err
	}
	text := ""
	switch c.AuthMethod {
	case AuthNone:
		c.SecretHash = nil
	case AuthSecret:
		text = secret.New("")
		c.SecretHash = secret.Hash(text)
	default:
		c.SecretHash = noSecret()
	}
	c.Version, c.Revision, c.Created, c.Disabled = 1, 1, s.Now(), false
	var err error
	if c.Version, err = s.Store.CreateClient(ctx, c, audit.New(s.Now(), actor, "client.create", "client", c.ID)); err != nil {
		return Client{}, "", err
	}
	return c, text, nil
}
