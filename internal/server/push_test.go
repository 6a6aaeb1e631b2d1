package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func (v *world) push(values url.Values, change ...func(*http.Request)) answer {
	return v.ask("POST", "/par", append([]func(*http.Request){form(values)}, change...)...)
}

// named is what a browser brings of a pushed request.
func named(clientID string, pushed answer) url.Values {
	return pairs("client_id", clientID, "request_uri", pushed.text("request_uri"))
}

// RFC 9126: a request that was pushed is signed in to and allowed by its name, once.
func TestPushedRequest(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	pushed := v.want(v.push(request("app")), 201, "")
	if !strings.HasPrefix(pushed.text("request_uri"), "urn:ietf:params:oauth:request_uri:") || pushed.json["expires_in"] != 600.0 || pushed.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%s %v", pushed.body, pushed.header)
	}
	b := &browser{world: v}
	page := b.open(named("app", pushed))
	if strings.Contains(page.body, "no-1") || strings.Contains(page.body, challenge()) {
		t.Error("the page carries what was pushed")
	}
	back := b.allow(named("app", pushed)).back()
	if back.Get("state") != "st-1" || back.Get("iss") != issuerURL {
		t.Errorf("%v", back)
	}
	v.want(v.token(redemption("app", back.Get("code"))), 200, "")
	// Spent: by name it opens nothing more, and what a browser adds is not looked at.
	if a := b.open(named("app", pushed)); a.status != 400 || a.header.Get("Location") != "" {
		t.Errorf("a second time: %d %v", a.status, a.header)
	}
	again := v.want(v.push(with(request("app"), "scope", "openid")), 201, "")
	code := b.allow(with(named("app", again), "scope", "openid write", "redirect_uri", "https://evil.example", "state", "evil")).back()
	if a := v.want(v.token(redemption("app", code.Get("code"))), 200, ""); a.text("scope") != "openid" || code.Get("state") != "st-1" {
		t.Errorf("the browser changed what was pushed: %s %v", a.body, code)
	}
	// A sign-in that is wanted anew is one after the push.
	v.pass(time.Minute)
	fresh := v.want(v.push(with(request("app"), "prompt", "login")), 201, "")
	v.pass(time.Second)
	if page := b.open(named("app", fresh)); !strings.Contains(page.body, `name="password"`) {
		t.Error("prompt=login was not asked")
	}
	v.pass(time.Second)
	if a := b.allow(named("app", fresh)); a.back().Get("code") == "" {
		t.Errorf("%v", a.header)
	}
}

// The person that an id_token_hint names stays demanded, and the token itself is not kept.
func TestPushedHint(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	ann := &browser{world: v}
	hint := v.want(v.token(redemption("app", ann.allow(request("app")).back().Get("code"))), 200, "").text("id_token")
	pushed := v.want(v.push(with(request("app"), "prompt", "none", "id_token_hint", hint)), 201, "")
	kept, err := v.issuer.Token.Grants.Pull(v.Context(), "app", pushed.text("request_uri"))
	v.ok(err)
	if parts := strings.Split(hint, "."); strings.Contains(kept.Parameters, parts[1]) || strings.Contains(kept.Parameters, parts[2]) {
		t.Error("an ID token is kept in clear")
	}
	eve, page := v.eve()
	eve.post("/consent", with(fields(page), "decision", "allow"))
	if a := eve.open(named("app", pushed)); a.back().Get("error") != "login_required" {
		t.Errorf("somebody else is signed in: %v", a.header)
	}
	if a := ann.open(named("app", pushed)); a.back().Get("code") == "" {
		t.Errorf("%v", a.header)
	}
	// What is kept of it is no parameter.
	if a := eve.open(with(request("app"), "hinted_sub", v.ann.ID)); strings.Contains(a.body, `name="password"`) {
		t.Error("a stranger's parameter was taken for it")
	}
	for _, bad := range []string{"x.y.z", hint[:len(hint)-6] + "AAAAAA"} {
		v.want(v.push(with(request("app"), "id_token_hint", bad)), 400, "request_invalid")
	}
}

