// Package grant decides what a client gets: authorization requests, codes,
// refresh tokens, introspection and revocation. Service is wired by its fields.
// One file per grant type.
package grant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/internal/rule"
	"github.com/jotward/jotward/internal/session"
	"github.com/jotward/jotward/internal/token"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/lint"
)

// Grant is what a person allowed: a refresh family and all it minted.
//
// Expires is the absolute end. Ends is when the grant ends unless it is used
// again before: the end of its code, then the idle end of its newest refresh
// token, or of its only access token when the client does not refresh. A
// revocation is an end too. What has ended long enough is forgotten.
type Grant struct {
	ID, Subject, ClientID, SessionID string
	Scopes, Audiences, AMR           []string
	AuthTime, Created, Expires, Ends time.Time
	Revoked                          bool
	// Claims of the person that were allowed one by one (OpenID Connect Core 5.5), for
	// ID tokens and at UserInfo.
	IDTokenClaims, UserInfoClaims []string
	// Bound is what its refresh tokens are bound to (RFC 9449 5, RFC 8705 4).
	Bound token.Confirmation
}

// Code is a stored authorization code (RFC 6749 4.1.2).
type Code struct {
	Hash                                   []byte
	GrantID, RedirectURI, Challenge, Nonce string
	JKT                                    string // the key that it is bound to (RFC 9449 10); "" when to none
	Expires                                time.Time
	Spent                                  bool
	Pushed                                 []byte // of the pushed request that making it spends, nil for none; not stored
}

// Pushed is a stored authorization request (RFC 9126).
type Pushed struct {
	Hash                 []byte
	ClientID, Parameters string
	Created, Expires     time.Time
	Spent                bool
}

// Refresh is a stored refresh token. Once spent it names its successor's hash,
// and holds the successor sealed under the token itself until the grace is over.
type Refresh struct {
	Hash, Successor, Sealed []byte
	GrantID                 string
	Created, Expires, Spent time.Time // Expires is the idle end
}

// A Renewal is a refresh token with all that decides whether it may be spent, as it was at
// one moment.
type Renewal struct {
	Refresh Refresh
	Grant   Grant
	Session session.Session
	Account account.Account
}

// Store is what the service needs.
//
// CreateGrant answers Conflict when the session has ended, the client is
// disabled, or the code's pushed request was spent. SpendCode and SpendRefresh return false, and change nothing, when
// another was first or the grant is revoked: one conditional UPDATE decides.
// AllowDevice and DenyDevice answer Conflict for a device that does not wait.
// They move the grant's Ends. RevokeGrant does nothing to a grant that is
// revoked or unknown.
type Store interface {
	Account(ctx context.Context, id string) (account.Account, error)
	Client(ctx context.Context, id string) (client.Client, error)
	Session(ctx context.Context, id string) (session.Session, error)
	CreateGrant(ctx context.Context, g Grant, c Code, act audit.Act) error
	Grant(ctx context.Context, id string) (Grant, error)
	Grants(ctx context.Context, subject, after string, limit int) ([]Grant, error)
	RevokeGrant(ctx context.Context, id string, act audit.Act) error
	Code(ctx context.Context, hash []byte) (Code, error)
	SpendCode(ctx context.Context, hash []byte, ends time.Time, bound token.Confirmation, first *Refresh, act audit.Act) (bool, error)
	Refresh(ctx context.Context, hash []byte) (Refresh, error)
	Renewal(ctx context.Context, hash []byte) (Renewal, error)
	SpendRefresh(ctx context.Context, hash, sealed []byte, next Refresh, act audit.Act) (bool, error)
	SaveDevice(ctx context.Context, d Device) error
	Device(ctx context.Context, hash []byte) (Device, error)
	DeviceByUserCode(ctx context.Context, hash []byte) (Device, error)
	PollDevice(ctx context.Context, hash []byte, at time.Time, interval time.Duration) error
	AllowDevice(ctx context.Context, hash []byte, g Grant, act audit.Act) error
	DenyDevice(ctx context.Context, hash []byte, act audit.Act) error
	SpendDevice(ctx context.Context, hash []byte, ends time.Time, bound token.Confirmation, first *Refresh, act audit.Act) (bool, error)
	SavePushed(ctx context.Context, p Pushed) error
	Pushed(ctx context.Context, hash []byte) (Pushed, error)
	SaveReference(ctx context.Context, r Reference) error
	Reference(ctx context.Context, hash []byte) (Reference, error)
	Record(ctx context.Context, act audit.Act) error // an act that is its entry and revocations alone
	TokenRevoked(ctx context.Context, jti string) (bool, error)
}

// The usual bounds of a refresh family.
const (
	DefaultGrace    = 10 * time.Second
	DefaultIdle     = 14 * 24 * time.Hour
	DefaultAbsolute = 90 * 24 * time.Hour
)

