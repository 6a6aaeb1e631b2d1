package edge

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/rule"
)

// Rules decide after the token held: what they refuse is a 403 that names no
// rule to strangers, and reaches no origin.
func TestRules(t *testing.T) {
	t.Parallel()
	w := build(t, with(config.Route{Name: "own", Path: "/customers/", Headers: map[string]string{"X-User": "sub"}, Rules: []rule.Rule{
		{Name: "fresh", Action: rule.Challenge, When: rule.Conditions{Paths: []string{"/customers/*/card"}}, Unless: rule.Conditions{Claims: map[string]any{"acr": "mfa"}}, ACRValues: []string{"mfa"}, MaxAge: 5 * time.Minute},
		{Name: "seen", Action: rule.Log},
		{Name: "own", Action: rule.Allow, When: rule.Conditions{Paths: []string{"/customers/{id}/**"}, Parameters: map[string]string{"id": "sub"}}},
		{Name: "support", Action: rule.Allow, When: rule.Conditions{AnyPermission: []string{"customers.read"}, Methods: []string{"GET"}}},
		{Name: "later", Action: rule.Allow, Shadow: true},
	}}))
	for name, c := range map[string]struct {
		target string
		claims map[string]any
		code   reason.Code
		rule   string
		shadow string
	}{
		"own":                {"/customers/usr_1/orders", nil, "", "own", ""},
		"another's":          {"/customers/usr_2/orders", nil, reason.RuleDenied, "", "later"},
		"permission":         {"/customers/usr_2/orders", map[string]any{"permissions": []string{"customers.read"}}, "", "support", ""},
		"permission no list": {"/customers/usr_2/orders", map[string]any{"permissions": "customers.read"}, reason.RuleDenied, "", "later"},
		"step-up":            {"/customers/usr_1/card", nil, reason.AuthenticationInsufficient, "fresh", ""},
		"stepped up":         {"/customers/usr_1/card", map[string]any{"acr": "mfa"}, "", "own", ""},
		"case":               {"/customers/usr_1/CARD", nil, reason.AuthenticationInsufficient, "fresh", ""},
	} {
		hits := w.origin.hits.Load()
		a := w.get(c.target, w.bearer(c.claims))
		if a.code() != string(c.code) || (w.origin.hits.Load() > hits) != (c.code == "") || a.event.Rule != c.rule || a.event.ShadowRule != c.shadow {
			t.Errorf("%s: %s, rule %q, shadow %q", name, a, a.event.Rule, a.event.ShadowRule)
		}
		if strings.Contains(a.body, "later") || strings.Contains(a.body, "support") {
			t.Errorf("%s: a stranger is told of the rules: %s", name, a)
		}
		if c.code == reason.AuthenticationInsufficient {
			if got := a.header.Get("WWW-Authenticate"); !strings.Contains(got, `error="insufficient_user_authentication"`) || !strings.Contains(got, `acr_values="mfa"`) || !strings.Contains(got, `max_age="300"`) {
				t.Errorf("%s: challenge %s", name, got)
			}
		}
	}
	for what, want := range map[string]float64{"own allow": 2, "support allow": 1, "fresh challenge": 2, " deny": 2, "seen log": 5} {
		name, action, _ := strings.Cut(what, " ")
		if got := testutil.ToFloat64(w.edge.metrics.rules.WithLabelValues("own", name, action)); got != want {
			t.Errorf("%s was counted %v times", what, got)
		}
	}
	if got := testutil.ToFloat64(w.edge.metrics.shadow.WithLabelValues("own", "later", "allow")); got != 2 {
		t.Errorf("later would have allowed %v times", got)
	}
	if log := w.log.String(); !strings.Contains(log, `"rule":"support"`) || !strings.Contains(log, `"shadow_rule":"later"`) {
		t.Error("the log does not name the rules")
	}
}

