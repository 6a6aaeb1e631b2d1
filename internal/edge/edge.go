// Package edge is the gateway: it matches a request in one reading,
// authenticates it, asks the revocation view, authorizes, and forwards. A
// request costs no SQL, no look-up over the network once its issuer's keys are
// known, and no lock that all requests share.
//
// It leaves listening and TLS to its caller; NewServer has the settings of
// net/http that it relies on.
package edge

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/obs"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/web"
)

// Options are what an Edge needs besides its configuration.
type Options struct {
	Now        func() time.Time      // required
	Logger     *slog.Logger          // required
	Registerer prometheus.Registerer // nil: no metrics
	HTTPClient *http.Client          // to the issuers; nil: bounded, without proxies
	Instance   string                // the name under which positions are reported
	Version    string
	// TLSAtProxy says that a trusted proxy ends TLS: what reached the edge or that
	// proxy in clear is refused, but for what comes from this machine.
	TLSAtProxy bool
	// Observe is told of every event after its request ended; optional. It must
	// not block and must not keep the event.
	Observe func(*Event)
}

// An Edge is the gateway's handler. Its configuration is one immutable value
// behind one atomic pointer.
type Edge struct {
	options    Options
	lines      *obs.Lines // of the logger, where it is of that kind
	metrics    *metrics   // nil: none
	current    atomic.Pointer[state]
	generation atomic.Uint64
	spent      used   // tokens of one-time routes
	proofs     used   // DPoP proofs
	refusals   *cache // tokens that do not hold, whatever the hour
	tails      tails
	underway   sync.Map // *passage: requests that a token let in, see review

	change  sync.Mutex     // held by Reload, Run and Close
	proven  *proofs        // the last that were accepted, which what is remembered of them belongs to
	stores  []*commonStore // former ones that are still asked
	life    context.Context
	end     context.CancelFunc
	running bool
	closed  bool
}

// New compiles a configuration. It fails when anything in it is unsaid or
// contradicts itself. Nothing runs in the background before Run.
func New(c config.Edge, o Options) (*Edge, error) {
	if o.Now == nil || o.Logger == nil {
		return nil, errors.New("edge: Now and Logger are required")
	}
	e := &Edge{options: o}
	e.lines, _ = o.Logger.Handler().(*obs.Lines)
	e.life, e.end = context.WithCancel(context.Background())
	e.refusals = newCache(cacheDefault)
	if err := errors.Join(e.spent.init(maxSpent, o.Now), e.proofs.init(defaultProofs, o.Now)); err != nil {
		return nil, err
	}
	s, err := e.compile(c, nil)
	if err != nil {
		return nil, err
	}
	e.spent.at.Store(&usedAt{store: s.shared.replay(e.spent.own)})
	e.proofs.at.Store(&usedAt{store: s.shared.replay(e.proofs.own)})
	e.remember(s, s)
	if o.Registerer != nil {
		if e.metrics, err = newMetrics(e, o.Registerer); err != nil {
			return nil, err
		}
		s.instrument(e.metrics)
	}
	e.current.Store(s)
	return e, nil
}

// Reload replaces the whole configuration in one step, or returns an error and
// changes nothing. It waits up to five seconds for a shared store that is new.
// Requests under way finish under the configuration they began with. Every verified
// token is forgotten. An issuer that stays keeps its revocations; one whose addresses
// and credentials did not change keeps its keys and its feed's connection as well.
// What was used once stays used.
func (e *Edge) Reload(c config.Edge) error {
	e.change.Lock()
	defer e.change.Unlock()
	if e.closed {
		return errors.New("edge: closed")
	}
	old := e.current.Load()
	s, err := e.compile(c, old)
	if err != nil {
		return err
	}
	if err := e.settle(old, s); err != nil {
		return err
	}
	if e.metrics != nil {
		s.instrument(e.metrics)
	}
	e.remember(old, s)
	e.current.Store(s)
	if e.running {
		e.start(s)
	}
	for name, i := range old.issuers {
		if next := s.issuers[name]; next == nil || next.source != i.source {
			i.source.stop()
		}
	}
	e.retire(s)
	for name, p := range old.pools {
		if s.pools[name] != p {
			p.stop()
		}
	}
	if s.transports != old.transports {
		old.transports.CloseIdleConnections()
	}
	if e.metrics != nil {
		e.metrics.forget(old, s)
	}
	return nil
}

// Run keeps keys and revocation views fresh, and ends the requests under way
// whose token was taken back, until ctx ends or Close is called. It returns when
// nothing runs any more.
func (e *Edge) Run(ctx context.Context) error {
	e.change.Lock()
	if e.running || e.closed {
		e.change.Unlock()
		return errors.New("edge: Run a second time, or after Close")
	}
	e.running = true
	e.start(e.current.Load())
	e.change.Unlock()
	defer e.Close()
	tick := time.NewTicker(reviewEvery)
	defer tick.Stop()
	keep := time.NewTicker(keepKeysEvery)
	defer keep.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-e.life.Done():
			return ctx.Err()
		case <-tick.C:
			e.review()
		case <-keep.C:
			e.keepKeys()
			if e.change.TryLock() { // a reload may wait for a store, and reviews do not
				e.retire(e.current.Load())
				e.change.Unlock()
			}
		}
	}
}

// Close stops what runs in the background and waits for it. Requests are still
// answered, from the keys and the view there are, until the view is too old.
func (e *Edge) Close() {
	e.change.Lock()
	defer e.change.Unlock()
	e.closed = true
	e.end()
	s := e.current.Load()
	for _, i := range s.issuers {
		i.source.stop()
	}
	for _, c := range append(e.stores, s.shared) {
		c.stop()
	}
	for _, p := range s.pools {
		p.stop()
	}
	s.transports.CloseIdleConnections()
}

// start runs the sources that do not run yet. e.change is held.
func (e *Edge) start(s *state) {
	s.shared.start(e.life, e.options.Logger)
	for _, p := range s.pools {
		p.start(e.life)
	}
	for _, i := range s.issuers {
		if i.source.start(e.life) && i.source.follower == nil {
			e.options.Logger.Warn("NO REVOCATION FEED: revoked tokens of this issuer are accepted until they expire",
				slog.String("issuer", i.name))
		}
	}
}

// Ready says of every issuer whether its keys are there and, when it has a
// feed, whether its revocations are known. It never waits on the network.
func (e *Edge) Ready() []web.Check {
	now, s := e.options.Now(), e.current.Load()
	var out []web.Check
	for _, name := range s.names() {
		i := s.issuers[name]
		h := i.source.keys.Health()
		keys := web.Check{Name: "keys " + name, OK: h.Usable, Detail: h.Detail}
		if keys.OK && keys.Detail == "" {
			keys.Detail = "loaded"
		} else if keys.Detail == "" {
			keys.Detail = "not fetched yet"
		}
		feed := web.Check{Name: "revocations " + name, OK: true, Detail: string(i.freshness(now))}
		if i.freshness(now) == FeedStale {
			feed.OK = i.serve
			feed.Detail = string(reason.RevocationStale)
		}
		out = append(out, keys, feed)
	}
	if c, ok := s.checkShared(); ok {
		out = append(out, c)
	}
	for _, name := range slices.Sorted(maps.Keys(s.pools)) {
		out = append(out, s.pools[name].check())
	}
	return out
}

// NewServer returns a server with the settings that the edge relies on. The
// caller adds the address, and TLS if there is any.
func NewServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    4 * maxHeader, // beyond it net/http answers alone, without an event
		// OPTIONS * is refused like any other target without a path, and is an event.
		DisableGeneralOptionsHandler: true,
	}
}
