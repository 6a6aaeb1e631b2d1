package jwks

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
)

// A Remote is the key set of one issuer. It is safe for use by many goroutines.
type Remote struct {
	config Config
	now    atomic.Pointer[snapshot] // nil before the first good reply

	// flight is the fetch under way and lastStart when the last one was started;
	// nil when there is none. Both are written under mu and read without it.
	flight    atomic.Pointer[flight]
	lastStart atomic.Pointer[time.Time]

	mu      sync.Mutex
	closed  bool
	report  report
	renewed time.Time // when Renew last went around the cool-down
	started uint64    // how many fetches were
	last    *flight   // the last of them, nil before the first

	// found is the set's address as discovery gave it. Only the one flight uses it.
	found   string
	foundAt time.Time

	background context.Context // what fetches run under: no caller's cancel stops them
	cancel     context.CancelFunc
	flights    sync.WaitGroup
}

// snapshot is one good reply, immutable but for being replaced.
type snapshot struct {
	set        *jwk.Set
	digest     [sha256.Size]byte
	generation uint64 // even; the odd number after it says that the keys are too old
	fetched    time.Time
	refreshAt  time.Time
	expires    time.Time
	staleUntil time.Time
}

// usable reports whether the keys may still be answered with.
func (s *snapshot) usable(now time.Time) bool { return s != nil && now.Before(s.staleUntil) }

// flight is one fetch that any number of callers wait for.
type flight struct {
	done   chan struct{}
	number uint64 // of all that were started
	err    error  // set before done is closed
}

// NewRemote builds a Remote and fetches nothing yet: the first Lookup does, or
// Refresh, or Run. It fails with PolicyInvalid.
func NewRemote(c Config) (*Remote, error) {
	c, err := c.prepare()
	if err != nil {
		return nil, err
	}
	r := &Remote{config: c}
	r.background, r.cancel = context.WithCancel(context.Background())
	return r, nil
}

// none reports whether r is nil or not of NewRemote: it answers as a source without keys.
func (r *Remote) none() bool { return r == nil || r.config.Clock == nil }

var errNone = fail(jose.KeysUnavailable, "the source of keys was not built")

// Lookup answers as jwk.Set.Lookup does. A known kid is answered at once, from
// keys that may be stale within the bound. An unknown one starts a fetch, or
// joins the one under way, and waits for it until ctx ends or the fetch times
// out; within the cool-down of the last fetch it is refused at once.
//
// It fails with KeyNotFound, KeyMisuse, or KeysUnavailable, which wraps the
// context's error when that was the reason.
func (r *Remote) Lookup(ctx context.Context, kid string, alg jwk.Algorithm) ([]*jwk.Key, error) {
	if r.none() {
		return nil, errNone
	}
	now := r.config.Clock()
	s := r.now.Load()
	if s.usable(now) {
		r.refreshAhead(s, now)
		keys, err := s.set.Lookup(ctx, kid, alg)
		if jose.ReasonOf(err) != jose.KeyNotFound && !nameless(kid, keys) {
			return keys, err
		}
	}
	f := r.join(now)
	if f == nil {
		return r.refuse(ctx, kid, alg, now, nil)
	}
	if err := f.wait(ctx); err != nil {
		return nil, err
	}
	return r.refuse(ctx, kid, alg, r.config.Clock(), f.err)
}

// wait returns nil when the fetch has ended, in whatever way, and an error when
// ctx ends before it.
func (f *flight) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
		return jose.NewError(jose.KeysUnavailable, "the caller stopped waiting for the key set", ctx.Err())
	}
}

// nameless reports whether a kid was answered by keys that have none. Such an
// answer stands only after the issuer was asked for the key of that name.
func nameless(kid string, keys []*jwk.Key) bool {
	return kid != "" && len(keys) > 0 && keys[0].KeyID() == ""
}

