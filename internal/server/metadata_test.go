package server_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/token"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

func texts(v any) (out []string) {
	list, _ := v.([]any)
	for _, item := range list {
		out = append(out, item.(string))
	}
	return out
}

// Whatever the metadata says is so, and whatever it does not say is refused
// (RFC 8414 2, OpenID Connect Discovery 3).
func TestMetadataIsTrue(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	doc := v.want(v.ask("GET", "/.well-known/openid-configuration"), 200, "")
	if other := v.ask("GET", "/.well-known/oauth-authorization-server"); other.body != doc.body || doc.text("issuer") != issuerURL {
		t.Errorf("two documents: %s", other.body)
	}
	known := []string{"issuer", "authorization_response_iss_parameter_supported", "subject_types_supported", "claim_types_supported", "ui_locales_supported"}
	check := func(name string, f func(value string) bool, all ...string) {
		known = append(known, name)
		said := texts(doc.json[name])
		for _, value := range all {
			if said := slices.Contains(said, value); said != f(value) {
				t.Errorf("%s: %s is said to be %v", name, value, said)
			}
		}
		for _, value := range said {
			if !slices.Contains(all, value) {
				t.Errorf("%s: nothing tries %s", name, value)
			}
		}
	}
	for _, name := range []string{"authorization_endpoint", "token_endpoint", "jwks_uri", "introspection_endpoint", "revocation_endpoint", "pushed_authorization_request_endpoint", "userinfo_endpoint", "end_session_endpoint", "device_authorization_endpoint", "registration_endpoint"} {
		known = append(known, name)
		path, ok := strings.CutPrefix(doc.text(name), issuerURL)
		if a := v.ask("POST", path); !ok || a.status == 404 || a.status == 405 && name != "jwks_uri" {
			t.Errorf("%s: %s answers %d", name, doc.text(name), a.status)
		}
	}
	b := &browser{world: v}
	b.allow(request("app"))
	goes := func(name string) func(string) bool {
		return func(value string) bool { return b.open(with(request("app"), name, value)).back().Has("code") }
	}
	check("response_types_supported", goes("response_type"), "code", "token", "id_token", "code id_token", "none")
	check("response_modes_supported", goes("response_mode"), "query", "fragment", "form_post", "query.jwt")
	check("code_challenge_methods_supported", goes("code_challenge_method"), "S256", "plain")
	check("scopes_supported", goes("scope"), "openid", "profile", "email", "offline_access", "address", "phone")
	check("prompt_values_supported", func(value string) bool {
		return !strings.Contains(b.open(with(request("app"), "prompt", value)).header.Get("Location"), "error=")
	}, "none", "login", "consent", "select_account", "create")
	for _, name := range []string{"request", "request_uri"} {
		known = append(known, name+"_parameter_supported")
		if doc.json[name+"_parameter_supported"] != goes(name)("x") {
			t.Errorf("%s: %v", name, doc.json[name+"_parameter_supported"])
		}
	}
	check("grant_types_supported", func(value string) bool {
		return v.token(pairs("grant_type", value), v.as("service")).text("error") != "unsupported_grant_type"
	}, "authorization_code", "client_credentials", "refresh_token", "password", "implicit", "urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:token-exchange")
	proves := v.provers(jwk.ES256, jwk.ES384, jwk.ES512, jwk.EdDSA, jwk.Ed25519, jwk.RS256, jwk.RS384, jwk.RS512, jwk.PS256, jwk.PS384, jwk.PS512)
	check("dpop_signing_alg_values_supported", func(alg string) bool { return proves.proof(jwk.Algorithm(alg)) }, proves.names()...)
	known = append(known, "require_pushed_authorization_requests")
	if got := b.open(request("app")).back().Has("code"); doc.json["require_pushed_authorization_requests"] == got {
		t.Errorf("require_pushed_authorization_requests: %v", got)
	}
	for _, endpoint := range []string{"token", "introspection", "revocation"} {
		values := map[string]url.Values{"token": pairs("grant_type", "refresh_token", "refresh_token", "x"), "introspection": pairs("token", "x"), "revocation": pairs("token", "x")}[endpoint]
		path := strings.TrimPrefix(doc.text(endpoint+"_endpoint"), issuerURL)
		check(endpoint+"_endpoint_auth_methods_supported", func(method string) bool {
			var a answer
			switch method {
			case "client_secret_basic":
				a = v.ask("POST", path, form(values), v.as("service"))
			case "client_secret_post":
				a = v.ask("POST", path, form(with(values, "client_id", "service", "client_secret", v.secrets["service"])))
			case "none":
				a = v.ask("POST", path, form(with(values, "client_id", "app")))
			default:
				return proves.assertion(path, values, jwk.ES256)
			}
			return a.text("error") != "invalid_client"
		}, "client_secret_basic", "client_secret_post", "none", "private_key_jwt")
		check(endpoint+"_endpoint_auth_signing_alg_values_supported", func(alg string) bool {
			return proves.assertion(path, values, jwk.Algorithm(alg))
		}, proves.names()...)
	}
	claims := map[string]any{}
	id := v.tokens().text("id_token")
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(id, ".")[1])
	v.ok(err)
	v.ok(json.Unmarshal(raw, &claims))
	check("claims_supported", func(name string) bool { _, ok := claims[name]; return ok }, append([]string{"azp", "acr", "c_hash", "nbf", "jti"}, texts(doc.json["claims_supported"])...)...)
	for name := range claims {
		if !slices.Contains(texts(doc.json["claims_supported"]), name) {
			t.Errorf("the ID token has %s, which is not said", name)
		}
	}
	known = append(known, "claims_parameter_supported")
	if doc.json["claims_parameter_supported"] != (v.asking("openid", `{"id_token":{"email":null}}`).claims["email"] != nil) {
		t.Error("claims_parameter_supported")
	}
	check("acr_values_supported", func(value string) bool {
		return b.open(with(request("app"), "claims", `{"id_token":{"acr":{"essential":true,"value":"`+value+`"}}}`)).back().Get("code") != "" && claims["acr"] == value
	}, "pwd", "mfa", "phr", "0")
	for _, channel := range []string{"backchannel", "frontchannel"} {
		known = append(known, channel+"_logout_supported", channel+"_logout_session_supported")
		if doc.json[channel+"_logout_supported"] != true || doc.json[channel+"_logout_session_supported"] != true {
			t.Errorf("%s: TestBackchannelLogout and TestFrontchannelLogout show that it is", channel)
		}
	}
	signs := func(name string) func(string) bool {
		return func(alg string) bool {
			a := v.admin("PUT", "/admin/v1/clients/machine", map[string]any{"grant_types": []string{"client_credentials"}, name: alg})
			return a.status == 200
		}
	}
	check("id_token_signing_alg_values_supported", signs("id_token_signed_response_alg"), "ES256", "RS256", "none")
	check("userinfo_signing_alg_values_supported", signs("userinfo_signed_response_alg"), "ES256", "RS256", "none")
	encrypts := func(alg, enc string) bool {
		key, err := jwk.Generate(jwk.Algorithm(alg), "enc")
		if err != nil {
			key = proves.keys[jwk.ES256]
		}
		return v.admin("PUT", "/admin/v1/clients/machine", map[string]any{"grant_types": []string{"client_credentials"}, "jwks": v.jwks(key),
			"id_token_encrypted_response_alg": alg, "id_token_encrypted_response_enc": enc}).status == 200
	}
	check("id_token_encryption_alg_values_supported", func(alg string) bool { return encrypts(alg, "A128GCM") },
		"RSA-OAEP", "RSA-OAEP-256", "RSA-OAEP-384", "RSA-OAEP-512", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW", "RSA1_5", "dir", "A128KW", "PBES2-HS256+A128KW")
	check("id_token_encryption_enc_values_supported", func(enc string) bool { return encrypts("ECDH-ES", enc) },
		"A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512", "A128GCM", "A192GCM", "A256GCM", "none", "A128KW")
	for name := range doc.json {
		if !slices.Contains(known, name) {
			t.Errorf("nothing tries %s", name)
		}
	}
	if keys := v.ask("GET", "/jwks"); keys.header.Get("Content-Type") != "application/jwk-set+json" || !strings.HasPrefix(keys.header.Get("Cache-Control"), "public, max-age=") || strings.Contains(keys.body, `"d"`) {
		t.Errorf("%v %s", keys.header, keys.body)
	}
}

