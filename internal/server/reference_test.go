package server_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/grant"
)

// opaque makes a client whose access tokens say nothing themselves.
func (v *world) opaque(id string, settings ...any) {
	v.Helper()
	in := map[string]any{"client_id": id, "grant_types": []string{"authorization_code", "refresh_token", "client_credentials", grant.TokenExchange}, "redirect_uris": []string{redirect},
		"scopes": []string{"openid", "profile", "email", "read"}, "audiences": []string{"api"}, "access_token_format": "opaque"}
	for i := 0; i+1 < len(settings); i += 2 {
		in[settings[i].(string)] = settings[i+1]
	}
	a := v.want(v.admin("POST", "/admin/v1/clients", in), 201, "")
	v.secrets[id] = a.text("client_secret")
}

func (v *world) lookup(text, as string) answer {
	v.Helper()
	return v.want(v.ask("POST", "/introspect", form(pairs("token", text)), v.as(as)), 200, "")
}

// An opaque access token stands for what a JWT would say, wherever the issuer takes one.
func TestOpaqueTokens(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.opaque("ref")
	v.gateways("api")
	got := v.want(v.token(with(redemption("", v.code("ref")), "client_id", ""), v.as("ref")), 200, "")
	text := got.text("access_token")
	if !strings.HasPrefix(text, "at_") || len(text) != 46 || strings.Contains(text, ".") || got.text("token_type") != "Bearer" || got.json["expires_in"] != 600.0 {
		t.Fatalf("%s", got.body)
	}
	jwt := v.want(v.token(with(redemption("", v.code("service")), "client_id", ""), v.as("service")), 200, "")
	a, like := v.lookup(text, "ref"), v.lookup(jwt.text("access_token"), "service")
	for name := range like.json {
		if a.json[name] == nil {
			t.Errorf("%s is missing: %s", name, a.body)
		}
	}
	if a.text("iss") != issuerURL || a.text("sub") != v.ann.ID || a.text("client_id") != "ref" || a.text("aud") != "api" {
		t.Errorf("%s", a.body)
	}
	if a := v.lookup(text, "machine"); a.json["active"] != true { // which may ask for its audience
		t.Errorf("of its audience: %s", a.body)
	}
	if a := v.want(v.ask("GET", "/userinfo", bearer(text)), 200, ""); a.text("email") != "ann@example.com" {
		t.Errorf("%s", a.body)
	}
	if a := v.want(v.token(exchange(text), v.as("api")), 200, ""); v.claims(a.text("access_token"))["sub"] != v.ann.ID {
		t.Errorf("%s", a.body)
	}
	next := v.want(v.token(refresh("", got.text("refresh_token")), v.as("ref")), 200, "").text("access_token")
	if next == text || v.lookup(next, "ref").json["active"] != true || v.lookup(text, "ref").json["active"] != true {
		t.Error("a refresh gave no token of its own")
	}
	h := v.holder()
	bound := v.want(v.token(pairs("grant_type", "client_credentials"), v.as("ref"), h.prove()), 200, "")
	if a := v.lookup(bound.text("access_token"), "ref"); a.text("token_type") != "DPoP" || boundTo(a.json) == "" {
		t.Errorf("%s", a.body)
	}
	told := v.want(v.admin("POST", "/admin/v1/tokens/explain", map[string]any{"token": text, "audience": "api"}), 200, "")
	if told.json["ended"] != nil || at(told.json, "access_token_claims", "client_id") != "ref" || strings.Contains(told.body, "failed") || strings.Contains(told.body, text) {
		t.Errorf("%s", told.body)
	}
	if v.pass(10 * time.Minute); v.lookup(text, "ref").json["active"] != false {
		t.Error("it never ends")
	}
	v.want(v.ask("GET", "/userinfo", bearer(text)), 401, "token_expired")
}

// Whatever takes a JWT back takes an opaque token back, at once, and is called the same.
func TestThreatOpaqueTokensEnd(t *testing.T) {
	t.Parallel()
	for want, act := range map[string]func(v *world, got answer) answer{
		"token_revoked": func(v *world, got answer) answer {
			return v.ask("POST", "/revoke", form(pairs("token", got.text("access_token"))), v.as("ref"))
		},
		"grant_revoked": func(v *world, got answer) answer {
			return v.ask("POST", "/revoke", form(pairs("token", got.text("refresh_token"))), v.as("ref"))
		},
		"client_revoked": func(v *world, _ answer) answer {
			return v.admin("POST", "/admin/v1/revocations", map[string]string{"kind": "client", "id": "ref"})
		},
		"client_disabled": func(v *world, _ answer) answer { return v.admin("POST", "/admin/v1/clients/ref/disable", nil) },
		"subject_revoked": func(v *world, _ answer) answer {
			return v.admin("POST", "/admin/v1/revocations", map[string]string{"kind": "subject", "id": v.ann.ID})
		},
		"session_revoked": func(v *world, _ answer) answer {
			return v.admin("POST", "/admin/v1/revocations", map[string]string{"kind": "session", "id": v.sessionID()})
		},
	} {
		v := newWorld(t)
		v.opaque("ref")
		got := v.want(v.token(with(redemption("", v.code("ref")), "client_id", ""), v.as("ref")), 200, "")
		text := got.text("access_token")
		v.want(v.ask("POST", "/revoke", form(pairs("token", text)), v.as("service")), 200, "") // who it does not belong to
		if v.lookup(text, "service").json["active"] != true {
			t.Errorf("%s: a stranger revoked it", want)
		}
		if a := act(v, got); a.status > 204 {
			t.Fatalf("%s: %d %s", want, a.status, a.body)
		}
		if a := v.lookup(text, "service"); strings.TrimSpace(a.body) != `{"active":false}` {
			t.Errorf("%s: %s", want, a.body)
		}
		v.want(v.ask("GET", "/userinfo", bearer(text)), 401, "token_revoked")
		if told := v.admin("POST", "/admin/v1/tokens/explain", map[string]any{"token": text, "any_audience": true}); told.text("ended") != want && !(want == "client_disabled" && told.text("ended") == "client_revoked") {
			t.Errorf("%s: %s", want, told.body)
		}
	}
}

