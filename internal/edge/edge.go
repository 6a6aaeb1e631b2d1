// Package edge is the gateway: it authenticates a request, asks the revocation
// view, authorizes, and forwards. A request costs no SQL, no look-up over the
// network once its issuer's keys are known, and no lock that all requests share.
package edge

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jotward/jotward/internal/config"
)

// Options are what an Edge needs besides its configuration.
type Options struct {
	Now        func() time.Time // required
	Logger     *slog.Logger     // required
	Metrics    Metrics          // optional
	HTTPClient *http.Client     // to the issuers; nil: bounded, without proxies
	Instance   string           // the name under which positions are reported
	Version    string
	// Sleep waits between attempts of the follower, or until ctx ends. nil
	// means a timer; tests replace it.
	Sleep func(ctx context.Context, d time.Duration) error
}

// An Edge is the gateway's handler. Its configuration is one immutable value
// behind one atomic pointer.
type Edge struct {
	options    Options
	current    atomic.Pointer[state]
	generation atomic.Uint64
	cache      cache
	proxy      *http.Transport
	reload     sync.Mutex
}

// New compiles a configuration. It fails when anything in it is unsaid or
// contradicts itself.
func New(c config.Edge, o Options) (*Edge, error) {
	if o.Now == nil || o.Logger == nil {
		return nil, errors.New("edge: Now and Logger are required")
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	e := &Edge{options: o, proxy: newTransport()}
	e.cache.init()
	s, err := e.compile(c, nil)
	if err != nil {
		return nil, err
	}
	e.current.Store(s)
	return e, nil
}

// Reload replaces routes and trusted proxies in one step. Issuers keep their
// keys and views, so a change to them is refused: it needs a restart.
func (e *Edge) Reload(c config.Edge) error {
	e.reload.Lock()
	defer e.reload.Unlock()
	old := e.current.Load()
	if !reflect.DeepEqual(old.config.Issuers, c.Issuers) {
		return errors.New("edge: a change to issuers needs a restart")
	}
	s, err := e.compile(c, old.issuers)
	if err != nil {
		return err
	}
	e.current.Store(s)
	return nil
}

// Run keeps keys and revocation views fresh until ctx ends.
func (e *Edge) Run(ctx context.Context) error {
	var wait sync.WaitGroup
	for _, i := range e.current.Load().issuers {
		wait.Go(func() { _ = i.keys.Run(ctx) }) // ends with ctx, and only then
		if i.follower == nil {
			e.options.Logger.Warn("NO REVOCATION FEED: revoked tokens of this issuer are accepted until they expire", "issuer", i.name)
			continue
		}
		wait.Go(func() { i.follower.run(ctx) })
	}
	wait.Wait()
	return ctx.Err()
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
