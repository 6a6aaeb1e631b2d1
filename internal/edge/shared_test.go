package edge

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/store/valkey"
	"github.com/jotward/jotward/internal/store/valkey/valkeytest"
	"github.com/jotward/jotward/jose/jwt"
)

// sharing makes edges count and remember in one server, with routes for both.
func sharing(server *valkeytest.Server) func(*world, *config.Edge) {
	return func(w *world, c *config.Edge) {
		c.Shared = &config.EdgeShared{URL: server.URL(), Timeout: 5 * time.Second}
		c.Routes = append(c.Routes,
			config.Route{Name: "pay", Path: "/pay/", Upstream: w.origin.URL, OneTime: true},
			config.Route{Name: "few", Path: "/few/", Upstream: w.origin.URL, Limits: []config.Limit{{Name: "l", By: "subject", Rate: "3/h", Shared: true, AloneRate: "1/h"}}},
			config.Route{Name: "own", Path: "/own/", Upstream: w.origin.URL, Limits: []config.Limit{{Name: "l", By: "subject", Rate: "1/h"}}})
	}
}

// twin is another edge with the configuration and the issuer of the first.
func twin(w *world) *world {
	return build(w.t, func(other *world, c *config.Edge) {
		other.a, other.origin.do = w.a, nil
		*c = w.config
	})
}

// run runs an edge until its test ends, and waits until its shared store is as wanted.
func (w *world) run() {
	w.t.Helper()
	w.runAlone()
	w.awaitShared(true)
}

func (w *world) awaitShared(there bool) {
	w.t.Helper()
	for {
		changed, err := w.edge.current.Load().shared.store.State()
		if (err == nil) == there {
			return
		}
		<-changed
	}
}

// Two edges keep one rate together, and let a token through once.
func TestSharedByTwoEdges(t *testing.T) {
	t.Parallel()
	server := valkeytest.Start(t)
	one := build(t, sharing(server))
	two := twin(one)
	one.run()
	two.run()
	auth := one.bearer(nil)
	for n, w := range []*world{one, two, one} {
		if a := w.get("/few/", auth); a.status != 200 || !strings.HasPrefix(a.header.Get("RateLimit"), `"l";r=`+string(rune('2'-n))) {
			t.Errorf("%d: %s %v", n, a, a.header)
		}
	}
	for _, w := range []*world{one, two} {
		if a := w.get("/few/", auth); a.code() != "rate_limited" || a.header.Get("Retry-After") == "" {
			t.Error(a)
		}
		if a := w.get("/own/", auth); a.status != 200 {
			t.Error("a limit of each edge's own:", a)
		}
	}
	var passed atomic.Int64
	var all sync.WaitGroup
	for n := range 50 {
		all.Go(func() {
			if a := []*world{one, two}[n%2].get("/pay/", auth); a.status == 200 {
				passed.Add(1)
			} else if a.code() != "token_replayed" {
				t.Error(a)
			}
		})
	}
	if all.Wait(); passed.Load() != 1 {
		t.Errorf("%d of fifty passed", passed.Load())
	}
}

// While the store is away nothing passes that must be remembered, and each edge
// keeps the rate it was given for that time.
func TestSharedStoreAway(t *testing.T) {
	t.Parallel()
	server := valkeytest.Start(t)
	w := build(t, sharing(server))
	w.run()
	if a := w.get("/pay/", w.bearer(map[string]any{"jti": "first"})); a.status != 200 {
		t.Fatal(a)
	}
	if c := w.sharedCheck(); !c.OK {
		t.Error(c)
	}
	server.Down()
	hits := w.origin.hits.Load()
	for range 3 {
		if a := w.get("/pay/", w.bearer(map[string]any{"jti": "second"})); a.status != 503 || a.code() != "store_unavailable" || w.origin.hits.Load() != hits {
			t.Error(a)
		}
	}
	w.awaitShared(false)
	if n := testutil.CollectAndCount(sources{w.edge}, "jotward_edge_shared_store_up"); n != 1 {
		t.Error(n, "series of the shared store")
	}
	if c := w.sharedCheck(); c.OK || c.Detail == "" {
		t.Error("ready although one-time routes refuse:", c)
	}
	auth := w.bearer(nil)
	if a := w.get("/few/", auth); a.status != 200 {
		t.Error(a)
	}
	if a := w.get("/few/", auth); a.code() != "rate_limited" {
		t.Error("the edge alone has one:", a)
	}
	if a := w.get("/own/", auth); a.status != 200 {
		t.Error(a)
	}
	server.Up()
	w.forward(2 * time.Second)
	w.awaitShared(true)
	if a := w.get("/pay/", w.bearer(map[string]any{"jti": "second"})); a.status != 200 {
		t.Error("what was refused was not spent:", a)
	}
	if a := w.get("/few/", auth); a.status != 200 {
		t.Error(a)
	}
	if text := w.log.String(); !strings.Contains(text, "shared store cannot be used") || !strings.Contains(text, "shared store answers") {
		t.Error(text)
	}
}

