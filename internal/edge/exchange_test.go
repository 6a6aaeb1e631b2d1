package edge

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/revoke"
)

// A changer is issuer a's token endpoint.
type changer struct {
	mu     sync.Mutex
	forms  []url.Values
	status int
	kind   string
	change map[string]any // of the answer
	fail   error
	held   chan struct{} // when there, an answer waits for it
	hidden bool          // the metadata are forbidden
}

func (x *changer) count() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.forms)
}

func (x *changer) answer(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.URL.Path, "/.well-known/") {
		if x.hidden {
			return reply(r, 403, "application/json", `{}`), nil
		}
		return reply(r, 200, "application/json", `{"issuer":"https://a.test","token_endpoint":"https://a.test/token"}`), nil
	}
	if id, secret, ok := r.BasicAuth(); r.URL.Path != "/token" || !ok || id != "edge" || secret != "s%3A" || r.ParseForm() != nil {
		return reply(r, 401, "application/json", `{"error":"invalid_client"}`), nil
	}
	x.mu.Lock()
	x.forms = append(x.forms, r.Form)
	n, status, kind, fail := len(x.forms), x.status, x.kind, x.fail
	m := map[string]any{"access_token": fmt.Sprint("for-orders-", n), "token_type": "Bearer", "issued_token_type": exchangeToken, "expires_in": 30}
	maps.Copy(m, x.change)
	x.mu.Unlock()
	if x.held != nil {
		<-x.held
	}
	maps.DeleteFunc(m, func(_ string, v any) bool { return v == gone })
	body, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	if fail != nil {
		return nil, fail
	}
	return reply(r, status, kind, string(body)), nil
}

// known lets the edge fetch issuer a's keys, and forgets that it asked.
func (x *changer) known(w *world) {
	w.get("/api/x", auth(w.a.token(map[string]any{"jti": "first"})))
	x.mu.Lock()
	defer x.mu.Unlock()
	x.forms = nil
}

// exchanges has issuer a's tokens exchanged for those of orders.
func exchanges(x *changer) func(*world, *config.Edge) {
	x.status, x.kind = 200, "application/json"
	return func(w *world, c *config.Edge) {
		w.a.other = x.answer
		c.Issuers[0].Exchange = &config.EdgeExchange{ClientID: "edge", ClientSecret: config.Literal("s:")}
		c.Routes[0].Exchange = &config.RouteExchange{Audience: "orders", Scope: []string{"read", "list"}}
	}
}

func (w *world) got() string { return w.origin.last.Load().Header.Get("Authorization") }

// RFC 8693 2: the upstream gets a token of its own, which is kept as long as it is
// good and dies with the one that came.
func TestExchange(t *testing.T) {
	t.Parallel()
	x := &changer{}
	w := build(t, exchanges(x))
	x.known(w)
	token := w.a.token(nil)
	for range 3 {
		if a := w.get("/api/x", auth(token)); a.status != 200 || w.got() != "Bearer for-orders-1" {
			t.Fatal(a, w.got())
		}
	}
	want := url.Values{"grant_type": {exchangeGrant}, "subject_token": {token}, "subject_token_type": {exchangeToken}, "requested_token_type": {exchangeToken},
		"audience": {"orders"}, "scope": {"read list"}}
	if x.count() != 1 || fmt.Sprint(x.forms[0]) != fmt.Sprint(want) {
		t.Errorf("%d: %v", x.count(), x.forms)
	}
	for h, values := range w.origin.last.Load().Header {
		if strings.Contains(strings.Join(values, ""), token) {
			t.Errorf("the token that came is in %s", h)
		}
	}
	if other := w.a.token(map[string]any{"sub": "usr_2"}); w.get("/api/x", auth(other)).status != 200 || w.got() != "Bearer for-orders-2" {
		t.Errorf("another token: %s", w.got())
	}
	w.forward(25 * time.Second) // five seconds before its end
	if w.get("/api/x", auth(token)); w.got() != "Bearer for-orders-3" {
		t.Errorf("a token that ends: %s", w.got())
	}
	w.revoke(revoke.Entry{Kind: revoke.KindGrant, ID: "gr_1"})
	hits := w.origin.hits.Load()
	if a := w.get("/api/x", auth(token)); a.code() != "grant_revoked" || x.count() != 3 || w.origin.hits.Load() != hits {
		t.Error(a, x.count())
	}
	// A refused token is not exchanged, nor is one that the route does not want.
	for _, change := range []map[string]any{{"scope": "other"}, {"exp": w.now().Unix()}, {"aud": "other"}} {
		if a := w.get("/api/x", auth(w.a.token(change))); a.status == 200 || x.count() != 3 {
			t.Error(change, a, x.count())
		}
	}
	if text := w.log.String(); strings.Contains(text, "for-orders") || strings.Contains(text, "s%3A") || strings.Contains(text, token) {
		t.Error("the log tells a token or the secret")
	}
}

