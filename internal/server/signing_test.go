package server_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/token"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwks"
	"github.com/jotward/jotward/jose/jws"
	"github.com/jotward/jotward/jose/jwt"
)

// sign makes the algorithms those of the issuer.
func (v *world) sign(algorithms ...jwk.Algorithm) {
	v.Helper()
	v.ok(v.ring.Configure(keyring.Policy{Algorithms: algorithms, Ahead: 10 * time.Minute}))
	v.ok(v.ring.Arrange(v.Context(), audit.Actor{Kind: "system", ID: "test"}))
}

// head reads what a token's header says.
func (v *world) head(text string) (out struct{ Alg, Typ, Kid string }) {
	v.Helper()
	part, _, _ := strings.Cut(text, ".")
	raw, err := base64.RawURLEncoding.DecodeString(part)
	v.ok(err)
	v.ok(json.Unmarshal(raw, &out))
	return out
}

// RoundTrip lets a verifier fetch from the public listener, without a network.
func (v *world) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	r.RequestURI = r.URL.RequestURI()
	v.public.ServeHTTP(w, r)
	return w.Result(), nil
}

// caching is a verifier that keeps the keys for as long as it is told.
func (v *world) caching(algorithms ...jwk.Algorithm) *jwks.Remote {
	v.Helper()
	keys, err := jwks.NewRemote(jwks.Config{URL: issuerURL + "/jwks", Algorithms: algorithms, Client: &http.Client{Transport: v}, Clock: v.now})
	v.ok(err)
	v.Cleanup(func() { v.ok(keys.Close()) })
	return keys
}

func (v *world) accessVerifier(keys jwt.KeySource, algorithms ...jwk.Algorithm) *jwt.Verifier[token.Access] {
	v.Helper()
	verifier, err := jwt.NewVerifier[token.Access](keys, jwt.Policy{Issuers: []string{issuerURL}, Audiences: []string{"api"}, Algorithms: algorithms,
		Type: "at+jwt", MaxLifetime: time.Hour, Clock: v.now})
	v.ok(err)
	return verifier
}

// Each client gets its tokens signed as it asks; the metadata says what there is
// (OpenID Connect Discovery 3, Dynamic Client Registration 2).
func TestSigningAlgorithms(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.sign(jwk.ES256, jwk.RS256, jwk.EdDSA, jwk.PS256, jwk.ES384)
	all := []string{"ES256", "RS256", "EdDSA", "PS256", "ES384"}
	doc := v.ask("GET", "/.well-known/openid-configuration")
	if got := texts(doc.json["id_token_signing_alg_values_supported"]); !slices.Equal(got, all) {
		t.Errorf("said: %v", got)
	}
	if got := texts(doc.json["userinfo_signing_alg_values_supported"]); !slices.Equal(got, all) {
		t.Errorf("said: %v", got)
	}
	if text := v.ask("GET", "/jwks").body; strings.Contains(text, `"oct"`) || strings.Contains(text, `"d"`) || strings.Count(text, `"kid"`) != 5 {
		t.Errorf("published: %s", text)
	}
	keys := v.caching(jwk.ES256, jwk.RS256, jwk.EdDSA, jwk.PS256, jwk.ES384)
	for _, alg := range all {
		id := "wants-" + alg
		v.want(v.admin("POST", "/admin/v1/clients", map[string]any{"client_id": id, "public": true, "grant_types": []string{"authorization_code"}, "redirect_uris": []string{redirect},
			"scopes": []string{"openid", "profile", "email", "read"}, "audiences": []string{"api"},
			"id_token_signed_response_alg": alg, "access_token_signed_response_alg": alg, "userinfo_signed_response_alg": alg}), 201, "")
		got := v.want(v.token(redemption(id, v.code(id))), 200, "")
		access, idToken := got.text("access_token"), got.text("id_token")
		if a, i := v.head(access), v.head(idToken); a.Alg != alg || i.Alg != alg || a.Typ != "at+jwt" {
			t.Errorf("%s: %+v %+v", alg, a, i)
		}
		if _, err := v.accessVerifier(keys, jwk.Algorithm(alg)).Verify(t.Context(), access); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		verifier, err := jwt.NewIDTokenVerifier[token.ID](keys, jwt.IDTokenPolicy{Issuer: issuerURL, ClientID: id, Algorithms: []jwk.Algorithm{jwk.Algorithm(alg)}, MaxLifetime: time.Hour, Clock: v.now})
		v.ok(err)
		if _, err := verifier.Verify(t.Context(), idToken, jwt.IDTokenRequest{Nonce: "no-1", AccessToken: access}); err != nil {
			t.Errorf("%s: at_hash or signature: %v", alg, err)
		}
		v.userInfo(keys, id, alg, access)
	}
}

