package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/secret"
	"github.com/jotward/jotward/internal/token"
	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
	"github.com/jotward/jotward/jose/jwt"
)

// resources says more of APIs than their name.
func (v *world) resources(list ...config.Resource) {
	v.Helper()
	terms, err := (&config.Issuer{Resources: list}).ResourceTerms()
	v.ok(err)
	v.issuer.Token.Grants.Resources = terms
}

func (v *world) own(resource string) answer {
	v.Helper()
	return v.token(pairs("grant_type", "client_credentials", "resource", resource), v.as("service"))
}

// What an API says of its tokens goes before what a client says, by every grant; and its
// tokens are for nobody else.
func TestResourceTerms(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.resources(config.Resource{Audience: "api-2", AccessTokenLifetime: 5 * time.Minute, AccessTokenClaims: map[string]string{"tenant": `"t-" + client.id`, "who": `account.username`}})
	plain := v.want(v.own("api"), 200, "")
	if c := v.claims(plain.text("access_token")); plain.json["expires_in"] != 600.0 || c["tenant"] != nil || c["aud"] != "api" {
		t.Errorf("another API's token: %v", c)
	}
	a := v.want(v.own("api-2"), 200, "")
	if c := v.claims(a.text("access_token")); a.json["expires_in"] != 300.0 || c["exp"].(float64)-c["iat"].(float64) != 300 || c["tenant"] != "t-service" || c["aud"] != "api-2" {
		t.Errorf("%s %v", a.body, c)
	}
	for _, ask := range []url.Values{pairs("grant_type", "client_credentials"), pairs("grant_type", "client_credentials", "resource", "api", "resource", "api-2")} {
		if a := v.want(v.token(ask, v.as("service")), 400, "audience_invalid"); a.text("error") != "invalid_target" {
			t.Errorf("for two: %s", a.body)
		}
	}
	code := with(redemption("", v.code("service")), "client_id", "", "resource", "api-2")
	first := v.want(v.token(code, v.as("service")), 200, "")
	if c := v.claims(first.text("access_token")); c["who"] != "ann" || c["aud"] != "api-2" || first.json["expires_in"] != 300.0 {
		t.Errorf("%v", c)
	}
	next := v.want(v.token(with(refresh("", first.text("refresh_token")), "client_id", "", "resource", "api"), v.as("service")), 200, "")
	if c := v.claims(next.text("access_token")); c["who"] != nil || c["aud"] != "api" {
		t.Errorf("%v", c)
	}
	// An exchange is held to the same, and lives no longer than what it came from.
	c, err := v.clients.Get(v.Context(), "service")
	v.ok(err)
	c.GrantTypes = append(c.GrantTypes, "urn:ietf:params:oauth:grant-type:token-exchange")
	_, err = v.clients.Update(v.Context(), root(), 0, c)
	v.ok(err)
	swapped := v.want(v.token(exchange(next.text("access_token"), "resource", "api-2"), v.as("service")), 200, "")
	if c := v.claims(swapped.text("access_token")); c["who"] != "ann" || c["aud"] != "api-2" || swapped.json["expires_in"] != 300.0 {
		t.Errorf("%s %v", swapped.body, c)
	}
	v.want(v.token(exchange(next.text("access_token")), v.as("service")), 400, "audience_invalid")
	v.pass(8 * time.Minute)
	if a := v.want(v.token(exchange(next.text("access_token"), "resource", "api-2"), v.as("service")), 200, ""); a.json["expires_in"] != 120.0 {
		t.Errorf("%s", a.body)
	}
}

// A life is the shorter of what API and client say.
func TestResourceLifetime(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.resources(config.Resource{Audience: "api-2", AccessTokenLifetime: time.Hour})
	if a := v.want(v.own("api-2"), 200, ""); a.json["expires_in"] != 600.0 {
		t.Errorf("%s", a.body)
	}
}

