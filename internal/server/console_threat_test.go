package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/console"
)

func TestThreatConsoleSignIn(t *testing.T) {
	v := newOps(t)
	o, other := v.operator(), v.operator()
	back, theirs := o.begin(), other.begin()
	refused := func(name string, who *operator, path string) {
		t.Helper()
		if a := who.at("GET", path); a.status != 400 && a.status != 401 || who.inside() {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	refused("a browser that asked nothing", v.operator(), back)
	refused("another browser's answer", other, back)
	refused("another issuer's answer", o, strings.Replace(back, "id.example", "evil.example", 1))
	refused("no state", o, strings.Replace(back, "state=", "stat=", 1))
	refused("a parameter twice", o, back+"&state=x")
	// A stolen code under one's own state: PKCE binds it to the browser that asked.
	q, err := url.ParseQuery(strings.TrimPrefix(back, "/console/callback?"))
	v.ok(err)
	mine, err := url.ParseQuery(strings.TrimPrefix(theirs, "/console/callback?"))
	v.ok(err)
	refused("an injected code", other, "/console/callback?"+with(mine, "code", q.Get("code")).Encode())
	refused("declined", v.operatorWith(other), "/console/callback?"+pairs("error", "access_denied", "state", mine.Get("state"), "iss", issuerURL).Encode())

	// A cookie that was planted is not the one that opens the console.
	o.cookies["__Host-jotward-console"] = "planted"
	if a := o.at("GET", back); a.status != 303 || o.cookies["__Host-jotward-console"] == "planted" || o.cookies["__Host-jotward-console-signin"] != "" || !o.inside() {
		t.Fatalf("%d %v", a.status, o.cookies)
	}
	refused("the answer again", v.operator(), back)
	first := o.cookies["__Host-jotward-console"]
	o.signIn()
	if o.cookies["__Host-jotward-console"] == first {
		t.Error("the same session at the next sign-in")
	}
	o.cookies["__Host-jotward-console"] = first
	if o.inside() {
		t.Error("the session before the sign-in lives on")
	}
}

func (v *world) operatorWith(o *operator) *operator {
	next := v.operator()
	for name, value := range o.cookies {
		next.cookies[name] = value
	}
	return next
}

// TestConsoleWantsAPasswordNow: a browser that takes prompt=login away gets nothing with an
// old sign-in.
func TestConsoleWantsAPasswordNow(t *testing.T) {
	v := newOps(t)
	o := v.operator().signIn()
	v.pass(11 * time.Minute)
	to, err := url.Parse(o.post("/console/signin", nil).header.Get("Location"))
	v.ok(err)
	a := o.person.open(with(to.Query(), "prompt", ""))
	if a.status != 303 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	delete(o.cookies, "__Host-jotward-console")
	if a := o.at("GET", strings.TrimPrefix(a.header.Get("Location"), consoleURL)); a.status != 401 && a.status != 400 || o.inside() {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestThreatConsoleForms(t *testing.T) {
	v := newOps(t)
	o, other := v.operator().signIn(), v.operator().signIn()
	good := pairs("form", o.formToken(), "token", "x", "audience", "api")
	for name, c := range map[string]struct {
		values url.Values
		change func(*http.Request)
		status int
	}{
		"no form token":        {with(good, "form", ""), nil, 400},
		"another session's":    {with(good, "form", other.formToken()), nil, 400},
		"another site":         {good, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403},
		"another origin":       {good, func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Set("Origin", "https://evil.example") }, 403},
		"a giant body":         {with(good, "token", strings.Repeat("a", 17000)), nil, 413},
		"the token in the URL": {good, func(r *http.Request) { r.URL.RawQuery = "token=abc" }, 400},
		"not a form":           {good, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, 400},
		"twice":                {url.Values{"form": good["form"], "token": {"x", "y"}, "audience": {"api"}}, nil, 400},
	} {
		change := c.change
		if change == nil {
			change = func(*http.Request) {}
		}
		if a := o.post("/console/explain", c.values, change); a.status != c.status || strings.Contains(a.body, "Every check") {
			t.Errorf("%s: %d", name, a.status)
		}
		if a := o.post("/console/signout", c.values, change); a.status != c.status || !o.inside() {
			t.Errorf("sign-out, %s: %d", name, a.status)
		}
	}
	if a := o.at("GET", "/console/explain"); a.status != 405 {
		t.Errorf("GET: %d", a.status)
	}
	if a := o.post("/console/explain", with(good, "audience", strings.Repeat("b", 300))); a.status != 400 || strings.Contains(a.body, strings.Repeat("b", 300)) {
		t.Error("what may be a token is shown again")
	}
	was := o.cookies["__Host-jotward-console"]
	if a := o.post("/console/signout", good); a.status != 303 || o.inside() {
		t.Errorf("%d", a.status)
	}
	if o.cookies["__Host-jotward-console"] = was; o.inside() {
		t.Error("the cookie opens the console after the sign-out")
	}
	if !other.inside() {
		t.Error("another session ended too")
	}
}

func TestConsoleHeaders(t *testing.T) {
	v := newOps(t)
	o := v.operator()
	o.signIn()
	for _, a := range []answer{o.at("GET", "/console"), o.at("GET", "/console/callback"), v.operator().post("/console/explain", nil)} {
		policy := a.header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'") || strings.Contains(policy, "script") ||
			a.header.Get("X-Frame-Options") != "DENY" || a.header.Get("Cache-Control") != "no-store" || strings.Contains(a.body, "<script") || strings.Contains(a.body, "style=") {
			t.Errorf("%d %v", a.status, a.header)
		}
	}
	begun := v.operator().post("/console/signin", nil)
	for _, c := range (&http.Response{Header: begun.header}).Cookies() {
		if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || !strings.HasPrefix(c.Name, "__Host-") {
			t.Errorf("%+v", c)
		}
	}
	// Under another name there is no way back: the browser is sent to the one that has.
	r := httptest.NewRequest("GET", "https://other.example/console", nil)
	if a := serve(v.private, r); a.status != 303 || a.header.Get("Location") != consoleURL+"/console" {
		t.Errorf("%d %v", a.status, a.header)
	}
	a := o.at("GET", "/style.css")
	if a.status != 200 || !strings.Contains(a.header.Get("Content-Type"), "css") {
		t.Errorf("%d", a.status)
	}
}

// TestConsoleIsRegistered: its address is put right, and a client that is something else is
// left alone.
func TestConsoleIsRegistered(t *testing.T) {
	v := newOps(t)
	at := func(address string) error {
		c, err := console.New(console.Config{Issuer: issuerURL, URL: address, Clients: v.clients, Grants: v.issuer.Token.Grants, Now: v.now})
		v.ok(err)
		return c.Register(t.Context())
	}
	v.ok(at("https://moved.example"))
	c, err := v.clients.Get(t.Context(), console.ClientID)
	if err != nil || len(c.RedirectURIs) != 1 || c.RedirectURIs[0] != "https://moved.example/console/callback" || c.Public || !c.SkipConsent {
		t.Errorf("%+v %v", c, err)
	}
	c.Audiences = []string{"api"}
	_, err = v.clients.Update(t.Context(), audit.Actor{Kind: "admin", ID: "test"}, 0, c)
	v.ok(err)
	if err := at(consoleURL); err == nil {
		t.Error("somebody else's client became the console")
	}
	for _, c := range []console.Config{{}, {Issuer: issuerURL, URL: "ops.example", Clients: v.clients, Grants: v.issuer.Token.Grants, Now: v.now}} {
		if _, err := console.New(c); err == nil {
			t.Errorf("%+v", c)
		}
	}
}
