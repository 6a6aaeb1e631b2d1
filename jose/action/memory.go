package action

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"github.com/jotward/jotward/jose"
)

// A MemoryStore keeps records in memory: for tests, and for a single process
// whose links may die with it. It holds no more than its bound, and never gives up
// a record that has not expired to make room for another.
type MemoryStore struct {
	max int

	mu     sync.Mutex
	byHash map[Hash]*entry
	byTime entries // the next to expire first
}

// NewMemoryStore makes a store of at most max records. It fails with
// PolicyInvalid when that is not positive.
func NewMemoryStore(max int) (*MemoryStore, error) {
	if max <= 0 {
		return nil, fail(jose.PolicyInvalid, "a store without room")
	}
	return &MemoryStore{max: max, byHash: map[Hash]*entry{}}, nil
}

// Put adds a record after dropping those that have expired. It fails with
// StoreUnavailable when there is no room then, or the hash is there already.
func (s *MemoryStore) Put(_ context.Context, r Record, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.byTime) > 0 && !now.Before(s.byTime[0].Expires) {
		s.remove(s.byTime[0])
	}
	if len(s.byHash) >= s.max {
		return fail(jose.StoreUnavailable, "the store is full")
	}
	if s.byHash[r.Hash] != nil {
		return fail(jose.StoreUnavailable, "the hash is there already")
	}
	e := &entry{Record: r}
	s.byHash[r.Hash] = e
	heap.Push(&s.byTime, e)
	return nil
}

// Get returns the record of a hash.
func (s *MemoryStore) Get(_ context.Context, h Hash) (Record, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.byHash[h]; e != nil {
		return e.Record, true, nil
	}
	return Record{}, false, nil
}

// Spend takes the record of a hash out of the store.
func (s *MemoryStore) Spend(_ context.Context, h Hash, now time.Time) (Record, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.byHash[h]
	if e == nil || !now.Before(e.Expires) {
		return Record{}, false, nil
	}
	s.remove(e)
	return e.Record, true, nil
}

// Revoke takes out all records of a purpose and subject. It looks at every record.
func (s *MemoryStore) Revoke(_ context.Context, purpose, subject string) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, e := range s.byHash {
		if e.Purpose == purpose && e.Subject == subject {
			s.remove(e)
			n++
		}
	}
	return n, nil
}

// Len returns how many records there are, expired ones among them.
func (s *MemoryStore) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.byHash)
}

func (s *MemoryStore) remove(e *entry) {
	delete(s.byHash, e.Hash)
	heap.Remove(&s.byTime, e.at)
}

// entry is a record and its place in the heap.
type entry struct {
	Record
	at int
}

// entries is a heap by expiry.
type entries []*entry

func (h entries) Len() int           { return len(h) }
func (h entries) Less(i, j int) bool { return h[i].Expires.Before(h[j].Expires) }
func (h entries) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

// Push is heap.Interface's.
func (h *entries) Push(x any) {
	e := x.(*entry)
	e.at = len(*h)
	*h = append(*h, e)
}

// Pop is heap.Interface's.
func (h *entries) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return e
}
