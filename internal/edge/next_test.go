package edge

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/reason"
)

func withNext(n config.EdgeIssuerNext) func(*world, *config.Edge) {
	return func(_ *world, c *config.Edge) { c.Issuers[0].Next = &n }
}

// A policy that is only watched refuses nobody, and says on every request what it
// would have refused.
func TestNextPolicy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		next  config.EdgeIssuerNext
		would reason.Code
	}{
		"shorter life": {config.EdgeIssuerNext{MaxLifetime: time.Second}, reason.LifetimeExceeded},
		"long enough":  {config.EdgeIssuerNext{MaxLifetime: time.Hour}, ""},
		"another typ":  {config.EdgeIssuerNext{Type: "other+jwt"}, reason.TypeMismatch},
		"its typ":      {config.EdgeIssuerNext{Type: "at+jwt"}, ""},
		"its alg":      {config.EdgeIssuerNext{Algorithms: []string{"ES256"}}, ""},
		"another alg":  {config.EdgeIssuerNext{Algorithms: []string{"EdDSA"}}, reason.AlgorithmNotAllowed},
	} {
		w := build(t, func(_ *world, c *config.Edge) { c.Issuers[0].Algorithms = []string{"ES256", "EdDSA"} }, withNext(c.next))
		auth := w.bearer(nil)
		for range 2 { // the second is from the cache
			a := w.get("/api/x", auth)
			if a.status != 200 || a.event.Shadow != string(c.would) || (a.event.ShadowRule == nextRule) != (c.would != "") {
				t.Errorf("%s: %s, would %q by %q", name, a, a.event.Shadow, a.event.ShadowRule)
			}
		}
		if a := w.get("/api/x", w.bearer(map[string]any{"exp": w.now().Add(-time.Second).Unix()})); a.status != 401 {
			t.Errorf("%s: an expired token: %s", name, a)
		}
		if c.would == "" {
			continue
		}
		if got := testutil.ToFloat64(w.edge.metrics.shadow.WithLabelValues("api", nextRule, string(c.would))); got < 2 {
			t.Errorf("%s: counted %v times", name, got)
		}
	}
}

func TestNextPolicyIsRefused(t *testing.T) {
	t.Parallel()
	w := build(t)
	for want, n := range map[string]config.EdgeIssuerNext{
		"name what changes":     {},
		"longer than today's":   {MaxLifetime: 2 * time.Hour},
		"is not accepted today": {Algorithms: []string{"RS256"}},
	} {
		c := w.config
		c.Issuers = append([]config.EdgeIssuer(nil), c.Issuers...)
		c.Issuers[0].Next = &n
		if err := w.edge.Reload(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