// What is no answer of RFC 8693 2.2 gives the upstream nothing.
func TestExchangeAnswers(t *testing.T) {
	t.Parallel()
	x := &changer{}
	w := build(t, exchanges(x))
	x.known(w)
	n := 0
	for name, c := range map[string]struct {
		code   string
		change func()
	}{
		"refused":             {"exchange_refused", func() { x.status = 400 }},
		"forbidden":           {"exchange_refused", func() { x.status = 403 }},
		"another secret":      {"exchange_unavailable", func() { x.status = 401 }},
		"broken":              {"exchange_unavailable", func() { x.status = 500 }},
		"redirect":            {"exchange_unavailable", func() { x.status = 302 }},
		"away":                {"exchange_unavailable", func() { x.fail = errors.New("away") }},
		"HTML":                {"exchange_unavailable", func() { x.kind = "text/html" }},
		"no token":            {"exchange_unavailable", func() { x.change = map[string]any{"access_token": gone} }},
		"a token with a line": {"exchange_unavailable", func() { x.change = map[string]any{"access_token": "a\r\nX-User: root"} }},
		"a huge token":        {"exchange_unavailable", func() { x.change = map[string]any{"access_token": strings.Repeat("a", 8193)} }},
		"a DPoP token":        {"exchange_unavailable", func() { x.change = map[string]any{"token_type": "DPoP"} }},
		"N_A":                 {"exchange_unavailable", func() { x.change = map[string]any{"token_type": "N_A"} }},
		"a refresh token": {"exchange_unavailable", func() {
			x.change = map[string]any{"issued_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}
		}},
		"no type":              {"exchange_unavailable", func() { x.change = map[string]any{"issued_token_type": gone} }},
		"the life of the past": {"exchange_unavailable", func() { x.change = map[string]any{"expires_in": -1} }},
		"endless":              {"exchange_unavailable", func() { x.change = map[string]any{"expires_in": 1e300} }},
	} {
		x.status, x.kind, x.change, x.fail = 200, "application/json", nil, nil
		c.change()
		n++
		token, hits := w.a.token(map[string]any{"jti": fmt.Sprint(n)}), w.origin.hits.Load()
		a := w.get("/api/x", auth(token))
		if info := a.code(); info != c.code || w.origin.hits.Load() != hits {
			t.Errorf("%s: %s", name, a)
		}
	}
	// A refusal is remembered for a moment, silence is not; what has no life is used once.
	x.status, x.kind, x.change, x.fail = 400, "application/json", nil, nil
	token := w.a.token(nil)
	asked := x.count()
	for range 3 {
		w.get("/api/x", auth(token))
	}
	x.status = 200
	if a := w.get("/api/x", auth(token)); x.count() != asked+1 || a.code() != "exchange_refused" {
		t.Error(a, x.count()-asked)
	}
	w.forward(exchangeRefused)
	x.change = map[string]any{"expires_in": gone}
	for n := range 2 {
		if a := w.get("/api/x", auth(token)); a.status != 200 || x.count() != asked+2+n {
			t.Error(a, x.count()-asked)
		}
	}
}

// Many requests with one token ask once.
func TestExchangeIsShared(t *testing.T) {
	t.Parallel()
	w := build(t, exchanges(&changer{}))
	synctest.Test(t, func(t *testing.T) {
		x := &changer{status: 200, kind: "application/json", held: make(chan struct{})}
		w.a.other = x.answer
		n, err := newExchanger(t.Context(), w.config.Issuers[0], Options{Now: time.Now, Logger: slog.New(slog.DiscardHandler), HTTPClient: &http.Client{Transport: network{"a.test": w.a}}})
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if text, life, err := n.ask(t.Context(), "net", "token", w.config.Routes[0].Exchange); text != "for-orders-1" || life != 30*time.Second || err != nil {
					t.Error(text, life, err)
				}
			})
		}
		synctest.Wait()
		close(x.held)
		all.Wait()
		if x.count() != 1 {
			t.Errorf("asked %d times", x.count())
		}
	})
}

