package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Nothing is ever sent to an address that the client did not register: the
// person sees a page, and no Location leaves (RFC 9700 4.1.3, 4.11).
func TestThreatRedirectURI(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	b := &browser{world: v}
	b.allow(request("app")) // also with somebody signed in who has consented before
	for name, uri := range map[string]string{
		"missing": "", "stranger": "https://evil.example/cb", "prefix": redirect + "/more", "suffix": redirect + ".evil.example", "cut": "https://app.example/c",
		"sub-domain": "https://app.example.evil.example/cb", "user information": "https://app.example@evil.example/cb", "password": "https://app.example:x@evil.example/cb",
		"encoded slash": "https://app.example%2fcb", "encoded letter": "https://app.example/c%62", "double encoded": "https://app.example/%2563b", "upper path": "https://app.example/CB", "upper host": "https://APP.example/cb",
		"upper scheme": "HTTPS://app.example/cb", "port": "https://app.example:8443/cb", "default port": "https://app.example:443/cb", "plain": "http://app.example/cb",
		"fragment": redirect + "#x", "empty fragment": redirect + "#", "query": redirect + "?x=1", "empty query": redirect + "?", "traversal": "https://app.example/x/../cb", "dot": "https://app.example/./cb", "encoded traversal": "https://app.example/cb/%2e%2e/cb",
		"slash": redirect + "/", "two slashes": "https://app.example//cb", "backslash": `https://app.example\cb`, "backslash host": `https://evil.example\@app.example/cb`, "tab": "https://app.example/\tcb", "new line": redirect + "\n", "NUL": redirect + "\x00",
		"blank before": " " + redirect, "blank after": redirect + " ", "no scheme": "//app.example/cb", "relative": "/cb", "javascript": "javascript:alert(1)//https://app.example/cb", "data": "data:text/html,x",
		"localhost": "http://localhost/cb", "localhost port": "http://localhost:8080/cb", "other loopback": "http://127.0.0.2/cb", "decimal loopback": "http://2130706433/cb", "short loopback": "http://127.1/cb", "IPv6 loopback": "http://[::1]/cb", "mapped loopback": "http://[::ffff:127.0.0.1]/cb",
		"loopback path": "http://127.0.0.1:9/cb/x", "loopback query": "http://127.0.0.1:9/cb?x", "loopback user": "http://127.0.0.1:9@evil.example/cb", "loopback https": "https://127.0.0.1/cb", "port zero": "http://127.0.0.1:0/cb", "port sign": "http://127.0.0.1:+9/cb", "port padded": "http://127.0.0.1:09/cb", "big port": "http://127.0.0.1:65536/cb",
		"query order": "https://app.example/q?b=2&a=1", "query cut": "https://app.example/q?a=1", "query more": "https://app.example/q?a=1&b=2&c=3", "scheme's path": "com.example.app:/other", "scheme's host": "com.example.app://cb",
		"other client's": "https://other.example/cb", "long": redirect + "?" + strings.Repeat("x", 3000), "invalid UTF-8": redirect + "\xff", "homograph": "https://аpp.example/cb",
	} {
		for _, who := range []*browser{b, {world: v}} {
			a := who.open(with(request("app"), "redirect_uri", uri))
			if a.status != 400 || a.header.Get("Location") != "" || strings.Contains(a.body, "evil") {
				t.Errorf("%s: %d, Location %q", name, a.status, a.header.Get("Location"))
			}
		}
	}
	for _, uri := range []string{redirect, "http://127.0.0.1:49152/cb", "https://app.example/q?a=1&b=2", "com.example.app:/cb"} {
		if a := b.allow(with(request("app"), "redirect_uri", uri)); !strings.HasPrefix(a.header.Get("Location"), uri) || a.back().Get("code") == "" {
			t.Errorf("%s: %d %s", uri, a.status, a.header.Get("Location"))
		}
	}
	// Without a known client there is no address to trust (RFC 6749 4.1.2.1).
	for _, id := range []string{"", "nobody", "App", "app ", "app\x00", "app\xff", strings.Repeat("a", 300), v.ann.ID} {
		if a := b.open(with(request("app"), "client_id", id)); a.status != 400 || a.header.Get("Location") != "" {
			t.Errorf("client %q: %d, Location %q", id, a.status, a.header.Get("Location"))
		}
	}
	// Twice is not once, also where the two are the same.
	for _, name := range []string{"redirect_uri", "client_id", "state", "scope", "response_type", "code_challenge", "unheard_of"} {
		q := request("app")
		q[name] = []string{q.Get(name), q.Get(name)}
		if q.Get(name) == "" {
			q[name] = []string{"x", "x"}
		}
		if a := b.open(q); a.status != 400 || a.header.Get("Location") != "" {
			t.Errorf("%s twice: %d, Location %q", name, a.status, a.header.Get("Location"))
		}
	}
}