// Rules are asked where there is no token, too.
func TestRulesWithoutToken(t *testing.T) {
	t.Parallel()
	inside := rule.Rule{Name: "inside", Action: rule.Allow, When: rule.Conditions{Networks: []string{"10.0.0.0/8"}}}
	known := rule.Rule{Name: "known", Action: rule.Allow, When: rule.Conditions{Issuers: []string{"https://a.test"}}}
	w := build(t, trustLoopback,
		with(config.Route{Name: "open", Path: "/open/", Auth: "none", Rules: []rule.Rule{inside}}),
		with(config.Route{Name: "either", Path: "/either/", Auth: "optional", Rules: []rule.Rule{inside, known}}))
	for name, c := range map[string]struct {
		target, headers string
		status          int
	}{
		"open inside":    {"/open/", "X-Forwarded-For: 10.1.1.1\r\n", 200},
		"open outside":   {"/open/", "X-Forwarded-For: 192.0.2.1\r\n", 403},
		"either, token":  {"/either/", w.bearer(nil), 200},
		"either, nobody": {"/either/", "", 403},
		"a hidden one":   {"/open/", "X-Forwarded-For: 192.0.2.1, _hidden, 10.1.1.1\r\n", 403},
		"unknown":        {"/open/", "X-Forwarded-For: 192.0.2.1, unknown\r\n", 403},
		"no address":     {"/open/", "X-Forwarded-For: unix:\r\n", 403},
	} {
		if a := w.get(c.target, c.headers); a.status != c.status {
			t.Errorf("%s: %s from %s", name, a, a.event.Client)
		}
	}
}

// What a rule forbids is forbidden in every spelling that an origin may take for it.
func TestThreatBanPassedBySpelling(t *testing.T) {
	t.Parallel()
	deny := func(name string, when rule.Conditions) config.Route {
		return config.Route{Name: name, Path: "/" + name + "/", Auth: "none", RulesDefault: rule.Allow, Rules: []rule.Rule{{Name: "no", Action: rule.Deny, When: when}}}
	}
	w := build(t, with(deny("host", rule.Conditions{CEL: `request.host == "edge.example"`})), with(deny("method", rule.Conditions{Methods: []string{"DELETE"}})),
		with(deny("path", rule.Conditions{CEL: `request.path == "/path/admin"`})), with(deny("debug", rule.Conditions{Headers: map[string]string{"X-Debug": "1"}})),
		with(deny("cel", rule.Conditions{CEL: `"x-debug" in request.headers && request.headers["x-debug"] == "1"`})),
		with(deny("both", rule.Conditions{CEL: `["x-debug", "x-admin"].all(h, h in request.headers && request.headers[h] == "1")`})),
		with(config.Route{Name: "safe", Path: "/safe/", Auth: "none", RulesDefault: rule.Allow, Rules: []rule.Rule{{Name: "no", Action: rule.Deny, Unless: rule.Conditions{Headers: map[string]string{"X-Safe": "1"}}}}}))
	var many strings.Builder
	for n := range 100 {
		fmt.Fprintf(&many, "X-Debug: %d\r\n", n+2)
	}
	for _, c := range []struct {
		line, headers string
		status        int
	}{
		{"GET /host/ HTTP/1.1\r\nHost: edge.example", "", 403}, {"GET /host/ HTTP/1.1\r\nHost: EDGE.example", "", 403}, {"GET /host/ HTTP/1.1\r\nHost: edge.example:80", "", 403},
		{"GET /host/ HTTP/1.1\r\nHost: other.example", "", 200}, {"GET /path/Other/", "", 200},
		{"GET /path/admin", "", 403}, {"GET /path/ADMIN", "", 403}, {"GET /path/admin/", "", 403}, {"GET /path/Admin/", "", 403}, {"GET /path/x", "", 200},
		{"GET /debug/", "X-Debug: 1\r\n", 403}, {"GET /debug/", "X-Debug: 1, 2\r\n", 403}, {"GET /debug/", "X_Debug: 1\r\n", 403}, {"GET /debug/", "X-Debug: 0\r\nX-Debug: 1\r\n", 403}, {"GET /debug/", "X-Debug: 12\r\n", 200},
		{"GET /cel/", "X-Debug: 1\r\n", 403}, {"GET /cel/", "X_Debug: 1\r\n", 403}, {"GET /cel/", "X-Debug: 0\r\nX-Debug: 1\r\n", 403}, {"GET /cel/", "X-Debug: 0\r\n", 200}, {"GET /cel/", "X-Other: 1\r\nX-Other: 2\r\n", 200},
		{"GET /cel/", many.String(), 403}, {"GET /cel/", strings.Repeat("X-Debug: 0\r\n", 100), 200}, // nobody can tell, and everybody can
		{"GET /debug/", "X.Debug: 1\r\n", 403}, {"GET /cel/", "X.Debug: 1\r\n", 403},
		{"GET /both/", "X-Debug: 1\r\nX-Debug: 0\r\nX-Admin: 0\r\nX-Admin: 1\r\n", 403}, {"GET /both/", "X-Debug: 1\r\nX-Debug: 0\r\nX-Admin: 0\r\n", 200}, {"GET /both/", "X-Debug: 1\r\nX_Debug: 0\r\nX-Admin: 0\r\nX.Admin: 1\r\n", 403},
		{"GET /safe/", "", 403}, {"GET /safe/", "X-Safe: 1\r\n", 200}, {"GET /safe/", "X-Safe: 1\r\nConnection: x-safe\r\n", 403}, {"GET /safe/", "X-Safe: 1\r\nX_Safe: 0\r\n", 403},
		{"DELETE /method/", "", 403},
	} {
		line := c.line
		if !strings.Contains(line, "Host:") {
			line += " HTTP/1.1\r\nHost: edge.example"
		}
		if a := w.raw(line + "\r\n" + c.headers + "\r\n"); a.status != c.status {
			t.Errorf("%q %q: %d", c.line, c.headers[:min(len(c.headers), 40)], a.status)
		}
	}
	for _, name := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
		a := w.raw("POST /method/ HTTP/1.1\r\nHost: edge.example\r\nContent-Length: 0\r\n" + name + ": DELETE\r\n\r\n")
		if a.status != 200 || w.origin.last.Load().Header.Get(name) != "" {
			t.Errorf("%s arrives: %d", name, a.status)
		}
	}
}