// Claims that an API would not take are not issued, and their values told to nobody.
func TestResourceSchema(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	schema := map[string]any{"type": "object", "required": []any{"tenant", "iss"}, "properties": map[string]any{"tenant": map[string]any{"type": "string", "maxLength": 9}, "iss": map[string]any{"const": issuerURL}}}
	of := config.Resource{Audience: "api-2", AccessTokenClaims: map[string]string{"tenant": `"t-" + client.id`}, ClaimsSchema: schema}
	v.resources(of)
	v.want(v.own("api-2"), 200, "")
	of.AccessTokenClaims = map[string]string{"tenant": `"hidden-" + client.id`}
	v.resources(of)
	a := v.want(v.own("api-2"), 400, "claim_unavailable")
	if strings.Contains(a.body+v.log.String(), "hidden-service") {
		t.Errorf("the value is told: %s", a.body)
	}
	if !strings.Contains(v.log.String(), "maxLength") {
		t.Error("the operator is not told what does not fit")
	}
	of.AccessTokenClaims = nil
	v.resources(of)
	v.want(v.own("api-2"), 400, "claim_unavailable")
	v.want(v.own("api"), 200, "")
}

// An API's own format goes before its client's.
func TestResourceFormat(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.opaque("ref", "audiences", []string{"plain", "says"})
	v.resources(config.Resource{Audience: "api-2", AccessTokenFormat: client.FormatOpaque}, config.Resource{Audience: "says", AccessTokenFormat: client.FormatJWT})
	if text := v.want(v.own("api-2"), 200, "").text("access_token"); !strings.HasPrefix(text, "at_") || v.lookup(text, "service").text("aud") != "api-2" {
		t.Error("it is not opaque")
	}
	if text := v.want(v.token(pairs("grant_type", "client_credentials", "resource", "says"), v.as("ref")), 200, "").text("access_token"); v.claims(text)["aud"] != "says" {
		t.Error("it says nothing")
	}
}

// A resource with a key of its own: its tokens are signed by that alone, which is published by
// itself and with all others; what the issuer does with tokens it does with these.
func TestResourceKey(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	of := config.Resource{Audience: "api-2", KeyName: "orders"}
	v.resources(of)
	kid := func(text string) string {
		h, err := jws.ParseHeader(strings.Split(text, ".")[0])
		v.ok(err)
		return h.KeyID
	}
	published := func(path string) (kids []string) {
		for _, k := range v.want(v.ask("GET", path), 200, "").json["keys"].([]any) {
			kids = append(kids, k.(map[string]any)["kid"].(string))
		}
		return kids
	}
	general := published("/jwks")
	v.want(v.ask("GET", "/jwks/orders"), 404, "not_found")
	v.pass(time.Hour)
	v.ok(v.ring.Configure(keyring.Policy{Algorithms: []jwk.Algorithm{jwk.ES256}, Own: (&config.Issuer{Resources: []config.Resource{of}, Signing: config.Signing{Algorithms: []string{"ES256"}}}).OwnKeys(), Ahead: 10 * time.Minute}))
	v.ok(v.ring.Tend(v.Context(), root()))
	if text := v.want(v.own("api-2"), 200, "").text("access_token"); kid(text) != general[0] {
		t.Error("a key signs that nobody knows yet")
	}
	v.pass(10 * time.Minute)
	text := v.want(v.own("api-2"), 200, "").text("access_token")
	if own := published("/jwks/orders"); len(own) != 1 || kid(text) != own[0] || slices.Contains(general, own[0]) || !slices.Contains(published("/jwks"), own[0]) {
		t.Errorf("%s signs, %v are published", kid(text), own)
	}
	if other := v.want(v.own("api"), 200, "").text("access_token"); kid(other) != general[0] {
		t.Error("it signs for another API")
	}
	if a := v.lookup(text, "service"); a.json["active"] != true {
		t.Errorf("%s", a.body)
	}
	v.want(v.admin("GET", "/admin/v1/keys/token-orders", nil), 200, "")
	v.want(v.admin("GET", "/admin/v1/keys/token-others", nil), 404, "not_found")
	v.want(v.admin("POST", "/admin/v1/revocations", map[string]any{"kind": "key", "id": kid(text)}), 201, "")
	if a := v.lookup(text, "service"); a.json["active"] != false || len(v.revoked("key")) != 1 {
		t.Errorf("its key was revoked: %s", a.body)
	}
	if next := v.want(v.own("api-2"), 200, "").text("access_token"); kid(next) == kid(text) || kid(next) == general[0] {
		t.Error("nothing of its own signs after that")
	}
}

