// Package audit describes what was done and by whom. Entries are append-only
// and are written in the transaction of the act itself: an act without its
// entry does not happen.
package audit

import (
	"context"
	"time"

	"github.com/jotward/jotward/internal/revoke"
)

// Actor is who did it, and in which request. Kind is user, client, admin,
// system or edge.
type Actor struct {
	Kind, ID, Request string
	Once              Once
}

// Once, when its key is set, makes an act happen once only: whoever repeats the
// request meets reason.IdempotencyKeyReused, in the transaction of the act.
// Both are hashes: neither the caller's key nor the request is kept.
type Once struct{ Key, Request string }

// Done is an act that was done under a Once: of which request, and to what.
type Done struct{ Request, TargetID string }

// Target is what it was done to.
type Target struct{ Kind, ID string }

// Entry is one audit event. Seq is its place in the trail; the store gives it.
type Entry struct {
	Seq    uint64
	At     time.Time
	Actor  Actor
	Action string
	Target Target
	Detail map[string]string
}

// Filter chooses entries; a zero field chooses all. From is included, Until is not.
type Filter struct {
	Actor       Actor
	Action      string
	Target      Target
	From, Until time.Time
}

// Reader reads the trail, newest first, below the cursor before (zero: from the
// newest entry on).
type Reader interface {
	AuditEntries(ctx context.Context, f Filter, before uint64, limit int) ([]Entry, error)
}

// Act is an audit entry with the revocations that must commit with it.
type Act struct {
	Entry
	Revocations []revoke.Entry
}

// New describes an act; detail is a list of name, value pairs.
func New(at time.Time, actor Actor, action, kind, id string, detail ...string) Act {
	a := Act{Entry: Entry{At: at, Actor: actor, Action: action, Target: Target{kind, id}}}
	for i := 0; i+1 < len(detail); i += 2 {
		if a.Detail == nil {
			a.Detail = map[string]string{}
		}
		a.Detail[detail[i]] = detail[i+1]
	}
	return a
}

// Revoking adds a revocation to the act.
func (a Act) Revoking(e revoke.Entry) Act {
	e.At = a.At
	a.Revocations = append(a.Revocations[:len(a.Revocations):len(a.Revocations)], e)
	return a
}
