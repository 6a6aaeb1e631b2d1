package server_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/session"
)

// A told client has what it got for one request.
type told struct {
	tokens answer
	claims map[string]any // of the ID token
	info   answer         // of UserInfo
	page   answer         // where the person was asked
}

// payload reads a token's claims without verifying it.
func (v *world) payload(token string) (out map[string]any) {
	v.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token+"..", ".")[1])
	v.ok(err)
	v.ok(json.Unmarshal(raw, &out))
	return out
}

func (v *world) asking(scope, claims string) told {
	v.Helper()
	return (&browser{world: v}).asking(scope, claims)
}

func (b *browser) asking(scope, claims string) (out told) {
	b.Helper()
	query := with(request("app"), "scope", scope, "claims", claims)
	if b.cookie == "" {
		b.signIn(query)
	}
	out.page = b.open(query)
	out.tokens = b.want(b.token(redemption("app", b.allow(query).back().Get("code"))), 200, "")
	if id := out.tokens.text("id_token"); id != "" {
		out.claims = b.payload(id)
	}
	out.info = b.ask("GET", "/userinfo", bearer(out.tokens.text("access_token")))
	return out
}

// says compares what is told of a person, and nothing else.
func (v *world) says(what string, got map[string]any, want ...string) {
	v.Helper()
	for _, name := range []string{"name", "preferred_username", "email", "email_verified"} {
		if _, there := got[name]; there != strings.Contains(" "+strings.Join(want, " ")+" ", " "+name+" ") {
			v.Errorf("%s: %s is there: %v, want %q", what, name, there, want)
		}
	}
}

// OpenID Connect Core 5.5: claims for the ID token and for UserInfo, asked like scopes.
func TestClaimsParameter(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	b := &browser{world: v}
	got := b.asking("openid", `{"id_token":{"email":null,"picture":{"essential":true}},"userinfo":{"name":{"essential":true},"x":null}}`)
	v.says("the ID token", got.claims, "email")
	v.says("UserInfo", got.info.json, "name")
	for _, line := range []string{"<li>See your e-mail address</li>", "<li>See your name</li>"} {
		if !strings.Contains(got.page.body, line) || strings.Count(got.page.body, "<li>") != 3 {
			t.Errorf("the page does not ask: %s", got.page.body)
		}
	}
	// A refresh keeps them, however narrow its scope is.
	next := v.want(v.token(with(refresh("app", got.tokens.text("refresh_token")), "scope", "openid")), 200, "")
	v.says("after a refresh", v.payload(next.text("id_token")), "email")
	// What was allowed is not asked again; what was not is.
	if again := b.asking("openid", `{"id_token":{"name":null,"email":null}}`); again.page.status != 303 {
		t.Errorf("asked again: %s", again.page.body)
	}
	more := with(request("app"), "scope", "openid", "claims", `{"userinfo":{"email_verified":null}}`, "prompt", "none")
	if a := b.open(more); a.back().Get("error") != "consent_required" {
		t.Errorf("%v", a.header)
	}
	// A scope says it all.
	if all := b.asking("openid email profile", `{"id_token":{"email":null,"name":null}}`); strings.Count(all.page.body, "<li>") != 3 {
		t.Errorf("%s", all.page.body)
	}
	// Pushed ones are asked as well.
	pushed := v.want(v.push(with(request("app"), "scope", "openid", "claims", `{"id_token":{"preferred_username":null}}`)), 201, "")
	a := v.want(v.token(redemption("app", b.allow(named("app", pushed)).back().Get("code"))), 200, "")
	v.says("pushed", v.payload(a.text("id_token")), "preferred_username")
}

