package web

import (
	"container/heap"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jotward/jotward/internal/limit"
	"github.com/jotward/jotward/jose/jwt"
)

// errShare refuses a network that holds its share of the memory of proofs.
var errShare = errors.New("web: the network has used up its share of the memory of proofs")

// proofMemory remembers the proofs that were used, exactly, as jwt.MemoryReplay does. Anybody
// makes proofs that hold, so strangers have three quarters of it, and in these each network
// no more than a sixteenth of what is free: the more networks fill it, the less each of
// them may, and one that comes anew always finds as much as each of them has. The last
// quarter is for clients that proved who they are.
type proofMemory struct {
	clock func() time.Time
	limit int

	mu        sync.Mutex
	known     map[string]struct{}
	queue     proofQueue     // by the moment of forgetting
	held      map[string]int // by network, of strangers
	strangers int
}

const (
	strangersPart = 4  // strangers have all but one such part
	shareOfFree   = 16 // a network has one such part of what is free
)

func newProofMemory(limit int, clock func() time.Time) *proofMemory {
	return &proofMemory{clock: clock, limit: limit, known: map[string]struct{}{}, held: map[string]int{}}
}

// Seen implements jwt.ReplayStore. Who asks is in the context (ClientAddr, Authenticated).
func (m *proofMemory) Seen(ctx context.Context, key string, until time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget(m.clock())
	if _, seen := m.known[key]; seen {
		return true, nil
	}
	if len(m.known) >= m.limit {
		return false, jwt.ErrReplayFull
	}
	network := ""
	if !proved(ctx) {
		network = limit.Network(ClientAddr(ctx))
		free := m.limit - m.limit/strangersPart - m.strangers
		if free < shareOfFree {
			return false, jwt.ErrReplayFull
		}
		if m.held[network] >= free/shareOfFree {
			return false, errShare
		}
		m.held[network]++
		m.strangers++
	}
	m.known[key] = struct{}{}
	heap.Push(&m.queue, usedProof{key, network, until})
	return false, nil
}

// forget drops what may be used no more. A key is kept through the moment itself, for a
// proof may be valid until then.
func (m *proofMemory) forget(now time.Time) {
	for len(m.queue) > 0 && m.queue[0].until.Before(now) {
		p := heap.Pop(&m.queue).(usedProof)
		delete(m.known, p.key)
		if p.network == "" {
			continue
		}
		m.strangers--
		if m.held[p.network]--; m.held[p.network] == 0 {
			delete(m.held, p.network)
		}
	}
}

// usedProof is of no network where its client had proved who it is.
type usedProof struct {
	key, network string
	until        time.Time
}

// proofQueue is a heap.Interface.
type proofQueue []usedProof

func (q proofQueue) Len() int           { return len(q) }
func (q proofQueue) Less(i, j int) bool { return q[i].until.Before(q[j].until) }
func (q proofQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *proofQueue) Push(x any)        { *q = append(*q, x.(usedProof)) }
func (q *proofQueue) Pop() any {
	old := *q
	last := old[len(old)-1]
	old[len(old)-1] = usedProof{}
	*q = old[:len(old)-1]
	return last
}
