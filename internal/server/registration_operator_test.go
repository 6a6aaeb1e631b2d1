package server_test

import (
	"maps"
	"testing"

	"github.com/jotward/jotward/jose/jwk"
)

// What an operator has decided about a client that registered itself, it does not undo:
// how it authenticates, what its requests must prove, roles, consent, lifetime.
func TestRegistrationKeepsToItsOperator(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	key, err := jwk.Generate(jwk.ES256, "k")
	v.ok(err)
	made := v.want(v.register("POST", "/register", v.invite(1), anApp("token_endpoint_auth_method", "client_secret_post")), 201, "")
	id, token := made.text("client_id"), made.text("registration_access_token")
	v.want(v.admin("PUT", "/admin/v1/clients/"+id, map[string]any{"name": "Ours", "grant_types": []string{"authorization_code"}, "redirect_uris": []string{redirect}, "scopes": []string{"read"}, "audiences": []string{"api"},
		"roles": []string{"robot"}, "access_token_lifetime": 300, "token_endpoint_auth_method": "private_key_jwt", "jwks": v.jwks(key), "dpop_bound_access_tokens": true, "require_pushed_authorization_requests": true}), 200, "")
	if read := v.want(v.ask("GET", place(made), bearer(token)), 200, ""); read.text("token_endpoint_auth_method") != "private_key_jwt" {
		t.Errorf("%s", read.body)
	}
	back := v.register("PUT", place(made), token, anApp("client_id", id, "token_endpoint_auth_method", "client_secret_post"))
	v.want(back, 400, "client_metadata_invalid")
	narrow := anApp("client_id", id, "token_endpoint_auth_method", "private_key_jwt", "jwks", v.jwks(key), "grant_types", []string{"authorization_code"}, "scope", nil)
	for name, value := range map[string]any{"grant_types": []string{"authorization_code", "refresh_token"}, "scope": "openid read"} { // taken, and taken back
		more := maps.Clone(narrow)
		more[name] = value
		v.want(v.register("PUT", place(made), token, more), 400, "client_metadata_invalid")
	}
	if again := v.want(v.register("PUT", place(made), token, narrow), 200, ""); again.text("scope") != "read" { // all that there are: for it
		t.Errorf("%s", again.body)
	}
	is := v.admin("GET", "/admin/v1/clients/"+id, nil).json
	if is["dpop_bound_access_tokens"] != true || is["require_pushed_authorization_requests"] != true || is["access_token_lifetime"] != 300.0 || len(is["roles"].([]any)) != 1 || is["registered"] != true {
		t.Errorf("%v", is)
	}
}