// readerKey is a key of an API, and the half that its tokens are encrypted for.
func (v *world) readerKey() (key *jwk.Key, public map[string]any) {
	v.Helper()
	key, err := jwk.Generate("ECDH-ES+A256KW", "api-2-enc")
	v.ok(err)
	half, err := key.Public()
	v.ok(err)
	text, err := half.MarshalJSON()
	v.ok(err)
	v.ok(json.Unmarshal(text, &public))
	return key, public
}

// A token that is encrypted for its API can be read by nobody else, and its issuer still
// knows it: introspection, UserInfo, exchange and revocation go by what was noted.
func TestResourceEncryption(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	key, public := v.readerKey()
	v.opaque("ref", "audiences", []string{"api-2"})
	v.resources(config.Resource{Audience: "api-2", Encryption: &config.ResourceEncryption{JWK: public}})
	got := v.want(v.token(with(redemption("", v.code("service")), "client_id", "", "resource", "api-2"), v.as("service")), 200, "")
	sealed := got.text("access_token")
	message, err := jwe.Decrypt(v.Context(), sealed, key, jwe.DecryptOptions{Algorithms: []jwk.Algorithm{"ECDH-ES+A256KW"}, Encryptions: []jwk.Algorithm{jwk.A256GCM}})
	v.ok(err)
	if message.Header.ContentType != "JWT" || message.Header.KeyID != "api-2-enc" {
		t.Errorf("%+v", message.Header)
	}
	if c := v.claims(string(message.Plaintext)); c["sub"] != v.ann.ID || c["aud"] != "api-2" {
		t.Errorf("%v", c)
	}
	hash, err := jwt.TokenHash(jwk.ES256, sealed)
	v.ok(err)
	if id := v.claims(got.text("id_token")); id["at_hash"] != hash {
		t.Errorf("at_hash: %v", id)
	}
	if a := v.lookup(sealed, "service"); a.json["active"] != true || a.text("sub") != v.ann.ID {
		t.Errorf("%s", a.body)
	}
	if a := v.lookup(sealed, "stranger"); a.json["active"] != false {
		t.Errorf("a stranger learns of it: %s", a.body)
	}
	if a := v.want(v.ask("GET", "/userinfo", bearer(sealed)), 200, ""); a.text("sub") != v.ann.ID {
		t.Errorf("%s", a.body)
	}
	told := v.want(v.admin("POST", "/admin/v1/tokens/explain", map[string]any{"token": sealed, "audience": "api-2"}), 200, "")
	if at(told.json, "access_token_claims", "client_id") != "service" || strings.Contains(told.body, "failed") || !strings.Contains(told.text("hint"), "encrypted") {
		t.Errorf("%s", told.body)
	}
	ref := v.want(v.token(pairs("grant_type", "client_credentials"), v.as("ref")), 200, "").text("access_token")
	if strings.Count(ref, ".") != 4 {
		t.Error("an opaque client's token says nothing to its API")
	}
	long := config.Resource{Audience: "api-2", AccessTokenClaims: map[string]string{}, Encryption: &config.ResourceEncryption{JWK: public}}
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} { // signed alone it would fit
		long.AccessTokenClaims[name] = `"` + strings.Repeat("x", 900) + `"`
	}
	v.resources(long)
	v.want(v.own("api-2"), 400, "token_oversize")
	bad := sealed[:len(sealed)-4] + "AAAA"
	if a := v.lookup(bad, "service"); a.json["active"] != false {
		t.Errorf("one that was changed: %s", a.body)
	}
	v.want(v.ask("POST", "/revoke", form(pairs("token", sealed)), v.as("service")), http.StatusOK, "")
	if a := v.lookup(sealed, "service"); a.json["active"] != false || len(v.revoked("token")) != 1 {
		t.Errorf("it was taken back: %s", a.body)
	}
	v.want(v.ask("GET", "/userinfo", bearer(sealed)), 401, "token_revoked")
}

