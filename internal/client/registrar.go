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

// A Registration is what is kept of a client that registered itself, beside the client.
type Registration struct {
	Client     Client
	TokenHash  []byte // of its registration access token (RFC 7592)
	AuthMethod string
}

// An InitialToken lets so many clients register (RFC 7591 3). The token itself is not kept.
type InitialToken struct {
	ID               string
	Hash             []byte
	Uses             int // that are left
	Created, Expires time.Time
}

// InitialTokens keeps initial access tokens. DeleteInitialToken answers NotFound for one
// that is not there.
type InitialTokens interface {
	SaveInitialToken(ctx context.Context, t InitialToken, act audit.Act) error
	InitialToken(ctx context.Context, hash []byte) (InitialToken, error)
	ListInitialTokens(ctx context.Context, after string, limit int) ([]InitialToken, error)
	DeleteInitialToken(ctx context.Context, id string, act audit.Act) error
}

// Registrations keeps clients that registered themselves.
//
// Register spends one use of the initial token with that hash (nil for none) and makes the
// client, or neither: one conditional UPDATE decides, and the answer is
// RegistrationTokenInvalid for a token that has no use left, RegistrationsExceeded
// when there are most already. UpdateRegistration changes both while the client's revision
// is still from, else Conflict.
type Registrations interface {
	Register(ctx context.Context, r Registration, initial []byte, most int, act audit.Act) (version int64, err error)
	Registration(ctx context.Context, clientID string) (Registration, error)
	UpdateRegistration(ctx context.Context, r Registration, from int64, act audit.Act) error
}

// A Registrar lets clients register themselves, and manage their registration.
type Registrar struct {
	Clients *Service
	Tokens  InitialTokens
	Store   Registrations
	Policy  RegistrationPolicy
}

// Bounds of an initial access token.
const (
	MaxInitialUses = 1000
	MaxInitialLife = 365 * 24 * time.Hour
)

// NewInitialToken makes a token for so many registrations within life, and returns it, once.
func (r *Registrar) NewInitialToken(ctx context.Context, actor audit.Actor, uses int, life time.Duration) (InitialToken, string, error) {
	if uses < 1 || uses > MaxInitialUses || life < time.Minute || life > MaxInitialLife {
		return InitialToken{}, "", &reason.Error{Code: reason.RequestInvalid, Detail: "uses is outside 1 to 1000, or expires_in outside a minute to a year"}
	}
	if r.Policy.Access != WithToken {
		return InitialToken{}, "", &reason.Error{Code: reason.RequestInvalid, Detail: "issuer.registration.access is not initial_token: there is nothing that a token would open"}
	}
	now, text := r.Clients.Now(), secret.New("iat_")
	t := InitialToken{ID: secret.ID("iat_"), Hash: secret.Hash(text), Uses: uses, Created: now, Expires: now.Add(life)}
	return t, text, r.Tokens.SaveInitialToken(ctx, t, audit.New(now, actor, "registration_token.create", "registration_token", t.ID))
}

// InitialTokens returns the tokens that are left, in order of id after the cursor.
func (r *Registrar) InitialTokens(ctx context.Context, after string, limit int) ([]InitialToken, error) {
	return r.Tokens.ListInitialTokens(ctx, after, limit)
}

// DeleteInitialToken takes a token back. Clients that it let in stay.
func (r *Registrar) DeleteInitialToken(ctx context.Context, actor audit.Actor, id string) error {
	return r.Tokens.DeleteInitialToken(ctx, id, audit.New(r.Clients.Now(), actor, "registration_token.delete", "registration_token", id))
}

// Admit says whether who shows a token, "" for none, may register a client now.
func (r *Registrar) Admit(ctx context.Context, token string) error {
	switch r.Policy.Access {
	case Open:
		return nil
	case WithToken:
	default:
		return reason.New(reason.NotFound, nil)
	}
	t, err := r.Tokens.InitialToken(ctx, secret.Hash(token))
	if errors.Is(err, reason.New(reason.NotFound, nil)) || err == nil && (t.Uses < 1 || !r.Clients.Now().Before(t.Expires)) {
		return reason.New(reason.RegistrationTokenInvalid, errors.New("client: no such initial access token, or it is used up or expired"))
	}
	return err
}

// Registered is what a client is told of itself. Secret and Token are there when they are new.
type Registered struct {
	Registration
	Secret, Token string
}

