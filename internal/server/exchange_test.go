package server_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/grant"
)

const accessTokenType = "urn:ietf:params:oauth:token-type:access_token"

// gateways are resource servers, each of which calls the next.
func (v *world) gateways(ids ...string) {
	v.Helper()
	for i, id := range ids {
		next := "api"
		if i+1 < len(ids) {
			next = ids[i+1]
		}
		_, secret, err := v.clients.Create(v.Context(), root(), client.Client{ID: id, GrantTypes: []string{grant.TokenExchange, "client_credentials"},
			Scopes: []string{"read", "write", "profile"}, Audiences: []string{next, "api-2"}})
		v.ok(err)
		v.secrets[id] = secret
	}
}

func exchange(token string, more ...string) url.Values {
	return with(pairs("grant_type", grant.TokenExchange, "subject_token", token, "subject_token_type", accessTokenType), more...)
}

// forGateway signs Ann in to an app whose tokens are for that audience.
func (v *world) forGateway(audience string) answer {
	v.Helper()
	_, _, err := v.clients.Create(v.Context(), root(), client.Client{ID: "front", Public: true, GrantTypes: []string{"authorization_code", "refresh_token"},
		RedirectURIs: []string{redirect}, Scopes: []string{"openid", "read", "profile", "email"}, Audiences: []string{audience}})
	v.ok(err)
	return v.want(v.token(redemption("front", v.code("front"))), 200, "")
}

// RFC 8693: a service that got a token gets one for the service behind it.
func TestTokenExchange(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.gateways("gw-1", "gw-2", "gw-3", "gw-4", "gw-5")
	got := v.forGateway("gw-1")
	was := v.claims(got.text("access_token"))
	v.pass(9 * time.Minute)
	a := v.want(v.token(exchange(got.text("access_token"), "audience", "gw-2"), v.as("gw-1")), 200, "")
	if a.text("issued_token_type") != accessTokenType || a.text("token_type") != "Bearer" || a.json["expires_in"] != 60.0 || a.text("refresh_token") != "" || a.text("scope") != "profile read" {
		t.Errorf("%s", a.body)
	}
	c := v.claims(a.text("access_token"))
	act, _ := c["act"].(map[string]any)
	if c["sub"] != v.ann.ID || c["aud"] != "gw-2" || c["client_id"] != "gw-1" || act["sub"] != "gw-1" || len(act) != 1 || c["exp"] != was["exp"] || c["grant_id"] != was["grant_id"] ||
		c["sid"] != was["sid"] || c["auth_time"] != was["auth_time"] || c["acr"] != "pwd" || c["jti"] == was["jti"] {
		t.Errorf("%v", c)
	}
	acts, err := v.store.AuditEntries(t.Context(), audit.Filter{Action: "token.exchange"}, 0, 10)
	v.ok(err)
	if len(acts) != 1 || acts[0].Actor.ID != "gw-1" || acts[0].Target.ID != c["jti"] || acts[0].Detail["subject"] != v.ann.ID || acts[0].Detail["audience"] != "gw-2" || acts[0].Detail["from"] != was["jti"] || acts[0].Detail["grant"] != was["grant_id"] {
		t.Errorf("%+v", acts)
	}
	// Each hop names who acts, and the one before it; the chain is bounded.
	token := a.text("access_token")
	for _, hop := range []struct{ id, audience string }{{"gw-2", "gw-3"}, {"gw-3", "gw-4"}, {"gw-4", "gw-5"}} {
		token = v.want(v.token(exchange(token, "audience", hop.audience), v.as(hop.id)), 200, "").text("access_token")
	}
	outer := v.claims(token)["act"].(map[string]any)
	if inner := outer["act"].(map[string]any); outer["sub"] != "gw-4" || inner["sub"] != "gw-3" {
		t.Errorf("%v", outer)
	}
	if asked := v.want(v.ask("POST", "/introspect", form(pairs("token", token)), v.as("gw-5")), 200, ""); asked.json["act"] == nil {
		t.Errorf("introspection hides who acts: %s", asked.body)
	}
	v.want(v.token(exchange(token), v.as("gw-5")), 400, "subject_token_invalid")
	// A client narrows its own token without becoming an actor.
	own := v.want(v.token(pairs("grant_type", "client_credentials"), v.as("gw-1")), 200, "").text("access_token")
	small := v.want(v.token(exchange(own, "scope", "read", "resource", "api-2"), v.as("gw-1")), 200, "")
	if c := v.claims(small.text("access_token")); c["act"] != nil || c["scope"] != "read" || c["aud"] != "api-2" || c["sub"] != "gw-1" {
		t.Errorf("%v", c)
	}
	// What ends the grant ends all that came of it.
	v.want(v.admin("DELETE", "/admin/v1/grants/"+was["grant_id"].(string), nil), 204, "")
	v.want(v.token(exchange(token), v.as("gw-4")), 400, "subject_token_invalid")
}