// provers hold a key of each algorithm, and a client that has it.
type provers struct {
	*world
	keys map[jwk.Algorithm]*jwk.Key
}

func (v *world) provers(algs ...jwk.Algorithm) *provers {
	v.Helper()
	p := &provers{v, map[jwk.Algorithm]*jwk.Key{}}
	for _, a := range algs {
		key, err := jwk.Generate(a, string(a))
		v.ok(err)
		p.keys[a] = key
		v.admin("POST", "/admin/v1/clients", map[string]any{"client_id": "has-" + string(a), "jwks": v.jwks(key)})
	}
	return p
}

func (p *provers) names() (out []string) {
	for a := range p.keys {
		out = append(out, string(a))
	}
	return out
}

// proof tries a DPoP proof under a key of that algorithm.
func (p *provers) proof(alg jwk.Algorithm) bool {
	s, err := jwt.NewDPoPSigner(p.keys[alg], p.now)
	p.ok(err)
	return (&holder{world: p.world, DPoPSigner: s}).tried()
}

// assertion tries a client's assertion under a key of that algorithm.
func (p *provers) assertion(path string, values url.Values, alg jwk.Algorithm) bool {
	id := "has-" + string(alg)
	text := p.world.assertion(p.keys[alg], "", map[string]any{"iss": id, "sub": id, "aud": issuerURL, "jti": rand.Text(), "exp": p.now().Add(time.Minute).Unix()})
	a := p.ask("POST", path, form(with(values, "client_assertion_type", asserted("").Get("client_assertion_type"), "client_assertion", text)))
	return a.text("error") != "invalid_client"
}

