package server_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/logout"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// abroad stands for the clients that are told.
type abroad struct {
	mu     sync.Mutex
	sent   []string // address, media type, logout_token
	events []logout.Event
	status int // 0 means 200
	err    error
}

func (a *abroad) post(_ context.Context, address, mediaType string, body []byte) (int, error) {
	form, err := url.ParseQuery(string(body))
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sent = append(a.sent, address+" "+mediaType+" "+form.Get("logout_token"))
	if a.err != nil || err != nil || len(form) != 1 {
		return 0, a.err
	}
	if a.status != 0 {
		return a.status, nil
	}
	return 200, nil
}

func (a *abroad) observe(e logout.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.events = append(a.events, e)
}

// deliver runs a round and returns what was sent in it, by address.
func (v *world) deliver() map[string]string {
	v.Helper()
	v.abroad.mu.Lock()
	v.abroad.sent = nil
	v.abroad.mu.Unlock()
	v.ok(v.logouts.Deliver(v.Context()))
	out := map[string]string{}
	for _, s := range v.abroad.sent {
		parts := strings.Split(s, " ")
		if parts[1] != "application/x-www-form-urlencoded" || out[parts[0]] != "" {
			v.Errorf("%s, sent before: %v", s, out[parts[0]] != "")
		}
		out[parts[0]] = parts[2]
	}
	return out
}

// backchannel registers where the clients are told.
func (v *world) backchannel(ids ...string) {
	v.Helper()
	for _, id := range ids {
		c, err := v.clients.Get(v.Context(), id)
		v.ok(err)
		c.BackchannelLogoutURI, c.BackchannelLogoutSession = "https://"+id+".example/out?a=b", true
		_, err = v.clients.Update(v.Context(), root(), 0, c)
		v.ok(err)
	}
}

// notified verifies a logout token as its client does (Back-Channel Logout 2.6).
func (v *world) notified(id, text string) *jwt.LogoutToken {
	v.Helper()
	set, err := jwk.ParseSet([]byte(v.ask("GET", "/jwks").body), jwk.Options{PublicOnly: true})
	v.ok(err)
	verifier, err := jwt.NewLogoutTokenVerifier(set, jwt.LogoutTokenPolicy{Issuer: issuerURL, ClientID: id, Algorithms: []jwk.Algorithm{jwk.ES256}, MaxLifetime: 2 * time.Minute, SkipReplay: true, Clock: v.now})
	v.ok(err)
	got, err := verifier.Verify(v.Context(), text)
	v.ok(err)
	return got
}

// sso signs Ann in to several clients with one session, and returns its sid.
func (b *browser) sso(ids ...string) string {
	b.Helper()
	sid := ""
	for _, id := range ids {
		to := redirect
		if id == "other-app" {
			to = "https://other.example/cb"
		}
		a := b.want(b.token(with(redemption(id, b.allow(with(request(id), "redirect_uri", to)).back().Get("code")), "redirect_uri", to)), 200, "")
		sid = b.payload(a.text("id_token"))["sid"].(string)
	}
	return sid
}

// Whatever ends a session tells each client that got an ID token in it, and no other.
func TestBackchannelLogout(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(b *browser, sid string){
		"the person": func(b *browser, _ string) {
			page := b.leave(nil)
			b.post("/signout", with(fields(page), "decision", "allow"))
		},
		"an administrator": func(b *browser, sid string) { b.admin("DELETE", "/admin/v1/sessions/"+sid, nil) },
		"a new password": func(b *browser, _ string) {
			b.admin("PUT", "/admin/v1/users/"+b.ann.ID+"/password", map[string]any{"password": "another horse battery"})
		},
		"a revocation": func(b *browser, _ string) {
			b.admin("POST", "/admin/v1/revocations", map[string]any{"kind": "subject", "id": b.ann.ID})
		},
		"disabled": func(b *browser, _ string) { b.admin("POST", "/admin/v1/users/"+b.ann.ID+"/disable", nil) },
		"deleted":  func(b *browser, _ string) { b.admin("DELETE", "/admin/v1/users/"+b.ann.ID, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newWorld(t)
			v.backchannel("app", "other-app", "trusted")
			b := &browser{world: v}
			sid := b.sso("app", "other-app")
			v.want(b.token(redemption("trusted", b.open(with(request("trusted"), "scope", "read")).back().Get("code"))), 200, "")
			if got := v.deliver(); len(got) != 0 {
				t.Errorf("told before anything ended: %v", got)
			}
			end(b, sid)
			v.pass(time.Second)
			got := v.deliver()
			if len(got) != 2 {
				t.Fatalf("%d were told", len(got))
			}
			for _, id := range []string{"app", "other-app"} {
				n := v.notified(id, got["https://"+id+".example/out?a=b"])
				if n.Subject != v.ann.ID || n.SessionID != sid || n.ID == "" || strings.Contains(n.Payload, "nonce") {
					t.Errorf("%s", n.Payload)
				}
			}
			if again := v.deliver(); len(again) != 0 {
				t.Errorf("told again: %v", again)
			}
			list, err := v.store.AuditEntries(t.Context(), audit.Filter{Action: "logout.deliver"}, 0, 10)
			v.ok(err)
			if len(list) != 2 || list[0].Detail["session_id"] != sid || fmt.Sprint(v.abroad.events) != "[{app delivered } {other-app delivered }]" && fmt.Sprint(v.abroad.events) != "[{other-app delivered } {app delivered }]" {
				t.Errorf("%v %v", list, v.abroad.events)
			}
		})
	}
}