// What may go back to the client goes back with error, state and iss, and
// without a code (RFC 6749 4.1.2.1, RFC 9207 2).
func TestAuthorizationErrors(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	signedIn := &browser{world: v}
	signedIn.allow(request("app"))
	for name, c := range map[string]struct {
		error  string
		change []string
	}{
		"no response type":       {"invalid_request", []string{"response_type", ""}},
		"implicit":               {"unsupported_response_type", []string{"response_type", "token"}},
		"hybrid":                 {"unsupported_response_type", []string{"response_type", "code id_token"}},
		"ID token":               {"unsupported_response_type", []string{"response_type", "id_token"}},
		"none":                   {"unsupported_response_type", []string{"response_type", "none"}},
		"upper case":             {"unsupported_response_type", []string{"response_type", "CODE"}},
		"code with a blank":      {"unsupported_response_type", []string{"response_type", "code "}},
		"fragment":               {"invalid_request", []string{"response_mode", "fragment"}},
		"query.jwt":              {"invalid_request", []string{"response_mode", "query.jwt"}},
		"request object":         {"request_not_supported", []string{"request", "eyJhbGciOiJub25lIn0.e30."}},
		"request_uri":            {"request_uri_not_supported", []string{"request_uri", "https://evil.example/r"}},
		"registration":           {"registration_not_supported", []string{"registration", "{}"}},
		"no PKCE":                {"invalid_request", []string{"code_challenge", "", "code_challenge_method", ""}},
		"no challenge":           {"invalid_request", []string{"code_challenge", ""}},
		"no method means plain":  {"invalid_request", []string{"code_challenge_method", ""}},
		"plain":                  {"invalid_request", []string{"code_challenge_method", "plain", "code_challenge", verifier}},
		"other method":           {"invalid_request", []string{"code_challenge_method", "s256"}},
		"short challenge":        {"invalid_request", []string{"code_challenge", challenge()[:42]}},
		"long challenge":         {"invalid_request", []string{"code_challenge", challenge() + "A"}},
		"padded challenge":       {"invalid_request", []string{"code_challenge", challenge() + "="}},
		"challenge with break":   {"invalid_request", []string{"code_challenge", challenge()[:20] + "\n" + challenge()[20:]}},
		"challenge's last bits":  {"invalid_request", []string{"code_challenge", challenge()[:42] + "N"}},
		"challenge's alphabet":   {"invalid_request", []string{"code_challenge", "+/" + challenge()[2:]}},
		"unknown scope":          {"invalid_scope", []string{"scope", "openid admin"}},
		"scope with two blanks":  {"invalid_scope", []string{"scope", "openid  read"}},
		"scope with a tab":       {"invalid_scope", []string{"scope", "openid\tread"}},
		"scope's case":           {"invalid_scope", []string{"scope", "OpenID"}},
		"long scope":             {"invalid_scope", []string{"scope", strings.Repeat("read ", 500) + "read"}},
		"unknown audience":       {"invalid_target", []string{"resource", "https://other"}},
		"long state":             {"invalid_request", []string{"state", strings.Repeat("s", 2049)}},
		"state with a line":      {"invalid_request", []string{"state", "a\r\nSet-Cookie: x=1"}},
		"state with NUL":         {"invalid_request", []string{"state", "a\x00b"}},
		"long nonce":             {"invalid_request", []string{"nonce", strings.Repeat("n", 1025)}},
		"nonce with NUL":         {"invalid_request", []string{"nonce", "a\x00b"}},
		"unknown prompt":         {"invalid_request", []string{"prompt", "create"}},
		"prompt none and login":  {"invalid_request", []string{"prompt", "none login"}},
		"negative max_age":       {"invalid_request", []string{"max_age", "-1"}},
		"max_age in words":       {"invalid_request", []string{"max_age", "1h"}},
		"huge max_age":           {"invalid_request", []string{"max_age", "99999999999999999999"}},
		"hint that is none":      {"invalid_request", []string{"id_token_hint", "x.y.z"}},
		"grant type not allowed": {"unauthorized_client", []string{"client_id", "machine-with-redirect"}},
	} {
		if c.error == "unauthorized_client" {
			v.want(v.admin("POST", "/admin/v1/clients", map[string]any{"client_id": "machine-with-redirect", "grant_types": []string{"client_credentials"}, "redirect_uris": []string{redirect}, "scopes": []string{"openid", "profile", "email", "read"}, "audiences": []string{"api"}}), 201, "")
		}
		q := with(request("app"), c.change...)
		for _, b := range []*browser{signedIn, {world: v}} {
			a := b.open(q)
			back := a.back()
			if a.status != http.StatusSeeOther || !strings.HasPrefix(a.header.Get("Location"), redirect+"?") || back.Get("error") != c.error ||
				back.Get("state") != q.Get("state") || back.Get("iss") != issuerURL || back.Has("code") || len(back["iss"]) != 1 {
				t.Errorf("%s: %d %s", name, a.status, a.header.Get("Location"))
			}
			// RFC 6749 4.1.2.1: %x20-21 / %x23-5B / %x5D-7E.
			if strings.ContainsFunc(back.Get("error_description"), func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
				t.Errorf("%s: description %q", name, back.Get("error_description"))
			}
		}
	}
}