// What is not exchanged (RFC 8693 2.1, 2.2.2, 5).
func TestThreatTokenExchange(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.gateways("gw-1", "gw-2")
	got := v.forGateway("gw-1")
	access := got.text("access_token")
	mine := v.want(v.token(pairs("grant_type", "client_credentials"), v.as("gw-1")), 200, "").text("access_token")
	theirs := v.want(v.token(pairs("grant_type", "client_credentials"), v.as("gw-2")), 200, "").text("access_token")
	actor := func(token string) url.Values {
		return exchange(access, "actor_token", token, "actor_token_type", accessTokenType)
	}
	v.want(v.token(actor(mine), v.as("gw-1")), 200, "")
	gw1, nobody := v.as("gw-1"), func(*http.Request) {}
	for name, c := range map[string]struct {
		values url.Values
		as     func(*http.Request)
		error  string
	}{
		"for somebody else":          {exchange(access), v.as("gw-2"), "invalid_request"},
		"by who may only ask for it": {exchange(v.tokens().text("access_token")), v.as("gw-2"), "invalid_request"},
		"without permission":         {exchange(access), v.as("machine"), "unauthorized_client"},
		"by a public client":         {with(exchange(access), "client_id", "front"), nobody, "unauthorized_client"},
		"by nobody":                  {exchange(access), nobody, "invalid_client"},
		"an ID token":                {exchange(got.text("id_token")), gw1, "invalid_request"},
		"a refresh token":            {exchange(got.text("refresh_token")), gw1, "invalid_request"},
		"bent":                       {exchange(access[:len(access)-8] + "AAAAAAAA"), gw1, "invalid_request"},
		"nothing":                    {exchange("", "subject_token", ""), gw1, "invalid_request"},
		"no type":                    {exchange(access, "subject_token_type", ""), gw1, "invalid_request"},
		"another type":               {exchange(access, "subject_token_type", "urn:ietf:params:oauth:token-type:saml2"), gw1, "invalid_request"},
		"a refresh token wanted":     {exchange(access, "requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"), gw1, "invalid_request"},
		"more than it had":           {exchange(access, "scope", "read write"), gw1, "invalid_scope"},
		"elsewhere":                  {exchange(access, "audience", "elsewhere"), gw1, "invalid_target"},
		"one of two elsewhere":       {url.Values{"grant_type": {grant.TokenExchange}, "subject_token": {access}, "subject_token_type": {accessTokenType}, "audience": {"api-2", "elsewhere"}}, gw1, "invalid_target"},
		"an actor that it is not":    {actor(theirs), gw1, "invalid_request"},
		"a person as the actor":      {actor(access), gw1, "invalid_request"},
		"an actor without type":      {exchange(access, "actor_token", mine), gw1, "invalid_request"},
		"a type without actor":       {exchange(access, "actor_token_type", accessTokenType), gw1, "invalid_request"},
		"a subject token twice":      {url.Values{"grant_type": {grant.TokenExchange}, "subject_token": {access, access}}, gw1, "invalid_request"},
	} {
		if a := v.token(c.values, c.as); a.text("error") != c.error || a.text("access_token") != "" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	v.want(v.ask("POST", "/revoke", form(pairs("client_id", "front", "token", access))), 200, "")
	v.want(v.token(exchange(access), gw1), 400, "subject_token_invalid")
	v.pass(10 * time.Minute)
	v.want(v.token(exchange(mine), gw1), 400, "subject_token_invalid")
	v.want(v.admin("POST", "/admin/v1/clients", map[string]any{"client_id": "p", "public": true, "grant_types": []string{grant.TokenExchange}}), 400, "request_invalid")
}

// What was exchanged dies, here, with the client whose token it was.
func TestExchangedDiesWithItsClient(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.gateways("gw-1", "gw-2")
	machine := client.Client{ID: "caller", GrantTypes: []string{"client_credentials"}, Scopes: []string{"read"}, Audiences: []string{"gw-1"}, Roles: []string{"reader"}}
	_, secret, err := v.clients.Create(t.Context(), root(), machine)
	v.ok(err)
	own := func() string {
		return v.want(v.token(pairs("grant_type", "client_credentials"), basic("caller", secret)), 200, "").text("access_token")
	}
	exchanged := func(token string) string {
		return v.want(v.token(exchange(token, "audience", "gw-2"), v.as("gw-1")), 200, "").text("access_token")
	}
	active := func(token string) bool {
		return v.want(v.ask("POST", "/introspect", form(pairs("token", token)), v.as("gw-1")), 200, "").json["active"] == true
	}
	first, persons := exchanged(own()), exchanged(v.forGateway("gw-1").text("access_token"))
	if !active(first) || !active(persons) {
		t.Fatal("they are not active")
	}
	v.ok(v.clients.RevokeTokens(t.Context(), root(), "caller"))
	if active(first) {
		t.Error("the client's tokens were taken back, and not what one of them became")
	}
	v.want(v.token(exchange(first), v.as("gw-2")), 400, "subject_token_invalid")
	second := exchanged(own())
	if !active(second) || active(persons) != true {
		t.Error("a new one is refused")
	}
	v.ok(v.clients.Disable(t.Context(), root(), "caller", 0))
	v.ok(v.clients.Disable(t.Context(), root(), "front", 0))
	if active(second) || active(persons) {
		t.Error("a client was disabled, and what its token became is active")
	}
}