// The key that signed an encrypted token inside is revoked: edges, which see the signature,
// refuse the token, and so does the issuer, which cannot see it. An opaque token, which no
// key signed, goes on.
func TestThreatEncryptedTokenOfARevokedKey(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	_, public := v.readerKey()
	v.opaque("ref")
	v.resources(config.Resource{Audience: "api-2", Encryption: &config.ResourceEncryption{JWK: public}})
	sealed := v.want(v.token(with(redemption("", v.code("service")), "client_id", "", "resource", "api-2"), v.as("service")), 200, "").text("access_token")
	opaque := v.want(v.token(pairs("grant_type", "client_credentials"), v.as("ref")), 200, "").text("access_token")
	kid := kids(v.ask("GET", "/jwks"))[0]
	v.want(v.admin("POST", "/admin/v1/keys/token/rotate", nil), 201, "")
	if v.pass(9 * time.Minute); v.lookup(sealed, "service").json["active"] != true { // its key goes on until the next may sign
		t.Error("a rotation ended it")
	}
	v.want(v.admin("POST", "/admin/v1/keys/token/"+kid+"/replace", nil), 200, "")
	if a := v.lookup(sealed, "service"); strings.TrimSpace(a.body) != `{"active":false}` {
		t.Errorf("introspection: %s", a.body)
	}
	if a := v.lookup(opaque, "ref"); a.json["active"] != true {
		t.Errorf("the opaque token: %s", a.body)
	}
	v.want(v.ask("GET", "/userinfo", bearer(sealed)), 401, "key_not_found")
	told := v.want(v.admin("POST", "/admin/v1/tokens/explain", map[string]any{"token": sealed, "audience": "api-2"}), 200, "")
	if strings.Count(told.body, `"failed"`) != 1 || !strings.Contains(told.body, `"key_not_found"`) || !strings.Contains(told.body, kid) {
		t.Errorf("explained: %s", told.body)
	}
	next := v.want(v.own("api-2"), 200, "").text("access_token")
	if v.lookup(next, "service").json["active"] != true {
		t.Error("what the next key signs is not taken")
	}
}

// One that was stored before the key was noted might be of any key: it is refused.
func TestThreatEncryptedTokenOfAnUnknownKey(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	a := token.Access{Issuer: issuerURL, Subject: "service", ClientID: "service", Audience: token.Audience{"api-2"}, ID: "old", ClientVersion: 1}
	text := "a.b.c.d.e"
	v.ok(v.store.SaveReference(v.Context(), grant.Reference{Hash: secret.Hash(text), Access: a, Expires: v.now().Add(time.Minute)}))
	if a := v.lookup(text, "service"); a.json["active"] != false {
		t.Errorf("%s", a.body)
	}
	v.ok(v.store.SaveReference(v.Context(), grant.Reference{Hash: secret.Hash(text + "f"), KeyID: kids(v.ask("GET", "/jwks"))[0], Access: a, Expires: v.now().Add(time.Minute)}))
	if a := v.lookup(text+"f", "service"); a.json["active"] != true {
		t.Errorf("with its key: %s", a.body)
	}
}
