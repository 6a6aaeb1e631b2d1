// Package account keeps people: their names, passwords' hashes, roles, and the
// version that their tokens carry.
package account

import (
	"context"
	"errors"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/internal/secret"
)

// Account is a person who can sign in.
type Account struct {
	ID, Username, Email, Name string
	PasswordHash              string // a PHC string
	Roles, Permissions        []string
	Disabled                  bool
	Version                   int64 // sub_ver of tokens
	Created                   time.Time
}

// New is what an account is made from.
type New struct {
	Username, Email, Name, Password string
	Roles, Permissions              []string
}

// Store is what the service needs; the act commits with the change.
// UpdateAccount changes the row whose version is still from, else Conflict;
// endAll also revokes the person's grants and sessions in the same transaction.
type Store interface {
	CreateAccount(ctx context.Context, a Account, act audit.Act) error
	Account(ctx context.Context, id string) (Account, error)
	AccountByUsername(ctx context.Context, name string) (Account, error)
	Accounts(ctx context.Context, after string, limit int) ([]Account, error)
	UpdateAccount(ctx context.Context, a Account, from int64, endAll bool, act audit.Act) error
	DeleteAccount(ctx context.Context, id string, from int64, act audit.Act) error
}

// Hasher makes password hashes; authn.Passwords is one.
type Hasher interface {
	Hash(ctx context.Context, password string) (string, error)
}

// Service manages accounts. TokenLife is the longest life of an access token,
// after which a revocation may be forgotten.
type Service struct {
	Store     Store
	Hasher    Hasher
	Now       func() time.Time
	TokenLife time.Duration
}

// Create adds an account.
func (s *Service) Create(ctx context.Context, actor audit.Actor, n New) (Account, error) {
	if n.Username == "" || len(n.Username) > 256 || len(n.Email) > 320 || len(n.Name) > 256 {
		return Account{}, reason.New(reason.RequestInvalid, errors.New("account: name missing or too long"))
	}
	hash, err := s.Hasher.Hash(ctx, n.Password)
	if err != nil {
		return Account{}, err
	}
	a := Account{ID: secret.ID("usr_"), Username: n.Username, Email: n.Email, Name: n.Name, PasswordHash: hash,
		Roles: n.Roles, Permissions: n.Permissions, Version: 1, Created: s.Now()}
	return a, s.Store.CreateAccount(ctx, a, audit.New(s.Now(), actor, "account.create", "account", a.ID))
}

// Get returns an account, or NotFound.
func (s *Service) Get(ctx context.Context, id string) (Account, error) {
	return s.Store.Account(ctx, id)
}

// ByUsername returns an account, or NotFound.
func (s *Service) ByUsername(ctx context.Context, name string) (Account, error) {
	return s.Store.AccountByUsername(ctx, name)
}

// List returns accounts in order of id after the cursor.
func (s *Service) List(ctx context.Context, after string, limit int) ([]Account, error) {
	return s.Store.Accounts(ctx, after, limit)
}

// SetPassword replaces the password and ends everything signed in with the old one.
func (s *Service) SetPassword(ctx context.Context, actor audit.Actor, id, password string) error {
	hash, err := s.Hasher.Hash(ctx, password)
	if err != nil {
		return err
	}
	return s.bump(ctx, actor, id, "account.password", reason.PasswordChanged, true, func(a *Account) { a.PasswordHash = hash })
}

// SetRoles replaces roles and permissions; tokens with the old ones are
// revoked, but a refresh yields new ones.
func (s *Service) SetRoles(ctx context.Context, actor audit.Actor, id string, roles, permissions []string) error {
	return s.bump(ctx, actor, id, "account.roles", reason.RolesChanged, false, func(a *Account) { a.Roles, a.Permissions = roles, permissions })
}

// Disable shuts the account and ends all its sessions and grants.
func (s *Service) Disable(ctx context.Context, actor audit.Actor, id string) error {
	return s.bump(ctx, actor, id, "account.disable", reason.AccountDisabled, true, func(a *Account) { a.Disabled = true })
}

// Enable opens the account again; what was ended stays ended.
func (s *Service) Enable(ctx context.Context, actor audit.Actor, id string) error {
	a, err := s.Store.Account(ctx, id)
	if err != nil {
		return err
	}
	a.Disabled = false
	return s.Store.UpdateAccount(ctx, a, a.Version, false, audit.New(s.Now(), actor, "account.enable", "account", id))
}

// Delete removes the account and revokes its tokens.
func (s *Service) Delete(ctx context.Context, actor audit.Actor, id string) error {
	a, err := s.Store.Account(ctx, id)
	if err != nil {
		return err
	}
	from := a.Version
	a.Version++
	return s.Store.DeleteAccount(ctx, id, from, s.revoking(actor, a, "account.delete", reason.Administrator))
}

func (s *Service) bump(ctx context.Context, actor audit.Actor, id, action string, why reason.Code, endAll bool, change func(*Account)) error {
	a, err := s.Store.Account(ctx, id)
	if err != nil {
		return err
	}
	from := a.Version
	change(&a)
	a.Version++
	return s.Store.UpdateAccount(ctx, a, from, endAll, s.revoking(actor, a, action, why))
}

func (s *Service) revoking(actor audit.Actor, a Account, action string, why reason.Code) audit.Act {
	return audit.New(s.Now(), actor, action, "account", a.ID).Revoking(revoke.Entry{
		Kind: revoke.KindSubject, ID: a.ID, Version: a.Version, Expires: s.Now().Add(s.TokenLife), Reason: why})
}