// max_age asks for a sign-in, once, however long the person then reads.
func TestPushedMaxAge(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	b := &browser{world: v}
	b.signIn(request("app"))
	v.pass(time.Minute)
	pushed := v.want(v.push(with(request("app"), "max_age", "5")), 201, "")
	v.pass(time.Second)
	if page := b.open(named("app", pushed)); !strings.Contains(page.body, `name="password"`) {
		t.Fatal("max_age was not asked")
	}
	page := b.signIn(named("app", pushed))
	v.pass(time.Minute)
	if a := b.post("/consent", with(fields(page), "decision", "allow")); a.back().Get("code") == "" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// What strangers push is kept for ten minutes: no more of it than a request can need.
func TestThreatPushedSize(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	for name, values := range map[string]url.Values{"prompt": with(request("app"), "prompt", strings.Repeat("login ", 4000)), "max_age": with(request("app"), "max_age", strings.Repeat("0", 20000)+"1"),
		"resource": func() url.Values {
			q := request("app")
			for range 1500 {
				q.Add("resource", "api")
			}
			return q
		}()} {
		if a := v.push(values); a.status != 413 || a.text("request_uri") != "" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

// What may not be pushed, and what a name does not open (RFC 9126 2.1, 4, 7).
func TestThreatPushedRequests(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	for name, c := range map[string]struct {
		values url.Values
		change []func(*http.Request)
		code   string
	}{
		"no client":           {with(request("app"), "client_id", ""), nil, "client_invalid"},
		"a wrong secret":      {request("service"), []func(*http.Request){basic("service", "x")}, "client_invalid"},
		"without its secret":  {request("service"), nil, "client_invalid"},
		"another client_id":   {request("app"), []func(*http.Request){v.as("service")}, "request_invalid"},
		"a request_uri":       {with(request("app"), "request_uri", "urn:ietf:params:oauth:request_uri:x"), nil, "request_invalid"},
		"a request object":    {with(request("app"), "request", "x.y.z"), nil, "request_invalid"},
		"another redirect":    {with(request("app"), "redirect_uri", "https://evil.example/cb"), nil, "redirect_uri_mismatch"},
		"no PKCE":             {with(request("app"), "code_challenge", ""), nil, "request_invalid"},
		"an unknown scope":    {with(request("app"), "scope", "admin"), nil, "scope_invalid"},
		"an unknown prompt":   {with(request("app"), "prompt", "x"), nil, "request_invalid"},
		"a parameter twice":   {url.Values{"client_id": {"app", "app"}}, nil, "request_invalid"},
		"parameters in query": {request("app"), []func(*http.Request){func(r *http.Request) { r.URL.RawQuery = "a=b" }}, "request_invalid"},
	} {
		if a := v.push(c.values, c.change...); a.status < 400 || a.status >= 500 || a.json["code"] != c.code || a.text("request_uri") != "" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	b := &browser{world: v}
	pushed := v.want(v.push(request("app")), 201, "")
	for name, query := range map[string]url.Values{
		"another client": named("other-app", pushed), "no client": pairs("request_uri", pushed.text("request_uri")),
		"cut": pairs("client_id", "app", "request_uri", pushed.text("request_uri")[:60]), "empty": pairs("client_id", "app", "request_uri", "urn:ietf:params:oauth:request_uri:"),
	} {
		if a := b.open(query); a.status != 400 || a.header.Get("Location") != "" {
			t.Errorf("%s: %d %v", name, a.status, a.header)
		}
	}
	v.pass(10 * time.Minute)
	if a := b.open(named("app", pushed)); a.status != 400 {
		t.Errorf("after ten minutes: %d", a.status)
	}
	// A client whose requests must be pushed gets nowhere without.
	settings := map[string]any{"grant_types": []string{"authorization_code"}, "redirect_uris": []string{redirect}, "scopes": []string{"openid", "profile", "email", "read"},
		"audiences": []string{"api"}, "require_pushed_authorization_requests": true}
	v.want(v.admin("PUT", "/admin/v1/clients/app", settings), 200, "")
	if a := b.open(request("app")); a.back().Get("error") != "invalid_request" {
		t.Errorf("%d %v", a.status, a.header)
	}
	if a := b.allow(named("app", v.want(v.push(request("app")), 201, ""))); a.back().Get("code") == "" {
		t.Errorf("%v", a.header)
	}
}

// Of fifty browsers with one name one gets a code, every time.
func TestThreatPushedRace(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	b := &browser{world: v}
	b.allow(with(request("trusted"), "scope", "openid"))
	pushed := v.want(v.push(with(request("trusted"), "scope", "openid")), 201, "")
	won := 0
	for _, a := range v.race(50, func() answer { return b.open(named("trusted", pushed)) }) {
		if a.back().Has("code") {
			won++
		}
	}
	if won != 1 {
		t.Errorf("%d winners", won)
	}
}

// A proof at /par binds the code (RFC 9449 10.1).
func TestPushedWithProof(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	h, thief := v.holder(), v.holder()
	v.want(v.push(with(request("app"), "dpop_jkt", thief.Thumbprint()), h.proof("POST", "/par", "")), 400, "sender_mismatch")
	pushed := v.want(v.push(request("app"), h.proof("POST", "/par", "")), 201, "")
	good := redemption("app", (&browser{world: v}).allow(named("app", pushed)).back().Get("code"))
	v.want(v.token(good, thief.prove()), 400, "sender_mismatch")
	v.want(v.token(good, h.prove()), 200, "")
}
