package edge

import (
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/jose"
)

// metrics are the edge's instruments. Every label is a route, an issuer or a
// code of the configuration or of a closed list, never a stranger's text.
type metrics struct {
	decisions *prometheus.CounterVec
	requests  *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	upstream  *prometheus.HistogramVec
	in, out   *prometheus.CounterVec
	flying    *prometheus.GaugeVec
	cache     *prometheus.CounterVec
	rules     *prometheus.CounterVec
	shadow    *prometheus.CounterVec
	asked     *prometheus.CounterVec
	exchanges *prometheus.CounterVec
	verify    prometheus.Histogram
	confusion prometheus.Counter
}

// spans serve from the cached decision to the slow upstream.
var spans = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}

func newMetrics(e *Edge, to prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "jotward_" + name, Help: help}, labels)
	}
	histogram := func(name, help string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "jotward_" + name, Help: help, Buckets: spans}, []string{"route"})
	}
	m := &metrics{
		decisions: counter("auth_decisions_total", "Decisions of the edge, by reason; an unknown route or issuer is empty.", "route", "issuer", "result", "reason"),
		requests:  counter("edge_requests_total", "Requests answered, by class of status; a client that left has 0xx.", "route", "method", "code_class"),
		duration:  histogram("edge_request_duration_seconds", "From the request's headers to the end of its answer."),
		upstream:  histogram("edge_upstream_duration_seconds", "From forwarding a request to the headers of the upstream's answer."),
		in:        counter("edge_request_bytes_total", "Bytes of request bodies read.", "route"),
		out:       counter("edge_response_bytes_total", "Bytes of answers' bodies written.", "route"),
		flying:    prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "jotward_edge_requests_in_flight", Help: "Requests being answered."}, []string{"route"}),
		cache:     counter("edge_token_cache_total", "Tokens that held, by whether the cache knew them.", "route", "result"),
		rules:     counter("edge_rule_decisions_total", "Decisions of rules, and matches of log rules; an empty rule is the default.", "route", "rule", "action"),
		shadow:    counter("edge_shadow_total", "What rules and routes that are only watched would have decided otherwise: a rule's action, or a route's reason.", "route", "rule", "would"),
		asked:     counter("edge_introspections_total", "What requests heard when an issuer was asked about their token: active, inactive or error.", "issuer", "result"),
		exchanges: counter("edge_token_exchanges_total", "Tokens that an issuer was asked to exchange for an upstream's: exchanged or error.", "issuer", "result"),
		verify: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "jotward_token_verify_seconds", Help: "Verification of tokens that the cache did not know.",
			Buckets: []float64{.00001, .000025, .00005, .0001, .00025, .0005, .001, .002, .005, .01, .1, 1}}),
		confusion: prometheus.NewCounter(prometheus.CounterOpts{Name: "jotward_algorithm_confusion_attempts_total", Help: "Tokens whose algorithm is not allowed or does not fit their key."}),
	}
	for _, c := range []prometheus.Collector{m.decisions, m.requests, m.duration, m.upstream, m.in, m.out, m.flying, m.cache, m.rules, m.shadow, m.asked, m.exchanges, m.verify, m.confusion, sources{e}} {
		if err := to.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// verified counts one verification, whatever became of it.
func (m *metrics) verified(took time.Duration, err error) {
	m.verify.Observe(took.Seconds())
	switch jose.ReasonOf(err) {
	case jose.AlgorithmNotAllowed, jose.KeyMisuse:
		m.confusion.Inc()
	}
}

// introspected counts what a request heard of a question.
func (m *metrics) introspected(issuer string, q *question, err error) {
	result := "inactive"
	switch {
	case err != nil:
		result = "error"
	case q.active:
		result = "active"
	}
	m.asked.WithLabelValues(issuer, result).Inc()
}

// exchanged counts what a request heard of an exchange.
func (m *metrics) exchanged(issuer string, err error) {
	result := "exchanged"
	if err != nil {
		result = "error"
	}
	m.exchanges.WithLabelValues(issuer, result).Inc()
}

// children finds the counters of one vector without hashing their labels. The
// first use of one makes it; reading takes no lock. Keys come from closed lists.
type children[K comparable, V any] struct {
	known atomic.Pointer[map[K]V]
	write sync.Mutex
	make  func(K) V
}

func (c *children[K, V]) get(k K) V {
	if m := c.known.Load(); m != nil {
		if child, ok := (*m)[k]; ok {
			return child
		}
	}
	c.write.Lock()
	defer c.write.Unlock()
	next := map[K]V{}
	if m := c.known.Load(); m != nil {
		maps.Copy(next, *m)
	}
	child := c.make(k)
	next[k] = child
	c.known.Store(&next)
	return child
}

type decision struct {
	issuer string
	reason reason.Code // "" allowed
}

type outcome struct {
	method string
	class  int // the first digit of the status
}

// ruling is a rule, "" the default or the route itself, with what it did.
type ruling struct{ rule, what string }

// routeMetrics are one route's children, found when a configuration is loaded.
type routeMetrics struct {
	decisions          children[decision, prometheus.Counter]
	requests           children[outcome, prometheus.Counter]
	rules, shadow      children[ruling, prometheus.Counter]
	duration, upstream prometheus.Observer
	in, out, hit, miss prometheus.Counter
	flying             prometheus.Gauge
}

// route returns the children of one route, "" for requests outside every route.
func (m *metrics) route(name string, issuers []string) *routeMetrics {
	r := &routeMetrics{
		duration: m.duration.WithLabelValues(name), upstream: m.upstream.WithLabelValues(name), in: m.in.WithLabelValues(name), out: m.out.WithLabelValues(name),
		hit: m.cache.WithLabelValues(name, "hit"), miss: m.cache.WithLabelValues(name, "miss"), flying: m.flying.WithLabelValues(name),
	}
	r.decisions.make = func(d decision) prometheus.Counter {
		result := "deny"
		if info, ok := reason.Lookup(d.reason); d.reason == "" {
			result = "allow"
		} else if !ok || info.Status >= 500 {
			result = "error"
		}
		return m.decisions.WithLabelValues(name, d.issuer, result, string(d.reason))
	}
	r.requests.make = func(o outcome) prometheus.Counter {
		return m.requests.WithLabelValues(name, o.method, strconv.Itoa(o.class)+"xx")
	}
	r.rules.make = func(x ruling) prometheus.Counter { return m.rules.WithLabelValues(name, x.rule, x.what) }
	r.shadow.make = func(x ruling) prometheus.Counter { return m.shadow.WithLabelValues(name, x.rule, x.what) }
	if name != "" {
		for _, issuer := range append([]string{""}, issuers...) {
			r.decisions.get(decision{issuer: issuer})
		}
		r.requests.get(outcome{"GET", 2})
	}
	return r
}

// begin counts a request in flight. Without metrics r is nil.
func (r *routeMetrics) begin() {
	if r != nil {
		r.flying.Inc()
	}
}

// end reads a request's event.
func (r *routeMetrics) end(ev *Event) {
	if r == nil {
		return
	}
	r.flying.Dec()
	d := decision{issuer: ev.Issuer}
	if !ev.Allowed {
		d.reason = ev.Reason
	}
	r.decisions.get(d).Inc()
	r.requests.get(outcome{ev.Method, min(max(ev.Status/100, 0), 9)}).Inc()
	r.duration.Observe(ev.Total.Seconds())
	r.in.Add(float64(ev.BytesIn))
	r.out.Add(float64(ev.BytesOut))
	if ev.Upstream > 0 {
		r.upstream.Observe(ev.Upstream.Seconds())
	}
	r.ruled(ev)
	switch {
	case ev.Issuer == "":
	case ev.CacheHit:
		r.hit.Inc()
	default:
		r.miss.Inc()
	}
}

// ruled counts what rules did, and would have done.
func (r *routeMetrics) ruled(ev *Event) {
	if ev.RuleAction != "" {
		r.rules.get(ruling{ev.Rule, string(ev.RuleAction)}).Inc()
	}
	for _, noted := range ev.Noted {
		r.rules.get(ruling{noted.Name, string(noted.Action)}).Inc()
	}
	if ev.Shadow != "" {
		r.shadow.get(ruling{ev.ShadowRule, ev.Shadow}).Inc()
	}
}

// metricsOr returns the route's metrics, or those of requests without a route.
func (r *route) metricsOr(unmatched *routeMetrics) *routeMetrics {
	if r == nil {
		return unmatched
	}
	return r.metrics
}

// instrument finds every child before the state serves.
func (s *state) instrument(m *metrics) {
	names := s.names()
	s.unmatched = m.route("", names)
	for _, r := range s.routes {
		r.metrics = m.route(r.Name, names)
	}
}

// forget drops the series of routes that are gone.
func (m *metrics) forget(old, next *state) {
	kept := map[string]bool{}
	for _, r := range next.routes {
		kept[r.Name] = true
	}
	for _, r := range old.routes {
		if kept[r.Name] {
			continue
		}
		for _, v := range []interface {
			DeletePartialMatch(prometheus.Labels) int
		}{m.decisions, m.requests, m.duration, m.upstream, m.in, m.out, m.flying, m.cache, m.rules, m.shadow} {
			v.DeletePartialMatch(prometheus.Labels{"route": r.Name})
		}
	}
}

// sources reads keys and feeds when it is asked: their state is kept elsewhere,
// once.
type sources struct{ edge *Edge }

func sourceDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("jotward_"+name, help, append([]string{"issuer"}, labels...), nil)
}

