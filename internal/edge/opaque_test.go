package edge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/revoke"
)

// fed has a world follow issuer a's feed, which was just heard.
func fed(t *testing.T, o *oracle, change ...func(*config.EdgeIssuer)) *world {
	t.Helper()
	w := build(t, asks(o, append([]func(*config.EdgeIssuer){func(i *config.EdgeIssuer) {
		i.Feed = follow("serve")
		i.Feed.MaxAge = 5 * time.Minute
	}}, change...)...))
	w.revoke()
	w.source().view.Hear(w.now(), w.now())
	return w
}

// ask sends a token and says whether the issuer was asked about it.
func (w *world) askAbout(o *oracle, token string) (a answer, asked bool) {
	w.t.Helper()
	before := o.asked.Load()
	a = w.get("/api/x", auth(token))
	return a, o.asked.Load() > before
}

// Without a feed nothing is remembered; with one an answer is, for a minute, as
// long as the view can tell that what it names was taken back.
func TestIntrospectionIsRemembered(t *testing.T) {
	t.Parallel()
	o := &oracle{}
	w := build(t, asks(o))
	for range 3 {
		if a, asked := w.askAbout(o, ref); a.status != 200 || !asked || a.event.CacheHit {
			t.Error("without a feed:", a)
		}
	}
	o = &oracle{}
	w = fed(t, o)
	expect := func(what string, want bool) {
		t.Helper()
		if a, asked := w.askAbout(o, ref); a.status != 200 || asked != want {
			t.Errorf("%s: %s, asked: %v", what, a, asked)
		}
	}
	expect("first", true)
	expect("again", false)
	w.forward(time.Minute - 1)
	expect("at the end of its minute", false)
	w.forward(1)
	expect("after it", true)
	if a, asked := w.askAbout(o, ref[:20]+"XX"); !asked || a.status != 200 {
		t.Error("another token:", a)
	}
	o.body = func(string) string { return w.active(map[string]any{"exp": w.now().Add(10 * time.Second).Unix()}) }
	_, _ = w.askAbout(o, "short")
	w.forward(10 * time.Second)
	o.body = func(string) string { return w.active(map[string]any{"active": false}) }
	if a, asked := w.askAbout(o, "short"); !asked || a.code() != "token_inactive" {
		t.Error("after it expired:", a)
	}
	o.body = func(string) string { return w.active(nil) }
	w.source().view.Hear(w.now(), w.now())
	w.forward(5*time.Minute - time.Second)
	expect("before silence", true)
	expect("before silence, again", false)
	w.forward(2 * time.Second)
	expect("in silence", true)
	expect("in silence, again", true)
}

// An answer that does not name what may be revoked is not remembered.
func TestIntrospectionThatCannotBeRevoked(t *testing.T) {
	t.Parallel()
	for n, c := range []struct {
		change map[string]any
		kept   bool
	}{
		{map[string]any{"jti": gone}, false}, {map[string]any{"client_id": gone}, false}, {map[string]any{"sid": gone}, false}, {map[string]any{"grant_id": gone}, false}, {map[string]any{"sid": ""}, false},
		{map[string]any{"sid": gone, "grant_id": gone, "sub": "c"}, true}, {nil, true},
	} {
		o := &oracle{}
		w := fed(t, o)
		o.body = func(string) string { return w.active(c.change) }
		_, _ = w.askAbout(o, ref)
		if a, asked := w.askAbout(o, ref); a.status != 200 || asked == c.kept {
			t.Errorf("%d: %s, asked: %v", n, a, asked)
		}
	}
}

// What is remembered dies with the feed's word, whatever it was taken back by.
func TestIntrospectedTokenIsRevoked(t *testing.T) {
	t.Parallel()
	for kind, id := range map[revoke.Kind]string{"token": "j", "grant": "gr_1", "session": "ses_1", "subject": "usr_1", "client": "c"} {
		o := &oracle{}
		w := fed(t, o)
		for range 2 {
			if a, _ := w.askAbout(o, ref); a.status != 200 {
				t.Fatal(a)
			}
		}
		entry := revoke.Entry{Kind: kind, ID: id}
		if kind == "subject" || kind == "client" {
			entry.Version = 2
		}
		w.revoke(entry)
		if a, _ := w.askAbout(o, ref); a.code() != string(kind)+"_revoked" {
			t.Error(kind, a)
		}
	}
}

