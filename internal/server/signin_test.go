package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// tamper returns a page's form after a sign-in page of a request.
func (b *browser) signInForm(username, pass string) url.Values {
	return with(fields(b.open(with(request("app"), "prompt", "login"))), "username", username, "password", pass)
}

// Who is there cannot be told from an answer: page, status and headers are the
// same for a wrong password, an unknown name and a disabled account. The work
// is counted in authn's own test.
func TestThreatEnumeration(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.want(v.admin("POST", "/admin/v1/users", map[string]any{"username": "bob", "password": password}), 201, "")
	v.disable("bob")
	b := &browser{world: v}
	try := func(name, pass string) (int, string, string) {
		a := b.post("/signin", b.signInForm(name, pass))
		if len(a.header["Set-Cookie"]) > 0 {
			t.Errorf("%s: a cookie", name)
		}
		a.header.Del("X-Request-Id")
		var all strings.Builder
		if err := a.header.Write(&all); err != nil {
			t.Fatal(err)
		}
		return a.status, strings.ReplaceAll(a.body, `value="`+strings.ReplaceAll(name, "\x00", "\uFFFD")+`"`, "NAME"), all.String()
	}
	status, page, headers := try("ann", "wrong password")
	if status != http.StatusUnauthorized || strings.Contains(page, "wrong password") {
		t.Fatalf("%d %s", status, page)
	}
	for name, pass := range map[string]string{"nobody": "wrong password", "bob": password, "b0b": password, "an\u0301n": password, "ann ": password, "ann\x00": password} {
		if s, p, h := try(name, pass); s != status || p != page || h != headers {
			t.Errorf("%q: %d %s\n%s", name, s, p, h)
		}
	}
	for _, pass := range []string{"", strings.Repeat("x", 1025), "wrong\x00", password + " ", " " + password, "CORRECT HORSE BATTERY"} {
		if s, p, h := try("nobody", pass); s != status || p != page || h != headers {
			t.Errorf("password %q: %d", pass, s)
		}
	}
}

// user returns the id of a name.
func (v *world) user(username string) string {
	v.Helper()
	for _, item := range v.want(v.admin("GET", "/admin/v1/users", nil), 200, "").json["items"].([]any) {
		if u := item.(map[string]any); u["username"] == username {
			return u["id"].(string)
		}
	}
	v.Fatalf("no user %s", username)
	return ""
}

func (v *world) disable(username string) {
	v.Helper()
	v.want(v.admin("POST", "/admin/v1/users/"+v.user(username)+"/disable", nil), 204, "")
}

// Guessing is slowed per name, known or not, and the page says for how long.
func TestThreatSpraying(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ann", "nobody"} {
		v := newWorld(t)
		b := &browser{world: v}
		values := b.signInForm(name, "wrong password")
		var last answer
		for range 11 {
			last = b.post("/signin", values)
		}
		if last.status != http.StatusTooManyRequests || last.header.Get("Retry-After") != "30" {
			t.Errorf("%s: %d, Retry-After %q", name, last.status, last.header.Get("Retry-After"))
		}
		// The right password does not pass a throttle either, until the time is over.
		if a := b.post("/signin", with(values, "username", name, "password", password)); a.status != http.StatusTooManyRequests {
			t.Errorf("%s: the right password passed: %d", name, a.status)
		}
		v.pass(31 * time.Second)
		want := map[string]int{"ann": 303, "nobody": 401}[name]
		if a := b.post("/signin", with(values, "password", password)); a.status != want {
			t.Errorf("%s: after the wait %d", name, a.status)
		}
	}
}

// The cookie is out of scripts' and siblings' reach, bound to https, and new at
// every sign-in: one that was planted gains nothing.
func TestThreatSessionFixation(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	b := &browser{world: v, cookie: "planted-by-a-stranger"}
	seen := map[string]bool{b.cookie: true}
	for range 3 {
		a := b.post("/signin", b.signInForm("ann", password))
		set := a.header["Set-Cookie"]
		if a.status != http.StatusSeeOther || len(set) != 1 || seen[b.cookie] {
			t.Fatalf("%d %v", a.status, set)
		}
		for _, want := range []string{"__Host-jotward=", "; Path=/", "; HttpOnly", "; Secure", "; SameSite=Lax"} {
			if !strings.Contains(set[0], want) {
				t.Errorf("cookie %q lacks %q", set[0], want)
			}
		}
		if strings.Contains(set[0], "Domain") {
			t.Errorf("cookie %q has a domain", set[0])
		}
		seen[b.cookie] = true
	}
	planted := &browser{world: v, cookie: "planted-by-a-stranger"}
	if a := planted.open(request("app")); !strings.Contains(a.body, `name="password"`) {
		t.Error("the planted cookie signs in")
	}
	if a := v.authorize(request("app"), header("Cookie", "jotward="+b.cookie)); !strings.Contains(a.body, `name="password"`) {
		t.Error("the cookie is taken without its __Host- prefix")
	}
}

