package web

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jotward/jotward/internal/reason"
)

// A Check is one condition of being ready.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
}

// Health answers whether the process is alive and ready. Draining fails
// readiness before listeners close, so that load balancers look away first.
type Health struct {
	Ready    func() []Check // nil: always ready
	draining atomic.Bool
}

// Within has checks looked at in a goroutine, one at a time however many ask, and answers
// after bound at the latest: a disk that hangs makes a process not ready, and keeps a
// goroutine, but nobody who asks. look gets a context that ends with the bound; it may
// ignore it.
func Within(bound time.Duration, look func(context.Context) []Check) func() []Check {
	type flight struct {
		done   chan struct{}
		checks []Check
	}
	var mu sync.Mutex
	var under *flight
	join := func() *flight {
		mu.Lock()
		defer mu.Unlock()
		if under != nil {
			return under
		}
		f := &flight{done: make(chan struct{})}
		under = f
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), bound)
			defer cancel()
			f.checks = look(ctx)
			mu.Lock()
			defer mu.Unlock()
			under = nil
			close(f.done)
		}()
		return f
	}
	return func() []Check {
		f, late := join(), time.NewTimer(bound)
		defer late.Stop()
		select {
		case <-f.done:
			return f.checks
		case <-late.C:
			return []Check{{Name: "store", Detail: "no answer within " + bound.String()}}
		}
	}
}

// Drain makes the process not ready, for good.
func (h *Health) Drain() { h.draining.Store(true) }

// Live answers /healthz.
func (h *Health) Live(w http.ResponseWriter, _ *http.Request) error {
	return JSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// Brief answers /readyz to strangers: the status alone.
func (h *Health) Brief(w http.ResponseWriter, _ *http.Request) error { return h.readiness(w, false) }

// Readiness answers /readyz to operators: each check with ?verbose.
func (h *Health) Readiness(w http.ResponseWriter, r *http.Request) error {
	return h.readiness(w, r.URL.Query().Has("verbose"))
}

func (h *Health) readiness(w http.ResponseWriter, verbose bool) error {
	out := struct {
		Status string  `json:"status"`
		Checks []Check `json:"checks,omitempty"`
	}{Status: "ok"}
	if h.Ready != nil {
		out.Checks = h.Ready()
	}
	for _, c := range out.Checks {
		if !c.OK {
			out.Status = "not ready"
		}
	}
	if h.draining.Load() {
		out.Status = "draining"
	}
	if !verbose {
		out.Checks = nil
	}
	if out.Status != "ok" {
		return JSON(w, http.StatusServiceUnavailable, out)
	}
	return JSON(w, http.StatusOK, out)
}

// Ops is what every admin listener has besides its own routes.
type Ops struct {
	Health            *Health
	Metrics, Profiles http.Handler
	Version           map[string]string
	Token             string // asked of callers that are not on this machine
}

// Routes is the mount list of what operators and their tools read.
func (o *Ops) Routes() []Route {
	serve := func(h http.Handler) HandlerFunc {
		return Local(o.Token, func(w http.ResponseWriter, r *http.Request) error { h.ServeHTTP(w, r); return nil })
	}
	return []Route{
		{Pattern: "GET /healthz", Style: Problem, Handler: o.Health.Live, Quiet: true},
		{Pattern: "GET /readyz", Style: Problem, Handler: o.Health.Readiness, Quiet: true},
		{Pattern: "GET /metrics", Style: Problem, Handler: serve(o.Metrics), Quiet: true},
		{Pattern: "GET /debug/pprof/", Style: Problem, Handler: serve(o.Profiles)},
		{Pattern: "GET /version", Style: Problem, Handler: Local(o.Token, func(w http.ResponseWriter, _ *http.Request) error {
			return JSON(w, http.StatusOK, o.Version)
		})},
	}
}

// Bearer refuses a call without the given token, before anything is read. An
// empty token refuses everyone.
func Bearer(token string, next HandlerFunc) HandlerFunc {
	want := sha256.Sum256([]byte(token))
	return func(w http.ResponseWriter, r *http.Request) error {
		scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(given))
		if token == "" || len(r.Header.Values("Authorization")) != 1 || !strings.EqualFold(scheme, "bearer") ||
			subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			return reason.New(reason.AdminUnauthorized, nil)
		}
		return next(w, r)
	}
}

// Local lets callers on this machine pass and asks others for the token.
func Local(token string, next HandlerFunc) HandlerFunc {
	guarded := Bearer(token, next)
	return func(w http.ResponseWriter, r *http.Request) error {
		if a, err := netip.ParseAddrPort(r.RemoteAddr); err == nil && a.Addr().Unmap().IsLoopback() {
			return next(w, r)
		}
		return guarded(w, r)
	}
}

// NoRebinding refuses requests that reach a listener on loopback under a name
// that is not loopback's: a page of a stranger whose name was bound to
// 127.0.0.1 (DNS rebinding).
func (s *Server) NoRebinding(next http.Handler) http.Handler {
	refused := s.handle(Route{Style: Problem, Handler: func(http.ResponseWriter, *http.Request) error {
		return &reason.Error{Code: reason.RequestInvalid, Detail: "a listener on loopback is asked by a loopback address, or as localhost"}
	}})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		if local != nil {
			if a, err := netip.ParseAddrPort(local.String()); err == nil && a.Addr().Unmap().IsLoopback() && !loopbackName(r.Host) {
				refused.ServeHTTP(w, r)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func loopbackName(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && a.Unmap().IsLoopback()
}
