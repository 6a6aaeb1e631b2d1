package server_test

import (
	"net/http"
	"strings"
	"testing"
)

// OAuth 2.0 Form Post Response Mode 2, 4: the answer stands in a form that posts itself
// to the client and nowhere else, under a policy that lets nothing else run.
func TestFormPost(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	b := &browser{world: v}
	query := with(request("app"), "response_mode", "form_post", "redirect_uri", "https://app.example/q?a=1&b=2", "state", `"><script>alert(1)</script>`)
	page := b.signIn(query)
	a := b.post("/consent", with(fields(page), "decision", "allow"))
	policy := a.header.Get("Content-Security-Policy")
	if a.status != http.StatusOK || a.header.Get("Location") != "" || a.header.Get("Cache-Control") != "no-store" || a.header.Get("Referrer-Policy") != "no-referrer" ||
		!strings.Contains(a.body, `<form method="post" action="https://app.example/q?a=1&amp;b=2">`) || strings.Count(a.body, "<script>") != 1 ||
		!strings.Contains(a.body, "<script>document.forms[0].submit()</script>") || !strings.HasSuffix(policy, "form-action 'self' https://app.example; script-src 'sha256-ePniVEkSivX/c7XWBGafqh8tSpiRrKiqYeqbG7N1TOE='") {
		t.Fatalf("%d %v %s", a.status, a.header, a.body)
	}
	back := a.back()
	if back.Get("state") != query.Get("state") || back.Get("iss") != issuerURL || len(back) != 3 {
		t.Errorf("%v", back)
	}
	v.want(v.token(with(redemption("app", back.Get("code")), "redirect_uri", "https://app.example/q?a=1&b=2")), 200, "")
	// Refusals go the same way, and nothing goes to whom it cannot be posted.
	no := b.open(with(query, "scope", "admin"))
	if back := no.back(); no.status != http.StatusOK || back.Get("error") != "invalid_scope" || !strings.Contains(no.body, `action="https://app.example/q?a=1&amp;b=2"`) {
		t.Errorf("%d %s", no.status, no.body)
	}
	private := b.open(with(query, "redirect_uri", "com.example.app:/cb"))
	if private.back().Get("error") != "invalid_request" || !strings.HasPrefix(private.header.Get("Location"), "com.example.app:/cb?") {
		t.Errorf("%d %v", private.status, private.header)
	}
	if a := b.open(with(query, "redirect_uri", "https://evil.example/cb")); a.status != http.StatusBadRequest || strings.Contains(a.body, "evil.example") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := b.leave(nil); a.status != http.StatusOK || strings.Contains(a.header.Get("Content-Security-Policy"), "script-src") {
		t.Error("scripts run on other pages")
	}
}
