package edge

import (
	"context"
	"fmt"
	"hash/maphash"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/revoke"
)

// scrape is what a Prometheus server would read.
func (w *world) scrape() string {
	rec := httptest.NewRecorder()
	promhttp.HandlerFor(w.registry, promhttp.HandlerOpts{}).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return rec.Body.String()
}

// passage is a request's under the current configuration.
func (w *world) passage() *passage { return &passage{state: w.edge.current.Load(), now: w.now} }

// known verifies until the cache answers: the first fetch of keys changes their generation.
func (w *world) known(token string) *verified {
	w.t.Helper()
	for range 3 {
		if v, hit, no := w.edge.verify(context.Background(), w.passage(), &route{}, token, w.now()); no != nil {
			w.t.Fatal(no)
		} else if hit {
			return v
		}
	}
	w.t.Fatal("never in the cache")
	return nil
}

func (w *world) find(token string) *verified {
	return w.edge.current.Load().cache.find(token, w.edge.current.Load().generation, w.now())
}

// Every kind of revocation ends a token that the cache knows, at once.
func TestRevokedOnHit(t *testing.T) {
	t.Parallel()
	w := build(t)
	for k, id := range map[revoke.Kind]string{"token": "j", "grant": "gr_1", "session": "ses_1", "subject": "usr_1", "client": "c", "key": "k1"} {
		w := build(t)
		auth := w.bearer(nil)
		for range 3 {
			if a := w.get("/api/x", auth); a.status != 200 {
				t.Fatal(a)
			}
		}
		e := revoke.Entry{Kind: k, ID: id}
		if k == "subject" || k == "client" {
			e.Version = 2
		}
		w.revoke(e)
		if a := w.get("/api/x", auth); a.code() != string(k)+"_revoked" || a.status != 401 || !a.event.CacheHit {
			t.Errorf("%s: %s", k, a)
		}
	}
	w.revoke(revoke.Entry{Kind: "grant", ID: "other"})
	if a := w.get("/api/x", w.bearer(nil)); a.status != 200 {
		t.Error("another's revocation:", a)
	}
}

func TestCacheForgets(t *testing.T) {
	t.Parallel()
	w := build(t)
	token := w.a.token(nil)
	w.known(token)
	w.forward(time.Minute)
	if w.find(token) != nil {
		t.Error("an expired token is known")
	}
	token = w.a.token(nil)
	w.known(token)
	if err := w.edge.Reload(w.config); err != nil || w.find(token) != nil {
		t.Error("known after a reload", err)
	}
	token = w.a.token(map[string]any{"exp": w.now().Add(50 * time.Minute).Unix()})
	w.known(token)
	w.a.publish(&w.a.set, newKey(t, "k2")) // k1 is retired
	w.forward(20 * time.Minute)
	if err := w.source().keys.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.find(token) != nil {
		t.Error("a token of a retired key is known")
	}
	if _, _, no := w.edge.verify(t.Context(), w.passage(), &route{}, token, w.now()); no == nil || no.code != "key_not_found" {
		t.Error("a retired key still verifies", no)
	}
}

// Two tokens of one hash are two tokens.
func TestCacheComparesTokens(t *testing.T) {
	t.Parallel()
	w := build(t)
	a, other := w.a.token(nil), w.a.token(map[string]any{"sub": "usr_2"})
	v := w.known(a)
	clash := &verified{token: a, config: v.config, keys: v.keys, expiry: v.expiry, issuer: v.issuer, identity: v.identity}
	clash.hash = maphash.String(w.edge.current.Load().cache.seed, other)
	w.edge.current.Load().cache.sets[clash.hash%uint64(len(w.edge.current.Load().cache.sets))][0].Store(clash)
	if w.find(other) != nil {
		t.Error("one token answered for another")
	}
}