// refuse answers a lookup for which no more fetching will be done: from the
// keys there are, else by saying why there are none.
func (r *Remote) refuse(ctx context.Context, kid string, alg jwk.Algorithm, now time.Time, cause error) ([]*jwk.Key, error) {
	if s := r.now.Load(); s.usable(now) {
		return s.set.Lookup(ctx, kid, alg)
	}
	why := "no usable keys, and the last fetch is too recent to try again"
	if cause == nil {
		r.mu.Lock()
		cause = r.report.err
		r.mu.Unlock()
	}
	if cause != nil {
		why = "no usable keys: " + jose.DetailOf(cause)
	}
	return nil, jose.NewError(jose.KeysUnavailable, why, cause)
}

// Generation changes when the keys do, and when they become too old to use. It
// also starts a refresh that is due, because a verifier that remembers answers
// asks for nothing else.
func (r *Remote) Generation() uint64 {
	if r.none() {
		return 0
	}
	s := r.now.Load()
	if s == nil {
		return 0
	}
	now := r.config.Clock()
	if !s.usable(now) {
		return s.generation + 1
	}
	r.refreshAhead(s, now)
	return s.generation
}

// refreshAhead starts a fetch in the background when one is due.
func (r *Remote) refreshAhead(s *snapshot, now time.Time) {
	if !now.Before(s.refreshAt) {
		r.join(now)
	}
}

// join returns the fetch under way, or starts one. It returns nil within the
// cool-down and after Close. The cool-down is one for all reasons to fetch:
// that is what keeps a flood of invented kids from becoming a flood of requests.
//
// While an issuer is down every request comes here, so what most of them learn
// is read without the mutex.
func (r *Remote) join(now time.Time) *flight {
	if f := r.flight.Load(); f != nil || r.resting(now) {
		return f
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	// Read again: when a whole flight went by since the caller read its clock, that
	// time is before the flight's start, and would pass for a clock that was set back.
	now = r.config.Clock()
	if f := r.flight.Load(); f != nil || r.closed || r.resting(now) {
		return f
	}
	return r.start(now)
}

// start starts a fetch. The caller holds mu and has seen that none is under way.
func (r *Remote) start(now time.Time) *flight {
	r.started++
	f := &flight{done: make(chan struct{}), number: r.started}
	r.last = f
	r.flight.Store(f)
	r.lastStart.Store(&now) // now is a copy, so only a start allocates
	r.flights.Add(1)
	go r.fly(f)
	return f
}

// resting reports whether the cool-down of the last fetch lasts. A clock that
// was set back must not hold fetches until it has caught up.
func (r *Remote) resting(now time.Time) bool {
	last := r.lastStart.Load()
	if last == nil {
		return false
	}
	since := now.Sub(*last)
	return since >= 0 && since < r.config.CoolDown
}

// fly runs one fetch to its end, whoever still waits for it.
func (r *Remote) fly(f *flight) {
	defer r.flights.Done()
	ctx, cancel := context.WithTimeout(r.background, r.config.Timeout)
	defer cancel()
	got, err := r.fetchSafely(ctx)
	if s := (*statusError)(nil); errors.As(err, &s) {
		err = jose.NewError(jose.KeysUnavailable, fmt.Sprintf("the issuer answered with status %d", s.status), nil)
	}
	now := r.config.Clock()
	r.mu.Lock()
	if err == nil {
		r.accept(got, now)
	}
	r.report.add(now, err)
	r.flight.Store(nil)
	r.mu.Unlock()
	f.err = err
	close(f.done)
}

// fetchSafely turns a panic of an injected client into an error: a crash there
// must not leave every caller waiting.
func (r *Remote) fetchSafely(ctx context.Context) (got *reply, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fail(jose.KeysUnavailable, fmt.Sprintf("the client panicked: %v", p))
		}
	}()
	return r.fetch(ctx)
}

// accept replaces the snapshot. The same document keeps its generation, so that
// verifiers keep what they remember. The caller holds mu: two documents must not come
// to one generation, and Warm writes as well.
func (r *Remote) accept(got *reply, now time.Time) {
	ahead := r.config.RefreshAhead
	if ahead == 0 {
		ahead = got.age / 5
	}
	s := &snapshot{
		set: got.set, digest: got.digest, generation: 2,
		fetched: now, expires: now.Add(got.age),
	}
	s.refreshAt = s.expires.Add(-min(ahead, got.age))
	s.staleUntil = s.expires.Add(r.config.MaxStale)
	if old := r.now.Load(); old != nil {
		s.generation = old.generation
		if old.digest != s.digest {
			s.generation += 2
		} else {
			s.set = old.set
		}
	}
	r.now.Store(s)
}

