package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
	"github.com/jotward/jotward/jose/jwt"
)

func root() audit.Actor { return audit.Actor{Kind: "system", ID: "test"} }

func bound() client.Client {
	return client.Client{ID: "bound", GrantTypes: []string{"client_credentials"}, Scopes: []string{"read"}, Audiences: []string{"api"}, DPoP: true}
}

// signing makes a client that signs assertions, and its key.
func (v *world) signing(id string) *jwk.Key {
	v.Helper()
	key, err := jwk.Generate(jwk.ES256, id+"-1")
	v.ok(err)
	a := v.admin("POST", "/admin/v1/clients", map[string]any{"client_id": id, "grant_types": []string{"client_credentials"}, "scopes": []string{"read"},
		"audiences": []string{"api"}, "jwks": v.jwks(key)})
	if v.want(a, 201, ""); a.text("client_secret") != "" {
		v.Fatalf("it has a secret: %s", a.body)
	}
	return key
}

func (v *world) jwks(keys ...*jwk.Key) json.RawMessage {
	set, err := jwk.NewSet(keys...)
	v.ok(err)
	text, err := set.MarshalJSON()
	v.ok(err)
	return text
}

func (v *world) assertion(key *jwk.Key, typ string, claims map[string]any) string {
	v.Helper()
	payload, err := json.Marshal(claims)
	v.ok(err)
	text, err := jws.Sign(payload, key, jws.SignOptions{Type: typ})
	v.ok(err)
	return text
}

func asserted(text string) url.Values {
	return pairs("grant_type", "client_credentials", "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion", text)
}

