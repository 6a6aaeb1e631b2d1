package edge

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/reason"
)

// Each kind of limit counts its own, refuses with 429 and says when to come again.
func TestLimits(t *testing.T) {
	t.Parallel()
	another := map[string]any{"sub": "usr_2", "client_id": "d", "jti": "k", "tenant": "t2"}
	for by, c := range map[string]struct {
		first, second string // headers of two that are counted apart
		spent         bool   // the second is counted with the first
	}{
		"route":        {"X-Forwarded-For: 192.0.2.1\r\n", "X-Forwarded-For: 192.0.2.2\r\n", true},
		"network":      {"X-Forwarded-For: 192.0.2.1\r\n", "X-Forwarded-For: 192.0.2.2\r\n", false},
		"network ":     {"X-Forwarded-For: 2001:db8::1\r\n", "X-Forwarded-For: 2001:db8::2\r\n", true}, // one /64
		"network  ":    {"X-Forwarded-For: 2001:db8:0:1::1\r\n", "X-Forwarded-For: 2001:db8:0:2::1\r\n", false},
		"credential":   {"", "other", false},
		"subject":      {"", "other", false},
		"client":       {"", "other", false},
		"claim:tenant": {"", "other", false},
		"claim:scope":  {"", "other", true}, // the same for both
	} {
		w := build(t, func(_ *world, c *config.Edge) { c.TrustedProxies = []string{"127.0.0.0/8"} },
			with(config.Route{Name: "few", Path: "/few/", Limits: []config.Limit{{Name: "l", By: strings.TrimSpace(by), Rate: "2/m"}}}))
		first, second := w.bearer(map[string]any{"tenant": "t1"})+c.first, w.bearer(map[string]any{"tenant": "t1"})+c.second
		if c.second == "other" {
			second = w.bearer(another)
		}
		for n, want := range []string{`"l";r=1;t=30`, `"l";r=0;t=60`} {
			if a := w.get("/few/", first); a.status != 200 || a.header.Get("RateLimit") != want || a.header.Get("RateLimit-Policy") != `"l";q=2;w=60` {
				t.Errorf("%s, %d: %s %v", by, n, a, a.header)
			}
		}
		hits := w.origin.hits.Load()
		a := w.get("/few/", first)
		if a.code() != string(reason.RateLimited) || a.status != 429 || a.header.Get("Retry-After") != "30" || a.header.Get("RateLimit") != `"l";r=0;t=60` || w.origin.hits.Load() != hits {
			t.Errorf("%s: %s %v", by, a, a.header)
		}
		if a := w.get("/few/", second); (a.status == 429) != c.spent {
			t.Errorf("%s: the second is %s", by, a)
		}
		if err := w.edge.Reload(w.config); err != nil {
			t.Fatal(err)
		}
		if a := w.get("/few/", first); a.status != 429 {
			t.Errorf("%s: a reload forgave: %s", by, a)
		}
		w.forward(30 * time.Second)
		first = w.bearer(map[string]any{"tenant": "t1"}) + c.first
		if strings.HasPrefix(by, "credential") {
			continue // it is another one by now
		}
		if a := w.get("/few/", first); a.status != 200 {
			t.Errorf("%s, later: %s", by, a)
		}
	}
}

// What is counted early costs no look at the token, and what is only watched
// refuses nobody.
func TestLimitsEarlyAndWatched(t *testing.T) {
	t.Parallel()
	w := build(t, with(config.Route{Name: "few", Path: "/few/", Limits: []config.Limit{{Name: "all", By: "network", Rate: "1/h"}}}),
		with(config.Route{Name: "new", Path: "/new/", Limits: []config.Limit{{Name: "watched", By: "network", Rate: "1/h", Shadow: true}}}))
	if a := w.get("/few/", ""); a.code() != string(reason.CredentialMissing) {
		t.Error(a)
	}
	if a := w.get("/few/", "Authorization: Bearer x\r\n"); a.status != 429 || a.event.Detail != "all" {
		t.Error(a, a.event.Detail)
	}
	for n, want := range []string{"", "rate_limited"} {
		if a := w.get("/new/", w.bearer(nil)); a.status != 200 || a.event.Shadow != want || a.event.ShadowRule != map[string]string{"rate_limited": "watched"}[want] {
			t.Error(n, a, a.event.Shadow)
		}
	}
}