// A token that was taken back, and whose answer may not be kept, is asked about once in
// ten seconds, and so is one of another holder: what is kept says nothing of it.
func TestRevokedAndNotKept(t *testing.T) {
	t.Parallel()
	o := &oracle{}
	w := fed(t, o)
	o.body = func(string) string { return w.active(map[string]any{"sid": gone, "jti": gone}) }
	w.revoke(revoke.Entry{Kind: revoke.KindClient, ID: "c", Version: 2})
	for n, want := range []bool{true, false, false} {
		if a, asked := w.askAbout(o, ref); a.code() != "client_revoked" || asked != want || w.origin.hits.Load() != 0 {
			t.Error(n, a, asked)
		}
	}
	if a, asked := w.askAbout(o, "another"); a.code() != "client_revoked" || !asked {
		t.Error(a, asked)
	}
	w.forward(10 * time.Second)
	o.body = func(string) string { return w.active(map[string]any{"sid": gone, "jti": gone, "client_ver": 2}) }
	if a, asked := w.askAbout(o, ref); a.status != 200 || !asked {
		t.Error("the issuer says otherwise by now:", a, asked)
	}
}

// What is not active is asked about once in ten seconds, and counts for the budget
// of tokens that do not hold; an outage does not.
func TestInactiveTokensAreBounded(t *testing.T) {
	t.Parallel()
	o := &oracle{}
	w := build(t, asks(o), func(_ *world, c *config.Edge) { c.InvalidTokens = config.Budget{Rate: "1/h", Burst: 2} })
	good := o.body
	o.status = 500
	for range 4 {
		if a, _ := w.askAbout(o, ref); a.code() != "introspection_unavailable" {
			t.Error("an outage:", a)
		}
	}
	o.status, o.body = 200, func(string) string { return `{"active":false}` }
	for n, want := range []bool{true, false} {
		if a, asked := w.askAbout(o, ref); a.code() != "token_inactive" || a.status != 401 || asked != want || !strings.Contains(a.header.Get("Www-Authenticate"), `error="invalid_token"`) {
			t.Error(n, a, asked)
		}
	}
	w.forward(10 * time.Second)
	if a, asked := w.askAbout(o, ref); a.code() != "token_inactive" || !asked {
		t.Error("after ten seconds:", a)
	}
	if a, asked := w.askAbout(o, "other"); a.code() != "rate_limited" || asked {
		t.Error("beyond the budget:", a)
	}
	o.body = good
	w.forward(2 * time.Hour)
	for range 5 { // what holds costs nothing
		if a, _ := w.askAbout(o, "better"); a.status != 200 {
			t.Error(a)
		}
	}
}

// Whom to ask is told by the route, or there is one to ask; what is said on one
// route says nothing on another.
func TestWhomToAsk(t *testing.T) {
	t.Parallel()
	o, other := &oracle{}, &oracle{}
	w := build(t, withB, with(config.Route{Name: "a", Path: "/a", Issuers: []string{"https://a.test"}}), with(config.Route{Name: "b", Path: "/b", Issuers: []string{"https://b.test"}}), asks(o),
		func(w *world, c *config.Edge) {
			w.b.other = other.answer
			c.Issuers[1].Introspection = &config.EdgeIntrospection{Endpoint: "https://b.test/introspect", ClientID: "edge 1", ClientSecret: config.Literal("s:")}
		})
	other.status, other.kind, other.body = 200, "application/json", func(string) string { return `{"active":false}` }
	for range 2 {
		for path, want := range map[string]string{"/a": "", "/b": "token_inactive", "/api/x": "issuer_ambiguous"} {
			if a := w.get(path, auth(ref)); a.code() != want {
				t.Errorf("%s: %s", path, a)
			}
		}
		if a := w.get("/api/x", w.bearer(nil)); a.status != 200 {
			t.Error("a JWT is asked about nowhere:", a)
		}
	}
	if a := w.get("/a", auth(strings.Repeat("x", 9000))); a.code() != "token_oversize" {
		t.Error(a)
	}
	for _, text := range []string{"a.b.c", "a.b.c.d.e"} {
		asked := o.asked.Load()
		if a := w.get("/a", auth(text)); a.status != 401 || o.asked.Load() != asked {
			t.Error(text, a)
		}
	}
	plain := build(t)
	if a := plain.get("/api/x", auth(ref)); a.code() != "token_malformed" {
		t.Error("nobody is asked:", a)
	}
}

