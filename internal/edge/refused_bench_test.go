package edge

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/obs"
)

// BenchmarkServeRefused is a whole request whose token does not hold, or is new, without a
// network: what strangers can have the edge do.
func BenchmarkServeRefused(b *testing.B) {
	w := build(b, func(_ *world, c *config.Edge) { c.InvalidTokens.Rate = "1000000/s" })
	w.edge.options.Observe = nil
	w.edge.options.Logger = obs.Logger(io.Discard)
	w.edge.lines, _ = w.edge.options.Logger.Handler().(*obs.Lines)
	s := w.edge.current.Load()
	for _, r := range s.routes {
		r.proxy.Transport = timed{stub{}}
	}
	good := w.a.token(nil)
	w.known(good)
	expired := w.a.token(map[string]any{"iat": w.now().Add(-2 * time.Hour).Unix(), "exp": w.now().Add(-time.Hour).Unix()})
	head := good[:strings.LastIndexByte(good, '.')+1]
	sig := make([]byte, 64)
	for name, token := range map[string]func() string{
		"none":      nil,
		"malformed": func() string { return "x.y.z" },
		"expired":   func() string { return expired },
		"new": func() string { // all that was verified is forgotten
			s.generation++
			return good
		},
		"forged": func() string {
			_, _ = rand.Read(sig)
			return head + base64.RawURLEncoding.EncodeToString(sig)
		},
	} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, "/api/x", nil)
			r.Body = http.NoBody
			r.Header.Set("User-Agent", "bench")
			r.Header.Set("Accept", "*/*")
			b.ReportAllocs()
			for b.Loop() {
				if token != nil {
					r.Header.Set("Authorization", "Bearer "+token())
				}
				w.edge.ServeHTTP(discard{http.Header{}}, r)
			}
		})
	}
}

// BenchmarkServeDistinct is a whole request whose token came for the first time, without a
// network: what the collector does for those that are kept is part of it. Run it with as many
// as the cache holds (-benchtime 10000x).
func BenchmarkServeDistinct(b *testing.B) {
	w := build(b)
	w.edge.options.Observe = nil
	w.edge.options.Logger = obs.Logger(io.Discard)
	w.edge.lines, _ = w.edge.options.Logger.Handler().(*obs.Lines)
	for _, r := range w.edge.current.Load().routes {
		r.proxy.Transport = timed{stub{}}
	}
	w.known(w.a.token(nil))
	tokens := make([]string, 10_000)
	for n := range tokens {
		tokens[n] = "Bearer " + w.a.token(map[string]any{"jti": fmt.Sprintf("%020d", n), "sid": "08a5019c-17e1-4977-8f42-65a12843ea02", "roles": []string{"clerk", "buyer", "auditor"}})
	}
	r := httptest.NewRequest(http.MethodGet, "/api/x", nil)
	r.Body = http.NoBody
	r.Header.Set("User-Agent", "bench")
	r.Header.Set("Accept", "*/*")
	began, n := cpu(b), 0
	b.ReportAllocs()
	for b.Loop() {
		r.Header.Set("Authorization", tokens[n%len(tokens)])
		n++
		w.edge.ServeHTTP(discard{http.Header{}}, r)
	}
	b.ReportMetric(float64((cpu(b)-began).Nanoseconds())/1000/float64(b.N), "cpu-us/op")
}
