package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// RFC 7662: who may ask, what it learns, and that the answer is never kept.
func TestIntrospection(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	mine := v.want(v.token(with(redemption("", v.code("service")), "client_id", ""), v.as("service")), 200, "")
	apps := v.tokens()
	ask := func(text string, who ...func(*http.Request)) answer {
		return v.ask("POST", "/introspect", append(who, form(pairs("token", text, "token_type_hint", "refresh_token")))...)
	}
	a := v.want(ask(mine.text("access_token"), v.as("service")), 200, "")
	for _, name := range []string{"active", "token_type", "iss", "sub", "aud", "client_id", "exp", "iat", "jti", "scope", "sid", "grant_id", "auth_time", "acr", "amr", "roles", "sub_ver", "client_ver"} {
		if a.json[name] == nil {
			t.Errorf("%s is missing: %s", name, a.body)
		}
	}
	if a.header.Get("Cache-Control") != "no-store" || a.text("iss") != issuerURL || a.text("sub") != v.ann.ID || a.text("client_id") != "service" || a.text("token_type") != "Bearer" {
		t.Errorf("%v %s", a.header, a.body)
	}
	a = v.want(ask(mine.text("refresh_token"), v.as("service")), 200, "")
	if a.json["active"] != true || a.text("sub") != v.ann.ID || a.text("scope") == "" || a.json["exp"] == nil || a.json["token_type"] != nil {
		t.Errorf("refresh token: %s", a.body)
	}
	// A resource server asks about the tokens that are meant for its audience.
	if a := ask(apps.text("access_token"), v.as("service")); a.json["active"] != true {
		t.Errorf("of its audience: %s", a.body)
	}
	inactive := map[string]answer{
		"another audience": ask(apps.text("access_token"), v.as("stranger")), "another's refresh token": ask(apps.text("refresh_token"), v.as("service")), "unknown": ask("x", v.as("service")), "an ID token": ask(mine.text("id_token"), v.as("service")),
		"tampered": ask(mine.text("access_token")[:100], v.as("service")), "huge": ask(strings.Repeat("a.", 5000), v.as("service")), "a code": ask(v.code("service"), v.as("service")),
	}
	v.pass(11 * time.Minute)
	inactive["expired"] = ask(mine.text("access_token"), v.as("service"))
	for name, a := range inactive {
		if a.status != 200 || strings.TrimSpace(a.body) != `{"active":false}` {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	for name, a := range map[string]answer{"public client": v.ask("POST", "/introspect", form(pairs("token", apps.text("access_token"), "client_id", "app"))), "nobody": ask("x"), "wrong secret": ask("x", basic("service", "wrong"))} {
		if a.status != 401 || a.text("error") != "invalid_client" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := v.ask("POST", "/introspect", form(url.Values{}), v.as("service")); a.status != 400 || a.text("error") != "invalid_request" {
		t.Errorf("no token: %d %s", a.status, a.body)
	}
}

// RFC 7009: what is not one's own stays, and says nothing about itself. An
// access token dies alone; a refresh token takes its grant with it.
func TestRevocation(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	revoke := func(text, hint string, who func(*http.Request), more ...string) answer {
		return v.ask("POST", "/revoke", form(with(pairs("token", text, "token_type_hint", hint), more...)), who)
	}
	nobody := func(*http.Request) {}
	active := func(text string) bool {
		return v.ask("POST", "/introspect", form(pairs("token", text)), v.as("service")).json["active"] == true
	}
	first := v.tokens()
	for name, a := range map[string]answer{
		"unknown": revoke("x", "", v.as("service")), "another's access token": revoke(first.text("access_token"), "access_token", v.as("service")), "another's refresh token": revoke(first.text("refresh_token"), "refresh_token", v.as("service")),
		"another public client": revoke(first.text("refresh_token"), "", nobody, "client_id", "other-app"), "an ID token": revoke(first.text("id_token"), "", nobody, "client_id", "app"), "unknown hint": revoke("x", "saml2", v.as("service")),
	} {
		if a.status != 200 || a.body != "" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if len(v.revoked("token"))+len(v.revoked("grant")) > 0 || !active(first.text("access_token")) {
		t.Fatal("a stranger revoked")
	}
	v.want(revoke(first.text("access_token"), "refresh_token", nobody, "client_id", "app"), 200, "") // the wrong hint is no hindrance
	v.want(revoke(first.text("access_token"), "", nobody, "client_id", "app"), 200, "")              // and again is once (RFC 7009 2.2)
	if active(first.text("access_token")) || len(v.revoked("token")) != 1 || len(v.revoked("grant")) != 0 {
		t.Error("the access token was not revoked alone")
	}
	second := v.want(v.token(refresh("app", first.text("refresh_token"))), 200, "")
	v.want(revoke(second.text("refresh_token"), "access_token", nobody, "client_id", "app"), 200, "")
	if active(second.text("access_token")) || len(v.revoked("grant")) != 1 {
		t.Error("the refresh token did not take its grant with it")
	}
	v.want(v.token(refresh("app", second.text("refresh_token"))), 400, "refresh_invalid")
	v.want(revoke(second.text("refresh_token"), "", nobody, "client_id", "app"), 200, "") // again: no error (RFC 7009 2.2)
	if a := revoke("x", "", basic("service", "wrong")); a.status != 401 || a.text("error") != "invalid_client" {
		t.Errorf("wrong secret: %d %s", a.status, a.body)
	}
}

// revoked are the ids of a kind in the revocation log.
func (v *world) revoked(kind string) (ids []string) {
	v.Helper()
	entries, err := v.store.RevocationsAfter(v.Context(), 0, 1000)
	v.ok(err)
	for _, e := range entries {
		if string(e.Kind) == kind {
			ids = append(ids, e.ID)
		}
	}
	return ids
}
