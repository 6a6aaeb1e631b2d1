package edge

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/bearer"
)

// An Event is the outcome of one request. It never holds the token.
type Event struct {
	RequestID string
	Reason    reason.Code // "" when the request was forwarded and answered
	Detail    string
	Issuer    string
	ClientID  string
	Route     string
	Method    string
	Status    int
	BytesIn   int64
	BytesOut  int64
	Total     time.Duration
	Decision  time.Duration // until the request was forwarded or refused
	CacheHit  bool
	Stale     bool // served although the revocation view was stale
	Seq       uint64
}

// Metrics gives each route its counters, once, when a configuration loads.
// Requests outside every route are of the route "".
type Metrics interface {
	Route(name string) RouteMetrics
}

// RouteMetrics counts the events of one route.
type RouteMetrics interface {
	Observe(*Event)
}

func (e *Edge) record(s *state, r *route, ev *Event) {
	counters := s.unmatched
	if r != nil {
		counters = r.metrics
	}
	if counters != nil {
		counters.Observe(ev)
	}
	level := slog.LevelInfo
	if ev.Status >= 500 {
		level = slog.LevelWarn
	}
	e.options.Logger.LogAttrs(context.Background(), level, "request",
		slog.String("request_id", ev.RequestID), slog.String("reason", string(ev.Reason)), slog.String("detail", ev.Detail),
		slog.String("issuer", ev.Issuer), slog.String("client_id", ev.ClientID), slog.String("route", ev.Route),
		slog.String("method", ev.Method), slog.Int("status", ev.Status), slog.Int64("bytes_in", ev.BytesIn), slog.Int64("bytes_out", ev.BytesOut),
		slog.Duration("total", ev.Total), slog.Duration("decision", ev.Decision),
		slog.Bool("cache_hit", ev.CacheHit), slog.Bool("stale", ev.Stale), slog.Uint64("revocation_seq", ev.Seq))
}

func newRequestID() string { return rand.Text() }

// deny answers with the challenge of RFC 6750 3 and a problem of RFC 9457.
// Strangers are told the reason's code and meaning, nothing of the token.
func deny(w http.ResponseWriter, no *refusal, scopes []string, requestID string) int {
	info, ok := reason.Lookup(no.code)
	if !ok {
		info, _ = reason.Lookup(reason.Internal)
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if info.Status == http.StatusUnauthorized || info.OAuth != "" {
		o := bearer.Options{}
		if no.code == reason.ScopeMissing {
			o.Scopes = scopes
		}
		code := info.OAuth
		if no.code == reason.CredentialMissing {
			code = "" // RFC 6750 3.1: no error code when there was no credential
		}
		h.Set("WWW-Authenticate", o.Challenge(code, jose.Reason(info.Code)))
	}
	if info.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "5")
	}
	body, _ := json.Marshal(struct { // strings and a number always marshal
		Type      string      `json:"type"`
		Title     string      `json:"title"`
		Status    int         `json:"status"`
		Code      reason.Code `json:"code"`
		RequestID string      `json:"request_id"`
	}{"urn:jotward:reason:" + strings.ToLower(string(info.Code)), info.Meaning, info.Status, info.Code, requestID})
	w.WriteHeader(info.Status)
	_, _ = w.Write(body) // a client that is gone needs no answer
	return info.Status
}
