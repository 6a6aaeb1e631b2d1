package edge

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jotward/jotward/internal/config"
)

// Fifty slow questions of one network leave room for another's.
func TestOneNetworkAsksNotForAll(t *testing.T) {
	t.Parallel()
	o := &oracle{}
	w := build(t, asks(o, func(i *config.EdgeIssuer) { i.Introspection.Timeout = 30 * time.Second }), trustLoopback)
	from := func(address, token string) answer {
		return w.get("/api/x", auth(token)+"X-Forwarded-For: "+address+"\r\n")
	}
	if a := from("192.0.2.1", "calm"); a.status != 200 { // discovery is done
		t.Fatal(a)
	}
	held, slow, refused := make(chan struct{}), make(chan string, 64), make(chan int, 64)
	o.check = func(r *http.Request) error {
		text, _ := r.GetBody()
		var form [64]byte
		n, _ := text.Read(form[:])
		if !strings.Contains(string(form[:n]), "slow") {
			return nil
		}
		slow <- ""
		<-held
		return nil
	}
	for n := range 50 {
		go func() { refused <- from(fmt.Sprintf("2001:db8::%x", n+1), fmt.Sprint("slow", n)).status }()
	}
	under, more := 0, 0
	for under+more < 50 {
		select {
		case <-slow:
			under++
		case status := <-refused:
			if more++; status != 503 {
				t.Error(status)
			}
		}
	}
	if under != 32 || more != 18 {
		t.Errorf("%d questions of one network are under way, %d were refused", under, more)
	}
	for n := range 20 {
		if a := from("192.0.2.1", fmt.Sprint("quick", n)); a.status != 200 {
			t.Error("another network:", a, a.event.Detail)
		}
	}
	close(held)
	for range under {
		if status := <-refused; status != 200 {
			t.Error(status)
		}
	}
}

// An endpoint that gives no answers is asked three times, then once a second, and
// within one second of its return everybody is answered again.
func TestIntrospectionAway(t *testing.T) {
	t.Parallel()
	w := build(t, asks(&oracle{}))
	for name, away := range map[string]struct {
		check  func(*http.Request) error
		status int
	}{
		"no connection": {func(*http.Request) error { return errors.New("no way there") }, 200},
		"silence":       {func(r *http.Request) error { <-r.Context().Done(); return r.Context().Err() }, 200},
		"a gateway":     {nil, 502}, "busy": {nil, 503}, "slow": {nil, 504}, "too many": {nil, 429},
	} {
		synctest.Test(t, func(t *testing.T) {
			there, o := w.oracle(200, nil), w.oracle(away.status, away.check)
			n, now := alone(t, w, 2*time.Second)
			now.Store(o)
			ask := func(token string) error { _, err := n.ask(t.Context(), token, token); return err }
			for range 3 {
				if err := ask("x"); err == nil || err == errAway {
					t.Fatal(name, err)
				}
			}
			start := time.Now()
			for time.Since(start) < 10*time.Second { // of many requests one a second is asked
				for k := range 50 {
					go func() { _ = ask(fmt.Sprint(k, time.Since(start))) }()
				}
				time.Sleep(100 * time.Millisecond)
			}
			if asked := o.asked.Load() - 3; asked < 8 || asked > 11 {
				t.Errorf("%s: asked %d times in ten seconds", name, asked)
			}
			now.Store(there)
			back := time.Now()
			for ask("back") != nil {
				time.Sleep(50 * time.Millisecond)
			}
			if d := time.Since(back); d > time.Second {
				t.Errorf("%s: back after %v", name, d)
			}
			time.Sleep(3 * time.Second) // what was asked before has come to an end
			for k := range 10 {
				if err := ask(fmt.Sprint("again", k)); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

// What some tokens do to the endpoint takes it away from nobody else.
func TestIntrospectionAwayForSome(t *testing.T) {
	t.Parallel()
	w := build(t, asks(&oracle{}))
	synctest.Test(t, func(t *testing.T) {
		silent := w.oracle(200, func(r *http.Request) error { <-r.Context().Done(); return r.Context().Err() })
		n, now := alone(t, w, 2*time.Second)
		for round := range 5 {
			now.Store(silent)
			for k := range 10 {
				go func() { _, _ = n.ask(t.Context(), "bad", fmt.Sprint("hangs", k)) }()
			}
			synctest.Wait()
			now.Store(w.oracle(200, nil))
			if _, err := n.ask(t.Context(), "good", "x"); err != nil {
				t.Fatal(round, err)
			}
			time.Sleep(2500 * time.Millisecond)
			if _, err := n.ask(t.Context(), "good", "y"); err != nil {
				t.Fatal("after ten that hung:", round, err)
			}
		}
		now.Store(w.oracle(500, nil)) // an answer, of a kind: a token may be why
		for range 10 {
			if _, err := n.ask(t.Context(), "bad", "breaks"); err == nil || err == errAway {
				t.Fatal(err)
			}
		}
	})
}

// Whoever is refused meanwhile hears when to come again, and it is nobody's budget.
func TestIntrospectionAwayTells(t *testing.T) {
	t.Parallel()
	o := &oracle{}
	w := build(t, asks(o), func(_ *world, c *config.Edge) { c.InvalidTokens = config.Budget{Rate: "1/h", Burst: 4} })
	o.status = 503
	for range 3 {
		if a, asked := w.askAbout(o, ref); !asked || a.header.Get("Retry-After") != "5" {
			t.Error(a, a.header)
		}
	}
	for range 10 {
		if a, asked := w.askAbout(o, ref); asked || a.status != 503 || a.code() != "introspection_unavailable" || a.header.Get("Retry-After") != "1" {
			t.Error(a, a.header)
		}
	}
	o.status = 200
	w.forward(time.Second)
	for range 2 {
		if a, asked := w.askAbout(o, ref); !asked || a.status != 200 {
			t.Error(a)
		}
	}
	if text := w.log.String(); strings.Count(text, "gives no answers: it is asked") != 1 || strings.Count(text, "the introspection endpoint answers") != 1 || strings.Contains(text, ref) {
		t.Error(text)
	}
}

// alone makes an introspector without an edge, and what answers it at the moment.
func alone(t *testing.T, w *world, timeout time.Duration) (*introspector, *atomic.Pointer[oracle]) {
	t.Helper()
	c := w.config.Issuers[0]
	asked := *c.Introspection
	asked.Endpoint, asked.Timeout = "https://a.test/introspect", timeout
	c.Introspection = &asked
	now := new(atomic.Pointer[oracle])
	party := &party{t: t, other: func(r *http.Request) (*http.Response, error) { return now.Load().answer(r) }}
	n, err := newIntrospector(t.Context(), c, Options{Now: time.Now, Logger: slog.New(slog.DiscardHandler), HTTPClient: &http.Client{Transport: network{"a.test": party}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return n, now
}

func (w *world) oracle(status int, check func(*http.Request) error) *oracle {
	return &oracle{status: status, kind: "application/json", body: func(string) string { return w.active(nil) }, check: check}
}
