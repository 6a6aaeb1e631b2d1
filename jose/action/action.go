package action

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
)

// Bounds of what a token stands for.
const (
	MaxPurpose = 64   // bytes
	MaxSubject = 1024 // bytes
)

// secretSize is 256 bits: nobody guesses one, so nothing counts guesses.
const secretSize = 32

// A Hash is how a Store knows a token: SHA-256 over its purpose and its secret.
type Hash [sha256.Size]byte

// A Record is one token as a Store keeps it.
type Record struct {
	Hash    Hash
	Purpose string    // such as "password_reset"
	Subject string    // whom it is about, such as a user's id
	Expires time.Time // from then on it does not work
}

// A Store keeps records of tokens that are not spent. Its methods are called by
// many goroutines at once, and of several processes if it serves several. It may
// forget a record once it has expired. An error means that the store could not
// do its work, and nothing about a token.
type Store interface {
	// Put adds a record, durably before it returns. A hash never comes twice.
	Put(ctx context.Context, r Record, now time.Time) error
	// Get returns the record of a hash that is neither spent nor revoked, and
	// false when there is none.
	Get(ctx context.Context, h Hash) (Record, bool, error)
	// Spend returns the record of a hash that is neither spent nor revoked and
	// expires after now, and makes it spent, in one atomic step: of any number of
	// calls for one hash, at once or one after the other, in one process or
	// several, at most one returns true. In SQL that is one conditional UPDATE or
	// DELETE whose row count decides. What was answered stays spent, also after a
	// crash.
	Spend(ctx context.Context, h Hash, now time.Time) (Record, bool, error)
	// Revoke makes all records of a purpose and subject unusable, and returns how
	// many there were.
	Revoke(ctx context.Context, purpose, subject string) (int, error)
}

// A Config describes Tokens. Its zero value is refused.
type Config struct {
	// Store keeps the tokens.
	Store Store
	// MaxLifetime bounds what Issue is asked for: a link rests in a mailbox.
	MaxLifetime time.Duration
	// Clock returns the time.
	Clock func() time.Time
}

// Tokens issues and spends one-time tokens. It is safe for use by many goroutines.
type Tokens struct{ config Config }

// New builds Tokens. It fails with PolicyInvalid.
func New(c Config) (*Tokens, error) {
	switch {
	case c.Store == nil:
		return nil, fail(jose.PolicyInvalid, "no store")
	case c.MaxLifetime <= 0:
		return nil, fail(jose.PolicyInvalid, "no maximum lifetime")
	case c.Clock == nil:
		return nil, fail(jose.PolicyInvalid, "no clock is given; time.Now is one")
	}
	return &Tokens{c}, nil
}

// Issue makes a token: 43 characters of the URL-safe alphabet, for a link's query
// or path. It is not kept and cannot be had again. It fails with PolicyInvalid for
// a purpose or subject that is empty or too long, and for a lifetime that is not
// positive or above the maximum; and with StoreUnavailable, which wraps the
// store's error.
func (t *Tokens) Issue(ctx context.Context, purpose, subject string, lifetime time.Duration) (string, error) {
	switch {
	case purpose == "" || len(purpose) > MaxPurpose || subject == "" || len(subject) > MaxSubject:
		return "", fail(jose.PolicyInvalid, "purpose or subject is empty or too long")
	case lifetime <= 0 || lifetime > t.config.MaxLifetime:
		return "", fail(jose.PolicyInvalid, "the lifetime is not positive, or above the maximum")
	}
	var secret [secretSize]byte
	_, _ = rand.Read(secret[:]) // never fails since go 1.24
	now := t.config.Clock()
	r := Record{Hash: hash(purpose, secret[:]), Purpose: purpose, Subject: subject, Expires: now.Add(lifetime)}
	if err := t.config.Store.Put(ctx, r, now); err != nil {
		return "", unavailable(err)
	}
	return b64.Encode(secret[:]), nil
}

// Peek returns what a token stands for and leaves it as it is, for the page that
// asks "do you want to?". Nothing may be done on its word: mail scanners open
// links, and another may spend the token meanwhile. It fails like Spend.
func (t *Tokens) Peek(ctx context.Context, purpose, token string) (Record, error) {
	return t.look(purpose, token, func(h Hash, _ time.Time) (Record, bool, error) { return t.config.Store.Get(ctx, h) })
}

// Spend uses a token up. A nil error says that this caller, and nobody else ever,
// may now do what the record says. It fails with ActionInvalid for every token that
// does not work, whatever the cause; and with StoreUnavailable, which wraps the
// store's error and leaves open whether the token was spent.
func (t *Tokens) Spend(ctx context.Context, purpose, token string) (Record, error) {
	return t.look(purpose, token, func(h Hash, now time.Time) (Record, bool, error) { return t.config.Store.Spend(ctx, h, now) })
}

// look finds a token by its hash. Comparing is the store's: an index over hashes,
// of which nobody can choose the bytes, tells an attacker nothing by its time.
func (t *Tokens) look(purpose, token string, find func(Hash, time.Time) (Record, bool, error)) (Record, error) {
	secret, err := b64.Bytes(token)
	if err != nil || len(secret) != secretSize {
		return Record{}, invalid()
	}
	now := t.config.Clock()
	h := hash(purpose, secret)
	r, ok, err := find(h, now)
	if err != nil {
		return Record{}, unavailable(err)
	}
	// What a store returns is checked, so that one with a fault lets nobody in.
	if !ok || r.Hash != h || r.Purpose != purpose || !now.Before(r.Expires) {
		return Record{}, invalid()
	}
	return r, nil
}

// Revoke makes all unspent tokens of a purpose and subject unusable, such as the
// older reset links of whoever has just set a new password. It returns how many
// there were, and fails with StoreUnavailable.
func (t *Tokens) Revoke(ctx context.Context, purpose, subject string) (int, error) {
	n, err := t.config.Store.Revoke(ctx, purpose, subject)
	if err != nil {
		return 0, unavailable(err)
	}
	return n, nil
}

// hash binds a secret to its purpose. The length before the purpose keeps two
// pairs from being one text.
func hash(purpose string, secret []byte) Hash {
	text := binary.BigEndian.AppendUint64([]byte("jotward one-time token\x00"), uint64(len(purpose)))
	return sha256.Sum256(append(append(text, purpose...), secret...))
}

// invalid is the one answer to strangers.
func invalid() error {
	return fail(jose.ActionInvalid, "unknown, expired, spent, or for another purpose")
}

func unavailable(err error) error {
	return jose.NewError(jose.StoreUnavailable, "the store failed", err)
}

func fail(r jose.Reason, detail string) *jose.Error { return jose.NewError(r, detail, nil) }
