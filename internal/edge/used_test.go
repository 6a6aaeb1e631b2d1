package edge

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/store/valkey/valkeytest"
	"github.com/jotward/jotward/jose/jwt"
)

// spender is a client with tokens that bind no key, and proofs.
type spender struct {
	*holder
	made int
}

// once returns a request of a one-time route and one with a proof, which each pass once.
func (s *spender) once() [2]string {
	s.made++
	jti := map[string]any{"jti": fmt.Sprint("once", s.made), "exp": s.w.now().Add(50 * time.Minute).Unix()}
	token := s.token(jti)
	return [2]string{s.w.bearer(jti), "Authorization: DPoP " + token + "\r\n" + s.proof(jwt.DPoPTarget{AccessToken: token})}
}

func (s *spender) use(requests [2]string) [2]answer {
	return [2]answer{s.w.get("/once/", requests[0]), s.w.get("/api/x", requests[1])}
}

// What was used before a reload is used after it, whatever the reload changed about
// where and for how long it is remembered; what was not is not.
func TestUsedStaysUsed(t *testing.T) {
	t.Parallel()
	one, two := valkeytest.Start(t), valkeytest.Start(t)
	at := func(url, prefix string) func(*config.Edge) {
		return func(c *config.Edge) {
			c.Shared = &config.EdgeShared{URL: url, Prefix: prefix, Timeout: 5 * time.Second}
		}
	}
	w := build(t, with(config.Route{Name: "once", Path: "/once/", OneTime: true}), withDPoP(config.EdgeDPoP{}))
	w.runAlone()
	s := &spender{holder: newHolder(w)}
	var used [][2]string
	c := w.config
	for n, step := range []struct {
		what   string
		change func(*config.Edge)
	}{
		{"nothing", func(*config.Edge) {}},
		{"less room", func(c *config.Edge) { c.DPoP.Remember = 60 }}, {"more room", func(c *config.Edge) { c.DPoP.Remember = 10000 }},
		{"no proofs", func(c *config.Edge) { c.DPoP = nil }}, {"proofs again", func(c *config.Edge) { c.DPoP = w.config.DPoP }},
		{"a store", at(one.URL(), "")}, {"another store", at(two.URL(), "")}, {"another prefix", at(two.URL(), "x:")},
		{"the same store by another name", at(strings.Replace(two.URL(), "//", "///.", 1), "x:")},
		{"another secret", func(c *config.Edge) {
			at(two.URL(), "x:")(c)
			c.Shared.Secret = config.Literal(strings.Repeat("s", 32))
		}},
		{"the first store", at(one.URL(), "jotward:")}, {"alone", func(c *config.Edge) { c.Shared = nil }}, {"the first store again", at(one.URL(), "")},
		{"older proofs", func(c *config.Edge) { c.DPoP.MaxAge = 10 * time.Minute }},
	} {
		c = w.copied(c)
		step.change(&c)
		if err := w.edge.Reload(c); err != nil {
			t.Fatal(step.what, err)
		}
		if c.DPoP == nil {
			continue
		}
		for _, old := range used {
			for kind, a := range s.use(old) {
				if a.code() != "token_replayed" {
					t.Errorf("%d: %s: %d: %s %s", n, step.what, kind, a, a.event.Detail)
				}
			}
		}
		fresh := s.once()
		for kind, a := range s.use(fresh) {
			if a.status != 200 {
				t.Errorf("%d: %s: what was not used: %d: %s %s", n, step.what, kind, a, a.event.Detail)
			}
		}
		used = append(used, fresh)
	}
	if n := w.formerStores(); n != 3 {
		t.Errorf("%d stores are kept", n)
	}
	w.forward(2 * time.Hour) // no token and no proof of before holds
	if err := w.edge.Reload(c); err != nil || w.formerStores() != 0 {
		t.Error(w.formerStores(), "stores are kept", err)
	}
}

func (w *world) formerStores() int {
	w.edge.change.Lock()
	defer w.edge.change.Unlock()
	return len(w.edge.stores)
}

// runAlone runs an edge without a shared store until its test ends.
func (w *world) runAlone() {
	ctx, end := context.WithCancel(w.t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = w.edge.Run(ctx) })
	w.t.Cleanup(func() { end(); running.Wait() })
}

// copied is a configuration whose proofs may be changed.
func (w *world) copied(c config.Edge) config.Edge {
	if c.DPoP != nil {
		d := *c.DPoP
		c.DPoP = &d
	}
	return c
}