// OpenID Connect Core 2, 3.1.3.6, 3.1.3.7, 12.2, as a client verifies it.
func TestIDToken(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	set, err := jwk.ParseSet([]byte(v.ask("GET", "/jwks").body), jwk.Options{PublicOnly: true})
	v.ok(err)
	read := func(a answer, nonce string) token.ID {
		t.Helper()
		verifier, err := jwt.NewIDTokenVerifier[token.ID](set, jwt.IDTokenPolicy{Issuer: issuerURL, ClientID: "app", Algorithms: []jwk.Algorithm{jwk.ES256}, MaxLifetime: time.Hour, Clock: v.now})
		v.ok(err)
		got, err := verifier.Verify(t.Context(), a.text("id_token"), jwt.IDTokenRequest{Nonce: nonce, NoNonce: nonce == "", AccessToken: a.text("access_token")})
		v.ok(err)
		if got.Header.Type != "JWT" || strings.Contains(got.Payload, "azp") {
			t.Errorf("%s of typ %q", got.Payload, got.Header.Type)
		}
		return got.Claims
	}
	signedIn := v.now().Unix()
	b := &browser{world: v}
	b.signIn(request("app"))
	v.pass(time.Minute)
	answer1 := v.want(v.token(redemption("app", b.allow(request("app")).back().Get("code"))), 200, "")
	first := read(answer1, "no-1")
	if first.AuthTime != signedIn || first.Subject != v.ann.ID || first.Audience != "app" || first.SessionID == "" || fmt.Sprint(first.AMR) != "[pwd]" ||
		first.Name != "Ann <b>Lee</b>" || first.Username != "ann" || first.Email != "ann@example.com" || first.Verified == nil || *first.Verified {
		t.Errorf("%+v", first)
	}
	v.pass(time.Minute)
	second := read(v.want(v.token(refresh("app", answer1.text("refresh_token"))), 200, ""), "")
	if second.AuthTime != first.AuthTime || second.Subject != first.Subject || second.SessionID != first.SessionID || second.IssuedAt <= first.IssuedAt {
		t.Errorf("after a refresh: %+v", second)
	}
	// Less is asked for, less is told; without openid there is no ID token.
	small := v.want(v.token(redemption("app", b.allow(with(request("app"), "scope", "openid", "nonce", "")).back().Get("code"))), 200, "")
	if got := read(small, ""); got.Name+got.Username+got.Email != "" {
		t.Errorf("%+v", got)
	}
	if a := v.want(v.token(redemption("app", b.allow(with(request("app"), "scope", "read")).back().Get("code"))), 200, ""); a.text("id_token") != "" {
		t.Errorf("an ID token without openid: %s", a.body)
	}
}