func TestAuthorizationSuccess(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	b := &browser{world: v}
	state := `a b&c=d;"'<>%é` + strings.Repeat("z", 100)
	a := b.allow(with(request("app"), "state", state, "unheard_of", "x", "display", "touch", "ui_locales", "de", "acr_values", "x", "claims", "{}"))
	if back := a.back(); back.Get("state") != state || back.Get("iss") != issuerURL || back.Get("code") == "" || len(back) != 3 {
		t.Errorf("redirect %s", a.header.Get("Location"))
	}
	// The registered query stays as it is (RFC 6749 3.1.2); no state, none back.
	a = b.open(with(request("app"), "redirect_uri", "https://app.example/q?a=1&b=2", "state", ""))
	if back := a.back(); !strings.HasPrefix(a.header.Get("Location"), "https://app.example/q?a=1&b=2&") || back.Has("state") || back.Get("code") == "" {
		t.Errorf("redirect %s", a.header.Get("Location"))
	}
	// Scopes twice count once; a scope more asks again, one less does not.
	if a := b.open(with(request("app"), "scope", "read read openid")); a.back().Get("code") == "" {
		t.Errorf("twice the same scope: %d %s", a.status, a.header.Get("Location"))
	}
	if a := b.open(with(request("app"), "scope", "openid write")); a.status != 200 || !strings.Contains(a.body, "consent_token") {
		t.Errorf("a new scope does not ask: %d", a.status)
	}
	if a := b.open(with(request("other-app"), "redirect_uri", "https://other.example/cb")); !strings.Contains(a.body, "consent_token") {
		t.Error("consent for one client served another")
	}
	// OpenID Connect Core 3.1.2.1: POST as well, from any origin; it looks at no cookie.
	a = v.ask("POST", "/authorize", form(request("app")), header("Origin", "https://app.example"), header("Sec-Fetch-Site", "cross-site"), b.keep)
	if a.status != http.StatusSeeOther || !strings.HasPrefix(a.header.Get("Location"), "/authorize?") {
		t.Fatalf("POST: %d %s", a.status, a.body)
	}
	if a := v.ask("GET", a.header.Get("Location"), b.keep); a.back().Get("code") == "" {
		t.Errorf("after POST: %d %s", a.status, a.body)
	}
}

