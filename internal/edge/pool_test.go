package edge

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/config"
)

// A site is an upstream whose port can be closed and opened again.
type site struct {
	t       testing.TB
	address string
	do      http.HandlerFunc
	hits    atomic.Int64
	close   func()
}

func newSite(t testing.TB, do http.HandlerFunc) *site {
	t.Helper()
	// An address of its own where the system has them: the port of one that is closed
	// is nobody else's meanwhile.
	s := &site{t: t, address: fmt.Sprintf("127.%d.%d.%d:0", 1+rand.N(254), rand.N(256), 1+rand.N(254)), do: do}
	if l, err := net.Listen("tcp", s.address); err != nil {
		s.address = "127.0.0.1:0"
	} else {
		_ = l.Close()
	}
	s.open()
	t.Cleanup(func() { s.close() })
	return s
}

func (s *site) open() {
	s.t.Helper()
	l, err := net.Listen("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.address = l.Addr().String()
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.hits.Add(1)
		if s.do != nil {
			s.do(w, r)
			return
		}
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, "ok "+string(body))
	})}
	go func() { _ = server.Serve(l) }()
	s.close = func() { _, _ = l.Close(), server.Close() }
}

func (s *site) url() string { return "http://" + s.address }

// dead is an upstream that refuses every connection.
func dead(t testing.TB) *site {
	s := newSite(t, nil)
	s.close()
	return s
}

// pooling has the route /api forward to a pool.
func pooling(change func(*config.Pool), sites ...*site) func(*world, *config.Edge) {
	return func(_ *world, c *config.Edge) {
		p := config.Pool{Name: "orders"}
		for _, s := range sites {
			p.Upstreams = append(p.Upstreams, s.url())
		}
		if change != nil {
			change(&p)
		}
		c.Pools = []config.Pool{p}
		c.Routes[0].Upstream, c.Routes[0].Pool = "", "orders"
	}
}

func (w *world) post(body string) answer {
	w.t.Helper()
	return w.raw(fmt.Sprintf("POST /api/x HTTP/1.1\r\nHost: e\r\n%sConnection: close\r\nContent-Length: %d\r\n\r\n%s", w.bearer(nil), len(body), body))
}

func (w *world) call() answer { w.t.Helper(); return w.get("/api/x", w.bearer(nil)) }

// Of two members the one with fewer requests under way is taken, and what has
// ended counts no more.
func TestPoolBalances(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	var begun sync.WaitGroup
	wait := func(http.ResponseWriter, *http.Request) { begun.Done(); <-hold }
	a, b := newSite(t, wait), newSite(t, wait)
	w := build(t, pooling(nil, a, b))
	var ended sync.WaitGroup
	for n := range 24 {
		begun.Add(1)
		ended.Go(func() { w.call() })
		begun.Wait() // at its member before the next one comes
		if d := a.hits.Load() - b.hits.Load(); d < -1 || d > 1 {
			t.Errorf("after %d requests: %d and %d", n+1, a.hits.Load(), b.hits.Load())
		}
	}
	if text := w.scrape(); strings.Count(text, "jotward_edge_pool_requests_in_flight{pool=\"orders\"") != 2 || strings.Count(text, "} 12\n") < 2 {
		t.Error(text)
	}
	close(hold)
	ended.Wait()
	w.server.Close() // every handler has returned
	if text := w.scrape(); !strings.Contains(text, fmt.Sprintf("jotward_edge_pool_requests_in_flight{pool=\"orders\",upstream=%q} 0", a.url())) {
		t.Error(text)
	}
}

// While every member is out, requests are refused at once, and members are tried
// again: one request each, after a time that grows.
func TestPoolAllOut(t *testing.T) {
	t.Parallel()
	a, b := dead(t), dead(t)
	w := build(t, pooling(nil, a, b))
	for n := range 3 {
		if got := w.post("x"); got.status != 502 || got.code() != "upstream_unreachable" || got.event.Retries != 1 {
			t.Error(n, got, got.event)
		}
	}
	refused := func() {
		t.Helper()
		if got := w.post("x"); got.status != 503 || got.code() != "upstream_unavailable" || got.header.Get("Retry-After") == "" || got.event.Retries != 0 {
			t.Error(got, got.event)
		}
	}
	refused()
	w.forward(ejectFirst)
	if got := w.call(); got.status != 502 || got.event.Retries != 1 { // one trial of each
		t.Error(got, got.event)
	}
	refused()
	w.forward(ejectFirst) // it is two seconds now, less a tenth
	refused()
	a.open()
	refused() // it would answer, but its time is not over
	w.forward(ejectFirst)
	if got := w.post("x"); got.status != 200 && got.status != 502 {
		t.Error(got)
	}
	if got := w.post("x"); got.status != 200 || a.hits.Load() == 0 {
		t.Error(got)
	}
	if out, back := strings.Count(w.log.String(), "an upstream is out"), strings.Count(w.log.String(), "an upstream is back"); out != 2 || back != 1 {
		t.Error(out, back, "lines say so:", w.log)
	}
}