// One question for all who bring the same token, no more than are allowed, and
// whoever leaves takes it from nobody.
func TestQuestionsAreShared(t *testing.T) {
	t.Parallel()
	w := build(t, asks(&oracle{}))
	synctest.Test(t, func(t *testing.T) {
		o, held := &oracle{status: 200, kind: "application/json", body: func(string) string { return w.active(nil) }}, make(chan struct{})
		o.check = func(r *http.Request) error {
			select {
			case <-held:
				return nil
			case <-r.Context().Done():
				return r.Context().Err()
			}
		}
		w.a.other = o.answer
		c := w.config.Issuers[0]
		asked := *c.Introspection
		asked.Endpoint, asked.Concurrent = "https://a.test/introspect", 2
		c.Introspection = &asked
		n, err := newIntrospector(t.Context(), c, Options{Now: time.Now, HTTPClient: &http.Client{Transport: network{"a.test": w.a}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		answers := make(chan error, 16)
		ask := func(ctx context.Context, token string) {
			go func() {
				q, err := n.ask(ctx, "of "+token, token)
				if err == nil && !q.active {
					err = errors.New("not active")
				}
				answers <- err
			}()
		}
		leaving, leave := context.WithCancel(t.Context())
		ask(leaving, "one")
		synctest.Wait()
		for range 5 {
			ask(t.Context(), "one")
		}
		ask(t.Context(), "two")
		synctest.Wait()
		if _, err := n.ask(t.Context(), "another", "three"); !errors.Is(err, errBusy) {
			t.Error("a third question:", err)
		}
		if leave(); !errors.Is(<-answers, context.Canceled) {
			t.Error("it stays")
		}
		close(held)
		for range 6 {
			if err := <-answers; err != nil {
				t.Error(err)
			}
		}
		if o.asked.Load() != 2 || len(n.questions.asked)+len(n.questions.held) != 0 {
			t.Error(o.asked.Load(), n.questions.asked, n.questions.held)
		}
	})
}

func TestIntrospectionIsRefused(t *testing.T) {
	t.Parallel()
	w := build(t)
	for name, change := range map[string]func(*config.EdgeIntrospection){
		"no client": func(c *config.EdgeIntrospection) { c.ClientID = "" }, "no secret": func(c *config.EdgeIntrospection) { c.ClientSecret = config.Secret{} }, "http": func(c *config.EdgeIntrospection) { c.Endpoint = "http://a.test/introspect" },
		"no address": func(c *config.EdgeIntrospection) { c.Endpoint = "introspect" }, "long": func(c *config.EdgeIntrospection) { c.MaxAge = time.Hour }, "negative": func(c *config.EdgeIntrospection) { c.MaxAge = -1 },
		"patience": func(c *config.EdgeIntrospection) { c.Timeout = time.Minute }, "negative number": func(c *config.EdgeIntrospection) { c.Concurrent = -1 },
	} {
		next := w.config
		next.Issuers = []config.EdgeIssuer{w.a.config()}
		next.Issuers[0].Introspection = &config.EdgeIntrospection{ClientID: "e", ClientSecret: config.Literal("s")}
		change(next.Issuers[0].Introspection)
		if err := w.edge.Reload(next); err == nil || !strings.Contains(err.Error(), "introspection") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The metadata say where to ask, and only the issuer's own do (RFC 8414 3.3).
func TestIntrospectionDiscovery(t *testing.T) {
	t.Parallel()
	for metadata, want := range map[string]string{
		`{"issuer":"https://a.test","introspection_endpoint":"https://a.test/introspect"}`:   "",
		`{"issuer":"https://b.test","introspection_endpoint":"https://a.test/introspect"}`:   "introspection_unavailable",
		`{"issuer":"https://a.test","introspection_endpoint":"http://a.test/introspect"}`:    "introspection_unavailable",
		`{"issuer":"https://a.test","introspection_endpoint":["https://a.test/introspect"]}`: "introspection_unavailable",
		`{"issuer":"https://a.test"}`: "introspection_unavailable",
		`{"issuer":"https://a.test","introspection_endpoint":"https://a.test/introspect","introspection_endpoint":"https://a.test/introspect"}`: "introspection_unavailable",
	} {
		o := &oracle{}
		w := build(t, asks(o))
		w.a.other = func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/.well-known/openid-configuration" {
				return reply(r, 200, "application/json", metadata), nil
			}
			return o.answer(r)
		}
		if a := w.get("/api/x", auth(ref)); a.code() != want || want != "" && o.asked.Load() != 0 {
			t.Errorf("%s: %s %s", metadata, a, a.event.Detail)
		}
	}
}

// A slow and endless answer of a real server ends with the time it is given.
func TestEndlessIntrospection(t *testing.T) {
	t.Parallel()
	var reached atomic.Bool
	left := make(chan struct{}, 1000)
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		reached.Store(true)
		rw.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(rw, `{"active":true`)
		_ = http.NewResponseController(rw).Flush()
		<-r.Context().Done()
		left <- struct{}{}
	}))
	t.Cleanup(s.Close)
	n, err := newIntrospector(t.Context(), config.EdgeIssuer{Issuer: s.URL, AllowHTTP: true, Introspection: &config.EdgeIntrospection{Endpoint: s.URL, ClientID: "e", ClientSecret: config.Literal("s"), Timeout: 50 * time.Millisecond}}, Options{Now: time.Now}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for !reached.Load() { // on a slow machine the time is over before the question is there
		n.questions.silent = 0
		if q, err := n.ask(t.Context(), "", ref); err == nil {
			t.Fatal(q)
		}
	}
	<-left
}