// A former place that does not answer refuses, until what was used there is too old.
func TestUsedElsewhereIsAway(t *testing.T) {
	t.Parallel()
	one, two := valkeytest.Start(t), valkeytest.Start(t)
	w := build(t, sharing(one), withDPoP(config.EdgeDPoP{}))
	w.run()
	s := &spender{holder: newHolder(w)}
	c := w.config
	c.Shared = &config.EdgeShared{URL: two.URL(), Timeout: 5 * time.Second}
	if err := w.edge.Reload(c); err != nil {
		t.Fatal(err)
	}
	one.Down()
	if a := w.get("/pay/", w.bearer(nil)); a.code() != "store_unavailable" {
		t.Error(a)
	}
	w.forward(longestProof + rolling + time.Second)
	if a := s.use(s.once())[1]; a.status != 200 {
		t.Error("proofs of before are too old:", a, a.event.Detail)
	}
	if a := w.get("/pay/", w.bearer(nil)); a.code() != "store_unavailable" {
		t.Error("tokens of before are not:", a)
	}
	w.forward(time.Hour)
	if a := w.get("/pay/", w.bearer(nil)); a.status != 200 {
		t.Error(a, a.event.Detail)
	}
}

// A proof is accepted no longer than it is remembered, although max_age has grown.
func TestDPoPLongerPolicy(t *testing.T) {
	t.Parallel()
	for name, grow := range map[string]func(w *world, c *config.Edge){
		"at once": func(*world, *config.Edge) {},
		"with no proofs between": func(w *world, c *config.Edge) {
			none := *c
			none.DPoP = nil
			if err := w.edge.Reload(none); err != nil {
				t.Fatal(err)
			}
		},
		"in steps": func(w *world, c *config.Edge) {
			step := w.copied(*c)
			step.DPoP.MaxAge = 4 * time.Minute
			if err := w.edge.Reload(step); err != nil {
				t.Fatal(err)
			}
		},
	} {
		w := build(t, withDPoP(config.EdgeDPoP{}))
		h := newHolder(w)
		token := h.token(map[string]any{"exp": w.now().Add(50 * time.Minute).Unix()})
		request := func() string {
			return "Authorization: DPoP " + token + "\r\n" + h.proof(jwt.DPoPTarget{AccessToken: token})
		}
		used := request()
		if a := w.get("/api/x", used); a.status != 200 {
			t.Fatal(a)
		}
		c := w.copied(w.config)
		grow(w, &c)
		c.DPoP.MaxAge = 10 * time.Minute
		if err := w.edge.Reload(c); err != nil {
			t.Fatal(err)
		}
		w.forward(10 * time.Second)
		later := request()
		w.forward(3 * time.Minute) // the first is remembered no more
		if a := w.get("/api/x", used); a.code() != "token_expired" || !strings.Contains(a.header.Get("Www-Authenticate"), "invalid_dpop_proof") {
			t.Errorf("%s: %s", name, a)
		}
		if a := w.get("/api/x", later); a.status != 200 {
			t.Errorf("%s: made under the new policy: %s", name, a)
		}
		w.forward(5 * time.Minute)
		if a := w.get("/api/x", later); a.code() != "token_replayed" {
			t.Errorf("%s: %s", name, a)
		}
	}
}

// A reload that brings another store waits until that answers, while the old one
// goes on; one that does not answer is refused.
func TestReloadAsksTheNewStore(t *testing.T) {
	t.Parallel()
	one, two := valkeytest.Start(t), valkeytest.Start(t)
	w := build(t, sharing(one), withDPoP(config.EdgeDPoP{}))
	w.run()
	two.Down()
	before := w.edge.current.Load()
	c := w.config
	c.Shared = &config.EdgeShared{URL: two.URL(), Timeout: 5 * time.Second}
	if err := w.edge.Reload(c); err == nil || !strings.Contains(err.Error(), "edge.shared: the store cannot be used") || w.edge.current.Load() != before {
		t.Error("a store that is away:", err)
	}
	if a := w.get("/pay/", w.bearer(nil)); a.status != 200 {
		t.Error(a)
	}
	two.Up()
	valkeytest.Command(t, two.URL(), "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
	if err := w.edge.Reload(c); err == nil || !strings.Contains(err.Error(), "noeviction") {
		t.Error("a store that forgets:", err)
	}
	valkeytest.Command(t, two.URL(), "CONFIG", "SET", "maxmemory-policy", "noeviction")
	stop, failed := make(chan struct{}), make(chan answer, 1)
	var asking sync.WaitGroup
	for n := range 2 {
		asking.Go(func() {
			for k := 0; ; k++ {
				select {
				case <-stop:
					return
				default:
				}
				if a := w.get("/pay/", w.bearer(map[string]any{"jti": fmt.Sprint("many", n, k)})); a.status != 200 {
					select {
					case failed <- a:
					default:
					}
				}
			}
		})
	}
	for _, url := range []string{two.URL(), one.URL(), two.URL()} {
		c.Shared = &config.EdgeShared{URL: url, Timeout: 5 * time.Second}
		if err := w.edge.Reload(c); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	asking.Wait()
	select {
	case a := <-failed:
		t.Error("refused during a reload:", a, a.event.Detail)
	default:
	}
}