// Scripts of other origins read what clients in browsers call, and nothing of
// what a person does (RFC 9700 2.6).
func TestThreatScriptsOfOtherOrigins(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	readable := map[string]bool{"/token": true, "/revoke": true, "/par": true, "/device_authorization": true, "/userinfo": true, "/register": true, "/register/{id}": true, "/jwks": true, "/.well-known/oauth-authorization-server": true, "/.well-known/openid-configuration": true}
	for _, route := range v.issuer.PublicRoutes() {
		method, path, _ := strings.Cut(route.Pattern, " ")
		for _, m := range []string{method, "OPTIONS"} {
			if path == "/feed" && m == "GET" {
				continue // answers nobody without credentials, and then without end
			}
			a := v.ask(m, path, header("Origin", "https://evil.example"), header("Sec-Fetch-Site", "cross-site"), header("Access-Control-Request-Method", method))
			if got := a.header.Get("Access-Control-Allow-Origin"); (got == "*") != readable[path] || got != "" && got != "*" || a.header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s %s: Access-Control-Allow-Origin %q", m, path, got)
			}
		}
	}
}

// prompt=none never shows a page; login and max_age ask again, once
// (OpenID Connect Core 3.1.2.1, 3.1.2.6).
func TestPromptAndMaxAge(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	none := with(request("app"), "prompt", "none")
	b := &browser{world: v}
	silent := func(name string, a answer, want string) {
		t.Helper()
		if a.status != http.StatusSeeOther || a.back().Get("error") != want || a.back().Get("iss") != issuerURL || a.back().Get("state") != "st-1" || a.back().Has("code") == (want != "") {
			t.Errorf("%s: %d %s", name, a.status, a.header.Get("Location"))
		}
	}
	asks := func(name string, a answer, what string) {
		t.Helper()
		if a.status != 200 || !strings.Contains(a.body, `name="`+what+`"`) {
			t.Errorf("%s: %d %s %s", name, a.status, a.header.Get("Location"), a.body)
		}
	}
	silent("nobody signed in", b.open(none), "login_required")
	b.cookie = "forged"
	silent("a forged cookie", b.open(none), "login_required")
	b.cookie = ""
	b.signIn(request("app"))
	silent("no consent", b.open(none), "consent_required")
	b.allow(request("app"))
	silent("signed in", b.open(none), "")

	asks("login", b.open(with(request("app"), "prompt", "login")), "password")
	asks("another account", b.open(with(request("app"), "prompt", "select_account")), "password")
	asks("consent", b.open(with(request("app"), "prompt", "consent")), "consent_token")
	asks("max_age 0", b.open(with(request("app"), "max_age", "0")), "password")
	silent("max_age in time", b.open(with(none, "max_age", "60")), "")
	v.pass(61 * time.Second)
	asks("max_age passed", b.open(with(request("app"), "max_age", "60")), "password")
	silent("max_age passed silently", b.open(with(none, "max_age", "60")), "login_required")

	// A sign-in satisfies what asked for it: no loop, and auth_time is new.
	a := b.signIn(with(request("app"), "prompt", "login", "max_age", "0"))
	silent("after the sign-in", a, "")
	asks("consent after login", b.signIn(with(request("app"), "prompt", "login consent")), "consent_token")

	// A client that people are not asked for is asked for when it wants to be.
	asks("consent for a trusted client", b.open(with(request("trusted"), "prompt", "consent")), "consent_token")
	silent("trusted client", b.open(with(request("trusted"), "prompt", "none")), "")

	// The consent page cannot be used to pass by max_age or prompt.
	page := b.open(with(request("app"), "prompt", "consent", "max_age", "60"))
	v.pass(2 * time.Minute)
	asks("an old consent page", b.post("/consent", with(fields(page), "decision", "allow")), "password")

	// The session's end.
	v.pass(2 * time.Hour)
	silent("session over", b.open(none), "login_required")
}