// A page of another origin can post neither form, and a form of one's own
// belongs to one session and one request (RFC 9700 4.16).
func TestThreatCrossSiteRequestForgery(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	b := &browser{world: v}
	consent := fields(b.signIn(request("app")))
	signIn := b.signInForm("ann", password)
	plain := func(r *http.Request) { r.Header.Del("Sec-Fetch-Site") }
	for name, from := range map[string][]func(*http.Request){
		"cross-site": {plain, header("Sec-Fetch-Site", "cross-site")}, "same-site": {plain, header("Sec-Fetch-Site", "same-site")},
		"origin": {plain, header("Origin", "https://evil.example")}, "null": {plain, header("Origin", "null")}, "other port": {plain, header("Origin", "https://id.example:8443")},
		"other host": {plain, header("Origin", "https://id.example"), func(r *http.Request) { r.Host = "evil.example" }},
	} {
		for path, values := range map[string]url.Values{"/signin": signIn, "/consent": with(consent, "decision", "allow")} {
			a := (&browser{world: v, cookie: b.cookie}).post(path, values, from...)
			if a.status != http.StatusForbidden || len(a.header["Set-Cookie"]) > 0 || a.header.Get("Location") != "" || !strings.Contains(a.body, "cross_origin") {
				t.Errorf("%s %s: %d %s", name, path, a.status, a.body)
			}
		}
	}
	eve := &browser{world: v}
	eve.signIn(request("app"))
	other := fields(b.open(with(request("app"), "scope", "openid write")))
	for name, values := range map[string]url.Values{
		"no token": with(consent, "consent_token", ""), "another request": with(consent, "request", other.Get("request")), "another page": with(consent, "consent_token", other.Get("consent_token")),
		"widened":        with(consent, "request", with(parse(consent.Get("request")), "scope", "openid profile email read write").Encode()),
		"another client": with(consent, "request", with(parse(consent.Get("request")), "client_id", "trusted").Encode()),
	} {
		if a := b.post("/consent", with(values, "decision", "allow")); a.status != 400 || a.header.Get("Location") != "" {
			t.Errorf("%s: %d %s", name, a.status, a.header.Get("Location"))
		}
	}
	if a := eve.post("/consent", with(consent, "decision", "allow")); a.status != 400 || a.header.Get("Location") != "" {
		t.Errorf("another session: %d %s", a.status, a.header.Get("Location"))
	}
	if a := (&browser{world: v}).post("/consent", with(consent, "decision", "allow")); a.status != 200 || !strings.Contains(a.body, `name="password"`) {
		t.Errorf("no session: %d", a.status)
	}
	// Whatever is not "allow" declines, and leaves no consent behind.
	for _, decision := range []string{"deny", "", "ALLOW"} {
		if a := b.post("/consent", with(consent, "decision", decision)); a.back().Get("error") != "access_denied" || a.back().Get("iss") != issuerURL || a.back().Has("code") {
			t.Errorf("decision %q: %d %s", decision, a.status, a.header.Get("Location"))
		}
	}
	if a := b.post("/consent", with(consent, "decision", "allow")); a.back().Get("code") == "" {
		t.Errorf("the honest answer: %d %s", a.status, a.body)
	}
}

func parse(text string) url.Values {
	values, err := url.ParseQuery(text)
	if err != nil {
		return nil
	}
	return values
}

// After a form the browser is sent on with 303, which never posts again: a 307
// would hand the password to the client (RFC 9700 4.12).
func TestThreatRedirectOfCredentials(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	b := &browser{world: v}
	if a := b.post("/signin", b.signInForm("ann", password)); a.status != http.StatusSeeOther || strings.Contains(a.header.Get("Location"), "password") {
		t.Errorf("sign-in: %d %s", a.status, a.header.Get("Location"))
	}
	if a := b.post("/consent", with(fields(b.open(request("app"))), "decision", "allow")); a.status != http.StatusSeeOther || a.back().Get("code") == "" {
		t.Errorf("consent: %d %s", a.status, a.header.Get("Location"))
	}
	if a := b.open(request("app")); a.status != http.StatusSeeOther {
		t.Errorf("authorize: %d", a.status)
	}
	for _, path := range []string{"//signin", "/x/../signin", "/signin/", "/./signin", "//evil.example/signin"} {
		if a := b.post(path, b.signInForm("ann", password)); a.status != 404 || a.header.Get("Location") != "" {
			t.Errorf("%s: %d %s", path, a.status, a.header.Get("Location"))
		}
	}
}