func (w *world) sharedCheck() (c struct {
	OK     bool
	Detail string
}) {
	for _, check := range w.edge.Ready() {
		if check.Name == "shared store" {
			c.OK, c.Detail = check.OK, check.Detail
		}
	}
	return c
}

// A proof is used once by all edges that share.
func TestSharedProofs(t *testing.T) {
	t.Parallel()
	server := valkeytest.Start(t)
	one := build(t, sharing(server), withDPoP(config.EdgeDPoP{}))
	two := twin(one)
	one.run()
	two.run()
	h := newHolder(one)
	token := h.token(nil)
	request := "Authorization: DPoP " + token + "\r\n" + h.proof(jwt.DPoPTarget{AccessToken: token})
	if a := one.get("/api/x", request); a.status != 200 {
		t.Fatal(a)
	}
	for _, w := range []*world{one, two} {
		if a := w.get("/api/x", request); a.code() != "token_replayed" {
			t.Error(a)
		}
	}
}

func TestSharedIsRefused(t *testing.T) {
	t.Parallel()
	w := build(t)
	for want, change := range map[string]func(*config.Edge){
		"edge.shared: url":    func(c *config.Edge) { c.Shared = &config.EdgeShared{URL: "http://x"} },
		"url holds a user":    func(c *config.Edge) { c.Shared = &config.EdgeShared{URL: "redis://:pass@x"} },
		"edge.shared: secret": func(c *config.Edge) { c.Shared = &config.EdgeShared{URL: "redis://x", Secret: config.Literal("short")} },
		"needs edge.shared": func(c *config.Edge) {
			c.Routes[0].Limits = []config.Limit{{Name: "l", By: "route", Rate: "1/s", Shared: true}}
		},
		"needs shared: true": func(c *config.Edge) {
			c.Routes[0].Limits = []config.Limit{{Name: "l", By: "route", Rate: "1/s", AloneRate: "1/s"}}
		},
	} {
		c := w.config
		c.Routes = append([]config.Route(nil), c.Routes...)
		change(&c)
		if err := w.edge.Reload(c); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "pass@") {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// A reload that leaves the store as it is keeps its connection.
func TestSharedSurvivesAReload(t *testing.T) {
	t.Parallel()
	server := valkeytest.Start(t)
	w := build(t, sharing(server))
	w.run()
	before := w.edge.current.Load().shared
	if err := w.edge.Reload(w.config); err != nil || w.edge.current.Load().shared != before {
		t.Error("a reload connects anew", err)
	}
	c := w.config
	c.Shared = &config.EdgeShared{URL: server.URL(), Prefix: "other:", Timeout: 5 * time.Second}
	if err := w.edge.Reload(c); err != nil {
		t.Fatal(err)
	}
	w.forward(2 * time.Hour) // what was used in it is too old
	if err := w.edge.Reload(c); err != nil {
		t.Fatal(err)
	}
	if _, err := before.store.Seen(t.Context(), "k", w.now()); err != valkey.ErrAway {
		t.Error("the old store is still open:", err)
	}
	if a := w.get("/pay/", w.bearer(nil)); a.status != 200 {
		t.Error(a)
	}
}
