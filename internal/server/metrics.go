package server

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/logout"
	"github.com/jotward/jotward/internal/token"
	"github.com/jotward/jotward/internal/web"
	"github.com/jotward/jotward/jose/lint"
)

// Metrics counts what the issuer does. Every label is bounded: routes by the
// mount lists, reasons by the closed list, clients by those that authenticated.
type Metrics struct {
	requests, issued, refresh, large, logouts, findings *prometheus.CounterVec
	reuse                                               prometheus.Counter
	seconds, sign, bytes                                *prometheus.HistogramVec
	age, overdue, lacking                               *prometheus.GaugeVec
}

// NewMetrics registers the issuer's metrics.
func NewMetrics(r prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		r.MustRegister(c)
		return c
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
		r.MustRegister(h)
		return h
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
		r.MustRegister(g)
		return g
	}
	m := &Metrics{
		requests: counter("jotward_requests_total", "Requests to the issuer, by route, status and reason code.", "route", "status", "reason"),
		issued:   counter("jotward_tokens_issued_total", "Answered token requests, by grant type and client.", "grant", "client"),
		refresh:  counter("jotward_refresh_total", "Refresh requests, by client and result.", "client", "result"),
		logouts:  counter("jotward_logouts_total", "Attempts to tell a client that a session ended, by client, result and reason code.", "client", "result", "reason"),
		findings: counter("jotward_token_findings_total", "Mistakes found in claims that a client's expressions gave, by client and code of the finding.", "client", "code"),
		large:    counter("jotward_tokens_large_total", "Tokens over 4 KiB, by client: they soon will not fit a header.", "client"),
		reuse: prometheus.NewCounter(prometheus.CounterOpts{Name: "jotward_refresh_reuse_detected_total",
			Help: "Spent codes and refresh tokens that came back: each revoked its grant."}),
		seconds: histogram("jotward_request_seconds", "How long the issuer took to answer, by route.", prometheus.ExponentialBuckets(0.0005, 2.5, 10), "route"),
		sign:    histogram("jotward_token_sign_seconds", "How long one signature took, by algorithm.", prometheus.ExponentialBuckets(0.00001, 2.5, 10), "alg"),
		bytes:   histogram("jotward_token_bytes", "Size of the parts of minted tokens, as sent.", prometheus.ExponentialBuckets(64, 2, 8), "part"),
		age:     gauge("jotward_key_age_seconds", "Age of the oldest key, by purpose, algorithm and state.", "purpose", "alg", "state"),
		overdue: gauge("jotward_keys_overdue", "Keys that sign longer than issuer.signing.rotate_every wants, by purpose.", "purpose"),
		lacking: gauge("jotward_key_edges_lacking", "Live edges that do not have the key that is to sign next, by purpose.", "purpose"),
	}
	r.MustRegister(m.reuse)
	return m
}

// Request counts one request. Streams count when they end, and have no duration
// that would mean anything.
func (m *Metrics) Request(e web.Event) {
	m.requests.WithLabelValues(e.Route, strconv.Itoa(e.Status), string(e.Reason)).Inc()
	if e.Route != "GET /feed" {
		m.seconds.WithLabelValues(e.Route).Observe(e.Took.Seconds())
	}
}

// Grant counts one token request of an authenticated client.
func (m *Metrics) Grant(e grant.Event) {
	switch e.Result {
	case grant.Issued, grant.Rotated, grant.Retried:
		m.issued.WithLabelValues(e.GrantType, e.ClientID).Inc()
	case grant.Reused:
		m.reuse.Inc()
	}
	if e.GrantType == "refresh_token" {
		m.refresh.WithLabelValues(e.ClientID, string(e.Result)).Inc()
	}
}

// Logout counts one attempt to tell a client of a session's end.
func (m *Metrics) Logout(e logout.Event) {
	m.logouts.WithLabelValues(e.ClientID, string(e.Result), string(e.Reason)).Inc()
}

// Found counts one mistake in what a client's expressions gave a token.
func (m *Metrics) Found(clientID string, code lint.Code) {
	m.findings.WithLabelValues(clientID, string(code)).Inc()
}

// Keys shows how the keys of a purpose stand.
func (m *Metrics) Keys(purpose string, report []keyring.Standing, now time.Time) {
	m.age.DeletePartialMatch(prometheus.Labels{"purpose": purpose})
	overdue, lacking := 0, 0
	for _, k := range report { // newest first: the age of the oldest stays
		if k.Overdue {
			overdue++
		}
		lacking = max(lacking, len(k.Lacking))
		m.age.WithLabelValues(purpose, string(k.Algorithm), k.State(now)).Set(now.Sub(k.Created).Seconds())
	}
	m.overdue.WithLabelValues(purpose).Set(float64(overdue))
	m.lacking.WithLabelValues(purpose).Set(float64(lacking))
}

// Minted counts one token that was signed.
func (m *Metrics) Minted(t token.Minted) {
	m.sign.WithLabelValues(string(t.Algorithm)).Observe(t.SignDuration.Seconds())
	m.bytes.WithLabelValues("header").Observe(float64(t.HeaderBytes))
	m.bytes.WithLabelValues("claims").Observe(float64(t.ClaimsBytes))
	m.bytes.WithLabelValues("signature").Observe(float64(t.SignatureBytes))
	if t.Large {
		m.large.WithLabelValues(t.ClientID).Inc()
	}
}