// userInfo asks who a token is of, and verifies the signed answer
// (OpenID Connect Core 5.3.2, 5.3.4).
func (v *world) userInfo(keys jwt.KeySource, clientID, alg, access string) {
	v.Helper()
	a := v.ask("GET", "/userinfo", header("Authorization", "Bearer "+access))
	if a.status != 200 || a.header.Get("Content-Type") != "application/jwt" || v.head(a.body).Alg != alg {
		v.Fatalf("%s: %d %v %s", alg, a.status, a.header, a.body)
	}
	got, err := jws.Verify(v.Context(), a.body, keys, jws.Options{Algorithms: []jwk.Algorithm{jwk.Algorithm(alg)}})
	v.ok(err)
	var claims map[string]any
	v.ok(json.Unmarshal(got.Payload, &claims))
	if claims["sub"] != v.ann.ID || claims["email"] != "ann@example.com" || claims["iss"] != issuerURL || claims["aud"] != clientID || got.Header.Type != "userinfo+jwt" {
		v.Errorf("%s: %v %s", alg, claims, got.Header.Type)
	}
	// It is no ID token, not even for a hint.
	if a := v.authorize(with(request(clientID), "prompt", "none", "id_token_hint", a.body)); a.back().Get("error") != "invalid_request" {
		v.Errorf("%s: as a hint: %v", alg, a.header)
	}
}

// What the issuer does not sign with, no client can have, at the place where it is
// saved and, were it taken from the configuration later, at the token endpoint.
func TestThreatAlgorithmOfAClient(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	for _, name := range []string{"id_token_signed_response_alg", "userinfo_signed_response_alg", "access_token_signed_response_alg"} {
		for _, alg := range []string{"none", "HS256", "RS256", "es256", "A256GCM"} {
			a := v.want(v.admin("POST", "/admin/v1/clients", map[string]any{"client_id": "x", "public": true, name: alg}), 400, "request_invalid")
			if !strings.Contains(a.text("detail"), name) {
				t.Errorf("%s: %s", name, a.body)
			}
			in := map[string]any{"name": "x", name: alg}
			v.want(v.admin("PUT", "/admin/v1/clients/machine", in), 400, "request_invalid")
		}
	}
	v.sign(jwk.ES256, jwk.ES384)
	a := v.admin("GET", "/admin/v1/clients/machine", nil)
	for _, name := range []string{"client_id", "public", "version", "created", "disabled", "registered"} {
		delete(a.json, name)
	}
	a.json["access_token_signed_response_alg"] = "ES384"
	v.want(v.admin("PUT", "/admin/v1/clients/machine", a.json), 200, "")
	asked, err := v.store.AlgorithmsAsked(t.Context())
	if err != nil || fmt.Sprint(asked) != "map[ES384:machine]" {
		t.Errorf("%v %v", asked, err)
	}
	take := func() answer { return v.token(pairs("grant_type", "client_credentials"), v.as("machine")) }
	if got := v.want(take(), 200, ""); v.head(got.text("access_token")).Alg != "ES384" {
		t.Error(got.body)
	}
	v.sign(jwk.ES256)
	v.pass(time.Second)
	if got := v.want(take(), 503, "signing_algorithm_unavailable"); got.text("error") != "temporarily_unavailable" {
		t.Error(got.body)
	}
}

// stubborn keeps a key set for as long as the answer allows, and asks for no key
// that it does not know before.
type stubborn struct {
	*world
	set   *jwk.Set
	until time.Time
}

func (s *stubborn) Generation() uint64 { return uint64(s.until.UnixNano()) }
func (s *stubborn) Lookup(ctx context.Context, kid string, alg jwk.Algorithm) ([]*jwk.Key, error) {
	if s.set == nil || !s.now().Before(s.until) {
		a := s.ask("GET", "/jwks")
		text, _ := strings.CutPrefix(a.header.Get("Cache-Control"), "public, max-age=")
		seconds, err := strconv.Atoi(text)
		s.ok(err)
		s.set, err = jwk.ParseSet([]byte(a.body), jwk.Options{PublicOnly: true})
		s.ok(err)
		s.until = s.now().Add(time.Duration(seconds) * time.Second)
	}
	return s.set.Lookup(ctx, kid, alg)
}

// RS256 to ES256 to EdDSA without a rejected token: verifiers that cache the keys
// for as long as they may take every token, from its first second to its last.
func TestMigrationRejectsNoToken(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.sign(jwk.RS256)
	v.pass(time.Hour)
	accepted := []jwk.Algorithm{jwk.RS256, jwk.ES256, jwk.EdDSA}
	verifiers := []*jwt.Verifier[token.Access]{v.accessVerifier(v.caching(accepted...), accepted...), v.accessVerifier(&stubborn{world: v}, accepted...)}
	var alive []string
	var signed []string
	for minute := range 240 {
		switch minute {
		case 30:
			v.sign(jwk.ES256)
		case 120:
			v.sign(jwk.EdDSA)
		}
		text := v.want(v.token(pairs("grant_type", "client_credentials"), v.as("machine")), 200, "").text("access_token")
		alg := v.head(text).Alg
		if len(signed) == 0 || signed[len(signed)-1] != alg {
			signed = append(signed, alg)
		}
		if alive = append(alive, text); len(alive) > 10 { // they live ten minutes
			alive = alive[1:]
		}
		for age, text := range alive {
			for _, verifier := range verifiers {
				if _, err := verifier.Verify(t.Context(), text); err != nil {
					t.Fatalf("minute %d: a token of %d minutes before, %s: %v", minute, len(alive)-1-age, v.head(text).Alg, err)
				}
			}
			if got := v.ask("POST", "/introspect", form(pairs("token", text)), v.as("machine")); got.json["active"] != true {
				t.Fatalf("minute %d: the issuer itself: %s", minute, got.body)
			}
		}
		v.pass(time.Minute)
	}
	if fmt.Sprint(signed) != "[RS256 ES256 EdDSA]" {
		t.Errorf("signed by %v", signed)
	}
}
