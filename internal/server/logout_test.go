package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

const signedOutURI = "https://app.example/bye?a=1&b=2"

// leave opens /logout as the browser.
func (b *browser) leave(query url.Values) answer {
	return b.ask("GET", "/logout?"+query.Encode(), b.keep)
}

// withLogout lets the public app send people on after they signed out.
func (v *world) withLogout() {
	v.Helper()
	settings := map[string]any{"grant_types": []string{"authorization_code", "refresh_token"}, "redirect_uris": []string{redirect}, "audiences": []string{"api"},
		"scopes": []string{"openid", "profile", "email", "read"}, "post_logout_redirect_uris": []string{signedOutURI}}
	v.want(v.admin("PUT", "/admin/v1/clients/app", settings), 200, "")
}

// OpenID Connect RP-Initiated Logout 2, 3: a hint of the session ends it, with all that
// it allowed, and the browser goes where the client has registered.
func TestLogout(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.withLogout()
	b := &browser{world: v}
	got := v.want(v.token(redemption("app", b.allow(request("app")).back().Get("code"))), 200, "")
	v.pass(30 * time.Minute) // a hint may have expired
	a := b.leave(pairs("id_token_hint", got.text("id_token"), "post_logout_redirect_uri", signedOutURI, "state", "x&y"))
	if a.status != http.StatusSeeOther || a.header.Get("Location") != signedOutURI+"&state=x%26y" {
		t.Fatalf("%d %v %s", a.status, a.header, a.body)
	}
	if c := a.header.Get("Set-Cookie"); !strings.HasPrefix(c, "__Host-jotward=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax") {
		t.Errorf("the cookie stays: %s", c)
	}
	if ids := v.revoked("session"); len(ids) != 1 {
		t.Errorf("revoked sessions: %v", ids)
	}
	v.want(v.token(refresh("app", got.text("refresh_token"))), 400, "refresh_invalid")
	if page := b.open(request("app")); !strings.Contains(page.body, `name="password"`) {
		t.Error("the cookie still signs in")
	}
	// Nobody is signed in any more: done at once, also without a place to go.
	if a := b.leave(pairs("client_id", "app", "post_logout_redirect_uri", signedOutURI)); a.header.Get("Location") != signedOutURI {
		t.Errorf("%d %v", a.status, a.header)
	}
	if a := b.leave(nil); a.status != 200 || !strings.Contains(a.body, "You are signed out") {
		t.Errorf("%d %s", a.status, a.body)
	}
	// POST goes on to GET, which sees the cookie.
	if a := v.ask("POST", "/logout", form(pairs("client_id", "app")), header("Origin", "https://app.example")); a.header.Get("Location") != "/logout?client_id=app" {
		t.Errorf("%d %v", a.status, a.header)
	}
}

// A second sign-in in the same browser is the same session: signing out ends what was opened
// before it too. Another person's is another, and so is one without the cookie.
func TestThreatSecondSignIn(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	b := &browser{world: v}
	first := v.want(v.token(redemption("app", b.allow(request("app")).back().Get("code"))), 200, "")
	before := b.cookie
	v.pass(time.Minute)
	again := with(request("app"), "prompt", "login")
	second := v.want(v.token(redemption("app", b.signIn(again).back().Get("code"))), 200, "")
	one, two := v.payload(first.text("id_token")), v.payload(second.text("id_token"))
	if one["sid"] != two["sid"] || two["auth_time"].(float64) != one["auth_time"].(float64)+60 || b.cookie == before {
		t.Errorf("%v %v", one, two)
	}
	old := &browser{world: v, cookie: before}
	if page := old.open(request("app")); !strings.Contains(page.body, `name="password"`) {
		t.Error("the cookie of before opens still")
	}
	other := old.signIn(request("app"))
	if got := v.payload(v.want(v.token(redemption("app", other.back().Get("code"))), 200, "").text("id_token")); got["sid"] == one["sid"] {
		t.Error("a cookie that is no more found its session")
	}
	b.leave(pairs("id_token_hint", second.text("id_token")))
	v.want(v.token(refresh("app", first.text("refresh_token"))), 400, "refresh_invalid")
	// Another person in the browser is somebody else.
	eve, _ := v.eve()
	shared := &browser{world: v, cookie: eve.cookie}
	mine := v.want(v.token(redemption("app", shared.signIn(again).back().Get("code"))), 200, "")
	if page := eve.open(request("app")); mine.text("id_token") == "" || strings.Contains(page.body, `name="password"`) {
		t.Error("her session went on as another person's")
	}
}

