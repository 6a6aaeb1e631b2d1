package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/session"
)

const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

// mine opens /sessions as the browser.
func (b *browser) mine() answer { b.Helper(); return b.ask("GET", "/sessions", b.keep) }

// arrive signs Ann in at that page, with a User-Agent.
func (b *browser) arrive(agent string) {
	b.Helper()
	page := b.want(b.mine(), 200, "")
	if !strings.Contains(page.body, "to see where you are signed in") {
		b.Fatalf("no sign-in page: %s", page.body)
	}
	if a := b.post("/sessions/signin", with(fields(page), "username", "ann", "password", password), header("User-Agent", agent)); a.header.Get("Location") != "/sessions" {
		b.Fatalf("%d %s", a.status, a.body)
	}
}

// annsSessions are the ids of Ann's sessions that go on.
func (v *world) annsSessions() (ids []string) {
	v.Helper()
	list, err := v.issuer.Authorize.Sessions.Open(v.Context(), v.ann.ID)
	v.ok(err)
	for _, s := range list {
		ids = append(ids, s.ID)
	}
	return ids
}

// A person sees where they are signed in, by which applications, and since when; and ends
// one session, or all others, with all that they allowed.
func TestOwnSessions(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	phone, laptop, here := &browser{world: v}, &browser{world: v}, &browser{world: v}
	got := v.want(v.token(redemption("app", phone.allow(request("app")).back().Get("code"))), 200, "")
	v.pass(time.Minute)
	laptop.arrive("curl/8")
	v.pass(time.Minute)
	here.arrive(firefox)
	v.want(v.token(refresh("app", got.text("refresh_token"))), 200, "")
	page := v.want(here.mine(), 200, "")
	for _, want := range []string{"<strong>ann</strong>", "Firefox on Linux</strong> · this browser", "A browser that we do not know", "192.0.2.0/24", "End all others", "<dd>App &lt;script", "<dd>none</dd>",
		v.now().UTC().Format("2 January 2006, 15:04 UTC")} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page lacks %q: %s", want, page.body)
		}
	}
	if strings.Contains(page.body, "192.0.2.1") || strings.Count(page.body, "End this session") != 2 {
		t.Errorf("%s", page.body)
	}
	ids := v.annsSessions() // newest first
	if len(ids) != 3 {
		t.Fatalf("%v", ids)
	}
	list := v.want(v.admin("GET", "/admin/v1/users/"+v.ann.ID+"/sessions", nil), 200, "") // an operator sees the same
	if strings.Count(list.body, `"network":"192.0.2.0/24"`) != 3 || strings.Count(list.body, `"browser":"Firefox on Linux"`) != 1 {
		t.Errorf("%s", list.body)
	}
	if a := here.post("/sessions", with(fields(page), "end", ids[2])); a.status != http.StatusSeeOther || a.header.Get("Location") != "/sessions" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if gone := v.revoked("session"); len(gone) != 1 || gone[0] != ids[2] {
		t.Errorf("revoked: %v, want %s", gone, ids[2])
	}
	if !strings.Contains(phone.mine().body, `name="password"`) || strings.Contains(laptop.mine().body, `name="password"`) {
		t.Error("another session has ended than the one that was named")
	}
	v.want(here.post("/sessions", with(fields(page), "end", "others")), 303, "")
	if left := v.annsSessions(); len(left) != 1 || left[0] != ids[0] || !strings.Contains(laptop.mine().body, `name="password"`) {
		t.Errorf("left: %v", left)
	}
	if last := v.want(here.mine(), 200, ""); strings.Contains(last.body, "End ") {
		t.Errorf("there is nothing more to end: %s", last.body)
	}
}

// Many more sessions than the page has room for end at once.
func TestOwnSessionsOthersAreAll(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	old, here := &browser{world: v}, &browser{world: v}
	old.arrive("")
	here.arrive("")
	for range 110 {
		v.sessionOf(v.ann.ID)
	}
	v.want(here.post("/sessions", pairs("consent_token", fields(here.mine()).Get("consent_token"), "end", "others")), 303, "")
	if left := v.annsSessions(); len(left) != 1 {
		t.Errorf("%d are left", len(left))
	}
}

// Nobody ends the session of somebody else, nor has a person's browser end any.
func TestThreatOwnSessions(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	here, other := &browser{world: v}, &browser{world: v}
	here.arrive(`"><script>alert(1)</script>Firefox/1`)
	other.arrive(firefox)
	eve, _ := v.eve()
	page := v.want(here.mine(), 200, "")
	if strings.Contains(page.body, "script") {
		t.Errorf("%s", page.body)
	}
	ids := v.annsSessions()
	form1 := with(fields(page), "end", ids[0])
	for name, values := range map[string]url.Values{"no token": with(form1, "consent_token", ""), "another session's": with(form1, "consent_token", fields(other.mine()).Get("consent_token")),
		"of another page": with(form1, "consent_token", fields(here.leave(nil)).Get("consent_token"))} {
		if v.want(here.post("/sessions", values), 400, ""); len(v.revoked("session")) > 0 {
			t.Fatalf("%s: a session has ended", name)
		}
	}
	v.want(v.ask("POST", "/sessions", form(form1), here.keep, header("Sec-Fetch-Site", "cross-site")), 403, "")
	v.want(v.ask("POST", "/sessions/signin", form(pairs("username", "ann", "password", password)), header("Origin", "https://evil.example")), 403, "")
	v.want(eve.post("/sessions", pairs("consent_token", fields(eve.mine()).Get("consent_token"), "end", ids[0])), 303, "")
	v.want(eve.post("/sessions", pairs("consent_token", fields(eve.mine()).Get("consent_token"), "end", "ses_none")), 303, "")
	v.want(eve.post("/sessions", pairs("consent_token", fields(eve.mine()).Get("consent_token"), "end", "others")), 303, "")
	if a := v.ask("POST", "/sessions", form(form1), header("Sec-Fetch-Site", "same-origin")); a.status != 200 || !strings.Contains(a.body, `name="password"`) {
		t.Errorf("without a cookie: %d %s", a.status, a.body)
	}
	if len(v.revoked("session")) != 0 || len(v.annsSessions()) != 2 {
		t.Error("a session has ended")
	}
	a := here.post("/sessions/signin", pairs("username", "ann", "password", "wrong"))
	if a.status != 401 || !strings.Contains(a.body, "Name or password is wrong") {
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, a := range []answer{page, a} {
		if a.header.Get("Cache-Control") != "no-store" || !strings.Contains(a.header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%v", a.header)
		}
	}
}

// sessionOf is another sign-in of a person, of a browser that is not here.
func (v *world) sessionOf(id string) {
	v.Helper()
	_, _, err := v.issuer.Authorize.Sessions.Start(v.Context(), root(), session.Verified{Subject: id, Version: v.ann.Version})
	v.ok(err)
}