// private_key_jwt: RFC 7523 3, draft-ietf-oauth-rfc7523bis.
func TestThreatClientAssertions(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	key, other := v.signing("signer"), v.signing("signer-2")
	n := 0
	claims := func(change map[string]any) map[string]any {
		n++
		c := map[string]any{"iss": "signer", "sub": "signer", "aud": issuerURL, "jti": fmt.Sprint("a-", n), "iat": v.now().Unix(), "exp": v.now().Add(time.Minute).Unix()}
		for name, value := range change {
			if c[name] = value; value == nil {
				delete(c, name)
			}
		}
		return c
	}
	sign := func(change map[string]any) string { return v.assertion(key, "", claims(change)) }
	type changes = map[string]any
	hs, err := jwk.New([]byte(v.jwks(key)), jwk.HS256, "signer-1") // the public key as a secret (CVE-2016-5431)
	if err == nil {
		t.Fatalf("a public key's text makes a secret: %v", hs)
	}
	for name, values := range map[string]url.Values{
		"the token endpoint as aud":    asserted(sign(changes{"aud": issuerURL + "/token"})),
		"a list as aud":                asserted(sign(changes{"aud": []string{issuerURL}})),
		"two audiences":                asserted(sign(changes{"aud": []string{issuerURL, "https://other.example"}})),
		"another issuer as aud":        asserted(sign(changes{"aud": "https://other.example"})),
		"no aud":                       asserted(sign(changes{"aud": nil})),
		"another sub":                  asserted(sign(changes{"sub": "service"})),
		"another iss":                  asserted(sign(changes{"iss": "signer-2"})),
		"a client with a secret":       asserted(sign(changes{"iss": "service", "sub": "service"})),
		"a public client":              asserted(sign(changes{"iss": "app", "sub": "app"})),
		"an unknown client":            asserted(sign(changes{"iss": "none", "sub": "none"})),
		"no jti":                       asserted(sign(changes{"jti": nil})),
		"no exp":                       asserted(sign(changes{"exp": nil})),
		"expired":                      asserted(sign(changes{"exp": v.now().Add(-time.Minute).Unix()})),
		"an hour long":                 asserted(sign(changes{"exp": v.now().Add(time.Hour).Unix()})),
		"from the future":              asserted(sign(changes{"iat": v.now().Add(time.Minute).Unix()})),
		"another client's key":         asserted(v.assertion(other, "", claims(nil))),
		"an access token's type":       asserted(v.assertion(key, "at+jwt", claims(nil))),
		"a proof's type":               asserted(v.assertion(key, "dpop+jwt", claims(nil))),
		"no JWT":                       asserted("x"),
		"a client_id of somebody else": with(asserted(sign(nil)), "client_id", "service"),
		"a secret beside it":           with(asserted(sign(nil)), "client_id", "signer", "client_secret", "x"),
		"another type of assertion":    with(asserted(sign(nil)), "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"),
	} {
		if a := v.token(values); a.text("error") != "invalid_client" && a.text("error") != "invalid_request" || a.text("access_token") != "" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	v.want(v.token(pairs("grant_type", "client_credentials"), basic("signer", "x")), 401, "client_invalid")
	v.want(v.token(pairs("grant_type", "client_credentials", "client_id", "signer")), 401, "client_invalid")
	v.want(v.admin("POST", "/admin/v1/clients/signer/secret", nil), 400, "request_invalid")
	v.want(v.token(asserted(v.assertion(key, "client-authentication+jwt", claims(nil)))), 200, "")
	v.want(v.token(with(asserted(sign(nil)), "client_id", "signer")), 200, "")

	// Of fifty at once one wins, and no restart forgets it: the store remembers.
	once := asserted(sign(nil))
	won := 0
	for _, a := range v.race(50, func() answer { return v.token(once) }) {
		if a.status == 200 {
			won++
		} else {
			v.want(a, 401, "client_invalid")
		}
	}
	if won != 1 {
		t.Errorf("%d winners", won)
	}
	v.pass(61 * time.Second)
	v.want(v.token(once), 401, "client_invalid")
	_, err = v.store.Sweep(t.Context(), v.now(), client.TokenLife, time.Second)
	v.ok(err)
	v.want(v.token(once), 401, "client_invalid")

	// Every endpoint of a client takes it.
	for _, path := range []string{"/introspect", "/revoke"} {
		v.want(v.ask("POST", path, form(with(asserted(sign(nil)), "token", "x", "grant_type", ""))), 200, "")
	}
	v.want(v.admin("POST", "/admin/v1/clients/signer/disable", nil), 204, "")
	v.want(v.ask("POST", "/introspect", form(with(asserted(sign(nil)), "token", "x"))), 401, "client_invalid")
}

// What a client may have as its keys, and what becomes of its secret.
func TestClientKeys(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	key := v.signing("signer")
	private, err := key.ExportPrivate()
	v.ok(err)
	secret, err := jwk.Generate(jwk.HS256, "s")
	v.ok(err)
	text, err := secret.ExportPrivate()
	v.ok(err)
	for name, c := range map[string]struct {
		jwks   any
		public bool
	}{
		"private":        {json.RawMessage(`{"keys":[` + string(private) + `]}`), false},
		"a secret":       {json.RawMessage(`{"keys":[` + string(text) + `]}`), false},
		"none":           {json.RawMessage(`{"keys":[]}`), false},
		"no set":         {json.RawMessage(`{}`), false},
		"no object":      {[]string{}, false},
		"public client":  {v.jwks(key), true},
		"a key we lack":  {json.RawMessage(`{"keys":[{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}]}`), false},
		"one of two":     {json.RawMessage(strings.Replace(string(v.jwks(key)), `[`, `[{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"},`, 1)), false},
		"members twice":  {json.RawMessage(`{"keys":[],"keys":[]}`), false},
		"encryption key": {json.RawMessage(`{"keys":[{"kty":"OKP","crv":"X25519","x":"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08"}]}`), false},
	} {
		a := v.admin("POST", "/admin/v1/clients", map[string]any{"client_id": "new", "public": c.public, "jwks": c.jwks})
		if a.status != 400 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	// A secret that keys have replaced never holds again.
	was := v.secrets["machine"]
	settings := map[string]any{"grant_types": []string{"client_credentials"}, "scopes": []string{"read"}, "audiences": []string{"api"}}
	ask := func(secret string) answer {
		return v.token(pairs("grant_type", "client_credentials"), basic("machine", secret))
	}
	v.want(ask(was), 200, "")
	settings["jwks"] = v.jwks(key)
	v.want(v.admin("PUT", "/admin/v1/clients/machine", settings), 200, "")
	v.want(ask(was), 401, "client_invalid")
	delete(settings, "jwks")
	v.want(v.admin("PUT", "/admin/v1/clients/machine", settings), 200, "")
	v.want(ask(was), 401, "client_invalid")
	now := v.want(v.admin("POST", "/admin/v1/clients/machine/secret", nil), 201, "").text("client_secret")
	v.want(ask(now), 200, "")
}

// Two secrets overlap while one is replaced, as long as was said, and never three.
func TestSecretsOverlap(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	ask := func(secret string) int {
		return v.token(pairs("grant_type", "client_credentials"), basic("machine", secret)).status
	}
	rotate := func(overlap int) string {
		return v.want(v.admin("POST", "/admin/v1/clients/machine/secret", map[string]any{"overlap": overlap}), 201, "").text("client_secret")
	}
	first := v.secrets["machine"]
	second := rotate(3600)
	if ask(first) != http.StatusOK || ask(second) != http.StatusOK {
		t.Error("the two do not overlap")
	}
	third := rotate(3600)
	if ask(first) == http.StatusOK || ask(second) != http.StatusOK || ask(third) != http.StatusOK {
		t.Error("a second replacement ends the first secret")
	}
	v.pass(time.Hour)
	if ask(second) == http.StatusOK || ask(third) != http.StatusOK {
		t.Error("an overlap ends")
	}
	fourth := rotate(0)
	if ask(third) == http.StatusOK || ask(fourth) != http.StatusOK {
		t.Error("without an overlap the old one ends at once")
	}
	for _, overlap := range []int{-1, 604801} {
		v.want(v.admin("POST", "/admin/v1/clients/machine/secret", map[string]any{"overlap": overlap}), 400, "request_invalid")
	}
}

// Keys that a client publishes are fetched where they lead outside, and a rotation is
// found; jwks and jwks_uri exclude each other (RFC 7591 2).
func TestPublishedClientKeys(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	old, next := v.signing("old"), v.signing("next")
	const place = "https://keys.example/jwks"
	published, away := v.jwks(old), false
	v.clients.Keys = func(address string) (jwt.KeySource, error) {
		if address != place || away {
			return nil, reason.New(reason.AddressUnreachable, nil)
		}
		return jwk.ParseSet(published, jwk.Options{Algorithms: client.AssertionAlgorithms(), PublicOnly: true})
	}
	made := map[string]any{"client_id": "publisher", "grant_types": []string{"client_credentials"}, "scopes": []string{"read"}, "audiences": []string{"api"}, "jwks_uri": place}
	a := v.want(v.admin("POST", "/admin/v1/clients", made), 201, "")
	if a.text("jwks_uri") != place || a.text("token_endpoint_auth_method") != "private_key_jwt" || a.text("client_secret") != "" {
		t.Errorf("%s", a.body)
	}
	n := 0
	try := func(key *jwk.Key) answer {
		n++
		return v.token(asserted(v.assertion(key, "", map[string]any{"iss": "publisher", "sub": "publisher", "aud": issuerURL, "jti": fmt.Sprint(n), "exp": v.now().Add(time.Minute).Unix()})))
	}
	v.want(try(old), 200, "")
	v.want(try(next), 401, "client_invalid")
	published = v.jwks(next)
	v.want(try(next), 200, "")
	v.want(try(old), 401, "client_invalid")
	away = true
	v.want(try(next), 401, "client_invalid")
	v.clients.Keys = nil
	v.want(try(next), 401, "client_invalid")
	for name, bad := range map[string][]any{
		"inside": {"jwks_uri", "https://169.254.169.254/"}, "plain": {"jwks_uri", "http://keys.example/"}, "beside jwks": {"jwks_uri", place, "jwks", v.jwks(old)},
		"of a public client": {"jwks_uri", place, "public", true}, "for a secret": {"jwks_uri", place, "token_endpoint_auth_method", "client_secret_basic"},
	} {
		in := map[string]any{"client_id": "bad"}
		for i := 0; i < len(bad); i += 2 {
			in[bad[i].(string)] = bad[i+1]
		}
		if a := v.admin("POST", "/admin/v1/clients", in); a.status != 400 || !strings.Contains(a.body, "jwks_uri") && name != "of a public client" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}
