// Package account keeps people: their names, passwords' hashes, roles, and the
// version that their tokens carry.
package account

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/secure/precis"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/internal/secret"
)

// Prefix begins every account's id. No client's id may begin so, so that the
// sub of a client's own token is never a person's (RFC 9700 4.15).
const Prefix = "usr_"

// Account is a person who can sign in.
type Account struct {
	ID, Username string // Username as it was given
	UsernameKey  string // the spelling that is compared: UsernameKey of Username
	Email, Name  string
	PasswordHash string // a PHC string
	Roles        []string
	Permissions  []string
	Disabled     bool
	Version      int64 // sub_ver of tokens: a higher one revokes those before it
	Revision     int64 // grows at every change: what If-Match compares
	Created      time.Time
}

// New is what an account is made from.
type New struct {
	Username, Email, Name, Password string
	Roles, Permissions              []string
}

// Store is what the service needs; the act commits with the change.
// UpdateAccount changes the row whose revision is still from, else Conflict;
// endAll also revokes the person's grants and ends their sessions in the same
// transaction.
type Store interface {
	CreateAccount(ctx context.Context, a Account, act audit.Act) error
	Account(ctx context.Context, id string) (Account, error)
	AccountByUsername(ctx context.Context, usernameKey string) (Account, error)
	Accounts(ctx context.Context, after string, limit int) ([]Account, error)
	UpdateAccount(ctx context.Context, a Account, from int64, endAll bool, act audit.Act) error
	DeleteAccount(ctx context.Context, id string, from int64, act audit.Act) error
}

// Hasher makes password hashes; authn.Passwords is one.
type Hasher interface {
	Hash(ctx context.Context, password string) (string, error)
}

// Service manages accounts. TokenLife is how long a revocation is remembered.
type Service struct {
	Store     Store
	Hasher    Hasher
	Now       func() time.Time
	TokenLife time.Duration
}

// maxText bounds each text of an account, in bytes; an address has 320 (RFC 5321
// 4.5.3.1). maxList bounds its roles, and its permissions.
const maxText, maxEmail, maxList = 256, 320, 256

// UsernameKey returns the spelling by which a name is looked up and is unique:
// the UsernameCaseMapped profile (RFC 8265 3.3). It fails for what the profile
// forbids: blanks, control characters, mixed directions.
func UsernameKey(username string) (string, error) {
	if len(username) > maxText {
		return "", invalid("username is too long")
	}
	key, err := precis.UsernameCaseMapped.CompareKey(username)
	if err != nil || key == "" || len(key) > 2*maxText {
		return "", invalid("username has characters that RFC 8265 forbids")
	}
	return key, nil
}

// Create adds an account.
func (s *Service) Create(ctx context.Context, actor audit.Actor, n New) (Account, error) {
	key, err := UsernameKey(n.Username)
	if err != nil {
		return Account{}, err
	}
	if err := errors.Join(checkProfile(n.Name, n.Email), checkList("roles", n.Roles), checkList("permissions", n.Permissions)); err != nil {
		return Account{}, err
	}
	hash, err := s.Hasher.Hash(ctx, n.Password)
	if err != nil {
		return Account{}, err
	}
	a := Account{ID: secret.ID(Prefix), Username: n.Username, UsernameKey: key, Email: n.Email, Name: n.Name, PasswordHash: hash,
		Roles: n.Roles, Permissions: n.Permissions, Version: 1, Revision: 1, Created: s.Now()}
	if err := s.Store.CreateAccount(ctx, a, audit.New(s.Now(), actor, "account.create", "account", a.ID)); err != nil {
		return Account{}, err
	}
	return a, nil
}

func checkProfile(name, email string) error {
	switch {
	case len(name) > maxText || len(email) > maxEmail:
		return invalid("name or email is too long")
	case strings.ContainsFunc(name, unseen):
		return invalid("name has control characters")
	case email != "" && !address(email):
		return invalid("email is not local@domain")
	}
	return nil
}

// checkList holds roles or permissions to what a claim can say and a header carry.
func checkList(name string, list []string) error {
	for _, v := range list {
		if v == "" || len(v) > maxText || strings.ContainsFunc(v, unseen) {
			return invalid(name + " has an entry that is empty, too long, or has control characters")
		}
	}
	if len(list) > maxList {
		return invalid(name + " has more than 256 entries")
	}
	return nil
}

