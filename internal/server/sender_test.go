package server_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// A holder is a client's key for DPoP (RFC 9449), and the last nonce it was given.
type holder struct {
	*world
	*jwt.DPoPSigner
	nonce string
}

func (v *world) holder() *holder {
	v.Helper()
	key, err := jwk.Generate(jwk.ES256, "")
	v.ok(err)
	s, err := jwt.NewDPoPSigner(key, v.now)
	v.ok(err)
	h := &holder{world: v, DPoPSigner: s}
	h.tried()
	return h
}

// tried asks for a nonce, and reports whether a proof under the key then holds.
func (h *holder) tried() bool {
	h.Helper()
	ask := func() answer { return h.token(pairs("grant_type", "x", "client_id", "app"), h.prove()) }
	h.nonce = ask().header.Get("DPoP-Nonce")
	return ask().text("error") == "unsupported_grant_type"
}

// proof adds a proof for that request.
func (h *holder) proof(method, path, token string) func(*http.Request) {
	h.Helper()
	text, err := h.Proof(jwt.DPoPTarget{Method: method, URL: issuerURL + path, AccessToken: token, Nonce: h.nonce})
	h.ok(err)
	return header("DPoP", text)
}

func (h *holder) prove() func(*http.Request) { return h.proof("POST", "/token", "") }

// claims reads the payload of a token that nobody has to verify here.
func (v *world) claims(token string) map[string]any {
	v.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	v.ok(err)
	out := map[string]any{}
	v.ok(json.Unmarshal(raw, &out))
	return out
}

func boundTo(claims map[string]any) string {
	cnf, _ := claims["cnf"].(map[string]any)
	jkt, _ := cnf["jkt"].(string)
	return jkt
}

// Clients write Ed25519 by its own name (RFC 9864 2.2, 4.1.2) or by the older one: npm
// openid-client has only the former. Both are one algorithm.
func TestEd25519ByEitherName(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	for _, name := range []jwk.Algorithm{jwk.Ed25519, jwk.EdDSA} {
		key, err := jwk.Generate(name, string(name))
		v.ok(err)
		s, err := jwt.NewDPoPSigner(key, v.now)
		v.ok(err)
		h := &holder{world: v, DPoPSigner: s}
		if !h.tried() {
			t.Errorf("%s: the proof does not hold", name)
		}
		v.want(v.admin("POST", "/admin/v1/clients", map[string]any{"client_id": string(name), "grant_types": []string{"client_credentials"}, "audiences": []string{"api"}, "jwks": v.jwks(key)}), 201, "")
		now := v.now().Unix()
		v.want(v.token(asserted(v.assertion(key, "", map[string]any{"iss": name, "sub": name, "aud": issuerURL, "jti": "1", "iat": now, "exp": now + 60}))), 200, "")
	}
}

// RFC 9449 5: a token request with a proof gets tokens that are bound to its key.
func TestDPoPTokens(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	h, thief := v.holder(), v.holder()
	first := v.want(v.token(redemption("app", v.code("app")), h.prove()), 200, "")
	if first.text("token_type") != "DPoP" || boundTo(v.claims(first.text("access_token"))) != h.Thumbprint() {
		t.Errorf("%s", first.body)
	}
	asked := v.want(v.ask("POST", "/introspect", form(pairs("token", first.text("access_token"))), v.as("service")), 200, "")
	if asked.text("token_type") != "DPoP" || boundTo(asked.json) != h.Thumbprint() {
		t.Errorf("introspection: %s", asked.body)
	}
	// The refresh tokens of a public client are bound too: whoever stole one has no use for it.
	old := refresh("app", first.text("refresh_token"))
	v.want(v.token(old), 400, "sender_mismatch")
	if a := v.want(v.token(old, thief.prove()), 400, "sender_mismatch"); a.text("error") != "invalid_grant" {
		t.Errorf("%s", a.body)
	}
	second := v.want(v.token(old, h.prove()), 200, "")
	if boundTo(v.claims(second.text("access_token"))) != h.Thumbprint() {
		t.Errorf("%s", second.body)
	}
	// The honest retry within the grace, and a thief's.
	v.want(v.token(old, thief.prove()), 400, "sender_mismatch")
	if again := v.want(v.token(old, h.prove()), 200, ""); again.text("refresh_token") != second.text("refresh_token") {
		t.Errorf("a retry got another successor")
	}
	// A confidential client's are not: it proves who it is at every refresh.
	service := v.want(v.token(with(redemption("service", v.code("service")), "client_id", ""), v.as("service"), h.prove()), 200, "")
	v.want(v.token(with(refresh("", service.text("refresh_token")), "client_id", ""), v.as("service"), thief.prove()), 200, "")
	own := v.want(v.token(pairs("grant_type", "client_credentials"), v.as("machine"), h.prove()), 200, "")
	if own.text("token_type") != "DPoP" || boundTo(v.claims(own.text("access_token"))) != h.Thumbprint() {
		t.Errorf("client_credentials: %s", own.body)
	}
}