// A client that does not answer is told again, with growing pauses and a new token, for a
// day; what it is told of is not forgotten by a crash, for it is in the database.
func TestBackchannelRetries(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.backchannel("app")
	b := &browser{world: v}
	v.admin("DELETE", "/admin/v1/sessions/"+b.sso("app"), nil)
	seen, rounds := map[string]bool{}, 0
	for begun := v.now(); v.now().Sub(begun) < 25*time.Hour; v.pass(5 * time.Second) {
		switch rounds % 3 {
		case 0:
			v.abroad.status, v.abroad.err = 500, nil
		case 1:
			v.abroad.status, v.abroad.err = 307, nil
		default:
			v.abroad.err = reason.New(reason.AddressRefused, nil)
		}
		for _, text := range v.deliver() {
			id := v.notified("app", text).ID
			if seen[id] {
				t.Fatal("a token was sent twice: a client would refuse it")
			}
			seen[id], rounds = true, rounds+1
		}
	}
	if rounds < 25 || rounds > 35 {
		t.Errorf("%d attempts in a day", rounds)
	}
	last := v.abroad.events[len(v.abroad.events)-1]
	if last.Result != logout.Expired || v.abroad.events[0] != (logout.Event{ClientID: "app", Result: logout.Failed, Reason: reason.AddressUnreachable}) || len(v.abroad.events) != rounds {
		t.Errorf("%v", v.abroad.events)
	}
	list, err := v.store.AuditEntries(t.Context(), audit.Filter{Action: "logout.expire"}, 0, 10)
	v.ok(err)
	if len(list) != 1 || list[0].Detail["attempts"] != fmt.Sprint(rounds) || list[0].Target.ID != "app" {
		t.Errorf("%+v", list)
	}
	// 204 is taken as well as 200 (2.8).
	v.abroad.status, v.abroad.err = 204, nil
	c := &browser{world: v}
	v.admin("DELETE", "/admin/v1/sessions/"+c.sso("app"), nil)
	v.deliver()
	if last := v.abroad.events[len(v.abroad.events)-1]; last.Result != logout.Delivered {
		t.Errorf("%v", last)
	}
	// A client that wants it no longer is not asked.
	d := &browser{world: v}
	v.admin("DELETE", "/admin/v1/sessions/"+d.sso("app"), nil)
	app, err := v.clients.Get(t.Context(), "app")
	v.ok(err)
	app.BackchannelLogoutURI, app.BackchannelLogoutSession = "", false
	_, err = v.clients.Update(t.Context(), root(), 0, app)
	v.ok(err)
	if got := v.deliver(); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

// A session's clients are in the list of a person's sessions.
func TestSessionListNamesClients(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	sid := (&browser{world: v}).sso("app", "other-app")
	a := v.want(v.admin("GET", "/admin/v1/users/"+v.ann.ID+"/sessions", nil), 200, "")
	items, _ := a.json["items"].([]any)
	one, _ := items[0].(map[string]any)
	if len(items) != 1 || one["id"] != sid || fmt.Sprint(one["clients"]) != "[app other-app]" {
		t.Errorf("%s", a.body)
	}
}

// Where a client may have itself told: an https address that leads outside, and a page of
// an origin that it is known by.
func TestThreatLogoutAddresses(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	set := func(name, value string, more ...any) answer {
		in := map[string]any{"grant_types": []string{"authorization_code"}, "redirect_uris": []string{redirect, "com.example.app:/cb"}, "scopes": []string{"openid"}, "audiences": []string{"api"}, name: value}
		for i := 0; i+1 < len(more); i += 2 {
			in[more[i].(string)] = more[i+1]
		}
		return v.admin("PUT", "/admin/v1/clients/app", in)
	}
	for _, bad := range []string{"http://app.example/out", "https://127.0.0.1/", "https://169.254.169.254/latest", "https://[::ffff:10.0.0.1]/", "https://u:p@app.example/", "https://app.example/#x", "/out", "ftp://app.example/"} {
		if a := set("backchannel_logout_uri", bad); a.status != 400 || !strings.Contains(a.body, "backchannel_logout_uri") {
			t.Errorf("%s: %d %s", bad, a.status, a.body)
		}
	}
	for _, bad := range []string{"https://evil.example/out", "http://app.example/out", "https://app.example:8443/out", "https://app.example.evil/", "https://app.example@evil.example/", "javascript:alert(1)", "com.example.app:/out", "https://app.example/out?sid=1", "https://app.example/out?iss=x", "https://app.example/#x"} {
		if a := set("frontchannel_logout_uri", bad); a.status != 400 || !strings.Contains(a.body, "frontchannel_logout_uri") {
			t.Errorf("%s: %d %s", bad, a.status, a.body)
		}
	}
	v.want(set("name", "x", "backchannel_logout_session_required", true), 400, "request_invalid")
	v.want(set("backchannel_logout_uri", "https://app.example:8443/out?a=b", "frontchannel_logout_uri", "https://app.example/bye?a=b"), 200, "")
}

// OpenID Connect Front-Channel Logout 2, 3: the browser opens each client's page, with iss
// and sid, and nothing else may be framed; then it goes on.
func TestFrontchannelLogout(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	for id, uri := range map[string]string{"app": "https://app.example/bye?a=1&b=<x>", "other-app": "https://other.example/bye"} {
		c, err := v.clients.Get(t.Context(), id)
		v.ok(err)
		c.FrontchannelLogoutURI, c.PostLogoutRedirectURIs = uri, []string{signedOutURI}
		_, err = v.clients.Update(t.Context(), root(), 0, c)
		v.ok(err)
	}
	b := &browser{world: v}
	sid := b.sso("app", "other-app", "trusted")
	hint := v.want(v.token(redemption("app", b.open(request("app")).back().Get("code"))), 200, "").text("id_token")
	a := b.leave(pairs("id_token_hint", hint, "post_logout_redirect_uri", signedOutURI, "state", "x&y"))
	policy := a.header.Get("Content-Security-Policy")
	if a.status != 200 || !strings.Contains(policy, "; frame-src https://app.example https://other.example;") || !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("%d %q", a.status, policy)
	}
	for _, part := range []string{`<iframe src="https://app.example/bye?a=1&amp;b=%3cx%3e&amp;iss=https%3A%2F%2Fid.example&amp;sid=` + sid + `"`, `<iframe src="https://other.example/bye?iss=https%3A%2F%2Fid.example&amp;sid=` + sid + `"`,
		`<a href="https://app.example/bye?a=1&amp;b=2&amp;state=x%26y">`, `sandbox="allow-scripts allow-same-origin allow-forms"`} {
		if !strings.Contains(a.body, part) {
			t.Errorf("no %s in %s", part, a.body)
		}
	}
	if strings.Count(a.body, "<iframe") != 2 || a.header.Get("Referrer-Policy") != "no-referrer" || !strings.HasPrefix(a.header.Get("Set-Cookie"), "__Host-jotward=;") || len(v.revoked("session")) != 1 {
		t.Errorf("%v %s", a.header, a.body)
	}
	// Without a way on it says that it is done, and needs no script.
	c := &browser{world: v}
	c.sso("app")
	page := c.leave(nil)
	done := c.post("/signout", with(fields(page), "decision", "allow"))
	if done.status != 200 || strings.Count(done.body, "<iframe") != 1 || strings.Contains(done.body, "<script>") || strings.Contains(done.header.Get("Content-Security-Policy"), "script-src") {
		t.Errorf("%d %s %v", done.status, done.body, done.header)
	}
}

// Another person's sessions are nobody's business.
func TestBackchannelLogoutIsOfOnePerson(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.backchannel("app")
	(&browser{world: v}).sso("app")
	eve, err := v.accounts.Create(t.Context(), root(), account.New{Username: "eve", Password: password})
	v.ok(err)
	v.admin("POST", "/admin/v1/revocations", map[string]any{"kind": "subject", "id": eve.ID})
	v.admin("POST", "/admin/v1/users/"+eve.ID+"/disable", nil)
	if got := v.deliver(); len(got) != 0 {
		t.Errorf("%v", got)
	}
}