// Nobody is told more than the client's scopes stand for, or anything without openid.
func TestThreatClaims(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	both := `{"id_token":{"email":null,"name":null},"userinfo":{"email":null,"name":null}}`
	if got := v.asking("read", both); got.claims != nil || strings.Contains(got.page.body, "e-mail") || got.info.status != 403 {
		t.Errorf("without openid: %s", got.page.body)
	}
	settings := map[string]any{"grant_types": []string{"authorization_code", "refresh_token"}, "redirect_uris": []string{redirect}, "audiences": []string{"api"}, "scopes": []string{"openid", "email"}}
	kept := v.asking("openid", both)
	v.says("all of them", kept.claims, "email", "name")
	v.want(v.admin("PUT", "/admin/v1/clients/app", settings), 200, "")
	next := v.want(v.token(refresh("app", kept.tokens.text("refresh_token"))), 200, "")
	v.says("a client that lost the scope", v.payload(next.text("id_token")), "email")
	v.says("a client that lost the scope, at UserInfo", v.ask("GET", "/userinfo", bearer(next.text("access_token"))).json, "email")
	got := v.asking("openid", both)
	v.says("a client without the scope", got.claims, "email")
	v.says("a client without the scope, at UserInfo", got.info.json, "email")
	if strings.Contains(got.page.body, "See your name") {
		t.Error("what nobody gets is asked for")
	}

	// Whoever gets a token in exchange was allowed nothing of it.
	_, secret, err := v.clients.Create(v.Context(), root(), client.Client{ID: "api", GrantTypes: []string{grant.TokenExchange}, Scopes: []string{"openid", "email"}, Audiences: []string{"api"}})
	v.ok(err)
	other := v.want(v.token(exchange(got.tokens.text("access_token")), basic("api", secret)), 200, "")
	info := v.want(v.ask("GET", "/userinfo", bearer(other.text("access_token"))), 200, "")
	v.says("an exchanged token", info.json)

	b := &browser{world: v}
	for _, text := range []string{`{`, `{"id_token":[]}`, `{"id_token":{"acr":null,"acr":null}}`, `{"id_token":{"sub":{"value":7}}}`, `{"x":"` + strings.Repeat("x", 4096) + `"}`} {
		if a := b.open(with(request("app"), "scope", "openid", "claims", text)); a.back().Get("error") != "invalid_request" || a.back().Get("state") != "st-1" {
			t.Errorf("%.40s: %d %v", text, a.status, a.header)
		}
		v.want(v.push(with(request("app"), "scope", "openid", "claims", text)), 400, "request_invalid")
	}
}

// A sub with a value demands that person, and no other is answered for (Core 3.1.2.2).
func TestClaimsOfAPerson(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	_, err := v.accounts.Create(v.Context(), root(), account.New{Username: "eve", Password: password})
	v.ok(err)
	of := func(list string) string { return `{"id_token":{"sub":{"values":[` + list + `]}}}` }
	ann := with(request("trusted"), "claims", of(`"`+v.ann.ID+`"`))
	b := &browser{world: v}
	page := b.open(ann)
	eve := b.post("/signin", with(fields(page), "username", "eve", "password", password))
	if a := b.ask("GET", eve.header.Get("Location"), b.keep); !strings.Contains(a.body, `name="password"`) {
		t.Errorf("Eve passes for Ann: %d %v", a.status, a.header)
	}
	if a := b.open(with(ann, "prompt", "none")); a.back().Get("error") != "login_required" {
		t.Errorf("%v", a.header)
	}
	if a := b.signIn(ann); a.back().Get("code") == "" {
		t.Errorf("%d %v", a.status, a.header)
	}
	if a := b.open(with(ann, "claims", of(`"usr_none","`+v.ann.ID+`"`), "prompt", "none")); a.back().Get("code") == "" {
		t.Errorf("one of two: %v", a.header)
	}
	// A hint of another person contradicts it.
	hint := v.want(v.token(redemption("trusted", b.open(request("trusted")).back().Get("code"))), 200, "").text("id_token")
	if a := b.open(with(ann, "claims", of(`"usr_none"`), "id_token_hint", hint)); a.back().Get("error") != "invalid_request" {
		t.Errorf("%v", a.header)
	}
}