func poolDesc(name, help string, label string) *prometheus.Desc {
	return prometheus.NewDesc("jotward_edge_pool_"+name, help, []string{"pool", label}, nil)
}

var (
	descFetches  = sourceDesc("jwks_fetches_total", "Fetches of an issuer's key set since it was configured.", "result")
	descFetched  = sourceDesc("jwks_last_success_timestamp_seconds", "When an issuer's key set was last fetched.")
	descFollowed = sourceDesc("revocation_feed_followed", "1 when the issuer's revocation feed is followed, 0 when revoked tokens live until they expire.")
	descLag      = sourceDesc("revocation_lag_seconds", "Age of the last signed word of the feed; +Inf before the first.")
	descSeq      = sourceDesc("revocation_seq", "Number of the last revocation known.")
	descEntries  = sourceDesc("revocation_entries", "Identifiers in the revocation view.")
	descShared   = prometheus.NewDesc("jotward_edge_shared_store_up", "1 when the store that edges share can be used, 0 when it cannot; absent when there is none.", nil, nil)
	descMember   = poolDesc("up", "1 when an upstream of a pool takes requests, 0 while it is left alone or its health check fails.", "upstream")
	descBusy     = poolDesc("requests_in_flight", "Requests that an upstream of a pool has under way.", "upstream")
	descFailures = poolDesc("failures_total", "Connections that an upstream of a pool did not take, and answers that it did not begin in time.", "upstream")
	descRetries  = poolDesc("retries_total", "Requests that were sent to another upstream of their pool, or were withheld because there were too many of these.", "result")
	descSkew     = sourceDesc("clock_skew_seconds", "The issuer's clock less this one's, at the last heartbeat of its feed; the way here included.")
)

// Describe implements prometheus.Collector.
func (sources) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descFetches, descFetched, descFollowed, descLag, descSeq, descEntries, descSkew, descShared, descMember, descBusy, descFailures, descRetries} {
		to <- d
	}
}
