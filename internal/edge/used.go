package edge

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/store/valkey"
	"github.com/jotward/jotward/jose/jwt"
)

const (
	// longestProof is for how long any policy accepts a proof, and it is remembered.
	longestProof = longestMaxAge + longestLeeway + spentLonger
	// rolling is how long edges that share may take to follow one another to another
	// store or policy.
	rolling = 10 * time.Minute
	// settling bounds how long a reload waits for a store's first answer.
	settling = 5 * time.Second
)

// used remembers what may be used once, tokens of one-time routes or DPoP proofs. It
// outlives every reload: what was used before it is not let through after it.
type used struct {
	own   *jwt.MemoryReplay // of this edge alone
	clock func() time.Time
	at    atomic.Pointer[usedAt]
}

// usedAt is a store, and where things were remembered before reloads chose this one.
type usedAt struct {
	store  jwt.ReplayStore
	before []former
}

// A former place is asked first, until what was used there is refused for its age.
// Asking there remembers as well: another edge may not have moved yet.
type former struct {
	store  jwt.ReplayStore
	common *commonStore // whose it is; nil: this edge's own
	until  time.Time
}

func (u *used) init(limit int, clock func() time.Time) (err error) {
	u.clock = clock
	u.own, err = jwt.NewMemoryReplay(limit, clock)
	return err
}

// Seen implements jwt.ReplayStore. A former place that does not answer refuses.
func (u *used) Seen(ctx context.Context, key string, until time.Time) (bool, error) {
	at, now := u.at.Load(), u.clock()
	for _, f := range at.before {
		if now.After(f.until) {
			continue
		}
		seen, err := f.store.Seen(ctx, key, until)
		if err != nil {
			return false, fmt.Errorf("where it was remembered before a reload: %w", err)
		}
		if seen {
			return true, nil
		}
	}
	return at.store.Seen(ctx, key, until)
}

// move chooses another place. What is remembered at the one before counts for a while
// longer, except where one says that both are the same.
func (u *used) move(to, from *commonStore, while time.Duration, one func(*commonStore) bool) {
	now, was := u.clock(), u.at.Load()
	next := &usedAt{store: to.replay(u.own)}
	for _, f := range append(was.before[:len(was.before):len(was.before)], former{was.store, from, now.Add(while + rolling)}) {
		if !now.After(f.until) && f.store != next.store && !(f.common != nil && one(f.common)) {
			next.before = append(next.before, f)
		}
	}
	u.at.Store(next)
}

// settle asks a shared store that a reload brings whether it is there, while
// requests still go to the old one. One that is not is a mistake in the
// configuration, and the old one goes on.
func (e *Edge) settle(old, s *state) error {
	if s.shared == nil || s.shared == old.shared || !e.running {
		return nil
	}
	s.shared.start(e.life, e.options.Logger)
	ctx, cancel := context.WithTimeout(e.life, settling)
	defer cancel()
	err := s.shared.await(ctx)
	if err == nil || err == valkey.ErrForgets && !s.remembers() {
		return nil
	}
	s.shared.stop()
	return &config.Problem{Path: "edge.shared", Text: fmt.Sprintf("the store cannot be used, and the one before stays: %v", err)}
}

// await returns what is wrong with the store, once that is known.
func (s *commonStore) await(ctx context.Context) error {
	for {
		changed, err := s.store.State()
		if err != valkey.ErrAway { // which is that nobody has looked yet
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return err
		}
	}
}

// remember moves what is remembered to where a new configuration has it. e.change is
// held.
func (e *Edge) remember(old, s *state) {
	if s.shared != old.shared {
		lives := time.Duration(0) // no token that was used so far lives longer
		for _, i := range old.issuers {
			lives = max(lives, i.maxLifetime)
		}
		one := e.oneWith(s.shared)
		e.spent.move(s.shared, old.shared, lives+spentLonger, one)
		e.proofs.move(s.shared, old.shared, longestProof, one)
		if old.shared != nil {
			e.stores = append(e.stores, old.shared)
		}
	}
	if s.proofs != nil {
		e.proven = s.proofs
		_ = e.proofs.own.Resize(s.proofs.config.Remember) // which was checked
	}
}

// oneWith says of other stores whether they are the same under another name, by what
// was remembered there just now. Asked twice, the same store would call everything seen.
// One that never ran remembers nothing.
func (e *Edge) oneWith(s *commonStore) func(*commonStore) bool {
	known := map[*commonStore]bool{}
	return func(other *commonStore) bool {
		if other.cancel == nil {
			return true
		}
		is, asked := known[other]
		if !asked && s != nil {
			ctx, cancel := context.WithTimeout(e.life, settling)
			defer cancel()
			probe := rand.Text()
			_, err := s.store.Seen(ctx, probe, e.options.Now())
			seen, failed := other.store.Seen(ctx, probe, e.options.Now())
			is = err == nil && failed == nil && seen
			known[other] = is
		}
		return is
	}
}

// retire ends the shared stores that nothing asks any more. e.change is held.
func (e *Edge) retire(s *state) {
	asked, now := map[*commonStore]bool{s.shared: true}, e.options.Now()
	for _, u := range []*used{&e.spent, &e.proofs} {
		for _, f := range u.at.Load().before {
			asked[f.common] = asked[f.common] || !now.After(f.until)
		}
	}
	kept := e.stores[:0]
	for _, c := range e.stores {
		if asked[c] {
			kept = append(kept, c)
		} else {
			c.stop()
		}
	}
	clear(e.stores[len(kept):])
	e.stores = kept
}