// Metadata that are not given out say nothing of the token.
func TestExchangeUndiscovered(t *testing.T) {
	t.Parallel()
	w := build(t, exchanges(&changer{hidden: true}))
	if a := w.get("/api/x", auth(w.a.token(nil))); a.code() != "exchange_unavailable" {
		t.Error(a)
	}
}

// A refusal says that somebody is there: after an outage, and in the midst of silence, a
// token that gets nothing does not keep others waiting.
func TestExchangeRefusalIsAnAnswer(t *testing.T) {
	t.Parallel()
	x := &changer{}
	w := build(t, exchanges(x))
	x.known(w)
	n := 0
	get := func(fail error, status int) string {
		n++
		x.fail, x.status = fail, status
		return w.get("/api/x", auth(w.a.token(map[string]any{"jti": fmt.Sprint(n)}))).code()
	}
	for range 3 {
		get(errors.New("away"), 200)
	}
	if got, asked := get(nil, 200), x.count(); got != "exchange_unavailable" || asked != 3 {
		t.Fatal(got, asked)
	}
	w.forward(time.Second)
	if got := get(nil, 400); got != "exchange_refused" {
		t.Fatal(got)
	}
	if got := get(nil, 200); got != "" {
		t.Errorf("somebody is there: %s", got)
	}
	if text := w.log.String(); strings.Count(text, "the token endpoint gives no answers") != 1 || strings.Count(text, "the token endpoint answers") != 1 {
		t.Error(text)
	}
}

// What cannot be meant is refused when it is loaded.
func TestExchangeIsRefused(t *testing.T) {
	t.Parallel()
	w := build(t, exchanges(&changer{}), withB, func(w *world, c *config.Edge) { c.Routes[0].Issuers = []string{w.a.name} })
	w2 := func(change func(*config.Edge, *config.Route)) error {
		next := w.config
		next.Issuers, next.Routes = slices.Clone(w.config.Issuers), slices.Clone(w.config.Routes)
		own, at := *next.Issuers[0].Exchange, *next.Routes[0].Exchange
		next.Issuers[0].Exchange, next.Routes[0].Exchange = &own, &at
		change(&next, &next.Routes[0])
		return w.edge.Reload(next)
	}
	for says, change := range map[string]func(*config.Edge, *config.Route){
		"exchange.audience is missing":   func(_ *config.Edge, r *config.Route) { r.Exchange.Audience = " " },
		"cannot be forwarded as well":    func(_ *config.Edge, r *config.Route) { r.Authorization = "forward" },
		`issuer "https://b.test" has no`: func(_ *config.Edge, r *config.Route) { r.Issuers = nil },
		"need auth: required or optional": func(_ *config.Edge, r *config.Route) {
			*r = config.Route{Name: "x", Path: "/x", Upstream: r.Upstream, Auth: "none", Exchange: r.Exchange}
		},
		"client_id and client_secret are":     func(c *config.Edge, _ *config.Route) { c.Issuers[0].Exchange.ClientID = "" },
		"endpoint is not an https address":    func(c *config.Edge, _ *config.Route) { c.Issuers[0].Exchange.Endpoint = "http://a.test/token" },
		"exchange: timeout is not between 0s": func(c *config.Edge, _ *config.Route) { c.Issuers[0].Exchange.Timeout = time.Hour },
	} {
		if err := w2(change); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "s:") && strings.Contains(err.Error(), "Literal") {
			t.Errorf("%s: %v", says, err)
		}
	}
	if err := w2(func(*config.Edge, *config.Route) {}); err != nil {
		t.Fatal(err)
	}
}
