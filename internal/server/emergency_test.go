package server_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/revoke"
)

// One act replaces a key: what it signed is refused by every endpoint of the issuer
// from its answer on, the log tells every edge, and the next token has a new key.
func TestEmergencyReplacement(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	before := v.tokens()
	access, hint := before.text("access_token"), before.text("id_token")
	kid := v.head(access).Kid
	pending := v.want(v.admin("POST", "/admin/v1/keys/token/rotate", nil), 201, "").text("kid")
	next := v.want(v.admin("POST", "/admin/v1/keys/token/"+kid+"/replace", nil), 200, "")
	if next.text("state") != "active" || next.text("kid") == kid || next.text("kid") == pending {
		t.Errorf("next: %s", next.body)
	}
	if a := v.ask("POST", "/introspect", form(pairs("token", access)), v.as("service")); a.json["active"] != false {
		t.Errorf("introspection: %s", a.body)
	}
	v.want(v.ask("GET", "/userinfo", header("Authorization", "Bearer "+access)), 401, "key_not_found")
	v.want(v.token(pairs("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token", access, "subject_token_type", "urn:ietf:params:oauth:token-type:access_token"), v.as("service")), 400, "")
	if a := v.authorize(with(request("app"), "prompt", "none", "id_token_hint", hint)); a.back().Get("error") != "invalid_request" {
		t.Errorf("as a hint: %v", a.header)
	}
	set := v.ask("GET", "/jwks")
	for name, want := range map[string]bool{kid: false, pending: false, next.text("kid"): true} {
		if got := slices.Contains(kids(set), name); got != want {
			t.Errorf("%s is published: %v", name, got)
		}
	}
	entries, err := v.store.RevocationsAfter(t.Context(), 0, 10)
	v.ok(err)
	if len(entries) != 2 || entries[0].Kind != revoke.KindKey || entries[0].ID != kid || entries[1].ID != pending {
		t.Errorf("the log: %+v", entries)
	}
	acts, err := v.store.AuditEntries(t.Context(), audit.Filter{Action: "key.replace"}, 0, 10)
	v.ok(err)
	if len(acts) != 1 || acts[0].Target.ID != kid || acts[0].Detail["next"] != next.text("kid") || acts[0].Actor.Kind != "admin" {
		t.Errorf("the trail: %+v", acts)
	}
	// The grant lives on: what it yields now is signed by the new key.
	if again := v.want(v.token(refresh("app", before.text("refresh_token"))), 200, ""); v.head(again.text("access_token")).Kid != next.text("kid") {
		t.Error("a refresh under the dead key")
	}
	v.want(v.admin("POST", "/admin/v1/keys/token/"+kid+"/replace", nil), 404, "not_found")
}

// The answer names what lay beside the key and goes on; all of it dies where that is asked for.
func TestReplaceAllByAdmin(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	first := kids(v.ask("GET", "/jwks"))[0]
	a := v.want(v.admin("POST", "/admin/v1/keys/token/"+first+"/replace", map[string]any{"all": false}), 200, "")
	feed := kids(v.ask("GET", "/feed/jwks"))
	if len(feed) != 1 || !strings.Contains(a.body, feed[0]) {
		t.Errorf("the feed's key lay beside it: %s", a.body)
	}
	b := v.want(v.admin("POST", "/admin/v1/keys/token/"+a.text("kid")+"/replace", map[string]any{"all": true}), 200, "")
	if list, ok := b.json["beside"].([]any); !ok || len(list) != 0 || slices.Contains(kids(v.ask("GET", "/feed/jwks")), feed[0]) {
		t.Errorf("%s", b.body)
	}
	v.want(v.admin("POST", "/admin/v1/keys/token/"+b.text("kid")+"/replace", map[string]any{"al": true}), 400, "request_invalid")
}

func kids(set answer) (out []string) {
	list, _ := set.json["keys"].([]any)
	for _, k := range list {
		out = append(out, k.(map[string]any)["kid"].(string))
	}
	return out
}

// No token that is signed after the answer has the dead key; run with -race.
func TestThreatEmergencyDuringIssuing(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	take := func() string {
		return v.token(pairs("grant_type", "client_credentials"), v.as("machine")).text("access_token")
	}
	kid := v.head(take()).Kid
	var all sync.WaitGroup
	replaced := make(chan struct{})
	for range 8 {
		all.Go(func() {
			for range 20 {
				late := false
				select {
				case <-replaced:
					late = true
				default:
				}
				if text := take(); text == "" || late && v.head(text).Kid == kid {
					t.Errorf("%q, begun after the answer: %v", text, late)
				}
			}
		})
	}
	v.want(v.admin("POST", "/admin/v1/keys/token/"+kid+"/replace", nil), 200, "")
	close(replaced)
	all.Wait()
}

// A rotation is taken back by one request, while that is possible.
func TestRollbackByAdmin(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	first := kids(v.ask("GET", "/jwks"))[0]
	v.want(v.admin("POST", "/admin/v1/keys/token/rollback", nil), 409, "rollback_unavailable")
	second := v.want(v.admin("POST", "/admin/v1/keys/token/rotate", map[string]any{"algorithm": "ES256"}), 201, "").text("kid")
	v.pass(11 * time.Minute)
	take := func() string {
		return v.token(pairs("grant_type", "client_credentials"), v.as("machine")).text("access_token")
	}
	text := take()
	if v.head(text).Kid != second {
		t.Fatal("the second key does not sign")
	}
	back := v.want(v.admin("POST", "/admin/v1/keys/token/rollback", map[string]any{"algorithm": "ES256"}), 200, "")
	if back.text("kid") != first || back.text("state") != "active" || v.head(take()).Kid != first {
		t.Errorf("back: %s", back.body)
	}
	if a := v.ask("POST", "/introspect", form(pairs("token", text)), v.as("machine")); a.json["active"] != true {
		t.Errorf("a roll-back revoked what was signed: %s", a.body)
	}
	v.want(v.admin("POST", "/admin/v1/keys/token/rollback", nil), 409, "rollback_unavailable")
	v.want(v.admin("POST", "/admin/v1/keys/token/rollback", map[string]any{"algorithm": "HS256"}), 400, "request_invalid")
}