// Refresh fetches now, or waits for the fetch under way. Within the cool-down
// it returns nil without asking again: no caller goes around it. It fails with
// KeysUnavailable or KeySetInvalid; keys that were good stay in use.
func (r *Remote) Refresh(ctx context.Context) error {
	if r.none() {
		return errNone
	}
	f := r.join(r.config.Clock())
	if f == nil {
		if r.background.Err() != nil {
			return fail(jose.KeysUnavailable, "closed")
		}
		return nil
	}
	if err := f.wait(ctx); err != nil {
		return err
	}
	return f.err
}

// Renew is Refresh for a caller who knows from the issuer itself that its keys have
// changed: it goes around the cool-down, and never takes the answer of a fetch that
// began before. What a token says is no such knowledge. It returns nil when a fetch
// that began after the call went well, and for no other reason.
//
// It goes around once in the time of one cool-down. A call that comes sooner waits
// until it may ask, so give it a ctx that ends, or a goroutine of its own; calls that
// wait share one fetch. It fails like Refresh.
func (r *Remote) Renew(ctx context.Context) error {
	if r.none() {
		return errNone
	}
	r.mu.Lock()
	before := r.started
	r.mu.Unlock()
	for {
		f, pause, err := r.renewal(before)
		switch {
		case err != nil:
			return err
		case f == nil:
			if err := r.rest(ctx, pause); err != nil {
				return err
			}
		case f.number > before:
			if err := f.wait(ctx); err != nil {
				return err
			}
			return f.err
		default:
			if err := f.wait(ctx); err != nil {
				return err
			}
		}
	}
}

// renewal returns the last fetch if it began after as many others, else the one under
// way, which must end first, else one that it starts, or how long it must not.
func (r *Remote) renewal(before uint64) (*flight, time.Duration, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.started > before {
		return r.last, 0, nil
	}
	if r.closed {
		return nil, 0, fail(jose.KeysUnavailable, "closed")
	}
	if f := r.flight.Load(); f != nil {
		return f, 0, nil
	}
	now := r.config.Clock()
	if since := now.Sub(r.renewed); !r.renewed.IsZero() && since >= 0 && since < r.config.CoolDown {
		return nil, r.config.CoolDown - since, nil
	}
	r.renewed = now // and not before: who only waited has asked nothing
	return r.start(now), 0, nil
}

// rest waits, until ctx ends or Close is called.
func (r *Remote) rest(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.background.Done():
	case <-ctx.Done():
		return jose.NewError(jose.KeysUnavailable, "the caller stopped waiting for the key set", ctx.Err())
	}
	return nil
}

// Run keeps the set fresh until ctx ends or Close is called, also while nobody
// asks for keys. It returns ctx's error, or nil after Close. It is a convenience:
// without it, use keeps the set fresh.
func (r *Remote) Run(ctx context.Context) error {
	if r.none() {
		return errNone
	}
	for {
		_ = r.Refresh(ctx) // Health tells; the next round tries again
		timer := time.NewTimer(r.untilNext())
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-r.background.Done():
			timer.Stop()
			return nil
		}
	}
}

// untilNext is how long Run waits: until the refresh is due, and never less
// than the cool-down allows.
func (r *Remote) untilNext() time.Duration {
	now := r.config.Clock()
	next := now
	if last := r.lastStart.Load(); last != nil {
		next = last.Add(r.config.CoolDown)
	}
	if s := r.now.Load(); s != nil && s.refreshAt.After(next) {
		next = s.refreshAt
	}
	return max(next.Sub(now), time.Second)
}

// Close stops the fetch under way and every later one, and waits for it to end.
// Keys that are cached stay in use until they are too old.
func (r *Remote) Close() error {
	if r.none() {
		return nil
	}
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.cancel()
	r.flights.Wait()
	return nil
}
