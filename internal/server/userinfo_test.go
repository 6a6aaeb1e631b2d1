package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/token"
)

func bearer(token string) func(*http.Request) { return header("Authorization", "Bearer "+token) }

// OpenID Connect Core 5.3.
func TestUserInfo(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	got := v.tokens()
	for _, method := range []string{"GET", "POST"} {
		a := v.want(v.ask(method, "/userinfo", bearer(got.text("access_token"))), 200, "")
		if a.text("sub") != v.ann.ID || a.text("name") != "Ann <b>Lee</b>" || a.text("preferred_username") != "ann" || a.text("email") != "ann@example.com" || a.json["email_verified"] != false || len(a.json) != 5 {
			t.Errorf("%s: %s", method, a.body)
		}
		if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Content-Type") != "application/json" {
			t.Errorf("%v", a.header)
		}
	}
	b := &browser{world: v}
	little := v.want(v.token(redemption("app", b.allow(with(request("app"), "scope", "openid")).back().Get("code"))), 200, "")
	if a := v.want(v.ask("GET", "/userinfo", bearer(little.text("access_token"))), 200, ""); len(a.json) != 1 || a.text("sub") != v.ann.ID {
		t.Errorf("openid alone: %s", a.body)
	}
}

// Who may not ask, and how that is said (RFC 6750 3.1).
func TestThreatUserInfo(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	got := v.tokens()
	access := got.text("access_token")
	other := v.want(v.token(redemption("app", (&browser{world: v}).allow(with(request("app"), "scope", "read")).back().Get("code"))), 200, "")
	// No client gets one of its own with openid; were there one, it would be nobody's.
	for _, ask := range []string{"", "openid read profile email"} {
		if a := v.want(v.token(with(pairs("grant_type", "client_credentials"), "scope", ask), v.as("service")), 200, ""); strings.Contains(a.text("scope"), "openid") || strings.Contains(a.text("scope"), "profile") || !strings.Contains(a.text("scope"), "read") {
			t.Errorf("%s", a.body)
		}
	}
	if a := v.want(v.token(pairs("grant_type", "client_credentials", "scope", "openid"), v.as("service")), 200, ""); v.claims(a.text("access_token"))["scope"] != "" {
		t.Errorf("%s", a.body)
	}
	now := v.now()
	own, _, err := v.issuer.Token.Grants.Minter.Access(v.Context(), token.Access{Subject: "service", ClientID: "service", Audience: token.Audience{"api"}, Scope: "openid", ID: "own", IssuedAt: now.Unix(), Expiry: now.Add(time.Minute).Unix(), ClientVersion: 1}, "", "")
	v.ok(err)
	for name, c := range map[string]struct {
		status int
		code   string
		change []func(*http.Request)
	}{
		"nothing":            {401, "credential_missing", nil},
		"an ID token":        {401, "type_mismatch", []func(*http.Request){bearer(got.text("id_token"))}},
		"a refresh token":    {401, "token_malformed", []func(*http.Request){bearer(got.text("refresh_token"))}},
		"bent":               {401, "signature_invalid", []func(*http.Request){bearer(access[:len(access)-8] + "AAAAAAAA")}},
		"two":                {400, "credential_repeated", []func(*http.Request){bearer(access), bearer(access)}},
		"in the query":       {401, "credential_missing", []func(*http.Request){func(r *http.Request) { r.URL.RawQuery = "access_token=" + access }}},
		"without openid":     {403, "scope_missing", []func(*http.Request){bearer(other.text("access_token"))}},
		"a client's own":     {403, "scope_missing", []func(*http.Request){bearer(own)}},
		"a bearer's as DPoP": {401, "sender_mismatch", []func(*http.Request){header("Authorization", "DPoP "+access)}},
	} {
		a := v.ask("GET", "/userinfo", c.change...)
		challenge := strings.Join(a.header.Values("WWW-Authenticate"), "; ")
		if a.status != c.status || a.json["code"] != c.code || !strings.Contains(challenge, "Bearer ") || strings.Contains(a.body, "ann") || strings.Contains(challenge, "error") == (c.code == "credential_missing") {
			t.Errorf("%s: %d %s %q", name, a.status, a.body, challenge)
		}
	}
	v.want(v.ask("POST", "/revoke", form(pairs("client_id", "app", "token", access))), 200, "")
	v.want(v.ask("GET", "/userinfo", bearer(access)), 401, "token_revoked")
	v.pass(11 * 60e9)
	v.want(v.ask("GET", "/userinfo", bearer(other.text("access_token"))), 401, "token_expired")
}

// A token that is bound to a key needs its proof here as well (RFC 9449 7).
func TestThreatUserInfoDPoP(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	h, thief := v.holder(), v.holder()
	access := v.want(v.token(redemption("app", v.code("app")), h.prove()), 200, "").text("access_token")
	scheme := header("Authorization", "DPoP "+access)
	v.want(v.ask("GET", "/userinfo", bearer(access), h.proof("GET", "/userinfo", access)), 401, "sender_mismatch")
	v.want(v.ask("GET", "/userinfo", scheme), 401, "credential_missing")
	v.want(v.ask("GET", "/userinfo", scheme, thief.proof("GET", "/userinfo", access)), 401, "sender_mismatch")
	v.want(v.ask("GET", "/userinfo", scheme, h.proof("GET", "/userinfo", "another")), 401, "claim_mismatch")
	v.want(v.ask("GET", "/userinfo", scheme, h.proof("POST", "/userinfo", access)), 401, "claim_mismatch")
	good := h.proof("GET", "/userinfo", access)
	v.want(v.ask("GET", "/userinfo", scheme, good), 200, "")
	v.want(v.ask("GET", "/userinfo", scheme, good), 401, "token_replayed")
	h.nonce = ""
	a := v.want(v.ask("GET", "/userinfo", scheme, h.proof("GET", "/userinfo", access)), 401, "nonce_mismatch")
	if got := a.header.Values("WWW-Authenticate"); len(got) != 1 || !strings.Contains(got[0], `error="use_dpop_nonce"`) || a.header.Get("DPoP-Nonce") == "" {
		t.Errorf("%v", a.header)
	}
}
