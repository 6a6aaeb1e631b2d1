package edge

import (
	"fmt"
	"io"
	"log/slog"
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
	"github.com/jotward/jotward/internal/revoke"
)

// Requests, reloads, revocations and a failing upstream at once: a token that
// was revoked before its request began is never served, one that nobody began to
// revoke is never refused, and nobody reads another's identity. JOTWARD_SOAK, such
// as 10m, goes on for so long, with new tokens each round, and says what memory did.
func TestSoak(t *testing.T) {
	t.Parallel()
	longest, _ := time.ParseDuration(os.Getenv("JOTWARD_SOAK"))
	flaky := atomic.Int64{}
	w := build(t, func(_ *world, c *config.Edge) { c.TokenCache = 64 }, with(config.Route{Name: "down", Path: "/down", Upstream: "http://127.0.0.1:1"}),
		with(config.Route{Name: "flaky", Path: "/flaky", Headers: map[string]string{"X-User": "sub"}}))
	w.edge.options.Observe = nil
	w.edge.options.Logger = slog.New(slog.NewJSONHandler(io.Discard, nil))
	w.origin.do = func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/flaky") && flaky.Add(1)%3 == 0 {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(rw, r.Header.Get("X-User"))
	}
	w.revoke() // the view has a log
	var heaps []uint64
	rounds, requests := 0, 0
	for start := time.Now(); rounds == 0 || time.Since(start) < longest && !t.Failed(); rounds++ {
		requests += w.soak(rounds)
		w.forward(time.Minute) // what was revoked an hour ago is forgotten
		if heap := live(); time.Since(start) > time.Duration(len(heaps))*longest/20 {
			heaps = append(heaps, heap)
		}
	}
	if longest == 0 {
		return
	}
	t.Logf("%d rounds, %d requests, live memory in MiB: %v", rounds, requests, heaps)
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

// soak is one round, with tokens of its own. It returns how many requests it made.
func (w *world) soak(round int) int {
	const tokens, workers, requests = 24, 6, 150
	var texts [tokens]string
	var begun, done [tokens]atomic.Bool
	for i := range texts {
		texts[i] = w.a.token(map[string]any{"sub": fmt.Sprint("usr_", i), "grant_id": fmt.Sprint("g", round, ".", i), "jti": fmt.Sprint("j", round, ".", i)})
	}
	var wait sync.WaitGroup
	for n := range workers {
		wait.Go(func() {
			random := rand.New(rand.NewPCG(uint64(n), uint64(round)))
			for range requests {
				i, path := random.IntN(tokens), []string{"/api/x", "/flaky/x", "/down/x"}[random.IntN(3)]
				wasDone := done[i].Load()
				r, _ := http.NewRequest(http.MethodGet, w.server.URL+path, nil)
				r.Header.Set("Authorization", "Bearer "+texts[i])
				answer, err := w.server.Client().Do(r)
				if err != nil {
					w.t.Error(err)
					return
				}
				body, _ := io.ReadAll(answer.Body)
				_ = answer.Body.Close()
				if wrong := judge(path, answer.StatusCode, string(body), fmt.Sprint("usr_", i), wasDone, begun[i].Load()); wrong != "" {
					w.t.Errorf("%s: token %d %s: %d %s", path, i, wrong, answer.StatusCode, body)
				}
			}
		})
	}
	wait.Go(w.reloads)
	wait.Go(func() {
		for i := range tokens / 2 {
			begun[i].Store(true)
			w.revoke(revoke.Entry{Kind: revoke.KindGrant, ID: fmt.Sprint("g", round, ".", i)})
			done[i].Store(true)
			w.source().view.Forget(w.now())
		}
	})
	wait.Wait()
	for i := range texts { // when all is quiet
		if a := w.status(texts[i]); (a == 401) != (i < tokens/2) {
			w.t.Errorf("token %d: %d", i, a)
		}
	}
	return workers*requests + tokens
}

// reloads replaces the configuration often, each time with a new source for the
// same view.
func (w *world) reloads() {
	for n := range 40 {
		c := w.config
		c.Issuers = append([]config.EdgeIssuer(nil), c.Issuers...)
		if n%2 == 0 {
			c.Issuers[0].JWKSURI += "?"
		}
		if err := w.edge.Reload(c); err != nil {
			w.t.Error(err)
		}
	}
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
	w.edge.options.Logger = slog.New(slog.NewJSONHandler(io.Discard, nil))
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