// A flood of valid tokens takes no more room than there is, and each new one is known.
func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	w := build(t)
	v := w.known(w.a.token(nil))
	for i := range 3 * cacheDefault {
		next := &verified{token: fmt.Sprint(i), config: v.config, keys: v.keys, expiry: v.expiry, issuer: v.issuer, identity: v.identity}
		w.edge.current.Load().cache.add(next)
		if w.find(next.token) != next {
			t.Fatal("a new token is not known", i)
		}
	}
	n := 0
	for i := range w.edge.current.Load().cache.sets {
		n += len(w.edge.current.Load().cache.sets[i])
	}
	if n != cacheDefault {
		t.Error(n)
	}
}

func TestCacheHitAllocatesNothing(t *testing.T) {
	w := build(t)
	token, p, rt, ctx := w.a.token(nil), w.passage(), &route{}, context.Background()
	w.known(token)
	if n := testing.AllocsPerRun(100, func() {
		if _, hit, no := w.edge.verify(ctx, p, rt, token, w.now()); !hit || no != nil {
			t.Fatal("no hit")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The cache is as large as it is configured, and another size forgets.
func TestCacheSize(t *testing.T) {
	t.Parallel()
	w := build(t, func(_ *world, c *config.Edge) { c.TokenCache = 5 })
	size := func() int { return len(w.edge.current.Load().cache.sets) * cacheWays }
	if size() != 8 {
		t.Error(size(), "for 5")
	}
	token := w.a.token(nil)
	w.known(token)
	for tokens, want := range map[int]int{-1: 0, cacheMost + 1: 0, 100: 128} {
		c := w.config
		c.TokenCache = tokens
		if err := w.edge.Reload(c); (err == nil) != (want > 0) || want > 0 && size() != want {
			t.Error(tokens, err, size())
		}
	}
	if w.find(token) != nil {
		t.Error("known after a reload")
	}
}

// BenchmarkCacheHit asks for tokens of a cache that is full of others.
func BenchmarkCacheHit(b *testing.B) {
	for _, tokens := range []int{1, 16384, 1 << 20} {
		b.Run(strconv.Itoa(tokens), func(b *testing.B) {
			w := build(b, func(_ *world, c *config.Edge) { c.TokenCache = tokens })
			first := w.a.token(nil)
			v, asked := w.known(first), []string{first}
			for i := range tokens - 1 {
				next := &verified{token: first + strconv.Itoa(i), config: v.config, keys: v.keys, expiry: v.expiry, issuer: v.issuer, identity: v.identity}
				w.edge.current.Load().cache.add(next)
				if i%(tokens/4096+1) == 0 {
					asked = append(asked, next.token)
				}
			}
			asked = slices.DeleteFunc(asked, func(token string) bool { return w.find(token) == nil }) // another took its place
			p, rt, ctx, now := w.passage(), &route{}, context.Background(), w.now()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				_, _, _ = w.edge.verify(ctx, p, rt, asked[i%len(asked)], now)
			}
		})
	}
}

// BenchmarkCacheMemory says what one verified token takes with its claims.
func BenchmarkCacheMemory(b *testing.B) {
	w := build(b)
	const n = 10_000
	var tokens []string
	for i := range n {
		tokens = append(tokens, w.a.token(map[string]any{"jti": strconv.Itoa(i), "sub": "usr_" + strconv.Itoa(i)}))
	}
	w.known(tokens[0])
	var before, after runtime.MemStats
	for b.Loop() {
		w.edge.current.Load().cache.sets = newCache(cacheDefault).sets
		runtime.GC()
		runtime.ReadMemStats(&before)
		for _, token := range tokens {
			if _, _, no := w.edge.verify(context.Background(), w.passage(), &route{}, token, w.now()); no != nil {
				b.Fatal(no)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/token")
	b.ReportMetric(float64(len(tokens[0])), "B/text")
}

// Under load a reload loses no request, and none is answered by a mix: the
// header that the route sets and the one that the upstream is asked for agree.
func TestReloadUnderLoad(t *testing.T) {
	t.Parallel()
	w := build(t)
	w.origin.do = func(rw http.ResponseWriter, r *http.Request) {
		_, one := r.Header["X-One"]
		_, two := r.Header["X-Two"]
		if one == two {
			rw.WriteHeader(http.StatusTeapot)
		}
	}
	configure := func(header string) config.Edge {
		c := w.config
		c.Routes = []config.Route{{Name: "api", Path: "/api", Upstream: w.origin.URL, Headers: map[string]string{header: "sub"}}}
		return c
	}
	if err := w.edge.Reload(configure("X-One")); err != nil {
		t.Fatal(err)
	}
	token := w.a.token(nil)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 100 {
				r, _ := http.NewRequest(http.MethodGet, w.server.URL+"/api/x", nil)
				r.Header.Set("Authorization", "Bearer "+token)
				answer, err := w.server.Client().Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				_ = answer.Body.Close()
				if answer.StatusCode != 200 {
					t.Error(answer.StatusCode)
				}
			}
		})
	}
	for i := range 50 {
		if err := w.edge.Reload(configure([]string{"X-One", "X-Two"}[i%2])); err != nil {
			t.Error(err)
		}
	}
	wait.Wait()
}

// A reload that replaces a source does not fail the requests that wait for its
// first keys: they are decided under the new configuration.
func TestReloadWhileKeysAreAwaited(t *testing.T) {
	t.Parallel()
	w := build(t, func(w *world, _ *config.Edge) { w.a.held = make(chan struct{}) })
	status := make(chan int)
	go func() { status <- w.status(w.a.token(nil)) }()
	for w.a.visits.Load() == 0 { // until it waits
		runtime.Gosched()
	}
	c := w.config
	c.Issuers = append([]config.EdgeIssuer(nil), c.Issuers...)
	c.Issuers[0].JWKSURI += "?"
	if err := w.edge.Reload(c); err != nil {
		t.Fatal(err)
	}
	close(w.a.held)
	if s := <-status; s != 200 {
		t.Error(s)
	}
}

// A bad configuration changes nothing; a good one keeps what was revoked.
func TestReload(t *testing.T) {
	t.Parallel()
	w := build(t, withB)
	w.revoke(revoke.Entry{Kind: "grant", ID: "gr_1"})
	before, source := w.edge.current.Load(), w.source()
	for name, change := range map[string]func(*config.Edge){
		"no algorithm":   func(c *config.Edge) { c.Issuers[0].Algorithms = nil },
		"no audience":    func(c *config.Edge) { c.Issuers[0].Audience = "" },
		"issuer twice":   func(c *config.Edge) { c.Issuers[1] = c.Issuers[0] },
		"network":        func(c *config.Edge) { c.TrustedProxies = []string{"10.0.0.0"} },
		"timeout":        func(c *config.Edge) { c.Timeouts.Connect = -1 },
		"path":           func(c *config.Edge) { c.Routes[0].Path = "/a/../b" },
		"upstream":       func(c *config.Edge) { c.Routes[0].Upstream = "ftp://x" },
		"auth":           func(c *config.Edge) { c.Routes[0].Auth = "no" },
		"scopes open":    func(c *config.Edge) { c.Routes[0].Auth = "none" },
		"route twice":    func(c *config.Edge) { c.Routes = append(c.Routes, c.Routes[0]) },
		"overlap":        func(c *config.Edge) { r := c.Routes[0]; r.Name, r.Path = "b", "/api"; c.Routes = append(c.Routes, r) },
		"case only":      func(c *config.Edge) { r := c.Routes[0]; r.Name, r.Path = "b", "/API"; c.Routes = append(c.Routes, r) },
		"route issuer":   func(c *config.Edge) { c.Routes[0].Issuers = []string{"https://c.test"} },
		"trace":          func(c *config.Edge) { c.Routes[0].Methods = []string{"TRACE"} },
		"method":         func(c *config.Edge) { c.Routes[0].Methods = []string{"get"} },
		"host":           func(c *config.Edge) { c.Routes[0].Hosts = []string{"a."} },
		"feed stale":     func(c *config.Edge) { c.Issuers[0].Feed = follow("maybe") },
		"feed no secret": func(c *config.Edge) { c.Issuers[0].Feed = &config.EdgeFeed{ClientID: "e"} },
		"authorization":  func(c *config.Edge) { c.Routes[0].Authorization = "keep" },
	} {
		c := w.config
		c.Issuers, c.Routes = append([]config.EdgeIssuer(nil), c.Issuers...), append([]config.Route(nil), c.Routes...)
		change(&c)
		if err := w.edge.Reload(c); err == nil || w.edge.current.Load() != before {
			t.Errorf("%s was taken: %v", name, err)
		}
	}
	c := w.config
	c.Issuers = []config.EdgeIssuer{w.a.config()} // b is gone
	c.Issuers[0].Audience = "other"
	if err := w.edge.Reload(c); err != nil || w.source() != source || len(w.edge.current.Load().issuers) != 1 {
		t.Error("an unchanged source was replaced", err)
	}
	c.Issuers[0].Feed, c.Issuers[0].Audience = follow("serve"), "api"
	if err := w.edge.Reload(c); err != nil || w.source() == source {
		t.Fatal("a changed source stays", err)
	}
	if a := w.get("/api/x", w.bearer(nil)); a.code() != "grant_revoked" {
		t.Error("a reload forgot a revocation:", a)
	}
}

// Every request is one line and one event, and neither holds what was secret.
func TestNothingSecretIsWritten(t *testing.T) {
	t.Parallel()
	w := build(t, withB, optional)
	token := w.a.token(map[string]any{"client_id": "a\n{\"level\":\"ERROR\"}\u2028"})
	requests := 0
	for _, h := range []string{"Bearer " + token, "Bearer " + token + "x", "Basic " + token, token, "Bearer " + token + ", " + token} {
		for _, path := range []string{"/api/x", "/maybe", "/none", "/api/x?access_token=" + token, "/api/" + token} {
			w.get(path, "Authorization: "+h+"\r\nUser-Agent: \"}{\r\nX-Request-Id: "+token[:20]+"\r\nTraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n")
			requests++
		}
	}
	w.raw("GET /api HTTP/1.1\r\nHost: " + strings.Repeat("x", 30) + "..\r\n\r\n")
	log := w.log.String()
	for _, part := range append(strings.Split(token, "."), token[:20]) {
		if strings.Contains(log, part) || strings.Contains(w.scrape(), part) {
			t.Error("a part of a token was written")
		}
	}
	if n := strings.Count(log, "\n"); n != requests+1 || strings.Contains(log, `"level":"ERROR"`) || !strings.Contains(log, `"trace_id":"0af7651916cd43dd8448eb211c80319c"`) {
		t.Errorf("%d lines of %d requests", n, requests+1)
	}
	if strings.Contains(w.scrape(), "usr_1") || strings.Contains(w.scrape(), "/api") {
		t.Error("a subject or a path is a label")
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	w := build(t)
	for range 3 {
		w.get("/api/x", w.bearer(nil))
	}
	w.get("/api/x", "")
	w.get("/none", "")
	w.get("/api/x", "Authorization: Bearer eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.e30.\r\n")
	text := w.scrape()
	for _, want := range []string{
		`jotward_auth_decisions_total{issuer="https://a.test",reason="",result="allow",route="api"} 3`,
		`jotward_auth_decisions_total{issuer="",reason="credential_missing",result="deny",route="api"} 1`,
		`jotward_auth_decisions_total{issuer="",reason="route_not_found",result="deny",route=""} 1`,
		`jotward_algorithm_confusion_attempts_total 1`, `jotward_jwks_fetches_total{issuer="https://a.test",result="ok"} 1`, `jotward_jwks_last_success_timestamp_seconds{issuer="https://a.test"} 1.8e+09`,
		`jotward_edge_requests_total{code_class="2xx",method="GET",route="api"} 3`, `jotward_edge_requests_in_flight{route="api"} 0`, `jotward_token_verify_seconds_count`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in\n%s", want, text)
		}
	}
	if _, err := New(w.config, Options{Now: w.now, Logger: w.edge.options.Logger, Registerer: w.registry}); err == nil {
		t.Error("two edges share one registry")
	}
	c := w.config
	c.Routes = []config.Route{{Name: "new", Path: "/", Upstream: "http://x"}}
	if err := w.edge.Reload(c); err != nil || strings.Contains(w.scrape(), `route="api"`) {
		t.Error("a route that is gone has series", err)
	}
}
