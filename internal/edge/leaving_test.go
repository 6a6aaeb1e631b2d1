package edge

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/revoke"
)

// leave sends a request whose client is gone before it is decided, as one that
// resets its HTTP/2 stream at once is (CVE-2023-44487).
func (w *world) leave(token string) {
	w.t.Helper()
	ctx, gone := context.WithCancel(w.t.Context())
	gone()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/", nil)
	r.RemoteAddr = "127.0.0.1:1"
	r.Header.Set("Authorization", "Bearer "+token)
	w.edge.ServeHTTP(httptest.NewRecorder(), r)
	<-w.events
}

// Whoever leaves before the answer pays for a token that does not hold like
// whoever stays: the signature was looked at, or the issuer was asked.
func TestLeavingPays(t *testing.T) {
	t.Parallel()
	budget := func(_ *world, c *config.Edge) { c.InvalidTokens = config.Budget{Rate: "1/h", Burst: 5} }
	w := build(t, budget)
	if a := w.get("/api/", w.bearer(nil)); a.status != 200 { // the keys are there
		t.Fatal(a)
	}
	forger := newKey(t, "k1")
	for n := range 5 {
		w.leave(w.a.tokenBy(forger, "at+jwt", map[string]any{"jti": fmt.Sprint(n)}))
	}
	if a := w.get("/api/", w.bearer(map[string]any{"jti": "next"})); a.status != 429 {
		t.Error("forgeries:", a)
	}
	o := &oracle{status: 200, kind: "application/json", body: func(string) string { return `{"active":false}` }}
	w = build(t, asks(o), budget)
	for n := range 5 {
		w.leave(fmt.Sprint("reference", n))
	}
	if a := w.get("/api/", "Authorization: Bearer another\r\n"); a.status != 429 {
		t.Error("questions:", a)
	}
}

// A token that was taken back before it first came costs one signature, or one
// question, and not one each time: it holds, so no budget bounds it.
func TestRevokedTokenIsVerifiedOnce(t *testing.T) {
	t.Parallel()
	o := &oracle{}
	for name, c := range map[string]struct {
		w    *world
		auth func(*world) string
	}{
		"signed": {build(t), func(w *world) string { return w.bearer(nil) }},
		"opaque": {fed(t, o), func(*world) string { return auth(ref) }},
	} {
		if name == "signed" { // the keys are there: what began before them is not kept
			_ = c.w.get("/api/x", c.w.bearer(map[string]any{"jti": "first"}))
		}
		c.w.revoke(revoke.Entry{Kind: "token", ID: "j"})
		line := c.auth(c.w)
		for n := range 3 {
			if a := c.w.get("/api/x", line); a.code() != "token_revoked" || a.event.CacheHit != (n > 0) {
				t.Errorf("%s %d: %s, remembered: %v", name, n, a, a.event.CacheHit)
			}
		}
		c.w.revoke(revoke.Entry{Kind: "grant", ID: "another"})
		if a := c.w.get("/api/x", line); a.code() != "token_revoked" {
			t.Errorf("%s, in another epoch: %s", name, a)
		}
	}
	if n := o.asked.Load(); n != 1 {
		t.Error("the issuer was asked", n, "times")
	}
}