// Register makes a client of what it wants to be, for who shows an initial access token
// where one is needed.
func (r *Registrar) Register(ctx context.Context, requestID, token string, w Wanted) (Registered, error) {
	if err := r.Admit(ctx, token); err != nil {
		return Registered{}, err
	}
	now := r.Clients.Now()
	c, err := r.apply(Client{ID: secret.ID("dcr_"), Public: w.AuthMethod == AuthNone, Audiences: r.Policy.Audiences}, w)
	if err != nil {
		return Registered{}, err
	}
	out := Registered{Token: secret.New("rat_")}
	switch {
	case c.AuthMethod == AuthSecret:
		out.Secret = secret.New("")
		c.SecretHash = secret.Hash(out.Secret)
	case !c.Public:
		c.SecretHash = noSecret()
	}
	c.Version, c.Revision, c.Created, c.Registered = 1, 1, now, true
	var initial []byte
	if r.Policy.Access != Open {
		initial = secret.Hash(token)
	}
	out.Registration = Registration{Client: c, TokenHash: secret.Hash(out.Token), AuthMethod: w.AuthMethod}
	out.Client.Version, err = r.Store.Register(ctx, out.Registration, initial, r.Policy.MaxClients, audit.New(now, self(c.ID, requestID), "client.register", "client", c.ID))
	return out, err
}

// apply is the policy's, for what the issuer can do.
func (r *Registrar) apply(c Client, w Wanted) (Client, error) {
	c, err := r.Policy.apply(c, w)
	if err != nil {
		return c, err
	}
	if err := r.Clients.fault(c); err != nil {
		return c, metadata(err.Error())
	}
	return c, nil
}

// self is a client that acts on itself.
func self(id, requestID string) audit.Actor {
	return audit.Actor{Kind: "client", ID: id, Request: requestID}
}

// Registration returns a client for who shows its registration access token. Unknown,
// disabled and another's are one answer (RFC 7592 2.1).
func (r *Registrar) Registration(ctx context.Context, id, token string) (Registration, error) {
	if r.Policy.Access != Open && r.Policy.Access != WithToken {
		return Registration{}, reason.New(reason.NotFound, nil)
	}
	found, err := r.Store.Registration(ctx, id)
	unknown := errors.Is(err, reason.New(reason.NotFound, nil))
	if err != nil && !unknown {
		return Registration{}, err
	}
	if unknown {
		found.TokenHash = make([]byte, 32)
	}
	if registeredAs(found.AuthMethod) != found.Client.AuthMethod { // an operator has changed it
		found.AuthMethod = found.Client.AuthMethod
	}
	if same := subtle.ConstantTimeCompare(found.TokenHash, secret.Hash(token)) == 1; unknown || !same || found.Client.Disabled {
		return Registration{}, reason.New(reason.RegistrationTokenInvalid, errors.New("client: not the registration access token of a client that is open"))
	}
	return found, nil
}

// UpdateRegistration makes a client what it wants to be from now on, and gives it a new
// registration access token in place of the one that it shows (RFC 7592 2.2). How it
// authenticates is what it registered with. A secret that it names must be its own.
func (r *Registrar) UpdateRegistration(ctx context.Context, requestID, id, token, text string, w Wanted) (Registered, error) {
	old, err := r.Registration(ctx, id, token)
	if err != nil {
		return Registered{}, err
	}
	if w.AuthMethod != old.AuthMethod {
		return Registered{}, metadata("token_endpoint_auth_method cannot change: register anew")
	}
	if text != "" {
		if _, err := r.Clients.bySecret(ctx, id, text); errors.Is(err, reason.New(reason.ClientInvalid, nil)) {
			return Registered{}, metadata("client_secret is not the client's")
		} else if err != nil {
			return Registered{}, err
		}
	}
	c, err := r.apply(old.Client, w)
	if err != nil {
		return Registered{}, err
	}
	c.Revision++
	act := audit.New(r.Clients.Now(), self(id, requestID), "client.update", "client", id)
	if narrower(c.Scopes, old.Client.Scopes) {
		act = r.Clients.revoking(self(id, requestID), &c, "client.update", reason.RolesChanged)
	}
	out := Registered{Token: secret.New("rat_")}
	out.Registration = Registration{Client: c, TokenHash: secret.Hash(out.Token), AuthMethod: old.AuthMethod}
	return out, r.Store.UpdateRegistration(ctx, out.Registration, old.Client.Revision, act)
}

// Deregister removes a client with its grants and revokes its tokens, as an operator's
// Delete does (RFC 7592 2.3).
func (r *Registrar) Deregister(ctx context.Context, requestID, id, token string) error {
	if _, err := r.Registration(ctx, id, token); err != nil {
		return err
	}
	return r.Clients.Delete(ctx, self(id, requestID), id, 0)
}