// OpenID Connect Core 5.5.1.1: an essential acr is met or refused; acr_values are wishes.
func TestEssentialACR(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	b := &browser{world: v}
	acr := func(more string) string { return `{"id_token":{"acr":{` + more + `}}}` }
	for text, want := range map[string]string{
		acr(`"essential":true`):                            "",
		acr(`"essential":true,"value":"pwd"`):              "",
		acr(`"essential":true,"values":["mfa","pwd"]`):     "",
		acr(`"values":["mfa"]`):                            "",
		acr(`"essential":false,"value":"mfa"`):             "",
		acr(`"essential":true,"value":"mfa"`):              "unmet_authentication_requirements",
		acr(`"essential":true,"values":["mfa","PWD","p"]`): "unmet_authentication_requirements",
	} {
		query := with(request("trusted"), "claims", text, "acr_values", "mfa")
		a := b.open(query) // refused before anybody signs in
		if want == "" && a.status == 200 {
			a = b.signIn(query)
		}
		if a.back().Get("error") != want || a.back().Has("code") != (want == "") || a.back().Get("state") != "st-1" {
			t.Errorf("%s: %d %v", text, a.status, a.header)
		}
	}
	got := v.want(v.token(redemption("trusted", b.open(with(request("trusted"), "acr_values", "mfa pwd")).back().Get("code"))), 200, "")
	if id := v.payload(got.text("id_token")); id["acr"] != "pwd" || fmt.Sprint(id["amr"]) != "[pwd]" {
		t.Errorf("%v", id)
	}
	a := v.ask("POST", "/par", form(with(request("app"), "claims", acr(`"essential":true,"value":"mfa"`))))
	if a.status != 400 || a.text("error") != "unmet_authentication_requirements" {
		t.Errorf("%d %s", a.status, a.body)
	}
	// A session of another kind does not do.
	ses, cookie, err := v.issuer.Authorize.Sessions.Start(v.Context(), root(), session.Verified{Subject: v.ann.ID, Version: v.ann.Version, AMR: []string{"otp"}})
	v.ok(err)
	b.cookie = cookie
	query := with(request("trusted"), "claims", acr(`"essential":true,"value":"pwd"`), "prompt", "none")
	if a := b.open(query); a.back().Get("error") != "login_required" {
		t.Errorf("%s: %v", ses.ID, a.header)
	}
}

// login_hint fills the page in, and asks who it is to be where it is somebody else.
func TestLoginHint(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	b := &browser{world: v}
	hinted := func(hint string) answer { return b.open(with(request("trusted"), "login_hint", hint)) }
	if a := hinted(`a"><script>`); !strings.Contains(a.body, `value="a&#34;&gt;&lt;script&gt;"`) || strings.Contains(a.body, "<script>") {
		t.Errorf("%s", a.body)
	}
	b.signIn(request("trusted"))
	for _, hint := range []string{"ann", "ANN", "Ann@Example.com", v.ann.ID} {
		if a := hinted(hint); a.back().Get("code") == "" {
			t.Errorf("%s: %d", hint, a.status)
		}
	}
	for _, hint := range []string{"eve", "eve@example.com", "usr_none", "a b"} { // whether there is such a person or not
		if a := hinted(hint); !strings.Contains(a.body, `name="password"`) || !strings.Contains(a.body, `value="`+hint+`"`) {
			t.Errorf("%s: %d %v", hint, a.status, a.header)
		}
	}
	if a := b.open(with(request("trusted"), "login_hint", "eve", "prompt", "none")); a.back().Get("error") != "login_required" {
		t.Errorf("%v", a.header)
	}
	// Whoever signs in then goes on: it is asked once, of a pushed request too.
	if a := b.signIn(with(request("trusted"), "login_hint", "eve")); a.back().Get("code") == "" {
		t.Errorf("%d %s", a.status, a.body)
	}
	pushed := v.want(v.push(with(request("trusted"), "login_hint", "eve")), 201, "")
	v.pass(1e9)
	if a := b.signIn(named("trusted", pushed)); a.back().Get("code") == "" {
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, hint := range []string{strings.Repeat("x", 321), "a\nb"} {
		if a := hinted(hint); a.back().Get("error") != "invalid_request" {
			t.Errorf("%.10q: %d", hint, a.status)
		}
	}
}