// Any program of the machine can call itself a native application, so what was
// allowed before is asked for again (RFC 8252 8.6).
func TestThreatNativeImpersonation(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	b := &browser{world: v}
	b.signIn(request("app"))
	for _, uri := range []string{"http://127.0.0.1:4711/cb", "com.example.app:/cb"} {
		native := with(request("app"), "redirect_uri", uri)
		if a := b.allow(native); !a.back().Has("code") {
			t.Fatalf("%s: %d %s", uri, a.status, a.body)
		}
		if a := b.open(native); a.status != 200 || !strings.Contains(a.body, `name="consent_token"`) {
			t.Errorf("%s: a second time nobody was asked: %d %s", uri, a.status, a.header.Get("Location"))
		}
		if a := b.open(with(native, "prompt", "none")); a.back().Get("error") != "consent_required" || a.back().Has("code") {
			t.Errorf("%s: silently: %d %s", uri, a.status, a.header.Get("Location"))
		}
	}
	if a := b.open(request("app")); !a.back().Has("code") {
		t.Errorf("https is assured: %d %s", a.status, a.body)
	}
}

// A client that the person allowed nothing finds out by no hint who is signed in.
func TestThreatSilentIdentity(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	ann := &browser{world: v}
	own := v.want(v.token(redemption("app", ann.allow(request("app")).back().Get("code"))), 200, "").text("id_token")
	eve, page := v.eve()
	sub := func(id string) string { return `{"id_token":{"sub":{"value":"` + id + `"}}}` }
	none := with(request("app"), "prompt", "none")
	guesses := []url.Values{none, with(none, "login_hint", "eve"), with(none, "login_hint", "ann"), with(none, "claims", sub(v.ann.ID)), with(none, "id_token_hint", own), with(none, "max_age", "1")}
	v.pass(2 * time.Second)
	for _, guess := range guesses {
		if a := eve.open(guess); a.back().Get("error") != "consent_required" {
			t.Errorf("%v: %v", guess, a.header)
		}
	}
	eve.post("/consent", with(fields(page), "decision", "allow"))
	for i, want := range []string{"", "", "login_required", "login_required", "login_required", "login_required"} {
		if a := eve.open(guesses[i]); a.back().Get("error") != want {
			t.Errorf("allowed, %v: %v", guesses[i], a.header)
		}
	}
	// Without a session there is nothing to hide.
	for _, guess := range guesses {
		if a := v.authorize(guess); a.back().Get("error") != "login_required" {
			t.Errorf("nobody, %v: %v", guess, a.header)
		}
	}
}

func TestIDTokenHint(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	b := &browser{world: v}
	hint := v.want(v.token(redemption("app", b.allow(request("app")).back().Get("code"))), 200, "").text("id_token")
	none := with(request("app"), "prompt", "none", "id_token_hint", hint)
	if a := b.open(none); a.back().Get("code") == "" {
		t.Fatalf("own hint: %s", a.header.Get("Location"))
	}
	v.pass(30 * time.Minute) // longer than the token: a hint may have expired
	if a := b.open(none); a.back().Get("code") == "" {
		t.Errorf("expired hint: %s", a.header.Get("Location"))
	}
	eve, page := v.eve()
	eve.post("/consent", with(fields(page), "decision", "allow"))
	if a := eve.open(none); a.back().Get("error") != "login_required" {
		t.Errorf("somebody else is signed in: %s", a.header.Get("Location"))
	}
	if a := eve.open(with(none, "prompt", "")); !strings.Contains(a.body, `name="password"`) {
		t.Errorf("somebody else is signed in: %d", a.status)
	}
	access := v.tokens().text("access_token")
	for name, text := range map[string]string{"access token": access, "tampered": hint[:len(hint)-6] + "AAAAAA", "none": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."} {
		if a := b.open(with(none, "id_token_hint", text)); a.back().Get("error") != "invalid_request" {
			t.Errorf("%s as hint: %s", name, a.header.Get("Location"))
		}
	}
	if a := b.open(with(request("trusted"), "prompt", "none", "id_token_hint", hint)); a.back().Get("error") != "invalid_request" {
		t.Errorf("another client's hint: %s", a.header.Get("Location"))
	}
}

