package edge

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jotward/jotward/internal/config"
)

// A member whose check fails gets no requests, and gets them again when it passes.
// A check has nothing of a request, and follows no redirect.
func TestHealth(t *testing.T) {
	t.Parallel()
	elsewhere := newSite(t, nil)
	var ill atomic.Bool
	asked := make(chan http.Header, 1024)
	serve := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" || r.URL.RawQuery != "deep=1" {
			return
		}
		r.Header.Set("Host", r.Host)
		asked <- r.Header
		if ill.Load() {
			http.Redirect(w, r, elsewhere.url(), http.StatusFound)
		}
	}
	a, b := newSite(t, serve), newSite(t, nil)
	w := build(t, pooling(func(p *config.Pool) {
		p.Health = &config.PoolHealth{Path: "/healthz?deep=1", Host: "orders.internal", Interval: 5 * checkLeast, HealthyAfter: 1, UnhealthyAfter: 2}
	}, a, b))
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { _ = w.edge.Run(ctx); close(ran) }()
	h := <-asked
	if len(h) != 3 || h.Get("User-Agent") != "jotward-edge-health" || h.Get("Host") != "orders.internal" || h.Get("Connection") != "close" {
		t.Error(h)
	}
	until := func(text string) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !strings.Contains(w.log.String(), text); {
			if w.call(); time.Now().After(end) {
				t.Fatal(text, "is not in the log")
			}
		}
	}
	ill.Store(true)
	until("status 302")
	for range 16 {
		if got := w.call(); got.event.Member != b.url() {
			t.Error(got, got.event)
		}
	}
	if text := w.scrape(); !strings.Contains(text, `up{pool="orders",upstream="`+a.url()+`"} 0`) {
		t.Error(text)
	}
	ill.Store(false)
	until("passes again")
	before := w.edge.current.Load().pools["orders"].health
	c := w.config
	c.Pools = []config.Pool{{Name: "orders", Upstreams: []string{b.url()}}}
	if err := w.edge.Reload(c); err != nil {
		t.Fatal(err)
	}
	before.running.Wait() // nobody asks for what is not configured any more
	if cancel(); elsewhere.hits.Load() != 0 {
		t.Error("a redirect was followed")
	}
	<-ran // and with it the checks
}

// checked is a pool of one with health checks, which start asks.
func checked(t *testing.T, c config.PoolHealth) (*pool, *lines) {
	t.Helper()
	timeouts, _ := timeouts(config.Timeouts{})
	log := &lines{}
	s := &state{transports: newTransports(timeouts), timeouts: timeouts}
	c.Path = "/healthz"
	p, err := s.compilePool(config.Pool{Name: "p", Upstreams: []string{"http://a"}, Health: &c}, nil, slog.New(slog.NewJSONHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return p, log
}

func says(status int) *http.Response {
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader("x"))}
}

// It takes as many answers in a row as is said, each after an interval less up to a
// tenth of it.
func TestHealthInARow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answers := []int{204, 500, 503, 200, 404, 302, 199, 200, 299, 500, 200, 200, 200}
		fit := []bool{true, true, true, true, true, true, false, false, true, true, true, true, true}
		n, last := 0, time.Now()
		done := make(chan struct{})
		p, log := checked(t, config.PoolHealth{Interval: time.Minute})
		p.health.send = func(*http.Request) (*http.Response, error) {
			if n > 0 {
				if got := p.members[0].takes(nil); got != fit[n-1] {
					t.Errorf("after %v: %v", answers[:n], got)
				}
				if d := time.Since(last); d > time.Minute || d < 54*time.Second {
					t.Error("asked after", d)
				}
			}
			if n == len(answers) {
				close(done)
				return says(200), nil
			}
			last = time.Now()
			n++
			return says(answers[n-1]), nil
		}
		p.start(t.Context())
		<-done
		p.stop()
		if out, back := strings.Count(log.String(), "fails"), strings.Count(log.String(), "passes again"); out != 1 || back != 1 {
			t.Error(log)
		}
	})
}

// A check that is not answered in time has failed. A member whose check fails is not
// tried by requests either.
func TestHealthSilence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, log := checked(t, config.PoolHealth{Interval: 5 * time.Second, Timeout: time.Second, UnhealthyAfter: 1})
		p.health.send = func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, context.Cause(r.Context())
		}
		p.start(t.Context())
		m := p.members[0]
		m.failed(time.Now(), false, io.EOF)
		time.Sleep(2 * time.Second) // of the bubble
		synctest.Wait()
		if m.takes(nil) || !strings.Contains(log.String(), "no answer in time") {
			t.Error(log)
		}
		m.until.Store(1)
		if chosen, _ := p.pick(time.Now(), nil); chosen != nil {
			t.Error("a request tries what a check has found unfit")
		}
		p.stop()
	})
}

func TestHealthIsRefused(t *testing.T) {
	t.Parallel()
	w := build(t)
	for want, h := range map[string]config.PoolHealth{
		"health.path":            {Path: "healthz"},
		"health.path is":         {Path: "/a#b"},
		"health.host":            {Path: "/", Host: "a b"},
		"health.interval":        {Path: "/", Interval: time.Millisecond},
		"health.interval is":     {Path: "/", Interval: time.Hour},
		"health.timeout":         {Path: "/", Interval: time.Second, Timeout: 2 * time.Second},
		"health.timeout is":      {Path: "/", Timeout: -1},
		"health.healthy_after":   {Path: "/", HealthyAfter: -1},
		"unhealthy_after are":    {Path: "/", UnhealthyAfter: 101},
		"health.status":          {Path: "/", Status: "2xx"},
		"health.status is":       {Path: "/", Status: "100-299"},
		"health.status is neith": {Path: "/", Status: "299-200"},
	} {
		c := w.config
		c.Pools = []config.Pool{{Name: "p", Upstreams: []string{"http://a"}, Health: &h}}
		if err := w.edge.Reload(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}
