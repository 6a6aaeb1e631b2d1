// Package limit counts how often something may happen: the generic cell rate
// algorithm (GCRA), in memory. It reads no clock, holds a bounded number of
// keys, and refuses rather than forgets when it is full.
package limit

import (
	"errors"
	"hash/maphash"
	"sync"
	"time"
)

// stripes is how many locks share the keys.
const stripes = 64

// A Rate allows Burst at once and one more every Every. Its zero value is
// refused.
type Rate struct {
	Every time.Duration
	Burst int
}

// A Limiter counts keys of one kind. It is safe for use by many goroutines.
type Limiter struct {
	every, span time.Duration // span is what a full burst takes to come back
	max         int           // keys per stripe
	seed        maphash.Seed  // strangers choose keys: they must not choose the stripe
	stripe      [stripes]stripe
}

type stripe struct {
	mu    sync.Mutex
	full  map[string]time.Time // when a key will have all of its burst again
	swept time.Time            // no key that is held was free before this moment
}

// New makes a limiter that holds at most about keys keys.
func New(r Rate, keys int) (*Limiter, error) {
	if r.Every <= 0 || r.Burst < 1 || keys < 1 {
		return nil, errors.New("limit: rate, burst and number of keys must be above zero")
	}
	l := &Limiter{every: r.Every, span: r.Every * time.Duration(r.Burst), max: (keys + stripes - 1) / stripes, seed: maphash.MakeSeed()}
	for i := range l.stripe {
		l.stripe[i].full = map[string]time.Time{}
	}
	return l, nil
}

func (l *Limiter) of(key string) *stripe { return &l.stripe[maphash.String(l.seed, key)%stripes] }

// A Count is what came of counting one.
type Count struct {
	OK    bool
	Wait  time.Duration // until there is one again; 0 when OK
	Left  int           // how many there are now
	Reset time.Duration // until the whole burst is back
}

// Count is Take that says what is left.
func (l *Limiter) Count(now time.Time, key string) Count {
	wait, ok := l.Take(now, key)
	s := l.of(key)
	s.mu.Lock()
	at := s.full[key]
	s.mu.Unlock()
	reset := max(at.Sub(now), 0)
	if reset == 0 && !ok { // no place for the key
		return Count{Wait: wait, Reset: wait}
	}
	return Count{OK: ok, Wait: wait, Left: int((l.span - reset) / l.every), Reset: reset}
}

// Take counts one. When there is none left it counts nothing and says how long
// to wait: never longer than Every, or than it takes until a place is free.
func (l *Limiter) Take(now time.Time, key string) (wait time.Duration, ok bool) {
	s := l.of(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	at, held := s.full[key]
	if !held && len(s.full) >= l.max {
		if wait := s.sweep(now); len(s.full) >= l.max {
			return wait, false
		}
	}
	if at.Before(now) {
		at = now
	} else if most := now.Add(l.span); at.After(most) { // the clock was set back: nobody waits for that
		at = most
		s.hold(key, at)
	}
	at = at.Add(l.every)
	if wait := at.Sub(now) - l.span; wait > 0 {
		return wait, false
	}
	s.hold(key, at)
	return 0, true
}

func (s *stripe) hold(key string, at time.Time) {
	s.full[key] = at
	if at.Before(s.swept) {
		s.swept = at
	}
}

// sweep forgets the keys that have all of their burst: nothing is lost with
// them. It returns when the next one will be free, and looks at no key before that.
func (s *stripe) sweep(now time.Time) time.Duration {
	if now.Before(s.swept) {
		return s.swept.Sub(now)
	}
	var next time.Time
	for key, at := range s.full {
		if !at.After(now) {
			delete(s.full, key)
		} else if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	s.swept = next
	return next.Sub(now)
}

// Return gives back one that Take counted.
func (l *Limiter) Return(now time.Time, key string) {
	s := l.of(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	at, held := s.full[key]
	if !held {
		return
	}
	if at = at.Add(-l.every); at.After(now) {
		s.full[key] = at
		s.swept = time.Time{}
		return
	}
	s.drop(key)
}

// Clear gives a key its whole burst back.
func (l *Limiter) Clear(key string) {
	s := l.of(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(key)
}

func (s *stripe) drop(key string) {
	delete(s.full, key)
	s.swept = time.Time{}
}

// Len is how many keys are held.
func (l *Limiter) Len() (n int) {
	for i := range l.stripe {
		l.stripe[i].mu.Lock()
		n += len(l.stripe[i].full)
		l.stripe[i].mu.Unlock()
	}
	return n
}
