package server_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/token"
	"github.com/jotward/jotward/jose/lint"
)

// claimsOf are the settings of a client whose tokens say more.
func claimsOf(access, id map[string]string) client.Client {
	return client.Client{ID: "mapped", GrantTypes: []string{"authorization_code", "refresh_token", "client_credentials"}, RedirectURIs: []string{redirect},
		Scopes: []string{"openid", "profile", "email", "read"}, Audiences: []string{"api"}, Roles: []string{"batch"}, AccessTokenClaims: access, IDTokenClaims: id}
}

// A client's tokens say what its expressions give, in either format, and so does introspection.
func TestClaimsByExpression(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	access := map[string]string{"https://api.example/level": `"user" in account.roles ? 2 : 1`, "gone": `null`,
		"how": `{"grant": request.grant_type, "acr": request.acr, "scope": request.scope, "for": request.audience, "by": client.id}`, "who": `account.username`}
	_, secret, err := v.clients.Create(v.Context(), root(), claimsOf(access, map[string]string{"department": `account.id == "" ? "none" : "sales"`}))
	v.ok(err)
	v.secrets["mapped"] = secret
	for _, format := range []string{client.FormatJWT, client.FormatOpaque} {
		c, err := v.clients.Get(v.Context(), "mapped")
		v.ok(err)
		c.AccessTokenFormat = format
		_, err = v.clients.Update(v.Context(), root(), 0, c)
		v.ok(err)
		got := v.want(v.token(with(redemption("", v.code("mapped")), "client_id", ""), v.as("mapped")), 200, "")
		says := v.lookup(got.text("access_token"), "service").json
		if format == client.FormatJWT {
			if in := v.claims(got.text("access_token")); !reflect.DeepEqual(in["how"], says["how"]) || in["sub"] != v.ann.ID || in["gone"] != nil {
				t.Errorf("%v", in)
			}
		}
		how := map[string]any{"grant": "authorization_code", "acr": "pwd", "scope": []any{"email", "openid", "profile", "read"}, "for": []any{"api"}, "by": "mapped"}
		if _, null := says["gone"]; null || says["who"] != "ann" || says["https://api.example/level"] != 2.0 || !reflect.DeepEqual(says["how"], how) || says["active"] != true || says["department"] != nil {
			t.Errorf("%s: %v", format, says)
		}
		told := v.want(v.admin("POST", "/admin/v1/tokens/explain", map[string]any{"token": got.text("access_token"), "audience": "api"}), 200, "")
		if claims, _ := told.json["access_token_claims"].(map[string]any); claims["who"] != "ann" || claims["sub"] != v.ann.ID || !reflect.DeepEqual(claims["how"], says["how"]) {
			t.Errorf("%s, explained: %s", format, told.body)
		}
		if id := v.claims(got.text("id_token")); id["department"] != "sales" || id["who"] != nil || id["nonce"] != "no-1" || id["aud"] != "mapped" {
			t.Errorf("%s: %v", format, id)
		}
		again := v.want(v.token(refresh("", got.text("refresh_token")), v.as("mapped")), 200, "")
		if says := v.lookup(again.text("access_token"), "mapped").json; at(says, "how", "grant") != "refresh_token" {
			t.Errorf("%s: %v", format, says)
		}
		own := v.want(v.token(pairs("grant_type", "client_credentials", "scope", "read"), v.as("mapped")), 200, "")
		if says := v.lookup(own.text("access_token"), "mapped").json; says["who"] != "" || at(says, "how", "acr") != "" || says["https://api.example/level"] != 1.0 {
			t.Errorf("%s: %v", format, says)
		}
	}
}

