// Package openid lets npm openid-client and oauth4webapi play the issuer's flows
// against the built binary.
package openid

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/jotward/jotward/interop/play"
	"github.com/jotward/jotward/jose/jwk"
)

// The flows that flows.mjs has to get through, in its order.
var flows = []string{"par", "code with dpop", "refresh with dpop", "userinfo", "dpop with Ed25519", "code", "form_post", "claims, acr, login_hint", "encrypted ID token", "private_key_jwt, introspection, revocation", "client_secret_basic", "client_secret_post",
	"device", "token exchange", "access token (RFC 9068)", "registration", "registration management", "logout", "back-channel logout"}

const device, exchange = "urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:token-exchange"

func TestOpenIDClient(t *testing.T) {
	bin, err := exec.LookPath("node")
	if err != nil {
		skip(t, "node is missing")
	}
	if _, err := os.Stat("node_modules/openid-client"); err != nil {
		skip(t, "npm openid-client is missing: npm install in interop/openid")
	}
	s := play.Dev(t)
	key, err := jwk.Generate(jwk.ES256, "signer-1")
	if err != nil {
		t.Fatal(err)
	}
	private, err := key.ExportPrivate()
	if err != nil {
		t.Fatal(err)
	}
	set, err := jwk.NewSet(key)
	if err != nil {
		t.Fatal(err)
	}
	backend := backend(t)
	a := admin{t, s}
	a.create(map[string]any{"client_id": "npm-app", "public": true, "grant_types": []string{"authorization_code", "refresh_token"}, "redirect_uris": []string{"http://127.0.0.1/callback"},
		"post_logout_redirect_uris": []string{"http://127.0.0.1/bye"}, "backchannel_logout_uri": backend, "scopes": []string{"openid", "profile", "email", "read"}, "audiences": []string{s.Audience}})
	a.create(map[string]any{"client_id": "npm-tv", "public": true, "grant_types": []string{device, "refresh_token"}, "scopes": []string{"openid", "read"}, "audiences": []string{s.Audience, "npm-signer"}})
	a.create(map[string]any{"client_id": "npm-signer", "grant_types": []string{"client_credentials", exchange}, "scopes": []string{"read"}, "audiences": []string{s.Audience}, "jwks": set})
	world, err := json.Marshal(map[string]any{"issuer": s.Issuer, "username": s.Username, "password": s.Password, "audience": s.Audience, "public": "npm-app", "device": "npm-tv",
		"redirect": "http://127.0.0.1/callback", "bye": "http://127.0.0.1/bye", "out": backend, "signer": "npm-signer", "key": json.RawMessage(private), "admin": s.Admin, "adminToken": s.AdminToken, "confidential": s.ClientID, "secret": s.ClientSecret,
		"initial": a.post("registration_tokens", map[string]any{"uses": 2, "expires_in": 600})["token"]})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), bin, "flows.mjs")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(world), t.Output()
	out, err := cmd.Output()
	held := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || !slices.Equal(held, flows) {
		t.Fatalf("%v after %q, want %q", err, held, flows)
	}
}

// backend is the application's: the issuer posts to it, and flows.mjs reads there what came.
func backend(t *testing.T) string {
	came := make(chan []byte, 9)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<16))
			came <- body
			return
		}
		select {
		case body := <-came:
			_, _ = w.Write(body)
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(s.Close)
	return s.URL + "/out"
}

// admin makes the clients that the flows need.
type admin struct {
	*testing.T
	play.Story
}

func (a admin) create(client map[string]any) { a.Helper(); a.post("clients", client) }

// post makes something by the admin API, and returns what it is told of it.
func (a admin) post(what string, thing map[string]any) (out map[string]any) {
	a.Helper()
	body, err := json.Marshal(thing)
	if err != nil {
		a.Fatal(err)
	}
	r, err := http.NewRequestWithContext(a.Context(), "POST", a.Admin+"/admin/v1/"+what, bytes.NewReader(body))
	if err != nil {
		a.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+a.AdminToken)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		a.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		a.Fatalf("%v: %s", thing, resp.Status)
	}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		a.Fatal(err)
	}
	return out
}

// skip says why, and fails where nothing may be skipped.
func skip(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("JOTWARD_CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}
