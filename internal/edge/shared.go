package edge

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/limit"
	"github.com/jotward/jotward/internal/store/valkey"
	"github.com/jotward/jotward/internal/web"
	"github.com/jotward/jotward/jose/jwt"
)

// commonStore is the store that edges count and remember in together. It outlives a
// reload in which its configuration stays.
type commonStore struct {
	config  config.EdgeShared
	store   *valkey.Store
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// compileShared returns nil where every edge is alone.
func (e *Edge) compileShared(c *config.EdgeShared, old *commonStore) (*commonStore, error) {
	if c == nil {
		return nil, nil
	}
	if old != nil && old.config == *c {
		return old, nil
	}
	s := &commonStore{config: *c}
	prefix := c.Prefix
	if prefix == "" {
		prefix = "jotward:"
	}
	var err error
	s.store, err = valkey.New(valkey.Config{URL: c.URL, Username: c.Username, Password: c.Password.Reveal(), Prefix: prefix, Secret: c.Secret.Reveal(), Timeout: c.Timeout, Now: e.options.Now})
	return s, err
}

// start connects, unless that runs already.
func (s *commonStore) start(life context.Context, log *slog.Logger) {
	if s == nil || s.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(life)
	s.cancel = cancel
	s.running.Go(func() { s.store.Run(ctx) })
	s.running.Go(func() { s.tell(ctx, log) })
}

// tell logs when the store goes and comes.
func (s *commonStore) tell(ctx context.Context, log *slog.Logger) {
	for last := error(nil); ; {
		changed, now := s.store.State()
		switch {
		case now == valkey.ErrAway: // not tried yet
		case now != nil && last == nil:
			log.Warn("the shared store cannot be used: limits are each edge's own, and what must be remembered is refused", slog.String("detail", now.Error()))
		case now == nil && last != nil:
			log.Info("the shared store answers")
		}
		last = now
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

func (s *commonStore) stop() {
	if s == nil || s.cancel == nil {
		return
	}
	s.cancel()
	s.running.Wait()
}

// check says for /readyz whether the store is there. Without it an edge that has
// to remember refuses some requests; one that only counts is as good as alone.
func (s *state) checkShared() (web.Check, bool) {
	if s.shared == nil {
		return web.Check{}, false
	}
	c := web.Check{Name: "shared store", OK: true, Detail: "answers"}
	if _, err := s.shared.store.State(); err != nil {
		c.OK, c.Detail = !s.remembers(), err.Error()
	}
	return c, true
}

// remembers says whether something is refused that was seen before.
func (s *state) remembers() bool {
	for _, r := range s.routes {
		if r.OneTime {
			return true
		}
	}
	return s.proofs != nil
}

// replay returns where what may be used once is remembered: in the shared store, or
// in the memory that is given.
func (s *commonStore) replay(alone jwt.ReplayStore) jwt.ReplayStore {
	if s != nil {
		return s.store
	}
	return alone
}

// ask counts one request, in the shared store where the limit says so. While that
// does not answer, this edge lets through what the limit allows one alone.
func (n *counted) ask(ctx context.Context, s *commonStore, rt *route, now time.Time, key string) limit.Count {
	if !n.Shared {
		return n.limiter.Count(now, key)
	}
	c, err := s.store.Count(ctx, n.rate, rt.Name+" "+n.Name+" "+key)
	if err == nil {
		return c
	}
	return n.limiter.Count(now, key)
}

var errNoShared = errors.New("shared needs edge.shared, the store that edges count in together")
