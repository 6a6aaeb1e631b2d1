package edge

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/obs"
)

// Requests, reloads, revocations, restarts of the issuer with new keys and a failing
// upstream at once: a token that was revoked before its request began, so far as the edge
// can know, is never served, one that nobody began to revoke is never refused, and nobody
// reads another's identity. JOTWARD_SOAK, such as 10m, goes on for so long, with new tokens
// and a restart each round, and says what memory did.
func TestSoak(t *testing.T) {
	t.Parallel()
	longest, _ := time.ParseDuration(os.Getenv("JOTWARD_SOAK"))
	flaky := atomic.Int64{}
	w := build(t, func(_ *world, c *config.Edge) {
		c.TokenCache = 64
		c.Issuers[0].Feed = follow("refuse")
		c.Issuers[0].Feed.MaxAge = 10 * time.Minute // the clock goes a minute a round
		c.InvalidTokens.Rate = "1000/m"             // and jumps under the requests: a limit of seconds would take that for a clock that was set back
	}, with(config.Route{Name: "down", Path: "/down", Upstream: "http://127.0.0.1:1"}),
		with(config.Route{Name: "flaky", Path: "/flaky", Headers: map[string]string{"X-User": "sub"}}))
	w.edge.options.Observe = nil
	w.edge.options.Logger = obs.Logger(io.Discard)
	w.edge.lines, _ = w.edge.options.Logger.Handler().(*obs.Lines)
	w.origin.do = func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/flaky") && flaky.Add(1)%3 == 0 {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(rw, r.Header.Get("X-User"))
	}
	issuer := newAuthority(t, w.a)
	ctx, end := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = w.edge.Run(ctx) })
	t.Cleanup(func() { end(); running.Wait() })
	w.heard(issuer.revoke("nobody's")) // the view has a log
	var heaps []uint64
	rounds, requests := 0, 0
	for start := time.Now(); rounds == 0 || time.Since(start) < longest && !t.Failed(); rounds++ {
		requests += newRound(w, issuer, rounds).run()
		w.forward(time.Minute) // what was revoked an hour ago is forgotten
		if heap := live(); time.Since(start) > time.Duration(len(heaps))*longest/20 {
			heaps = append(heaps, heap)
		}
	}
	if longest == 0 {
		return
	}
	t.Logf("%d rounds, as many restarts, %d requests, live memory in MiB: %v", rounds, requests, heaps)
	if n := len(heaps); n >= 8 && heaps[n-1] > heaps[n/2]+heaps[n/2]/5+1 { // MiB
		t.Error("memory grows")
	}
}

// live is the memory that is in use, in MiB.
func live() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc >> 20
}

const (
	soakEarly   = 24 // tokens that are there from the beginning; the first half is revoked
	soakLate    = 8  // tokens of the key that the issuer comes back with
	soakTokens  = soakEarly + soakLate
	soakRevoked = soakEarly / 2
	soakWorkers = 6
)

// A round is one restart of the issuer under load, with tokens of its own.
type round struct {
	*world
	issuer      *authority
	number      int
	texts       [soakTokens]atomic.Pointer[string]
	begun, done [soakTokens]atomic.Bool
	known       atomic.Bool // a token of the new key passed
	quiet       atomic.Bool // the round may end
	requests    atomic.Int64
}

func newRound(w *world, issuer *authority, number int) *round {
	r := &round{world: w, issuer: issuer, number: number}
	r.mint(0, soakEarly)
	return r
}

func (r *round) mint(from, to int) {
	for i := from; i < to; i++ {
		text := r.a.tokenBy(r.issuer.key, "at+jwt", map[string]any{"sub": fmt.Sprint("usr_", i), "grant_id": r.grant(i), "jti": fmt.Sprint("j", r.number, ".", i)})
		r.texts[i].Store(&text)
	}
}

func (r *round) grant(i int) string { return fmt.Sprint("g", r.number, ".", i) }

// run returns how many requests it made.
func (r *round) run() int {
	dropped := r.a.tokenBy(r.issuer.before, "at+jwt", nil)
	var wait, working sync.WaitGroup
	for n := range soakWorkers {
		working.Go(func() { r.work(rand.New(rand.NewPCG(uint64(n), uint64(r.number)))) })
	}
	wait.Go(r.operate)
	wait.Go(func() {
		for i := range soakRevoked - 1 {
			r.take(i, func() {})
		}
	})
	wait.Wait()
	r.quiet.Store(true)
	working.Wait()
	for i := range r.texts { // when all is quiet
		if a := r.status(*r.texts[i].Load()); (a == 401) != (i < soakRevoked) {
			r.t.Errorf("token %d: %d", i, a)
		}
	}
	if a := r.status(dropped); a != 401 {
		r.t.Errorf("a token of a key that is published no more: %d", a)
	}
	return int(r.requests.Load()) + soakTokens + 1
}