// Without a hint of the session the person is asked, and the answer counts for that
// page alone.
func TestLogoutIsAsked(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.withLogout()
	b, other := &browser{world: v}, &browser{world: v}
	b.allow(request("app"))
	hint := v.want(v.token(redemption("app", other.allow(request("app")).back().Get("code"))), 200, "").text("id_token")
	for _, query := range []url.Values{nil, pairs("client_id", "app"), pairs("id_token_hint", hint)} {
		page := b.leave(query)
		if page.status != 200 || !strings.Contains(page.body, "Stay signed in") || !strings.Contains(page.body, "<strong>ann</strong>") {
			t.Fatalf("%v: %d %s", query, page.status, page.body)
		}
	}
	page := b.leave(pairs("client_id", "app", "post_logout_redirect_uri", signedOutURI))
	if a := b.post("/signout", with(fields(page), "decision", "deny")); a.status != 200 || !strings.Contains(a.body, "You stay signed in") {
		t.Errorf("declined: %d %s", a.status, a.body)
	}
	for name, values := range map[string]url.Values{"no token": with(fields(page), "consent_token", ""), "another's": with(fields(page), "consent_token", fields(other.leave(nil)).Get("consent_token")),
		"another page's": with(fields(page), "request", "client_id=app")} {
		v.want(b.post("/signout", with(values, "decision", "allow")), 400, "")
		if len(v.revoked("session")) > 0 {
			t.Fatalf("%s: the session has ended", name)
		}
	}
	v.want(v.ask("POST", "/signout", form(with(fields(page), "decision", "allow")), b.keep, header("Sec-Fetch-Site", "cross-site")), 403, "")
	if a := b.post("/signout", with(fields(page), "decision", "allow")); a.header.Get("Location") != signedOutURI {
		t.Errorf("%d %v", a.status, a.header)
	}
	if len(v.revoked("session")) != 1 {
		t.Error("the session lives")
	}
}

// Nobody is sent where no client has registered (RFC 9700 4.11.2).
func TestThreatLogoutRedirect(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.withLogout()
	b := &browser{world: v}
	got := v.want(v.token(redemption("app", b.allow(request("app")).back().Get("code"))), 200, "")
	hint := got.text("id_token")
	for name, query := range map[string]url.Values{
		"elsewhere":           pairs("id_token_hint", hint, "post_logout_redirect_uri", "https://evil.example"),
		"a redirect_uri":      pairs("id_token_hint", hint, "post_logout_redirect_uri", redirect),
		"more of it":          pairs("id_token_hint", hint, "post_logout_redirect_uri", signedOutURI+"&c=3"),
		"no client":           pairs("post_logout_redirect_uri", signedOutURI),
		"an unknown client":   pairs("client_id", "none", "post_logout_redirect_uri", signedOutURI),
		"another client":      pairs("client_id", "other-app", "post_logout_redirect_uri", signedOutURI),
		"another than hinted": pairs("client_id", "other-app", "id_token_hint", hint),
		"an access token":     pairs("id_token_hint", got.text("access_token"), "post_logout_redirect_uri", signedOutURI),
		"a bent hint":         pairs("id_token_hint", hint[:len(hint)-8]+"AAAAAAAA", "post_logout_redirect_uri", signedOutURI),
		"a bent hint alone":   pairs("id_token_hint", hint[:len(hint)-8]+"AAAAAAAA"),
		"a parameter twice":   {"client_id": {"app", "app"}},
		"two places":          {"client_id": {"app"}, "post_logout_redirect_uri": {signedOutURI, "https://evil.example"}},
		"a state twice":       {"client_id": {"app"}, "state": {"a", "b"}},
	} {
		if a := b.leave(query); a.status != 400 || a.header.Get("Location") != "" || a.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %v", name, a.status, a.header)
		}
	}
	if len(v.revoked("session")) > 0 {
		t.Error("a refused request ended the session")
	}
}