// Nobody learns anything of a token that is not for him: one that never was, one of
// another, and what stands in the database are answered alike.
func TestThreatOpaqueTokensOfOthers(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.opaque("ref")
	text := v.want(v.token(pairs("grant_type", "client_credentials"), v.as("ref")), 200, "").text("access_token")
	for name, c := range map[string]struct{ text, as string }{
		"another audience": {text, "stranger"}, "unknown": {"at_" + strings.Repeat("A", 43), "ref"}, "prefix alone": {"at_", "ref"}, "without prefix": {text[3:], "ref"},
		"shorter": {text[:len(text)-1], "ref"}, "longer": {text + "A", "ref"}, "another case": {strings.ToUpper(text), "ref"}, "huge": {"at_" + strings.Repeat("A", 9000), "ref"},
	} {
		if a := v.lookup(c.text, c.as); strings.TrimSpace(a.body) != `{"active":false}` {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	v.want(v.ask("GET", "/userinfo", bearer("at_"+strings.Repeat("A", 43))), 401, "token_inactive")
	v.want(v.token(exchange("at_"+strings.Repeat("A", 43)), v.as("ref")), 400, "subject_token_invalid")
	v.gateways("api-2")
	v.want(v.token(exchange(text), v.as("api-2")), 400, "subject_token_invalid")
	told := v.admin("POST", "/admin/v1/tokens/explain", map[string]any{"token": "at_x", "any_audience": true})
	if !strings.Contains(told.body, `"token_inactive"`) || told.json["access_token_claims"] != nil {
		t.Errorf("%s", told.body)
	}
	told = v.admin("POST", "/admin/v1/tokens/explain", map[string]any{"token": text, "kind": "id_token", "audience": "elsewhere"})
	if !strings.Contains(told.body, `"type_mismatch"`) || !strings.Contains(told.body, `"audience_mismatch"`) {
		t.Errorf("%s", told.body)
	}
	if strings.Contains(v.log.String(), text) || strings.Contains(v.log.String(), text[3:]) {
		t.Error("a token is in the log")
	}
}

// full is a store that keeps no more tokens.
type full struct{ grant.Store }

func (full) SaveReference(context.Context, grant.Reference) error { return errors.New("disk full") }

// Nobody has an opaque token that is not stored, nor one that says too much.
func TestThreatOpaqueTokensThatAreNotStored(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.opaque("ref")
	var roles []string
	for i := range 50 {
		roles = append(roles, fmt.Sprint(strings.Repeat("r", 200), i))
	}
	v.opaque("laden", "roles", roles)
	v.want(v.token(pairs("grant_type", "client_credentials"), v.as("laden")), 400, "token_oversize")
	v.issuer.Token.Grants.Store = full{v.store}
	if a := v.token(pairs("grant_type", "client_credentials"), v.as("ref")); a.status != http.StatusInternalServerError || strings.Contains(a.body, "at_") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// The format is one of two, and nothing is signed that is opaque.
func TestThreatFormatOfAClient(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	for _, c := range []client.Client{{AccessTokenFormat: "reference"}, {AccessTokenFormat: "JWT"}, {AccessTokenFormat: client.FormatOpaque, AccessTokenAlgorithm: "ES256"}} {
		c.ID, c.GrantTypes, c.Audiences = "odd", []string{"client_credentials"}, []string{"api"}
		if _, _, err := v.clients.Create(v.Context(), root(), c); err == nil || !strings.Contains(err.Error(), "request_invalid") {
			t.Errorf("%q: %v", c.AccessTokenFormat, err)
		}
	}
	c, err := v.clients.Get(v.Context(), "machine")
	v.ok(err)
	for _, format := range []string{client.FormatOpaque, client.FormatJWT, ""} {
		c.AccessTokenFormat = format
		_, err := v.clients.Update(v.Context(), root(), 0, c)
		v.ok(err)
		text := v.want(v.token(pairs("grant_type", "client_credentials"), v.as("machine")), 200, "").text("access_token")
		if opaque := strings.HasPrefix(text, "at_"); opaque != (format == client.FormatOpaque) || v.lookup(text, "machine").json["active"] != true {
			t.Errorf("%q: %s", format, text)
		}
	}
	if got := v.admin("GET", "/admin/v1/clients/machine", nil); slices.Contains([]any{"jwt", "opaque"}, got.json["access_token_format"]) {
		t.Errorf("%s", got.body)
	}
}