// operate reloads, restarts the issuer, and reloads again. What is revoked while it is
// away is refused when it is back.
func (r *round) operate() {
	r.reloads(20)
	r.heard(r.issuer.revoke("nobody's")) // the source of the last reload has its keys and follows
	r.issuer.stop()
	r.take(soakRevoked-1, func() {
		for range 10 {
			if err := r.edge.Reload(r.current()); err != nil {
				r.t.Error(err)
			}
		}
		r.issuer.start(fmt.Sprint(r.number))
		r.forward(20 * time.Second) // the cool-down of what was asked for in vain
		r.mint(soakEarly, soakTokens)
	})
	r.reloads(20)
}

// take revokes the grant of a token and waits until the edge has heard of it.
func (r *round) take(i int, meanwhile func()) {
	r.begun[i].Store(true)
	seq := r.issuer.revoke(r.grant(i))
	meanwhile()
	r.heard(seq)
	r.done[i].Store(true)
}

// heard waits until the view is that far.
func (w *world) heard(seq uint64) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); ; <-tick.C {
		if _, is := w.source().view.Position(); is >= seq {
			return
		}
		if time.Now().After(end) {
			w.t.Error("the edge never heard number ", seq)
			return
		}
	}
}

// work makes requests until the round may end, and enough of them.
func (r *round) work(random *rand.Rand) {
	for n := 0; n < 150 || !r.quiet.Load(); n++ {
		i, path := random.IntN(soakTokens), []string{"/api/x", "/flaky/x", "/down/x"}[random.IntN(3)]
		text := r.texts[i].Load()
		if text == nil { // of a key to come
			i %= soakEarly
			text = r.texts[i].Load()
		}
		wasDone, wasKnown := r.done[i].Load(), r.known.Load()
		q, _ := http.NewRequest(http.MethodGet, r.server.URL+path, nil)
		q.Header.Set("Authorization", "Bearer "+*text)
		answer, err := r.server.Client().Do(q)
		if err != nil {
			r.t.Error(err)
			return
		}
		body, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		r.requests.Add(1)
		if i >= soakEarly && !wasKnown && (strings.Contains(string(body), "key_not_found") || strings.Contains(string(body), "keys_unavailable")) {
			continue // it joined a fetch of before the issuer was back
		}
		if i >= soakEarly && answer.StatusCode == 200 {
			r.known.Store(true)
		}
		if wrong := judge(path, answer.StatusCode, string(body), fmt.Sprint("usr_", i), wasDone, r.begun[i].Load()); wrong != "" {
			r.t.Errorf("%s: token %d %s: %d %s", path, i, wrong, answer.StatusCode, body)
		}
	}
}

// reloads replaces the configuration often, every other time with a new source for the
// same view, and waits until that has the issuer's keys.
func (r *round) reloads(times int) {
	for n := range times {
		c := r.current()
		if c.Issuers[0].JWKSURI = r.config.Issuers[0].JWKSURI; n%2 == 0 {
			c.Issuers[0].JWKSURI += "?"
		}
		if err := r.edge.Reload(c); err != nil {
			r.t.Error(err)
		}
		if err := r.source().keys.Refresh(r.t.Context()); err != nil {
			r.t.Error(err)
		}
	}
}

// current is the configuration, to be changed, with the source of the last reload.
func (r *round) current() config.Edge {
	c := r.config
	c.Issuers = append([]config.EdgeIssuer(nil), c.Issuers...)
	c.Issuers[0].JWKSURI = r.source().config.JWKSURI
	return c
}

// judge says what is wrong with an answer, given whether the token was revoked
// before its request began, and whether anybody had begun to when it ended.
func judge(path string, status int, body, subject string, revoked, begun bool) string {
	switch {
	case status != 200 && status != 401 && status != 502:
		return "has an answer of no kind"
	case status != 401 && revoked:
		return "was revoked, and passed"
	case status == 401 && (!begun || !strings.Contains(body, "grant_revoked")):
		return "holds, and was refused"
	case status == 502 && path == "/api/x" || status == 200 && path == "/down/x":
		return "went to another upstream"
	case status == 200 && body != subject:
		return "has another's answer"
	}
	return ""
}

// status is one more request, without reading its event.
func (w *world) status(token string) int {
	r := httptest.NewRequest(http.MethodGet, "/api/x", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	rec := httptest.NewRecorder()
	w.edge.ServeHTTP(rec, r)
	return rec.Code
}

// stub answers at once.
type stub struct{}

func (stub) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 204, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {"text/plain"}}, Body: http.NoBody, Request: r}, nil
}

// discard is the least that answers are written to.
type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// BenchmarkServeCached is a whole request whose token is known, without a network.
func BenchmarkServeCached(b *testing.B) {
	w := build(b)
	w.edge.options.Observe = nil
	w.edge.options.Logger = obs.Logger(io.Discard)
	w.edge.lines, _ = w.edge.options.Logger.Handler().(*obs.Lines)
	for _, r := range w.edge.current.Load().routes {
		r.proxy.Transport = timed{stub{}}
	}
	token := w.a.token(nil)
	w.known(token)
	r := httptest.NewRequest(http.MethodGet, "/api/x", nil)
	r.Body = http.NoBody
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("User-Agent", "bench")
	r.Header.Set("Accept", "*/*")
	b.ReportAllocs()
	for b.Loop() {
		w.edge.ServeHTTP(discard{http.Header{}}, r)
	}
}