// unseen are characters that change what a reader takes a text for.
func unseen(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

// address reports whether a text can be an address of RFC 5321 4.1.2, or of RFC
// 6531. Whether mail reaches anybody there is found out by mail alone.
func address(email string) bool {
	at := strings.LastIndexByte(email, '@')
	return at > 0 && at < len(email)-1 && !strings.ContainsFunc(email, func(r rune) bool { return unseen(r) || unicode.IsSpace(r) })
}

func invalid(detail string) error {
	return &reason.Error{Code: reason.RequestInvalid, Detail: detail}
}

// Get returns an account, or NotFound.
func (s *Service) Get(ctx context.Context, id string) (Account, error) {
	return s.Store.Account(ctx, id)
}

// ByUsername returns an account, or NotFound.
func (s *Service) ByUsername(ctx context.Context, username string) (Account, error) {
	key, err := UsernameKey(username)
	if err != nil {
		return Account{}, reason.New(reason.NotFound, nil)
	}
	return s.Store.AccountByUsername(ctx, key)
}

// List returns accounts in order of id after the cursor.
func (s *Service) List(ctx context.Context, after string, limit int) ([]Account, error) {
	return s.Store.Accounts(ctx, after, limit)
}

// What follows changes an account. revision is the one that the caller has
// read: when the account has moved on the answer is Conflict; zero means any.

// Update replaces name and e-mail address. Tokens stay valid: access tokens
// carry neither.
func (s *Service) Update(ctx context.Context, actor audit.Actor, id string, revision int64, name, email string) (Account, error) {
	if err := checkProfile(name, email); err != nil {
		return Account{}, err
	}
	return s.change(ctx, id, revision, false, func(a *Account) audit.Act {
		a.Name, a.Email = name, email
		return audit.New(s.Now(), actor, "account.update", "account", id)
	})
}

// SetPassword replaces the password and ends everything signed in with the old one.
func (s *Service) SetPassword(ctx context.Context, actor audit.Actor, id string, revision int64, password string) error {
	hash, err := s.Hasher.Hash(ctx, password)
	if err != nil {
		return err
	}
	_, err = s.change(ctx, id, revision, true, func(a *Account) audit.Act {
		a.PasswordHash = hash
		return s.revoking(actor, a, "account.password", reason.PasswordChanged)
	})
	return err
}

// SetRoles replaces roles and permissions; tokens with the old ones are
// revoked, but a refresh yields new ones.
func (s *Service) SetRoles(ctx context.Context, actor audit.Actor, id string, revision int64, roles, permissions []string) error {
	if err := errors.Join(checkList("roles", roles), checkList("permissions", permissions)); err != nil {
		return err
	}
	_, err := s.change(ctx, id, revision, false, func(a *Account) audit.Act {
		a.Roles, a.Permissions = roles, permissions
		return s.revoking(actor, a, "account.roles", reason.RolesChanged)
	})
	return err
}

// Revoke takes back all that the person is signed in with: every session, grant
// and token. The account stays open: the password signs in anew.
func (s *Service) Revoke(ctx context.Context, actor audit.Actor, id string) error {
	_, err := s.change(ctx, id, 0, true, func(a *Account) audit.Act {
		return s.revoking(actor, a, "account.revoke", reason.Administrator)
	})
	return err
}

// Disable shuts the account and ends all its sessions and grants.
func (s *Service) Disable(ctx context.Context, actor audit.Actor, id string, revision int64) error {
	_, err := s.change(ctx, id, revision, true, func(a *Account) audit.Act {
		a.Disabled = true
		return s.revoking(actor, a, "account.disable", reason.AccountDisabled)
	})
	return err
}

// Enable opens the account again; what was ended stays ended.
func (s *Service) Enable(ctx context.Context, actor audit.Actor, id string, revision int64) error {
	_, err := s.change(ctx, id, revision, false, func(a *Account) audit.Act {
		a.Disabled = false
		return audit.New(s.Now(), actor, "account.enable", "account", id)
	})
	return err
}

// Delete removes the account with its sessions and grants, and revokes its tokens.
func (s *Service) Delete(ctx context.Context, actor audit.Actor, id string, revision int64) error {
	return again(revision, func() error {
		a, err := s.Store.Account(ctx, id)
		if err != nil {
			return err
		}
		if revision != 0 && revision != a.Revision {
			return reason.New(reason.Conflict, nil)
		}
		return s.Store.DeleteAccount(ctx, id, a.Revision, s.revoking(actor, &a, "account.delete", reason.Administrator))
	})
}

func (s *Service) change(ctx context.Context, id string, revision int64, endAll bool, change func(*Account) audit.Act) (a Account, err error) {
	err = again(revision, func() error {
		if a, err = s.Store.Account(ctx, id); err != nil {
			return err
		}
		if revision != 0 && revision != a.Revision {
			return reason.New(reason.Conflict, nil)
		}
		from := a.Revision
		a.Revision++
		act := change(&a)
		return s.Store.UpdateAccount(ctx, a, from, endAll, act)
	})
	return a, err
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
func (s *Service) revoking(actor audit.Actor, a *Account, action string, why reason.Code) audit.Act {
	a.Version++
	return audit.New(s.Now(), actor, action, "account", a.ID).Revoking(revoke.Entry{
		Kind: revoke.KindSubject, ID: a.ID, Version: a.Version, Expires: s.Now().Add(s.TokenLife), Reason: why})
}