// What could break a token, or speak for the issuer, is refused when it is saved.
func TestThreatClaimsThatAreSaved(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	refused := map[string]string{"": `1`, "a b": `1`, "q\"": `1`, strings.Repeat("n", 129): `1`, "é": `1`, "missing": `account.age`, "syntax": `1 +`, "bytes": `b"x"`,
		"costly": `account.roles.map(a, account.roles.map(b, account.roles.map(c, a + b + c)))`, "password": `"hunter2hunter2"`, "client_secret": `"abcdefghijklmnop"`}
	for _, name := range []string{"iss", "sub", "aud", "exp", "cnf", "act", "sid", "sub_ver", "client_ver", "grant_id", "scope", "roles", "permissions", "active", "token_type", "nonce", "at_hash", "amr", "SUB", "Cnf", "Client_ID"} {
		refused[name] = `"x"`
	}
	for name, text := range refused {
		for _, list := range []string{"access_token_claims", "id_token_claims"} {
			a := v.admin("POST", "/admin/v1/clients", map[string]any{"client_id": "m", "grant_types": []string{"client_credentials"}, "audiences": []string{"api"}, list: map[string]string{name: text}})
			if a.status != 400 || a.json["code"] != "request_invalid" || !strings.Contains(a.body, list) {
				t.Errorf("%q in %s: %d %s", name, list, a.status, a.body)
			}
		}
	}
	many := map[string]string{}
	for i := range 17 {
		many[strings.Repeat("m", i+1)] = `1`
	}
	if _, _, err := v.clients.Create(v.Context(), root(), claimsOf(many, nil)); err == nil {
		t.Error("seventeen claims")
	}
	// A change is held to the same, and personal data in an access token is said.
	a := v.want(v.admin("POST", "/admin/v1/clients", map[string]any{"client_id": "m", "grant_types": []string{"client_credentials"}, "audiences": []string{"api"},
		"access_token_claims": map[string]string{"mail": `account.email`}, "id_token_claims": map[string]string{"contact": `account.email`}}), 201, "")
	if found, _ := a.json["claim_findings"].([]any); len(found) != 1 || !strings.Contains(a.body, `"personal_email"`) || !strings.Contains(a.body, `"claims/mail"`) {
		t.Errorf("%s", a.body)
	}
	v.want(v.admin("PUT", "/admin/v1/clients/m", map[string]any{"grant_types": []string{"client_credentials"}, "audiences": []string{"api"}, "access_token_claims": map[string]string{"sub": `"root"`}}), 400, "request_invalid")
}

// No token is issued without a claim that it should have, and none with a secret in it.
func TestThreatClaimsThatFail(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	var found []string
	v.issuer.Token.Grants.Found = func(id string, code lint.Code) { found = append(found, id+" "+string(code)) }
	for name, c := range map[string]client.Client{
		"fails":        claimsOf(map[string]string{"second": `account.roles[1]`}, nil),
		"fails in ID":  claimsOf(nil, map[string]string{"second": `account.roles[1]`}),
		"is a secret":  claimsOf(map[string]string{"value": `account.id == "usr_sample" ? "x" : "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ\n-----END PRIVATE KEY-----"`}, nil),
		"is too large": claimsOf(map[string]string{"value": `account.id == "usr_sample" ? "x" : "` + strings.Repeat("y", 1100) + `"`}, nil),
	} {
		c.ID, c.Public, c.GrantTypes = "mapped-"+strings.ReplaceAll(name, " ", "-"), true, []string{"authorization_code", "refresh_token"}
		_, _, err := v.clients.Create(v.Context(), root(), c)
		if err != nil {
			t.Fatal(name, err)
		}
		code := v.code(c.ID)
		for range 2 { // a code is not spent for nothing
			if a := v.want(v.token(redemption(c.ID, code)), 400, "claim_unavailable"); strings.Contains(a.body, "access_token") || strings.Contains(a.body, "usr_") {
				t.Errorf("%s: %s", name, a.body)
			}
		}
	}
	if len(found) != 2 || !strings.HasPrefix(found[0], "mapped-is-a-secret ") {
		t.Errorf("counted: %v", found)
	}
}

// Nothing that the issuer says itself is left to an expression: the list is compared with
// what tokens and introspection hold.
func TestEveryOwnClaimIsReserved(t *testing.T) {
	t.Parallel()
	for _, of := range []any{token.Access{}, token.ID{}, token.Logout{}} {
		typ := reflect.TypeOf(of)
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			if name != "-" && !client.Reserved(name) {
				t.Errorf("%s: %s", typ, name)
			}
		}
	}
	v := newWorld(t)
	a := v.lookup(v.want(v.token(pairs("grant_type", "client_credentials"), v.as("service")), 200, "").text("access_token"), "service")
	var members map[string]json.RawMessage
	v.ok(json.Unmarshal([]byte(a.body), &members))
	for name := range members {
		if !client.Reserved(name) {
			t.Errorf("introspection: %s", name)
		}
	}
	if slices.Contains([]bool{client.Reserved("tenant"), client.Reserved("https://api.example/level")}, true) {
		t.Error("more is reserved than ours")
	}
}