// One request tries a member whose time is over; all others go elsewhere until
// that one has ended.
func TestPoolTrial(t *testing.T) {
	t.Parallel()
	begun, hold := make(chan struct{}, 64), make(chan struct{})
	a, b := dead(t), newSite(t, nil)
	a.do = func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/hold" {
			begun <- struct{}{}
			<-hold
		}
	}
	w := build(t, pooling(func(p *config.Pool) { p.EjectAfter = 1 }, a, b))
	for !strings.Contains(w.log.String(), "an upstream is out") {
		w.call()
	}
	a.open()
	w.forward(ejectFirst)
	ended := make(chan struct{})
	go func() { w.get("/api/hold", w.bearer(nil)); close(ended) }()
	<-begun
	for range 8 {
		if got := w.call(); got.status != 200 || got.event.Member != b.url() {
			t.Error(got, got.event)
		}
	}
	w.forward(ejectLongest) // that one does not end: another may try
	if got := w.call(); got.status != 200 || got.event.Member != a.url() {
		t.Error(got, got.event)
	}
	close(hold)
	<-ended
	for range 64 {
		w.call()
	}
	if n := strings.Count(w.log.String(), "an upstream is back"); a.hits.Load() < 8 || n != 1 {
		t.Error(a.hits.Load(), "requests, and", n, "lines say that it is back")
	}
}

// A member that says nothing is given up. Its request is not sent again, and it is
// left alone if it answered nobody meanwhile.
func TestPoolSilence(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	t.Cleanup(func() { close(hold) })
	a := newSite(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-hold:
		case <-r.Context().Done():
		}
	})
	w := build(t, pooling(func(p *config.Pool) { p.EjectAfter = 2 }, a), func(_ *world, c *config.Edge) { c.Timeouts.ResponseHeader = 30 * time.Millisecond })
	for range 2 {
		if got := w.call(); got.status != 504 || got.event.Retries != 0 {
			t.Error(got, got.event)
		}
	}
	if got := w.call(); got.code() != "upstream_unavailable" || a.hits.Load() != 2 {
		t.Error(got)
	}
	m := w.edge.current.Load().pools["orders"].members[0]
	at := attempt{transport: &http.Transport{}, answers: m.answers.Load()}
	at.connected.Store(true)
	if m.answered(w.now(), false); at.tells(m, errRested) {
		t.Error("one slow request takes away a member that answers others")
	}
}

// What is known of a member outlives a change of its pool.
func TestPoolReload(t *testing.T) {
	t.Parallel()
	gone, here := dead(t), newSite(t, nil)
	w := build(t, pooling(nil, gone, here))
	for strings.Count(w.log.String(), "an upstream is out") == 0 {
		w.call()
	}
	c := w.config
	none := 0
	c.Pools = []config.Pool{{Name: "orders", Upstreams: []string{here.url(), gone.url()}, Retries: &none}}
	if err := w.edge.Reload(c); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if a := w.call(); a.status != 200 {
			t.Error(a)
		}
	}
	w.forward(time.Minute)
	if a := w.call(); a.status != 502 || a.event.Retries != 0 { // the trial, and no retries any more
		t.Error(a, a.event)
	}
	c.Routes = []config.Route{{Name: "api", Path: "/api/", Upstream: here.url()}}
	c.Pools = nil
	if err := w.edge.Reload(c); err != nil || strings.Contains(w.scrape(), "jotward_edge_pool_up") {
		t.Error("a pool that is gone has series", err)
	}
}

func TestPoolIsRefused(t *testing.T) {
	t.Parallel()
	w := build(t)
	few, many := -1, maxRetries+1
	for want, p := range map[string]config.Pool{
		"its name is not of":                    {Name: "a b", Upstreams: []string{"http://a"}},
		"give 1 to 64":                          {Name: "p"},
		"listed twice":                          {Name: "p", Upstreams: []string{"http://a", "http://A:80/"}},
		"http and https":                        {Name: "p", Upstreams: []string{"http://a", "https://b"}},
		"is not http(s)://host[:port] alone":    {Name: "p", Upstreams: []string{"http://a/path"}},
		"retries is outside":                    {Name: "p", Upstreams: []string{"http://a"}, Retries: &few},
		"retries is outside 0 to 5":             {Name: "p", Upstreams: []string{"http://a"}, Retries: &many},
		"eject_after is negative":               {Name: "p", Upstreams: []string{"http://a"}, EjectAfter: -1},
		"eject_longest is outside":              {Name: "p", Upstreams: []string{"http://a"}, EjectLongest: time.Millisecond},
		"it needs upstream or pool, one":        {Name: "p", Upstreams: []string{"http://a"}, EjectLongest: time.Minute},
		`pool "p" is not configured`:            {Name: "q", Upstreams: []string{"http://a"}},
		"edge.pools[1].name: is listed twice: ": {Name: "p", Upstreams: []string{"http://a"}, EjectAfter: 1},
	} {
		c := w.config
		c.Pools = []config.Pool{p}
		r := config.Route{Name: "p", Path: "/p", Pool: "p"}
		switch {
		case strings.Contains(want, "one"):
			r.Upstream = "http://x"
		case strings.HasPrefix(want, "edge.pools[1]"):
			c.Pools = append(c.Pools, p)
		}
		c.Routes = append([]config.Route{r}, c.Routes...)
		if err := w.edge.Reload(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}