// A person or a client that is shut while a sign-in is under way gets nothing
// at the next step.
func TestDisabledAtEveryStep(t *testing.T) {
	t.Parallel()
	shut := map[string]func(*world){
		"account": func(v *world) { v.disable("ann") },
		"client": func(v *world) {
			v.want(v.admin("POST", "/admin/v1/clients/app/disable", nil), 204, "")
		},
		"deleted client": func(v *world) { v.want(v.admin("DELETE", "/admin/v1/clients/app", nil), 204, "") },
		"deleted person": func(v *world) { v.want(v.admin("DELETE", "/admin/v1/users/"+v.ann.ID, nil), 204, "") },
	}
	for name, act := range shut {
		person := strings.Contains(name, "person") || name == "account"
		t.Run(name+"/before the password", func(t *testing.T) {
			t.Parallel()
			v := newWorld(t)
			b := &browser{world: v}
			values := b.signInForm("ann", password)
			act(v)
			if a := b.post("/signin", values); a.status != map[bool]int{true: 401, false: 400}[person] || b.cookie != "" {
				t.Errorf("%d %q", a.status, b.cookie)
			}
		})
		t.Run(name+"/before the consent", func(t *testing.T) {
			t.Parallel()
			v := newWorld(t)
			b := &browser{world: v}
			page := b.signIn(request("app"))
			act(v)
			a := b.post("/consent", with(fields(page), "decision", "allow"))
			if a.header.Get("Location") != "" || person && !strings.Contains(a.body, `name="password"`) || !person && a.status != 400 {
				t.Errorf("%d %s", a.status, a.header.Get("Location"))
			}
		})
		t.Run(name+"/before the code is redeemed", func(t *testing.T) {
			t.Parallel()
			v := newWorld(t)
			code := v.code("app")
			act(v)
			a := v.token(redemption("app", code))
			if want := map[bool]string{true: "invalid_grant", false: "invalid_client"}[person]; a.text("error") != want || a.text("access_token") != "" {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
		t.Run(name+"/before the refresh", func(t *testing.T) {
			t.Parallel()
			v := newWorld(t)
			first := v.tokens()
			act(v)
			a := v.token(refresh("app", first.text("refresh_token")))
			if want := map[bool]string{true: "invalid_grant", false: "invalid_client"}[person]; a.text("error") != want {
				t.Errorf("%d %s", a.status, a.body)
			}
			if a := v.ask("POST", "/introspect", form(pairs("token", first.text("access_token"))), v.as("service")); a.json["active"] != false {
				t.Errorf("still active: %s", a.body)
			}
		})
	}
}

// No secret, and no line of a stranger's own, reaches the log.
func TestThreatLogs(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	b := &browser{world: v}
	forged := "x\n{\"level\":\"INFO\",\"msg\":\"forged\"}"
	b.post("/signin", b.signInForm(forged, "a-wrong-password-0815"))
	b.post("/signin", b.signInForm("ann", "a-wrong-password-0815"))
	b.open(with(request("app"), "client_id", forged))
	b.open(with(request("app"), "state", forged))
	code := b.allow(request("app")).back().Get("code")
	v.token(with(redemption("app", code), "code_verifier", strings.Repeat("w", 50)))
	first := v.want(v.token(redemption("app", code)), 200, "")
	second := v.want(v.token(refresh("app", first.text("refresh_token"))), 200, "")
	v.token(redemption("app", code))
	v.token(pairs("grant_type", forged), v.as("service"))
	v.token(pairs("grant_type", "client_credentials"), basic(forged, "a-wrong-secret-0815"))
	v.ask("POST", "/introspect", form(pairs("token", second.text("access_token"))), v.as("service"))
	v.ask("POST", "/revoke", form(pairs("token", second.text("refresh_token"), "client_id", "app")))
	v.ask("GET", "/feed", basic("edge", "a-wrong-secret-0815"))
	v.admin("POST", "/admin/v1/users", map[string]any{"username": "x", "password": "short"})
	v.admin("PUT", "/admin/v1/users/"+v.ann.ID+"/password", map[string]any{"password": 4711471147})
	made := v.admin("POST", "/admin/v1/clients", map[string]any{"client_id": "new", "scopes": []string{"read"}})
	log := v.log.String()
	for name, secret := range map[string]string{"password": password, "wrong password": "a-wrong-password-0815", "code": code, "verifier": verifier, "access token": first.text("access_token"), "refresh token": first.text("refresh_token"),
		"successor": second.text("refresh_token"), "ID token": first.text("id_token"), "client secret": v.secrets["service"], "wrong secret": "a-wrong-secret-0815", "new secret": made.text("client_secret"), "cookie": b.cookie, "admin token": adminToken, "number": "4711471147", "state": "st-1", "nonce": "no-1"} {
		if secret == "" || strings.Contains(log, secret) {
			t.Errorf("%s (%d bytes) is in the log", name, len(secret))
		}
	}
	// What the operator needs is there: whose request it was, and why it was refused.
	for _, want := range []string{`"client_id":"app"`, `"client_id":"service"`, "another secret than that of client edge", "no client has this id"} {
		if !strings.Contains(log, want) {
			t.Errorf("%s is not in the log", want)
		}
	}
	for _, line := range strings.Split(strings.TrimSpace(log), "\n") {
		if !strings.HasPrefix(line, `{"time":`) || strings.Contains(line, `"msg":"forged"`) {
			t.Errorf("forged line: %s", line)
		}
	}
}