// What is wrong with a proof is refused, and costs nobody their code (RFC 9449 4.3, 5, 8).
func TestThreatDPoPProofs(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	h := v.holder()
	good := redemption("app", v.code("app"))
	used := h.prove()
	v.want(v.token(pairs("grant_type", "x", "client_id", "app"), used), 400, "grant_type_unsupported")
	for name, c := range map[string]struct {
		code, error string
		change      []func(*http.Request)
	}{
		"a second time":     {"token_replayed", "invalid_dpop_proof", []func(*http.Request){used}},
		"two":               {"credential_repeated", "invalid_dpop_proof", []func(*http.Request){h.prove(), h.prove()}},
		"no JWT":            {"token_malformed", "invalid_dpop_proof", []func(*http.Request){header("DPoP", "x")}},
		"empty":             {"token_malformed", "invalid_dpop_proof", []func(*http.Request){header("DPoP", "")}},
		"of another method": {"claim_mismatch", "invalid_dpop_proof", []func(*http.Request){h.proof("GET", "/token", "")}},
		"of another place":  {"claim_mismatch", "invalid_dpop_proof", []func(*http.Request){h.proof("POST", "/introspect", "")}},
		"of another host": {"claim_mismatch", "invalid_dpop_proof", []func(*http.Request){func(r *http.Request) {
			text, err := h.Proof(jwt.DPoPTarget{Method: "POST", URL: "https://evil.example/token", Nonce: h.nonce})
			v.ok(err)
			r.Header.Set("DPoP", text)
			r.Host = "evil.example" // a Host says nothing
		}}},
		"without nonce": {"nonce_mismatch", "use_dpop_nonce", []func(*http.Request){func(r *http.Request) {
			text, err := h.Proof(jwt.DPoPTarget{Method: "POST", URL: issuerURL + "/token"})
			v.ok(err)
			r.Header.Set("DPoP", text)
		}}},
	} {
		a := v.token(good, c.change...)
		if a.status != 400 || a.text("error") != c.error || a.json["code"] != c.code || a.header.Get("DPoP-Nonce") == "" {
			t.Errorf("%s: %d %s %v", name, a.status, a.body, a.header)
		}
	}
	early := h.prove()
	v.pass(66 * time.Second)
	if a := v.token(good, early); a.json["code"] != "token_expired" {
		t.Errorf("an old proof: %s", a.body)
	}
	v.pass(5 * time.Minute)
	if a := v.token(good, h.prove()); a.text("error") != "use_dpop_nonce" {
		t.Errorf("an old nonce: %s", a.body)
	}
	// A client that must prove a key gets nothing without.
	_, secret, err := v.clients.Create(t.Context(), root(), bound())
	v.ok(err)
	v.want(v.token(pairs("grant_type", "client_credentials"), basic("bound", secret)), 400, "sender_proof_missing")
	h.nonce = v.token(good, h.prove()).header.Get("DPoP-Nonce")
	v.want(v.token(pairs("grant_type", "client_credentials"), basic("bound", secret), h.prove()), 200, "")
}

// dpop_jkt binds the code itself (RFC 9449 10).
func TestDPoPBoundCode(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	h, thief := v.holder(), v.holder()
	b := &browser{world: v}
	good := redemption("app", b.allow(with(request("app"), "dpop_jkt", h.Thumbprint())).back().Get("code"))
	v.want(v.token(good), 400, "sender_mismatch")
	v.want(v.token(good, thief.prove()), 400, "sender_mismatch")
	v.want(v.token(good, h.prove()), 200, "")
	if a := b.open(with(request("app"), "dpop_jkt", "short")); a.back().Get("error") != "invalid_request" {
		t.Errorf("a thumbprint that is none: %v", a.header)
	}
}
