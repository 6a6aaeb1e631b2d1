package keyring

import (
	"context"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/jose/jwk"
)

// The purposes of keys.
const (
	PurposeToken = "token"
	PurposeFeed  = "feed"
)

// OwnPurpose is that of the keys which sign for one resource alone.
func OwnPurpose(name string) string { return ownPrefix + name }

const ownPrefix = PurposeToken + "-"

// DefaultAlgorithm signs unless something else is asked for.
const DefaultAlgorithm = jwk.ES256

// Key is a stored key. Its state follows from its times: pending before
// Activates, active until Retires (zero: no end), retired until Gone.
type Key struct {
	ID, Purpose                       string
	Algorithm                         jwk.Algorithm
	MasterID                          string // names the master key under which Sealed is sealed
	Public, Sealed                    []byte
	Created, Activates, Retires, Gone time.Time
	// Leads is since when, or from when, a token is signed with its algorithm where none is
	// asked for; zero: it is not. Of those that sign the one that leads since last counts.
	Leads time.Time
}

// The states of a key.
const (
	StatePending = "pending"
	StateActive  = "active"
	StateRetired = "retired"
	StateGone    = "gone"
)

// State names the key's state at a moment.
func (k Key) State(now time.Time) string {
	switch {
	case !k.Gone.IsZero() && (!now.Before(k.Gone) || !k.Gone.After(k.Created)): // whose end is its beginning is dead at any time
		return StateGone
	case !k.Retires.IsZero() && !now.Before(k.Retires):
		return StateRetired
	case now.Before(k.Activates):
		return StatePending
	}
	return StateActive
}

// Store is what the ring needs. The generation counts changes of any key.
// SaveKeys inserts or replaces keys by their id and answers Conflict when the
// generation is no longer from: all of a change happens, or nothing. Positions are
// what edges say of themselves, among it the keys that they have.
type Store interface {
	Positions(ctx context.Context) ([]revoke.Position, error)
	Keys(ctx context.Context) (keys []Key, generation int64, err error) // newest first
	KeyGeneration(ctx context.Context) (int64, error)
	SaveKeys(ctx context.Context, keys []Key, from int64, act audit.Act) error
}
