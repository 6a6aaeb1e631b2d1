package sqlite_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/reason"
)

// The rows of the threat list that the domain answers, as stories.

// claims reads a token of our own without checking it: the test asks what it says.
func claims(t testing.TB, token string) map[string]any {
	t.Helper()
	out := map[string]any{}
	parts := strings.Split(token, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[len(parts)/2])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(payload, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// Code injection, PKCE downgrade (RFC 9700 2.1.1, 4.5, 4.8): a code is good for
// its client, its redirect_uri and its verifier, for a minute, once.
func TestThreatCodeInjection(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	other, _ := h.newClient("other", true)
	code := h.code("openid read")
	for name, row := range map[string]struct {
		change func(*grant.Request)
		want   reason.Code
	}{
		"another client":    {func(r *grant.Request) { r.Client = other }, reason.CodeInvalid},
		"another redirect":  {func(r *grant.Request) { r.RedirectURI = "http://127.0.0.1:10/cb" }, reason.RedirectMismatch},
		"no redirect":       {func(r *grant.Request) { r.RedirectURI = "" }, reason.RedirectMismatch},
		"no verifier":       {func(r *grant.Request) { r.CodeVerifier = "" }, reason.CodeVerifierMismatch},
		"another verifier":  {func(r *grant.Request) { r.CodeVerifier = strings.Repeat("x", 43) }, reason.CodeVerifierMismatch},
		"its challenge":     {func(r *grant.Request) { r.CodeVerifier = request("app", "").CodeChallenge }, reason.CodeVerifierMismatch},
		"another code":      {func(r *grant.Request) { r.Code += "x" }, reason.CodeInvalid},
		"another resource":  {func(r *grant.Request) { r.Resources = []string{"https://evil"} }, reason.AudienceInvalid},
		"a disabled client": {func(r *grant.Request) { r.Client.Disabled = true }, reason.ClientInvalid},
	} {
		r := h.redemption(code)
		row.change(&r)
		if out, err := h.grants.Run(t.Context(), r); !is(err, row.want) || out != (grant.Response{}) {
			t.Errorf("%s: %v, want %s", name, err, row.want)
		}
	}
	// None of these attempts cost the rightful client its code.
	r := h.redemption(code)
	r.Resources = []string{"https://api"}
	out, err := h.grants.Run(t.Context(), r)
	h.ok(err)
	if aud := claims(t, out.AccessToken)["aud"]; aud != "https://api" {
		t.Errorf("aud is %v", aud)
	}
	late := h.code("read")
	h.pass(time.Minute)
	_, err = h.grants.Run(t.Context(), h.redemption(late))
	h.want(err, reason.CodeInvalid)
}

func TestThreatPKCEDowngrade(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	good := request("app", "read")
	for name, change := range map[string]func(*grant.AuthRequest){
		"none":       func(r *grant.AuthRequest) { r.CodeChallenge, r.CodeChallengeMethod = "", "" },
		"plain":      func(r *grant.AuthRequest) { r.CodeChallenge, r.CodeChallengeMethod = verifier, "plain" },
		"no method":  func(r *grant.AuthRequest) { r.CodeChallengeMethod = "" },
		"short":      func(r *grant.AuthRequest) { r.CodeChallenge = good.CodeChallenge[:42] },
		"line break": func(r *grant.AuthRequest) { r.CodeChallenge = good.CodeChallenge + "\n" },
		"trailing":   func(r *grant.AuthRequest) { r.CodeChallenge = good.CodeChallenge[:42] + "N" },
		"padded":     func(r *grant.AuthRequest) { r.CodeChallenge += "=" },
	} {
		r := good
		change(&r)
		if _, redirect, err := h.grants.Authorize(t.Context(), r); !is(err, reason.RequestInvalid) || !redirect {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Code replay, by anyone who is or poses as the client, with or without the
// verifier: everything that the first use got is revoked (RFC 6749 4.1.2).
func TestThreatCodeReplay(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*grant.Request){
		"as it was":        func(*grant.Request) {},
		"wrong verifier":   func(r *grant.Request) { r.CodeVerifier = strings.Repeat("x", 43) },
		"wrong redirect":   func(r *grant.Request) { r.RedirectURI = "https://evil.example" },
		"after its minute": func(*grant.Request) {},
	} {
		h := newHouse(t)
		code := h.code("openid read")
		first, err := h.grants.Run(t.Context(), h.redemption(code))
		h.ok(err)
		if name == "after its minute" {
			h.pass(2 * time.Minute)
			_, err := h.store.Sweep(t.Context(), h.now(), client.MaxLifetime, grant.DefaultGrace)
			h.ok(err)
		}
		r := h.redemption(code)
		change(&r)
		_, err = h.grants.Run(t.Context(), r)
		h.want(err, reason.CodeReused)
		if h.active(h.app, first.AccessToken) || h.active(h.app, first.RefreshToken) {
			t.Errorf("%s: what the first use got lives on", name)
		}
		_, err = h.refresh(first.RefreshToken)
		h.want(err, reason.RefreshInvalid)
		log, err := h.store.RevocationsAfter(t.Context(), 0, 10)
		h.ok(err)
		if len(log) != 1 || log[0].Reason != reason.CodeReused {
			t.Errorf("%s: the log has %+v", name, log)
		}
	}
}

// Refresh replay (RFC 9700 4.14): within the grace the same successor, after it theft.
func TestThreatRefreshReplay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := h.redeem("openid read")
	second, err := h.refresh(first.RefreshToken)
	h.ok(err)
	h.pass(grant.DefaultGrace - time.Millisecond)
	again, err := h.refresh(first.RefreshToken)
	h.ok(err)
	if again.RefreshToken != second.RefreshToken || again.AccessToken == second.AccessToken {
		t.Fatal("a retry gets the same successor, and an access token of its own")
	}
	// A retry whose successor is in use is refused, but is no theft yet.
	third, err := h.refresh(second.RefreshToken)
	h.ok(err)
	_, err = h.refresh(first.RefreshToken)
	h.want(err, reason.RefreshSuperseded)
	if !h.active(h.app, third.RefreshToken) || h.active(h.app, second.RefreshToken) {
		t.Fatal("a superseded retry must leave the family as it is")
	}
	// After the grace it is, whatever else the request asks for.
	h.pass(time.Millisecond)
	_, err = h.grants.Run(t.Context(), grant.Request{Client: h.app, GrantType: "refresh_token", RefreshToken: first.RefreshToken, Scope: "nonsense"})
	h.want(err, reason.RefreshReused)
	if h.active(h.app, third.RefreshToken) || h.active(h.app, third.AccessToken) {
		t.Fatal("theft must end the family")
	}
	want := []grant.Result{grant.Issued, grant.Rotated, grant.Retried, grant.Rotated, grant.Superseded, grant.Reused}
	for i, e := range h.events {
		if i >= len(want) || e.Result != want[i] || e.ClientID != "app" || (e.Reason == "") != (i < 4) {
			t.Fatalf("event %d is %+v", i, e)
		}
	}
	if len(h.events) != len(want) {
		t.Fatalf("%d events for %d requests", len(h.events), len(want))
	}
}

// The grace ends for good when the sealed successor was swept.
func TestThreatRefreshReplayAfterSweep(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := h.redeem("read")
	_, err := h.refresh(first.RefreshToken)
	h.ok(err)
	h.pass(24 * time.Hour)
	_, err = h.store.Sweep(t.Context(), h.now(), client.MaxLifetime, grant.DefaultGrace)
	h.ok(err)
	_, err = h.refresh(first.RefreshToken)
	h.want(err, reason.RefreshReused)
}

// A refresh token in other hands is worth nothing, and tells nothing.
func TestThreatRefreshTokenOfAnotherClient(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	other, _ := h.newClient("other", false)
	first := h.redeem("read")
	_, err := h.grants.Run(t.Context(), grant.Request{Client: other, GrantType: "refresh_token", RefreshToken: first.RefreshToken})
	h.want(err, reason.RefreshInvalid)
	if h.active(other, first.RefreshToken) || !h.active(h.app, first.RefreshToken) {
		t.Fatal("a refresh token is active to its own client only")
	}
	h.ok(h.grants.Revoke(t.Context(), other, "req", first.RefreshToken))
	h.ok(h.grants.Revoke(t.Context(), other, "req", first.AccessToken))
	if !h.active(h.app, first.RefreshToken) || !h.active(h.app, first.AccessToken) {
		t.Fatal("another client revoked it")
	}
	// Who has nothing to do with an access token's audience learns nothing.
	stranger, _, err := h.clients.Create(t.Context(), h.root, client.Client{ID: "stranger", Audiences: []string{"https://elsewhere"}})
	h.ok(err)
	if h.active(stranger, first.AccessToken) || !h.active(other, first.AccessToken) {
		t.Fatal("an access token is shown to those whom it is for")
	}
	h.ok(h.grants.Revoke(t.Context(), h.app, "req", first.AccessToken))
	if h.active(h.app, first.AccessToken) || !h.active(h.app, first.RefreshToken) {
		t.Fatal("revoking an access token ends that one")
	}
	h.ok(h.grants.Revoke(t.Context(), h.app, "req", first.RefreshToken))
	if h.active(h.app, first.RefreshToken) {
		t.Fatal("revoked, and active")
	}
}

// A disabled flow stays dead (CVE-2026-7571): a refresh honours what client and
// account may have today, and nothing comes back that was taken away.
func TestThreatDisabledFlowRevived(t *testing.T) {
	t.Parallel()
	update := func(change func(*client.Client)) func(*house) {
		return func(h *house) {
			c := h.app
			change(&c)
			c, err := h.clients.Update(h.Context(), h.root, 0, c)
			h.ok(err)
			h.app = c
		}
	}
	for name, row := range map[string]struct {
		take  func(*house)
		want  reason.Code
		oauth string
		scope string
	}{
		"account disabled":      {func(h *house) { h.ok(h.accounts.Disable(h.Context(), h.root, h.ann.ID, 0)) }, reason.RefreshInvalid, "", ""},
		"password changed":      {func(h *house) { h.ok(h.accounts.SetPassword(h.Context(), h.root, h.ann.ID, 0, "another horse")) }, reason.RefreshInvalid, "", ""},
		"session ended":         {func(h *house) { h.ok(h.sessions.End(h.Context(), h.root, h.ses.ID)) }, reason.RefreshInvalid, "", ""},
		"consent withdrawn":     {func(h *house) { h.ok(h.consents.Withdraw(h.Context(), h.root, h.ann.ID, "app")) }, reason.RefreshInvalid, "", ""},
		"account deleted":       {func(h *house) { h.ok(h.accounts.Delete(h.Context(), h.root, h.ann.ID, 0)) }, reason.RefreshInvalid, "", ""},
		"client disabled":       {func(h *house) { h.app.Disabled = true }, reason.ClientInvalid, "", ""},
		"grant type taken away": {update(func(c *client.Client) { c.GrantTypes = []string{"authorization_code"} }), reason.ClientUnauthorized, "", ""},
		"every scope taken":     {update(func(c *client.Client) { c.Scopes = []string{"write"} }), reason.ScopeInvalid, "invalid_grant", ""},
		"every audience taken":  {update(func(c *client.Client) { c.Audiences = []string{"https://new"} }), reason.AudienceInvalid, "invalid_grant", ""},
		"one scope taken":       {update(func(c *client.Client) { c.Scopes = []string{"openid", "write"} }), "", "", "openid"},
		"session ran out":       {func(h *house) { h.pass(13 * time.Hour) }, "", "", "openid read"},
		"idle too long":         {func(h *house) { h.pass(grant.DefaultIdle) }, reason.GrantExpired, "", ""},
	} {
		h := newHouse(t)
		first := h.redeem("openid read")
		row.take(h)
		out, err := h.refresh(first.RefreshToken)
		if row.want != "" {
			if !is(err, row.want) {
				t.Errorf("%s: %v, want %s", name, err, row.want)
			} else if e := err.(*reason.Error); row.oauth != "" && e.OAuthCode() != row.oauth {
				t.Errorf("%s: the client is told %s", name, e.OAuthCode())
			}
			continue
		}
		if err != nil || out.Scope != row.scope {
			t.Errorf("%s: %v, scope %q, want %q", name, err, out.Scope, row.scope)
		}
	}
}

// An account that is disabled in between, without its grants being revoked,
// still gets nothing: the mint asks for the account as it is.
func TestThreatDisabledAccountGetsNoToken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := h.redeem("openid read")
	a, err := h.accounts.Get(t.Context(), h.ann.ID)
	h.ok(err)
	from := a.Revision
	a.Disabled, a.Revision = true, from+1
	h.ok(h.store.UpdateAccount(t.Context(), a, from, false, grantAct(h)))
	_, err = h.refresh(first.RefreshToken)
	h.want(err, reason.AccountDisabled)
	if h.active(h.app, first.RefreshToken) || h.active(h.app, first.AccessToken) {
		t.Fatal("a disabled account's tokens are active")
	}
}

// A family ends at its absolute end, however often it is used.
func TestGrantEndsForGood(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.redeem("read").RefreshToken
	for range 8 {
		h.pass(10 * 24 * time.Hour)
		out, err := h.refresh(token)
		h.ok(err)
		token = out.RefreshToken
	}
	h.pass(10*24*time.Hour - time.Second)
	last, err := h.refresh(token)
	h.ok(err)
	h.pass(time.Second)
	for _, text := range []string{token, last.RefreshToken} { // also as a retry within the grace
		_, err := h.refresh(text)
		h.want(err, reason.GrantExpired)
		if h.active(h.app, text) {
			t.Fatal("active after its end")
		}
	}
	h.pass(grant.DefaultGrace) // nothing is left that could be stolen
	_, err = h.refresh(token)
	h.want(err, reason.GrantExpired)
}

// Narrowing: a refresh may ask for less, never for more, and less today does not
// mean less tomorrow (RFC 6749 6).
func TestRefreshNarrows(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.redeem("openid read").RefreshToken
	ask := func(scope string, resources ...string) (grant.Response, error) {
		out, err := h.grants.Run(t.Context(), grant.Request{Client: h.app, GrantType: "refresh_token", RefreshToken: token, Scope: scope, Resources: resources})
		if err == nil {
			token = out.RefreshToken
		}
		return out, err
	}
	_, err := ask("read write")
	h.want(err, reason.ScopeInvalid)
	_, err = ask("", "https://evil")
	h.want(err, reason.AudienceInvalid)
	out, err := ask("read", "https://other")
	h.ok(err)
	if c := claims(t, out.AccessToken); out.Scope != "read" || out.IDToken != "" || c["aud"] != "https://other" {
		t.Fatalf("narrowed to %q %v", out.Scope, c["aud"])
	}
	out, err = ask("")
	h.ok(err)
	if out.Scope != "openid read" {
		t.Fatalf("narrowed for good: %q", out.Scope)
	}
}

// An ID token at a refresh says the same of who and when, and has no nonce
// (OpenID Connect Core 12.2).
func TestRefreshedIDToken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := h.redeem("openid profile email")
	h.pass(5 * time.Minute)
	second, err := h.refresh(first.RefreshToken)
	h.ok(err)
	a, b := claims(t, first.IDToken), claims(t, second.IDToken)
	for _, name := range []string{"iss", "sub", "aud", "auth_time", "sid"} {
		if a[name] == nil || a[name] != b[name] {
			t.Errorf("%s was %v and is %v", name, a[name], b[name])
		}
	}
	if a["nonce"] != "nonce-1" || b["nonce"] != nil || a["iat"] == b["iat"] || a["at_hash"] == b["at_hash"] || a["name"] != "Ann Lee" {
		t.Errorf("first %v, then %v", a, b)
	}
}
