package edge

import (
	"math"

	"github.com/prometheus/client_golang/prometheus"
)

// Collect implements prometheus.Collector.
func (s sources) Collect(to chan<- prometheus.Metric) {
	now, current := s.edge.options.Now(), s.edge.current.Load()
	if current == nil { // collected while New still runs
		return
	}
	if current.shared != nil {
		up := 1.0
		if _, err := current.shared.store.State(); err != nil {
			up = 0
		}
		to <- prometheus.MustNewConstMetric(descShared, prometheus.GaugeValue, up)
	}
	for _, p := range current.pools {
		p.collect(to)
	}
	for name, i := range current.issuers {
		gauge := func(d *prometheus.Desc, v float64) {
			to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, name)
		}
		h := i.source.keys.Health()
		to <- prometheus.MustNewConstMetric(descFetches, prometheus.CounterValue, float64(h.Fetches-h.Failures), name, "ok")
		to <- prometheus.MustNewConstMetric(descFetches, prometheus.CounterValue, float64(h.Failures), name, "error")
		if !h.Fetched.IsZero() {
			gauge(descFetched, float64(h.Fetched.UnixMilli())/1000)
		}
		if i.source.follower == nil {
			gauge(descFollowed, 0)
			continue
		}
		gauge(descFollowed, 1)
		_, seq := i.source.view.Position()
		gauge(descSeq, float64(seq))
		gauge(descEntries, float64(i.source.view.Size()))
		heard := i.source.view.Heard()
		if heard.IsZero() {
			gauge(descLag, math.Inf(1))
			continue
		}
		gauge(descLag, now.Sub(heard).Seconds())
		gauge(descSkew, float64(i.source.follower.skew.Load())/1e9)
	}
}

// collect reads a pool: its labels are those of the configuration.
func (p *pool) collect(to chan<- prometheus.Metric) {
	tell := func(d *prometheus.Desc, t prometheus.ValueType, v int64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, t, float64(v), append([]string{p.config.Name}, labels...)...)
	}
	tell(descRetries, prometheus.CounterValue, p.resent.Load(), "sent")
	tell(descRetries, prometheus.CounterValue, p.withheld.Load(), "withheld")
	for _, m := range p.members {
		up := int64(0)
		if m.takes(nil) {
			up = 1
		}
		tell(descMember, prometheus.GaugeValue, up, m.name)
		tell(descBusy, prometheus.GaugeValue, m.busy.Load(), m.name)
		tell(descFailures, prometheus.CounterValue, m.failures.Load(), m.name)
	}
}
