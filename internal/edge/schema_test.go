package edge

import (
	"strings"
	"testing"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/reason"
)

// A token whose claims do not fit the route's schema goes no further, each time; what the
// claims are is told to nobody.
func TestClaimsSchema(t *testing.T) {
	t.Parallel()
	schema := func(tenant string) map[string]any {
		return map[string]any{"type": "object", "required": []any{"tenant"}, "properties": map[string]any{"tenant": map[string]any{"type": "string", "pattern": tenant}}}
	}
	w := build(t, with(config.Route{Name: "letters", Path: "/letters/", ClaimsSchema: schema("^[a-z]+$")}), with(config.Route{Name: "digits", Path: "/digits/", ClaimsSchema: schema("^[0-9]+$")}), with(config.Route{Name: "any", Path: "/any/"}))
	letters, none, digits := w.bearer(map[string]any{"tenant": "acme"}), w.bearer(nil), w.bearer(map[string]any{"tenant": "4711"})
	for range 2 { // a token that the cache knows is held to it as well
		for _, c := range []struct {
			name, target string
			token        string
			code         reason.Code
		}{
			{"fits", "/letters/", letters, ""}, {"another value", "/letters/", digits, reason.ClaimMismatch}, {"not there", "/letters/", none, reason.ClaimMismatch},
			{"another route", "/digits/", letters, reason.ClaimMismatch}, {"its own route", "/digits/", digits, ""}, {"no schema", "/any/", none, ""},
		} {
			hits := w.origin.hits.Load()
			a := w.get(c.target, c.token)
			if a.code() != string(c.code) || (w.origin.hits.Load() > hits) != (c.code == "") || c.code != "" && a.status != 401 {
				t.Errorf("%s: %s", c.name, a)
			}
			if strings.Contains(a.body+a.event.Detail, "4711") || strings.Contains(a.body+a.event.Detail, "acme") {
				t.Errorf("%s: a value is told: %s %s", c.name, a.body, a.event.Detail)
			}
		}
	}
}
