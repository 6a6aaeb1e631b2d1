package jwt

import (
	"container/heap"
	"context"
	"crypto/sha256"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
)

// A ReplayStore remembers which tokens were used, for those that may be used
// once: DPoP proofs (RFC 9449 11.1), client assertions (RFC 7523 3) and logout
// tokens (OpenID Connect Back-Channel Logout 2.6). Where several machines accept
// the same tokens, they must share one store, or share out the tokens.
type ReplayStore interface {
	// Seen reports whether key was given before, and remembers it until a moment
	// at least. Asking and remembering are one atomic step: of two callers with
	// one key at the same time, exactly one is told false. A store that cannot
	// answer, or has no room, returns an error, and the token is refused.
	//
	// The key is 43 characters of base64url, whatever the token's jti is.
	Seen(ctx context.Context, key string, until time.Time) (bool, error)
}

// replayKey is what a store is asked about: a hash of the kind of token, of who
// made it and of its jti, so that nobody can use up the jti of another.
func replayKey(kind, maker, id string) string {
	h := sha256.New()
	for _, s := range []string{kind, maker, id} {
		// With its length before it, no part can be read as two.
		h.Write([]byte(strconv.Itoa(len(s)) + ":" + s))
	}
	return b64.Encode(h.Sum(nil))
}

// ErrReplayFull is the error of a MemoryReplay that has no room.
var ErrReplayFull = errors.New("jwt: no room to remember another token")

// A MemoryReplay is a ReplayStore in the memory of one process. It is exact: it
// forgets nothing before its time. It is bounded: when it is full of keys whose
// time has not come, it fails with ErrReplayFull, which refuses tokens, instead
// of forgetting one, which would accept a replay.
//
// Whoever makes tokens that hold can fill it, and then everybody's are refused, with
// StoreUnavailable, until a key's time has come. Anybody makes DPoP proofs, for each
// brings its own key: verify the access token and what it is bound to first, so that
// only holders of tokens come this far, and limit how often each of them may. At a
// token endpoint there is no token yet: authenticate the client first, or limit by
// address.
type MemoryReplay struct {
	clock func() time.Time
	limit int

	mu    sync.Mutex
	known map[string]struct{}
	queue replayQueue // by the moment of forgetting
}

// NewMemoryReplay builds a store for at most limit keys, about 200 bytes each.
// With tokens that are accepted for a minute, and remembered for another, a thousand
// of them a second need 120,000. It fails with PolicyInvalid for a limit below 1 and without a clock.
func NewMemoryReplay(limit int, clock func() time.Time) (*MemoryReplay, error) {
	if limit < 1 || clock == nil {
		return nil, fail(jose.PolicyInvalid, "a limit of at least 1 and a clock are needed")
	}
	return &MemoryReplay{clock: clock, limit: limit, known: map[string]struct{}{}}, nil
}

// Resize changes for how many keys there is room, and forgets nothing: while it holds
// more than that, it is full. It fails with PolicyInvalid for a limit below 1.
func (m *MemoryReplay) Resize(limit int) error {
	if limit < 1 {
		return fail(jose.PolicyInvalid, "a limit of at least 1 is needed")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.limit = limit
	return nil
}

// Seen is the ReplayStore's. It fails with ErrReplayFull.
func (m *MemoryReplay) Seen(_ context.Context, key string, until time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.clock()
	// A key is kept through the moment itself, for a token may be valid until then.
	for len(m.queue) > 0 && m.queue[0].until.Before(now) {
		delete(m.known, heap.Pop(&m.queue).(replayEntry).key)
	}
	if _, seen := m.known[key]; seen {
		return true, nil
	}
	if len(m.known) >= m.limit {
		return false, ErrReplayFull
	}
	m.known[key] = struct{}{}
	heap.Push(&m.queue, replayEntry{key: key, until: until})
	return false, nil
}

type replayEntry struct {
	key   string
	until time.Time
}

// replayQueue is a heap.Interface.
type replayQueue []replayEntry

func (q replayQueue) Len() int           { return len(q) }
func (q replayQueue) Less(i, j int) bool { return q[i].until.Before(q[j].until) }
func (q replayQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *replayQueue) Push(x any)        { *q = append(*q, x.(replayEntry)) }
func (q *replayQueue) Pop() any {
	old := *q
	last := old[len(old)-1]
	old[len(old)-1] = replayEntry{}
	*q = old[:len(old)-1]
	return last
}