// No text of a stranger becomes markup or part of a header.
func TestThreatReflection(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	evil := `"><script>alert(1)</script><img src=x onerror=alert(1)>` + "\r\nX-Evil: 1"
	b := &browser{world: v}
	pages := []answer{
		b.open(with(request("app"), "client_id", evil)), b.open(with(request("app"), "redirect_uri", evil)), b.open(request("app")), b.open(with(request("app"), "state", strings.TrimSpace(`"><script>x</script>`))),
		b.open(with(request("app"), "scope", evil)), v.ask("GET", "/authorize?"+evil[:1]+url.QueryEscape(evil)), v.ask("GET", "/"+url.PathEscape(evil)), b.signIn(request("app")),
		b.post("/signin", with(fields(b.open(with(request("app"), "prompt", "login"))), "username", evil, "password", evil)),
		b.post("/signin", pairs("request", evil, "username", evil, "password", evil)), b.post("/consent", pairs("request", evil, "consent_token", evil, "decision", evil)),
	}
	for i, a := range pages {
		if strings.Contains(a.body, "<script") || strings.Contains(a.body, "<img") || strings.Contains(a.body, "<b>") || a.header.Get("X-Evil") != "" {
			t.Errorf("page %d: %v %s", i, a.header, a.body)
		}
	}
}

var pageHeaders = map[string]string{"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
	"Referrer-Policy": "no-referrer", "Strict-Transport-Security": "max-age=31536000"}

// Every page refuses frames, scripts, referrers and caches (RFC 9700 4.2.4, 4.16).
func TestThreatClickjacking(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	b := &browser{world: v}
	for name, a := range map[string]answer{"sign-in": b.open(request("app")), "refusal": b.open(with(request("app"), "client_id", "x")), "consent": b.signIn(request("app")),
		"wrong password": b.post("/signin", with(fields(b.open(with(request("app"), "prompt", "login"))), "username", "ann", "password", "wrong")),
		"foreign post":   b.post("/consent", url.Values{}, header("Origin", "https://evil.example"), func(r *http.Request) { r.Header.Del("Sec-Fetch-Site") })} {
		for h, want := range pageHeaders {
			if got := a.header.Get(h); got != want {
				t.Errorf("%s: %s is %q", name, h, got)
			}
		}
		csp := a.header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: policy %q", name, csp)
			}
		}
	}
}

// A redirect_uri cannot write into the policy: form-action has the page itself
// and one origin (Content Security Policy 3, 6.4).
func TestThreatPolicyInjection(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	for i, c := range []struct{ uri, action string }{
		{redirect, "https://app.example"},
		{"http://127.0.0.1:4711/cb", "http://127.0.0.1:4711"},
		{"com.example.app:/cb", "com.example.app:"},
		{"https://a;script-src.example/cb", ""},
		{"https://a,b.example/cb", ""},
		{"https://a'b.example/cb", ""},
		{"http://[::1]/cb", "http:"},
	} {
		id := "csp-" + string(rune('a'+i))
		uri := strings.Replace(c.uri, ":4711", "", 1)
		if a := v.admin("POST", "/admin/v1/clients", map[string]any{"client_id": id, "public": true, "grant_types": []string{"authorization_code"}, "redirect_uris": []string{uri}, "scopes": []string{"openid", "profile", "email", "read"}, "audiences": []string{"api"}}); a.status != 201 {
			continue // what cannot be registered cannot be shown either
		}
		a := v.authorize(with(request(id), "redirect_uri", c.uri))
		csp := a.header.Get("Content-Security-Policy")
		if want := strings.TrimSpace("form-action 'self' " + c.action); a.status != 200 || strings.TrimSpace(csp[strings.Index(csp, "form-action"):]) != want {
			t.Errorf("%s: %d %q", c.uri, a.status, csp)
		}
	}
}
