// Package authn verifies passwords.
package authn

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/reason"
)

// Bounds of a password in bytes (NIST SP 800-63B 3.1.1.2; argon2 hashes any
// length, but a stranger chooses it).
const (
	MinPassword = 8
	MaxPassword = 1024
)

// The cost: OWASP's second choice, 19 MiB, two passes.
const (
	memory = 19 * 1024
	passes = 2
)

// Accounts finds the account that a name belongs to.
type Accounts interface {
	AccountByUsername(ctx context.Context, name string) (account.Account, error)
	RehashPassword(ctx context.Context, id, from, to string) error
}

// Passwords hashes and verifies. The semaphore bounds memory: each
// hash in flight holds 19 MiB.
type Passwords struct {
	accounts Accounts
	slots    chan struct{}
	dummy    string
}

// NewPasswords allows parallel hashes at once (at least one).
func NewPasswords(a Accounts, parallel int) *Passwords {
	salt := make([]byte, 16)
	rand.Read(salt)
	return &Passwords{accounts: a, slots: make(chan struct{}, max(parallel, 1)), dummy: encode(salt, make([]byte, 32), memory, passes)}
}

// Hash returns a PHC string of a new password.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	if len(password) < MinPassword || len(password) > MaxPassword {
		return "", reason.New(reason.RequestInvalid, errors.New("authn: password too short or too long"))
	}
	return p.hash(ctx, password)
}

func (p *Passwords) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, 16)
	rand.Read(salt)
	sum, err := p.sum(ctx, password, salt, memory, passes)
	return encode(salt, sum, memory, passes), err
}

// Verify returns the account, or SignInFailed for every kind of failure, after
// the same work.
func (p *Passwords) Verify(ctx context.Context, username, password string) (account.Account, error) {
	if len(username) > 256 || len(password) > MaxPassword {
		return account.Account{}, reason.New(reason.SignInFailed, errors.New("authn: input too long"))
	}
	a, err := p.accounts.AccountByUsername(ctx, username)
	if err != nil && !errors.Is(err, reason.New(reason.NotFound, nil)) {
		return account.Account{}, err
	}
	phc := p.dummy
	if err == nil {
		phc = a.PasswordHash
	}
	m, t, salt, want, derr := decode(phc)
	if derr != nil {
		return account.Account{}, derr
	}
	sum, serr := p.sum(ctx, password, salt, m, t)
	if serr != nil {
		return account.Account{}, serr
	}
	if subtle.ConstantTimeCompare(sum, want) != 1 || err != nil || a.Disabled {
		return account.Account{}, reason.New(reason.SignInFailed, nil)
	}
	if m != memory || t != passes {
		if to, herr := p.hash(ctx, password); herr == nil {
			// A lost race here costs nothing: the next sign-in tries again.
			_ = p.accounts.RehashPassword(ctx, a.ID, phc, to)
		}
	}
	return a, nil
}

func (p *Passwords) sum(ctx context.Context, password string, salt []byte, m, t uint32) ([]byte, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-p.slots }()
	return argon2.IDKey([]byte(password), salt, t, m, 1, 32), nil
}

var b64 = base64.RawStdEncoding

func encode(salt, sum []byte, m, t uint32) string {
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=1$%s$%s", m, t, b64.EncodeToString(salt), b64.EncodeToString(sum))
}

func decode(phc string) (m, t uint32, salt, sum []byte, err error) {
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != "v=19" {
		return 0, 0, nil, nil, errors.New("authn: stored hash is not argon2id")
	}
	if _, err = fmt.Sscanf(parts[3], "m=%d,t=%d,p=1", &m, &t); err != nil || m > 1<<20 || t > 100 || t == 0 {
		return 0, 0, nil, nil, errors.New("authn: stored hash has odd parameters")
	}
	salt, err = b64.DecodeString(parts[4])
	if err == nil {
		sum, err = b64.DecodeString(parts[5])
	}
	return m, t, salt, sum, err
}
