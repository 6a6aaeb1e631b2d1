package server

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jotward/jotward/internal/web"
)

// Metrics counts what the issuer does. Every label is bounded: routes by the
// mount lists, reasons by the closed list, clients by those that authenticated.
type Metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

// NewMetrics registers the issuer's metrics.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "jotward_requests_total",
			Help: "Requests to the issuer, by route, status and reason code."}, []string{"route", "status", "reason"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "jotward_request_seconds",
			Help: "How long the issuer took to answer, by route.", Buckets: prometheus.ExponentialBuckets(0.0005, 2.5, 10)}, []string{"route"}),
	}
	r.MustRegister(m.requests, m.seconds)
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
