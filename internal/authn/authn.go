// Package authn verifies passwords, and slows down who guesses them.
package authn

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/netip"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/secure/precis"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/limit"
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

// waiting is how many sign-ins per slot may wait for one; more are told to come
// back, before their memory is spent.
const waiting = 32

// Accounts finds the account that a name belongs to. RehashPassword replaces a
// hash when it is still from.
type Accounts interface {
	AccountByUsername(ctx context.Context, usernameKey string) (account.Account, error)
	RehashPassword(ctx context.Context, id, from, to string, act audit.Act) error
}

// Passwords hashes and verifies. The slots bound memory: each hash in flight
// holds 19 MiB.
type Passwords struct {
	accounts     Accounts
	now          func() time.Time
	throttle     *throttle
	slots, queue chan struct{}
	dummy        phc

	testOnlyHashed func() // called for every hash that is computed
}

// NewPasswords allows parallel hashes at once (at least one).
func NewPasswords(a Accounts, now func() time.Time, parallel int) (*Passwords, error) {
	t, err := newThrottle()
	if err != nil {
		return nil, err
	}
	parallel = max(parallel, 1)
	return &Passwords{accounts: a, now: now, throttle: t, slots: make(chan struct{}, parallel), queue: make(chan struct{}, parallel*waiting),
		dummy: phc{memory, passes, random(16), random(32)}}, nil
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails (crypto/rand)
	return b
}

// Hash returns a PHC string of a new password.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	text, err := prepare(password)
	if err != nil || len(text) < MinPassword {
		return "", &reason.Error{Code: reason.RequestInvalid, Detail: "password has fewer than 8 bytes, more than 1024, or characters that RFC 8265 forbids"}
	}
	return p.hash(ctx, text)
}

// prepare makes one password of its many spellings: the OpaqueString profile
// (RFC 8265 4.2).
func prepare(password string) (string, error) {
	if len(password) > MaxPassword {
		return "", errors.New("authn: password too long")
	}
	text, err := precis.OpaqueString.String(password)
	if err != nil {
		return "", errors.New("authn: password not allowed by RFC 8265") // the cause may quote it
	}
	return text, nil
}

func (p *Passwords) hash(ctx context.Context, text string) (string, error) {
	h := phc{memory: memory, passes: passes, salt: random(16)}
	var err error
	h.sum, err = p.sum(ctx, text, h, 32)
	return h.String(), err
}

// Verify returns the account, or SignInFailed for every kind of failure, after
// the same work: an unknown name costs a hash as well. Too many failures for a
// name, known or not, or from a network are SignInThrottled, with the time to
// wait, before any hash. from is the person's address, as the listener sees it.
func (p *Passwords) Verify(ctx context.Context, actor audit.Actor, username, password string, from netip.Addr) (account.Account, error) {
	name, nameErr := account.UsernameKey(username)
	if nameErr != nil {
		name = "\x00" // one bucket for all names that cannot exist
	}
	prefix := limit.Network(from)
	if err := p.throttle.take(p.now(), name, prefix); err != nil {
		return account.Account{}, err
	}
	a, err := p.verify(ctx, actor, name, password)
	switch {
	case err == nil:
		p.throttle.passed(p.now(), name, prefix)
	case !errors.Is(err, reason.New(reason.SignInFailed, nil)):
		p.throttle.undo(p.now(), name, prefix)
	}
	return a, err
}

func (p *Passwords) verify(ctx context.Context, actor audit.Actor, name, password string) (account.Account, error) {
	a, err := p.accounts.AccountByUsername(ctx, name)
	if err != nil && !errors.Is(err, reason.New(reason.NotFound, nil)) {
		return account.Account{}, err
	}
	h := p.dummy
	known := err == nil
	if known {
		if h, err = parsePHC(a.PasswordHash); err != nil {
			return account.Account{}, err
		}
	}
	text, badText := prepare(password) // "" when it cannot be anyone's
	sum, err := p.sum(ctx, text, h, len(h.sum))
	if err != nil {
		return account.Account{}, err
	}
	if subtle.ConstantTimeCompare(sum, h.sum) != 1 || !known || badText != nil || a.Disabled {
		return account.Account{}, reason.New(reason.SignInFailed, nil)
	}
	if h.memory != memory || h.passes != passes {
		if to, err := p.hash(ctx, text); err == nil {
			// A lost race or a store that fails costs nothing: the next sign-in tries again.
			_ = p.accounts.RehashPassword(ctx, a.ID, a.PasswordHash, to, audit.New(p.now(), actor, "account.rehash", "account", a.ID))
		}
	}
	return a, nil
}

func (p *Passwords) sum(ctx context.Context, text string, h phc, length int) ([]byte, error) {
	select {
	case p.queue <- struct{}{}:
		defer func() { <-p.queue }()
	default:
		return nil, throttled(time.Second)
	}
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if p.testOnlyHashed != nil {
		p.testOnlyHashed()
	}
	return argon2.IDKey([]byte(text), h.salt, h.passes, h.memory, 1, uint32(length)), nil
}