// A route that is only watched refuses nobody for a token or a rule, tells the
// origin no identity, and says what it would have refused.
func TestShadowRoute(t *testing.T) {
	t.Parallel()
	w := build(t, with(config.Route{Name: "new", Path: "/new/", Shadow: true, Scopes: []string{"write"}, Headers: map[string]string{"X-User": "sub"}}))
	for name, c := range map[string]struct {
		headers string
		would   reason.Code
	}{
		"nobody":      {"", reason.CredentialMissing},
		"lacks scope": {w.bearer(nil), reason.ScopeMissing},
		"forged":      {"Authorization: Bearer x.y.z\r\n", reason.TokenMalformed},
		"holds":       {w.bearer(map[string]any{"scope": "write"}), ""},
	} {
		a := w.get("/new/", c.headers+"X-User: admin\r\n")
		user := w.origin.last.Load().Header.Get("X-User")
		if a.status != 200 || a.event.Shadow != string(c.would) || a.event.Reason != "" || (user == "usr_1") != (c.would == "") || user == "admin" {
			t.Errorf("%s: %s, would %q, reason %q, user %q", name, a, a.event.Shadow, a.event.Reason, user)
		}
	}
	if a := w.get("/new/../api/", ""); a.status != 400 {
		t.Errorf("an ambiguous request passed: %s", a)
	}
	if got := testutil.ToFloat64(w.edge.metrics.shadow.WithLabelValues("new", "", string(reason.CredentialMissing))); got != 1 {
		t.Errorf("counted %v times", got)
	}
}

func TestRulesAreRefused(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]config.Route{
		"rules_default needs rules": {RulesDefault: rule.Allow},
		"claims_schema":             {ClaimsSchema: map[string]any{"$ref": "https://a.test/schema"}},
		"audience, claims_schema":   {Auth: "none", ClaimsSchema: map[string]any{"type": "object"}},
		"action":                    {Rules: []rule.Rule{{Name: "a"}}},
	} {
		c.Name, c.Path, c.Upstream = "r", "/", "http://127.0.0.1:1"
		if _, err := New(config.Edge{Routes: []config.Route{c}}, Options{Now: time.Now, Logger: build(t).edge.options.Logger}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// What one refusal asks for is asked by no other one of its route and code.
func TestDemandsAreApart(t *testing.T) {
	t.Parallel()
	w := build(t, with(config.Route{Name: "own", Path: "/own/", RulesDefault: rule.Allow, Rules: []rule.Rule{
		{Name: "strong", Action: rule.Challenge, When: rule.Conditions{Paths: []string{"/own/card"}}, ACRValues: []string{"mfa"}},
		{Name: "fresh", Action: rule.Challenge, When: rule.Conditions{Paths: []string{"/own/name"}}, MaxAge: time.Minute},
	}}))
	for range 2 {
		for path, has := range map[string][2]bool{"/own/card": {true, false}, "/own/name": {false, true}} {
			got := w.get(path, w.bearer(nil)).header.Get("WWW-Authenticate")
			if strings.Contains(got, "acr_values") != has[0] || strings.Contains(got, "max_age") != has[1] {
				t.Errorf("%s: %s", path, got)
			}
		}
	}
}
