package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// RFC 9700 4.11.2: by a request that is wrong on purpose, nobody makes of us a link to
// wherever a client that registered itself lives. The person is told, and goes or stays.
func TestThreatRegisteredRedirect(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	made := v.want(v.register("POST", "/register", v.invite(1), anApp("post_logout_redirect_uris", []string{signedOutURI})), 201, "")
	id := made.text("client_id")
	b := &browser{world: v}
	waits := func(name string, a answer, parts ...string) {
		t.Helper()
		if a.status >= 300 && a.status < 400 || a.header.Get("Location") != "" || strings.Contains(a.body, "<script") || strings.Contains(a.header.Get("Content-Security-Policy"), "script-src") {
			t.Errorf("%s: goes by itself: %d %v", name, a.status, a.header)
		}
		for _, part := range append(parts, "registered itself", "<code>https://app.example</code>", "<strong>Agent</strong>") {
			if !strings.Contains(a.body, part) {
				t.Errorf("%s: no %s in %s", name, part, a.body)
			}
		}
	}
	wrong := with(request(id), "scope", "admin")
	link := `<a href="https://app.example/cb?error=invalid_scope&amp;error_description=scope_invalid&amp;iss=https%3A%2F%2Fid.example&amp;state=st-1">Go back</a>`
	waits("a scope", b.open(wrong), link)
	waits("a prompt", b.open(with(request(id), "scope", "openid", "prompt", "none login")), "error=invalid_request")
	waits("no PKCE", b.open(with(request(id), "scope", "openid", "code_challenge", "")), "error=invalid_request")
	waits("in a form", b.open(with(wrong, "response_mode", "form_post")), `<form method="post" action="https://app.example/cb">`, `name="error" value="invalid_scope"`, "Go back</button>")
	waits("signed in", b.post("/signin", with(fields(b.open(with(request(id), "scope", "openid"))), "request", wrong.Encode(), "username", "ann", "password", password)), link)
	if a := b.open(with(wrong, "redirect_uri", "https://evil.example/cb")); a.status != 400 || strings.Contains(a.body, "evil.example") || strings.Contains(a.body, "Go back") {
		t.Errorf("an address that nobody registered: %d %s", a.status, a.body)
	}
	// No page is allowed, or the person said so: at once, as OpenID Connect Core 3.1.2.6 has it.
	if a := b.open(with(request(id), "scope", "openid", "prompt", "none")); a.status != http.StatusSeeOther || a.back().Get("error") != "login_required" {
		t.Errorf("%d %v", a.status, a.header)
	}
	asked := with(request(id), "scope", "openid read")
	if a := b.post("/consent", with(fields(b.signIn(asked)), "decision", "deny")); a.status != http.StatusSeeOther || a.back().Get("error") != "access_denied" {
		t.Errorf("%d %v", a.status, a.header)
	}
	// A client that an operator made is trusted with its address.
	if a := b.open(with(request("app"), "scope", "admin")); a.status != http.StatusSeeOther || a.back().Get("error") != "invalid_scope" {
		t.Errorf("%d %v", a.status, a.header)
	}

	// Signing out the same: at once where somebody was signed in.
	hint := v.want(v.token(redemption(id, b.allow(asked).back().Get("code"))), 200, "").text("id_token")
	out := pairs("id_token_hint", hint, "post_logout_redirect_uri", signedOutURI, "state", "s")
	if a := b.leave(out); a.header.Get("Location") != signedOutURI+"&state=s" {
		t.Errorf("%d %v", a.status, a.header)
	}
	for name, query := range map[string]url.Values{"a hint": out, "a name": pairs("client_id", id, "post_logout_redirect_uri", signedOutURI, "state", "s")} {
		waits(name, b.leave(query), `<a href="https://app.example/bye?a=1&amp;b=2&amp;state=s">Go back</a>`, "You are signed out")
	}
	if a := v.want(b.leave(pairs("client_id", id)), 200, ""); strings.Contains(a.body, "registered itself") {
		t.Errorf("%s", a.body)
	}
}