// A network that sends forgeries waits before more of them are verified; what
// holds costs it nothing, and others nothing at all.
func TestInvalidTokensAreBounded(t *testing.T) {
	t.Parallel()
	w := build(t, trustLoopback, func(_ *world, c *config.Edge) { c.InvalidTokens = config.Budget{Rate: "1/m", Burst: 5} })
	from := func(address string) string { return "X-Forwarded-For: " + address + "\r\n" }
	forged := func(n int) string {
		token := w.a.tokenBy(newKey(t, "k1"), "at+jwt", map[string]any{"jti": fmt.Sprint(n)})
		return "Authorization: Bearer " + token + "\r\n"
	}
	for n := range 20 { // what holds is not counted
		if a := w.get("/api/", w.bearer(map[string]any{"jti": fmt.Sprint("good", n)})+from("192.0.2.1")); a.status != 200 {
			t.Fatal(n, a)
		}
	}
	for n := range 5 {
		if a := w.get("/api/", forged(n)+from("192.0.2.1")); a.code() != string(reason.SignatureInvalid) {
			t.Fatal(n, a)
		}
	}
	if a := w.get("/api/", forged(6)+from("192.0.2.1")); a.status != 429 || a.header.Get("Retry-After") != "60" {
		t.Error(a, a.header)
	}
	if a := w.get("/api/", w.bearer(map[string]any{"jti": "new"})+from("192.0.2.2")); a.status != 200 {
		t.Error("another network pays:", a)
	}
}

// A token that was refused for good is refused again from memory, until the keys
// or the configuration change; a reason that passes is looked at anew.
func TestRefusalsAreRemembered(t *testing.T) {
	t.Parallel()
	w := build(t, func(_ *world, c *config.Edge) { c.InvalidTokens = config.Budget{Rate: "1/h", Burst: 3} })
	if a := w.get("/api/", w.bearer(nil)); a.status != 200 {
		t.Fatal(a)
	}
	k2 := newKey(t, "k2")
	for name, c := range map[string]struct {
		token string
		code  reason.Code
	}{
		"expired":  {w.a.token(map[string]any{"exp": w.now().Unix() - 1}), reason.TokenExpired},
		"audience": {w.a.token(map[string]any{"aud": "other"}), reason.AudienceMismatch},
	} {
		for n := range 10 {
			if a := w.get("/api/", "Authorization: Bearer "+c.token+"\r\n"); a.code() != string(c.code) {
				t.Fatal(name, n, a)
			}
		}
	}
	// One look is left. A token from the future costs one each time.
	early := "Authorization: Bearer " + w.a.token(map[string]any{"nbf": w.now().Add(time.Second).Unix()}) + "\r\n"
	if a := w.get("/api/", early); a.code() != string(reason.TokenNotYetValid) {
		t.Fatal(a)
	}
	if a := w.get("/api/", early); a.status != 429 {
		t.Fatal(a)
	}
	if err := w.edge.Reload(w.config); err != nil {
		t.Fatal(err)
	}
	// New keys: what was signed by a key that nobody knew is looked at anew.
	w = build(t)
	token := "Authorization: Bearer " + w.a.tokenBy(k2, "at+jwt", map[string]any{"exp": w.now().Add(40 * time.Minute).Unix()}) + "\r\n"
	if a := w.get("/api/", token); a.code() != "key_not_found" {
		t.Fatal(a)
	}
	w.a.publish(&w.a.set, w.a.key, k2)
	w.forward(20 * time.Minute)
	if err := w.source().keys.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a := w.get("/api/", token); a.status != 200 {
		t.Error(a)
	}
}

func TestLimitsAreRefused(t *testing.T) {
	t.Parallel()
	w := build(t)
	for want, l := range map[string]config.Limit{
		"its name":               {By: "route", Rate: "1/s"},
		"by is not":              {Name: "l", By: "claim:", Rate: "1/s"},
		"a rate is written":      {Name: "l", By: "route", Rate: "1/w"},
		"above zero":             {Name: "l", By: "route", Rate: "1/s", Keys: -1},
		"a burst is":             {Name: "l", By: "route", Rate: "1/s", Burst: -1},
		"needs auth: required":   {Name: "l", By: "subject", Rate: "1/s"},
		"a rate is written like": {Name: "l", By: "route", Rate: "0/s"},
	} {
		c := w.config
		c.Routes = []config.Route{{Name: "r", Path: "/", Upstream: "http://127.0.0.1:1", Auth: "none", Limits: []config.Limit{l}}}
		if err := w.edge.Reload(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	c := w.config
	c.InvalidTokens.Rate = "many"
	if err := w.edge.Reload(c); err == nil || !strings.Contains(err.Error(), "edge.invalid_tokens") {
		t.Error(err)
	}
}
