package edge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jotward/jotward/internal/config"
)

// What a health check is when nothing else is said, and what it may be.
const (
	checkEvery     = 10 * time.Second
	checkMost      = 10 * time.Minute
	checkLeast     = 100 * time.Millisecond
	checkWait      = 2 * time.Second
	checkPasses    = 2
	checkFails     = 3
	checkInARow    = 100
	checkBodyBytes = 64 << 10
)

// health asks each member of a pool how it is. It says nothing of anybody: no token,
// no header of a request. It follows no redirect, and each question comes on a
// connection of its own, so that the answer is about new ones.
type health struct {
	path            *url.URL
	host            string // "": the member's
	every, wait     time.Duration
	passes, fails   int
	lowest, highest int // status
	send            func(*http.Request) (*http.Response, error)
	cancel          context.CancelFunc // nil: it does not run
	running         sync.WaitGroup
}

func compileHealth(c *config.PoolHealth, t config.Timeouts) (*health, error) {
	if c == nil {
		return nil, nil
	}
	h := &health{host: c.Host, every: cmp.Or(c.Interval, checkEvery), wait: cmp.Or(c.Timeout, checkWait),
		passes: cmp.Or(c.HealthyAfter, checkPasses), fails: cmp.Or(c.UnhealthyAfter, checkFails), lowest: 200, highest: 299}
	path, query, asked := strings.Cut(c.Path, "?")
	_, host := canonicalHost(cmp.Or(c.Host, "x"))
	switch {
	case !canonicalPath(path) || !canonicalQuery(query):
		return nil, errors.New("health.path is not a plain path: write /healthz")
	case !host:
		return nil, errors.New("health.host is no host")
	case h.every < checkLeast || h.every > checkMost:
		return nil, fmt.Errorf("health.interval is outside %s to %s", checkLeast, checkMost)
	case h.wait <= 0 || h.wait > h.every && c.Timeout != 0:
		return nil, errors.New("health.timeout is not between 0 and the interval")
	case min(h.passes, h.fails) < 1 || max(h.passes, h.fails) > checkInARow:
		return nil, fmt.Errorf("health.healthy_after and unhealthy_after are 1 to %d", checkInARow)
	}
	h.wait = min(h.wait, h.every)
	if c.Status != "" {
		var ok bool
		if h.lowest, h.highest, ok = statuses(c.Status); !ok {
			return nil, errors.New("health.status is neither a status nor a range: write 200 or 200-299")
		}
	}
	h.path = &url.URL{Path: unescape(path), RawPath: path, RawQuery: query, ForceQuery: asked}
	ways := newTransports(t)
	h.send = func(r *http.Request) (*http.Response, error) { return ways.to(r.URL).RoundTrip(r) }
	return h, nil
}

// statuses reads 200, or 200-299. An answer below 200 is none.
func statuses(text string) (lowest, highest int, ok bool) {
	from, to, ranged := strings.Cut(text, "-")
	if !ranged {
		to = from
	}
	lowest, err1 := strconv.Atoi(from)
	highest, err2 := strconv.Atoi(to)
	return lowest, highest, err1 == nil && err2 == nil && len(from) == 3 && len(to) == 3 && 200 <= lowest && lowest <= highest && highest < 600
}

// start asks the members until stop, unless that runs already.
func (p *pool) start(life context.Context) {
	if p.health == nil || p.health.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(life)
	p.health.cancel = cancel
	for _, m := range p.members {
		p.health.running.Go(func() { p.health.watch(ctx, m) })
	}
}

func (p *pool) stop() {
	if p.health != nil && p.health.cancel != nil {
		p.health.cancel()
		p.health.running.Wait()
	}
}

// watch asks one member, the first time at once. A tenth of each wait is left to
// chance, so that neither members nor edges are asked all together.
func (h *health) watch(ctx context.Context, m *member) {
	t := time.NewTimer(rand.N(h.every / 10))
	defer t.Stop()
	row := 0 // answers in a row that speak against what is believed
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		err := h.ask(ctx, m)
		if ctx.Err() != nil {
			return
		}
		unfit, after := m.unfit.Load(), h.fails
		if row++; unfit == (err != nil) {
			row = 0
		}
		if unfit {
			after = h.passes
		}
		if row >= after {
			row = 0
			m.judged(err)
		}
		t.Reset(h.every - rand.N(h.every/10))
	}
}

// judged notes what health checks say from now on: nil, or what is wrong.
func (m *member) judged(err error) {
	m.unfit.Store(err != nil)
	pool, upstream := slog.String("pool", m.pool.config.Name), slog.String("upstream", m.name)
	if err != nil {
		m.pool.log.Warn("the health check of an upstream fails: it is out", pool, upstream, slog.String("why", clean(err.Error())))
		return
	}
	m.pool.log.Info("the health check of an upstream passes again", pool, upstream)
}

// ask returns what is wrong with a member; nil: nothing.
func (h *health) ask(ctx context.Context, m *member) error {
	ctx, cancel := context.WithTimeoutCause(ctx, h.wait, errUnasked)
	defer cancel()
	u := *h.path
	u.Scheme, u.Host = m.target.Scheme, m.target.Host
	r := (&http.Request{Method: http.MethodGet, URL: &u, Host: h.host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Close: true,
		Header: http.Header{"User-Agent": {"jotward-edge-health"}}}).WithContext(ctx)
	answer, err := h.send(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, checkBodyBytes) // an answer that is not read looks to its server like a client that left
	if answer.StatusCode < h.lowest || answer.StatusCode > h.highest {
		return fmt.Errorf("status %d", answer.StatusCode)
	}
	return nil
}

var errUnasked = errors.New("no answer in time")
