package main

import (
	"net/url"
	"slices"
	"testing"
	"time"
)

// BenchmarkRevocation measures from the answer of /revoke to the first 401 at a
// connected edge, over real sockets, and reports the percentiles.
func BenchmarkRevocation(b *testing.B) {
	v := startDev(b)
	var took []time.Duration
	for b.Loop() {
		issued := v.want(v.post("/token", url.Values{"grant_type": {"client_credentials"}, "scope": {v.Scope}}, true), 200, "")
		token := text(issued, "access_token")
		v.want(v.resource(token), 200, "")
		v.want(v.post("/revoke", url.Values{"token": {token}}, true), 200, "")
		start := time.Now()
		v.want(v.untilRefused(token), 401, "token_revoked")
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	ms := func(p float64) float64 {
		return float64(took[min(int(p*float64(len(took))), len(took)-1)].Microseconds()) / 1000
	}
	b.ReportMetric(ms(0.50), "p50-ms")
	b.ReportMetric(ms(0.99), "p99-ms")
}