// Service answers token requests. Zero durations mean the defaults.
type Service struct {
	Store  Store
	Minter *token.Minter
	// EncryptionKey finds the key that a client's ID tokens are encrypted for; nil: none are.
	EncryptionKey func(ctx context.Context, c client.Client) (*jwk.Key, error)
	// Resources are the APIs of which more is said than their name, by their audience.
	Resources map[string]Resource
	Now       func() time.Time
	Grace     time.Duration // how long a spent refresh token may be retried
	Down      Downtime      // before this start: nobody could retry then
	Idle      time.Duration
	Absolute  time.Duration
	Observe   func(Event) // called once for each token request; may be nil
	// Found is called for each mistake that lint finds in what a client's expressions gave
	// a token; may be nil.
	Found func(clientID string, code lint.Code)
	// Limit counts a token of a person before it is signed, or a look at him, and says
	// whether it is one too many. Nil: it never is.
	Limit func(subject string) error

	claims rule.Claims
}

// Downtime is from the last thing that the issuer wrote before it ended, however it ended,
// to its next start. Its zero value is none.
type Downtime struct{ From, To time.Time }

// since is how long ago something happened, without the time in which nobody could ask.
func (d Downtime) since(at, now time.Time) time.Duration {
	if at.After(d.From) {
		return now.Sub(at)
	}
	return now.Sub(at) - max(d.To.Sub(d.From), 0)
}

// Within counts one for a person; RateLimited when it is one too many.
func (s *Service) Within(subject string) error {
	if s.Limit == nil {
		return nil
	}
	return s.Limit(subject)
}

func or(d, def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return d
}

// List returns a person's grants in order of id after the cursor.
func (s *Service) List(ctx context.Context, subject, after string, limit int) ([]Grant, error) {
	return s.Store.Grants(ctx, subject, after, limit)
}

// RevokeGrant ends a grant with all it minted, by an administrator or the
// person; NotFound when there is no such grant.
func (s *Service) RevokeGrant(ctx context.Context, actor audit.Actor, id string) error {
	if _, err := s.Store.Grant(ctx, id); err != nil {
		return err
	}
	return s.revoke(ctx, actor, id, reason.Administrator)
}

// RevokeTokenID revokes one access token by its jti, by an administrator.
// Nothing is known of a token but what it says itself, so any jti is taken.
func (s *Service) RevokeTokenID(ctx context.Context, actor audit.Actor, jti string) error {
	now := s.Now()
	return s.Store.Record(ctx, audit.New(now, actor, "token.revoke", "token", jti).Revoking(revoke.Entry{
		Kind: revoke.KindToken, ID: jti, Expires: now.Add(client.TokenLife), Reason: reason.Administrator}))
}

// revoke ends a grant with its reason in the log, in one transaction.
func (s *Service) revoke(ctx context.Context, actor audit.Actor, id string, why reason.Code) error {
	now := s.Now()
	return s.Store.RevokeGrant(ctx, id, audit.New(now, actor, "grant.revoke", "grant", id, "reason", string(why)).Revoking(
		revoke.Entry{Kind: revoke.KindGrant, ID: id, Expires: now.Add(client.TokenLife), Reason: why}))
}

// live loads a grant that may still be used by the client.
func (s *Service) live(ctx context.Context, id string, c client.Client, code reason.Code) (Grant, error) {
	g, err := s.Store.Grant(ctx, id)
	if err != nil {
		return g, unknown(err, code)
	}
	return g, s.check(ctx, g, c, code)
}

// check refuses a grant that the client may not use any more. Its session may
// have run out, for the grant has an end of its own, but it must not have been
// ended.
func (s *Service) check(ctx context.Context, g Grant, c client.Client, code reason.Code) error {
	ses, err := s.Store.Session(ctx, g.SessionID)
	if err != nil {
		return unknown(err, code)
	}
	return s.usable(g, ses, c, code)
}

// usable is check for a grant with its session.
func (s *Service) usable(g Grant, ses session.Session, c client.Client, code reason.Code) error {
	// Who asks learns the code alone; whose token a stranger holds stands in the log.
	if g.ClientID != c.ID {
		return reason.New(code, fmt.Errorf("grant: %s is client %s's", g.ID, g.ClientID))
	}
	if g.Revoked {
		return reason.New(code, fmt.Errorf("grant: %s was revoked", g.ID))
	}
	if ses.Ended {
		return reason.New(code, fmt.Errorf("grant: the session of %s was ended", g.ID))
	}
	if !s.Now().Before(g.Expires) {
		return reason.New(reason.GrantExpired, nil)
	}
	return nil
}

// unknown turns NotFound into the refusal that fits. Every other failure stays
// what it is: a store that is down must not look like a wrong token.
func unknown(err error, code reason.Code) error {
	if errors.Is(err, reason.New(reason.NotFound, nil)) {
		return reason.New(code, nil)
	}
	return err
}
