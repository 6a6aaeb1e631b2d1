// Package grant decides what a client gets: authorization requests, codes,
// refresh tokens, introspection and revocation. Service is wired by its fields;
// *sqlite.Store satisfies Store. One file per grant type.
package grant

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/internal/secret"
	"github.com/jotward/jotward/internal/session"
	"github.com/jotward/jotward/internal/token"
)

// Grant is what a person allowed: a refresh family and all it minted.
type Grant struct {
	ID, Subject, ClientID, SessionID string
	Scopes, Audiences, AMR           []string
	AuthTime, Created, Expires       time.Time // Expires is the absolute end
	Revoked                          bool
}

// Code is a stored authorization code (RFC 6749 4.1.2).
type Code struct {
	Hash                                   []byte
	GrantID, RedirectURI, Challenge, Nonce string
	Expires                                time.Time
	Spent                                  bool
}

// Refresh is a stored refresh token. Once spent it holds its successor, sealed
// under the token itself.
type Refresh struct {
	Hash, Successor, Sealed []byte
	GrantID                 string
	Created, Expires, Spent time.Time // Expires is the idle end
}

// Store is what the service needs. SpendCode and SpendRefresh return false when
// another was first or the grant is revoked; one conditional UPDATE decides.
type Store interface {
	Account(ctx context.Context, id string) (account.Account, error)
	Client(ctx context.Context, id string) (client.Client, error)
	Session(ctx context.Context, id string) (session.Session, error)
	CreateGrant(ctx context.Context, g Grant, c Code, act audit.Act) error
	Grant(ctx context.Context, id string) (Grant, error)
	RevokeGrant(ctx context.Context, id string, act audit.Act) error
	Code(ctx context.Context, hash []byte) (Code, error)
	SpendCode(ctx context.Context, hash []byte, first *Refresh, act audit.Act) (bool, error)
	Refresh(ctx context.Context, hash []byte) (Refresh, error)
	SpendRefresh(ctx context.Context, hash, sealed []byte, next Refresh, act audit.Act) (bool, error)
	RevokeToken(ctx context.Context, act audit.Act) error
	TokenRevoked(ctx context.Context, jti string) (bool, error)
}

// Service answers token requests. Zero durations mean the defaults.
type Service struct {
	Store    Store
	Minter   *token.Minter
	Now      func() time.Time
	Grace    time.Duration // 10 s: how long a spent refresh token may be retried
	Idle     time.Duration // 14 days
	Absolute time.Duration // 90 days
}

// Request is a token request of an authenticated, or public, client.
type Request struct {
	Client                                        client.Client
	GrantType, Scope                              string
	Resources                                     []string // RFC 8707
	Code, RedirectURI, CodeVerifier, RefreshToken string
	RequestID                                     string
}

// Response is a token response (RFC 6749 5.1).
type Response struct {
	AccessToken, TokenType, RefreshToken, IDToken, Scope string
	ExpiresIn                                            int64 // seconds
}

func or(d, def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return d
}

// Run answers a token request; every refusal is a *reason.Error; other errors are failures inside.
func (s *Service) Run(ctx context.Context, r Request) (Response, error) {
	run, ok := map[string]func(context.Context, Request) (Response, error){
		"authorization_code": s.code, "refresh_token": s.refresh, "client_credentials": s.clientCredentials,
	}[r.GrantType]
	if !ok {
		return Response{}, reason.New(reason.GrantTypeUnsupported, nil)
	}
	if !slices.Contains(r.Client.GrantTypes, r.GrantType) {
		return Response{}, reason.New(reason.ClientUnauthorized, nil)
	}
	return run(ctx, r)
}

func scopes(text string, allowed []string) ([]string, error) {
	list := strings.Fields(text)
	for _, v := range list {
		if !slices.Contains(allowed, v) {
			return nil, reason.New(reason.ScopeInvalid, nil)
		}
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

func audiences(want, allowed []string) ([]string, error) {
	if len(want) == 0 {
		want = allowed
	}
	for _, v := range want {
		if !slices.Contains(allowed, v) {
			return nil, reason.New(reason.AudienceInvalid, nil)
		}
	}
	if len(want) == 0 {
		return nil, reason.New(reason.AudienceInvalid, errors.New("grant: the client has no audience"))
	}
	return want, nil
}

// mint signs the tokens of a person's grant, from the account as it is now.
func (s *Service) mint(ctx context.Context, c client.Client, g Grant, scope, aud []string, nonce string) (Response, error) {
	a, err := s.Store.Account(ctx, g.Subject)
	if err != nil {
		return Response{}, unknown(err, reason.AccountDisabled)
	}
	if a.Disabled {
		return Response{}, reason.New(reason.AccountDisabled, nil)
	}
	now := s.Now()
	exp := now.Add(c.Lifetime()).Unix()
	claims := token.Access{Subject: g.Subject, Audience: aud, ClientID: c.ID, Expiry: exp, IssuedAt: now.Unix(), ID: secret.ID(""),
		Scope: strings.Join(scope, " "), GrantID: g.ID, SessionID: g.SessionID, AuthTime: g.AuthTime.Unix(),
		SubjectVer: a.Version, ClientVersion: c.Version, Roles: a.Roles, Permissions: a.Permissions}
	access, err := s.Minter.Access(ctx, claims)
	if err != nil {
		return Response{}, err
	}
	out := Response{AccessToken: access, TokenType: "Bearer", Scope: claims.Scope, ExpiresIn: exp - now.Unix()}
	if slices.Contains(scope, "openid") {
		id := token.ID{Subject: g.Subject, Audience: c.ID, Expiry: exp, IssuedAt: now.Unix(), AuthTime: g.AuthTime.Unix(), Nonce: nonce, SessionID: g.SessionID, AMR: g.AMR}
		if slices.Contains(scope, "profile") {
			id.Name, id.Username = a.Name, a.Username
		}
		if slices.Contains(scope, "email") && a.Email != "" {
			id.Email, id.Verified = a.Email, new(bool) // nothing verifies addresses yet
		}
		out.IDToken, err = s.Minter.ID(ctx, id, access)
	}
	return out, err
}

// live loads a grant that may still be used by the client.
func (s *Service) live(ctx context.Context, id string, c client.Client, code reason.Code) (Grant, error) {
	g, err := s.Store.Grant(ctx, id)
	if err != nil {
		return g, unknown(err, code)
	}
	if g.ClientID != c.ID || g.Revoked {
		return g, reason.New(code, nil)
	}
	if !s.Now().Before(g.Expires) {
		return g, reason.New(reason.GrantExpired, nil)
	}
	return g, nil
}

// unknown turns NotFound into the refusal that fits. Every other failure stays
// what it is: a store that is down must not look like a wrong token.
func unknown(err error, code reason.Code) error {
	if errors.Is(err, reason.New(reason.NotFound, nil)) {
		return reason.New(code, nil)
	}
	return err
}

// revoke ends a grant with its reason in the log, in one transaction.
func (s *Service) revoke(ctx context.Context, actor audit.Actor, id string, why reason.Code) error {
	now := s.Now()
	return s.Store.RevokeGrant(ctx, id, audit.New(now, actor, "grant.revoke", "grant", id, "reason", string(why)).Revoking(
		revoke.Entry{Kind: revoke.KindGrant, ID: id, Expires: now.Add(client.MaxLifetime), Reason: why}))
}

func actor(r Request) audit.Actor {
	return audit.Actor{Kind: "client", ID: r.Client.ID, Request: r.RequestID}
}
