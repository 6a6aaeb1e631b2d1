package server_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/internal/server/registration"
	"github.com/jotward/jotward/internal/web"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// invite makes an initial access token.
func (v *world) invite(uses int) string {
	v.Helper()
	return v.want(v.admin("POST", "/admin/v1/registration_tokens", map[string]any{"uses": uses, "expires_in": 3600}), 201, "").text("token")
}

// register sends metadata to /register, or to the place of a client.
func (v *world) register(method, path, token string, metadata map[string]any, change ...func(*http.Request)) answer {
	v.Helper()
	text, err := json.Marshal(metadata)
	v.ok(err)
	list := []func(*http.Request){body("application/json", string(text))}
	if token != "" {
		list = append(list, bearer(token))
	}
	return v.ask(method, path, append(list, change...)...)
}

// an app is what a client may be in this world.
func anApp(list ...any) map[string]any {
	m := map[string]any{"client_name": "Agent", "redirect_uris": []string{redirect}, "grant_types": []string{"authorization_code", "refresh_token"},
		"token_endpoint_auth_method": "none", "scope": "openid read", "software_version": "1", "contacts": []string{"x"}}
	for i := 0; i+1 < len(list); i += 2 {
		if m[list[i].(string)] = list[i+1]; list[i+1] == nil {
			delete(m, list[i].(string))
		}
	}
	return m
}

// place is where a client manages its registration.
func place(a answer) string {
	return strings.TrimPrefix(a.text("registration_client_uri"), issuerURL)
}

// A client registers, signs a person in, changes, and goes (RFC 7591 3, RFC 7592 2).
func TestRegistration(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	made := v.want(v.register("POST", "/register", v.invite(1), anApp()), 201, "")
	id, token := made.text("client_id"), made.text("registration_access_token")
	if id == "" || token == "" || made.json["client_id_issued_at"] != float64(v.now().Unix()) || made.json["client_secret"] != nil || made.json["client_secret_expires_at"] != nil ||
		made.text("scope") != "openid read" || fmt.Sprint(made.json["response_types"]) != "[code]" || made.json["software_version"] != nil || made.text("id_token_signed_response_alg") != "ES256" || made.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s", made.body)
	}
	shown := v.want(v.admin("GET", "/admin/v1/clients/"+id, nil), 200, "")
	if shown.json["registered"] != true || shown.json["skip_consent"] != false || fmt.Sprint(shown.json["audiences"]) != "[api]" {
		t.Errorf("%s", shown.body)
	}
	if other := v.want(v.admin("GET", "/admin/v1/clients/app", nil), 200, ""); other.json["registered"] != false {
		t.Errorf("%s", other.body)
	}
	// People are told that nobody vouches for it.
	b := &browser{world: v}
	asked := with(request(id), "scope", "openid read")
	if page := b.signIn(asked); !strings.Contains(page.body, "registered itself") {
		t.Errorf("%s", page.body)
	}
	if page := b.open(request("app")); strings.Contains(page.body, "registered itself") {
		t.Errorf("%s", page.body)
	}
	got := v.want(v.token(redemption(id, b.allow(asked).back().Get("code"))), 200, "")

	read := v.want(v.ask("GET", place(made), bearer(token)), 200, "")
	if read.text("registration_access_token") != token || read.text("client_id") != id || read.text("client_name") != "Agent" {
		t.Errorf("%s", read.body)
	}
	token = v.changes(made, token)
	next := v.want(v.ask("GET", place(made), bearer(token)), 200, "")
	if next.text("client_name") != "Other" || next.text("scope") != "openid read" {
		t.Errorf("%s", next.body)
	}
	a := v.ask("DELETE", place(made), bearer(token))
	if a.status != 204 || a.body != "" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	v.want(v.ask("GET", place(made), bearer(token)), 401, "registration_token_invalid")
	v.want(v.ask("GET", "/userinfo", bearer(got.text("access_token"))), 401, "token_revoked")
	v.want(v.token(refresh(id, got.text("refresh_token"))), 401, "client_invalid")
	list, err := v.store.RevocationsAfter(t.Context(), 0, 100)
	v.ok(err)
	if last := list[len(list)-1]; last.Kind != revoke.KindClient || last.ID != id {
		t.Errorf("the feed has %+v", last)
	}
}

// changes plays RFC 7592 2.2: all is replaced, and the token with it.
func (v *world) changes(made answer, token string) string {
	v.Helper()
	id := made.text("client_id")
	for name, c := range map[string]map[string]any{
		"no client_id":      anApp(),
		"another client_id": anApp("client_id", "app"),
		"its own token":     anApp("client_id", id, "registration_access_token", token),
		"its own address":   anApp("client_id", id, "registration_client_uri", "x"),
		"issued at":         anApp("client_id", id, "client_id_issued_at", 1),
		"another method":    anApp("client_id", id, "token_endpoint_auth_method", "client_secret_basic"),
		"a wrong secret":    anApp("client_id", id, "client_secret", "x"),
		"a scope beyond":    anApp("client_id", id, "scope", "openid write"),
	} {
		if a := v.register("PUT", place(made), token, c); a.status != 400 || a.text("error") != "invalid_client_metadata" {
			v.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	a := v.want(v.register("PUT", place(made), token, anApp("client_id", id, "client_name", "Other", "scope", nil)), 200, "")
	if a.text("scope") != "openid profile read" { // none named: all that there are
		v.Errorf("%s", a.body)
	}
	next := a.text("registration_access_token")
	v.want(v.register("PUT", place(made), token, anApp("client_id", id)), 401, "registration_token_invalid")
	return v.want(v.register("PUT", place(made), next, anApp("client_id", id, "client_name", "Other")), 200, "").text("registration_access_token")
}

// What RFC 7591 2 says of each method of authentication.
func TestRegistrationMethods(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	service := func(method any, list ...any) map[string]any {
		return anApp(append([]any{"grant_types", []string{"client_credentials"}, "redirect_uris", nil, "scope", "read", "token_endpoint_auth_method", method}, list...)...)
	}
	for _, method := range []any{nil, "client_secret_basic", "client_secret_post"} {
		a := v.want(v.register("POST", "/register", v.invite(1), service(method)), 201, "")
		if said := a.text("token_endpoint_auth_method"); method != nil && said != method || method == nil && said != "client_secret_basic" || a.json["client_secret_expires_at"] != float64(0) || fmt.Sprint(a.json["response_types"]) != "[]" {
			t.Errorf("%v: %s", method, a.body)
		}
		v.want(v.token(pairs("grant_type", "client_credentials"), basic(a.text("client_id"), a.text("client_secret"))), 200, "")
		read := v.want(v.ask("GET", place(a), bearer(a.text("registration_access_token"))), 200, "")
		if read.json["client_secret"] != nil {
			t.Errorf("a secret is kept: %s", read.body)
		}
		v.want(v.register("PUT", place(a), a.text("registration_access_token"), service(a.text("token_endpoint_auth_method"), "client_id", a.text("client_id"), "client_secret", a.text("client_secret"))), 200, "")
	}
	key, err := jwk.Generate(jwk.ES256, "k")
	v.ok(err)
	// How it authenticates stays what it registered with.
	kept := v.want(v.register("POST", "/register", v.invite(1), service("client_secret_basic")), 201, "")
	if a := v.register("PUT", place(kept), kept.text("registration_access_token"), service("private_key_jwt", "jwks", v.jwks(key), "client_id", kept.text("client_id"))); a.status != 400 || a.text("error") != "invalid_client_metadata" {
		t.Errorf("another method: %d %s", a.status, a.body)
	}
	private, err := key.ExportPrivate()
	v.ok(err)
	a := v.want(v.register("POST", "/register", v.invite(1), service("private_key_jwt", "jwks", v.jwks(key))), 201, "")
	if a.json["client_secret"] != nil || a.json["jwks"] == nil {
		t.Errorf("%s", a.body)
	}
	for name, m := range map[string]map[string]any{
		"no jwks":       service("private_key_jwt"),
		"a private key": service("private_key_jwt", "jwks", map[string]any{"keys": []any{json.RawMessage(private)}}),
		"an empty set":  service("private_key_jwt", "jwks", map[string]any{"keys": []any{}}),
		"no set":        service("private_key_jwt", "jwks", "x"),
		"a secret also": service("client_secret_basic", "jwks", v.jwks(key)),
		"unknown":       service("client_secret_jwt"),
		"public":        service("none"),
	} {
		if a := v.register("POST", "/register", v.invite(1), m); a.status != 400 || a.text("error") != "invalid_client_metadata" || strings.Contains(a.body, `"d"`) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	v.registrar.Policy.AuthMethods = []string{"none"}
	if a := v.register("POST", "/register", v.invite(1), service("client_secret_basic")); a.status != 400 || a.text("error") != "invalid_client_metadata" {
		t.Errorf("a method beyond the policy: %d %s", a.status, a.body)
	}
}

// A client that gives scopes up keeps no token that has them.
func TestRegistrationNarrowed(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	made := v.want(v.register("POST", "/register", v.invite(1), anApp()), 201, "")
	id := made.text("client_id")
	got := v.want(v.token(redemption(id, (&browser{world: v}).allow(with(request(id), "scope", "openid read")).back().Get("code"))), 200, "")
	same := v.want(v.register("PUT", place(made), made.text("registration_access_token"), anApp("client_id", id)), 200, "")
	v.want(v.ask("GET", "/userinfo", bearer(got.text("access_token"))), 200, "")
	v.want(v.register("PUT", place(made), same.text("registration_access_token"), anApp("client_id", id, "scope", "openid")), 200, "")
	v.want(v.ask("GET", "/userinfo", bearer(got.text("access_token"))), 401, "token_revoked")
}

// A client never becomes what the policy does not allow; the errors are RFC 7591 3.2.2's.
func TestRegistrationPolicy(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	token := v.invite(1)
	for _, uri := range []string{"https://app.example/cb#x", "javascript:alert(1)", "data:text/html,x", "https://*.example/cb", "http://app.example/cb", "http://localhost/cb", "com.example.app:/cb",
		"https://user@app.example/cb", "https://app.example/cb?code=1", "/cb", "", "https:///cb", "https://app.example/\u00e9", "https://app.example\\@evil/"} {
		if a := v.register("POST", "/register", token, anApp("redirect_uris", []string{uri})); a.status != 400 || a.text("error") != "invalid_redirect_uri" {
			t.Errorf("%q: %d %s", uri, a.status, a.body)
		}
		if a := v.register("POST", "/register", token, anApp("post_logout_redirect_uris", []string{uri})); a.status != 400 || a.text("error") != "invalid_redirect_uri" {
			t.Errorf("after logout, %q: %d %s", uri, a.status, a.body)
		}
	}
	for name, c := range map[string]struct {
		metadata map[string]any
		code     string
	}{
		"no redirect_uris":     {anApp("redirect_uris", nil), "invalid_redirect_uri"},
		"too many":             {anApp("redirect_uris", strings.Fields(strings.Repeat(redirect+" ", 65))), "invalid_redirect_uri"},
		"a scope beyond":       {anApp("scope", "openid write"), "invalid_client_metadata"},
		"the feed's scope":     {anApp("scope", "jotward:feed"), "invalid_client_metadata"},
		"a grant type beyond":  {anApp("grant_types", []string{"urn:ietf:params:oauth:grant-type:token-exchange"}), "invalid_client_metadata"},
		"another beyond":       {anApp("grant_types", []string{"urn:ietf:params:oauth:grant-type:device_code"}), "invalid_client_metadata"},
		"no such grant type":   {anApp("grant_types", []string{"authorization_code", "password"}), "invalid_client_metadata"},
		"implicit":             {anApp("response_types", []string{"token"}), "invalid_client_metadata"},
		"no response type":     {anApp("response_types", []string{}), "invalid_client_metadata"},
		"a needless one":       {anApp("response_types", []string{"code"}, "grant_types", []string{"client_credentials"}, "token_endpoint_auth_method", nil), "invalid_client_metadata"},
		"a statement":          {anApp("software_statement", "e30.e30."), "unapproved_software_statement"},
		"told inside":          {anApp("backchannel_logout_uri", "https://169.254.169.254/"), "invalid_client_metadata"},
		"a frame elsewhere":    {anApp("frontchannel_logout_uri", "https://evil.example/bye"), "invalid_client_metadata"},
		"told nowhere":         {anApp("backchannel_logout_session_required", true), "invalid_client_metadata"},
		"keys elsewhere":       {anApp("jwks_uri", "http://169.254.169.254/"), "invalid_client_metadata"},
		"a sector":             {anApp("sector_identifier_uri", "https://app.example/"), "invalid_client_metadata"},
		"pairwise":             {anApp("subject_type", "pairwise"), "invalid_client_metadata"},
		"another algorithm":    {anApp("id_token_signed_response_alg", "none"), "invalid_client_metadata"},
		"a symmetric one":      {anApp("id_token_signed_response_alg", "HS256"), "invalid_client_metadata"},
		"one for answers":      {anApp("userinfo_signed_response_alg", "ES512"), "invalid_client_metadata"},
		"encryption":           {anApp("id_token_encrypted_response_alg", "RSA-OAEP"), "invalid_client_metadata"},
		"mutual TLS":           {anApp("tls_client_certificate_bound_access_tokens", true), "invalid_client_metadata"},
		"an id of one's own":   {anApp("client_id", "app"), "invalid_client_metadata"},
		"a secret of one's":    {anApp("client_secret", "x"), "invalid_client_metadata"},
		"a name that turns":    {anApp("client_name", "A\u202egnp"), "invalid_client_metadata"},
		"a long name":          {anApp("client_name", strings.Repeat("a", 300)), "invalid_client_metadata"},
		"another type":         {anApp("redirect_uris", "https://app.example/cb"), "invalid_client_metadata"},
		"another type, number": {anApp("client_name", 7), "invalid_client_metadata"},
	} {
		a := v.register("POST", "/register", token, c.metadata)
		if a.status != 400 || a.text("error") != c.code || a.text("error_description") == "" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	// What was refused cost the token nothing; names count as they are written, and null as absent.
	a := v.want(v.register("POST", "/register", token, anApp("Scope", "write", "SCOPE", "write", "jwks_uri", json.RawMessage("null"), "jwks", json.RawMessage("null"), "scope", json.RawMessage("null"), "skip_consent", true, "roles", []string{"admin"})), 201, "")
	shown := v.admin("GET", "/admin/v1/clients/"+a.text("client_id"), nil)
	if a.text("scope") != "openid profile read" || shown.json["skip_consent"] != false || fmt.Sprint(shown.json["roles"]) != "[]" {
		t.Errorf("%s %s", a.body, shown.body)
	}
}

func TestThreatRegistration(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	token := v.invite(2)
	one := v.want(v.register("POST", "/register", token, anApp()), 201, "")
	two := v.want(v.register("POST", "/register", token, anApp("token_endpoint_auth_method", "client_secret_basic")), 201, "")
	refused := func(name, method, path, with string, change ...func(*http.Request)) {
		t.Helper()
		a := v.register(method, path, with, anApp("client_id", one.text("client_id")), change...)
		if a.status != 401 || a.text("error") != "invalid_token" || a.json["code"] != "registration_token_invalid" || !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer ") || a.json["client_id"] != nil {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	own := one.text("registration_access_token")
	for name, with := range map[string]string{"none": "", "used up": token, "unknown": "iat_x", "a registration access token": own, "the admin's": adminToken} {
		refused("register: "+name, "POST", "/register", with)
	}
	// Nothing of the body is read before the token holds.
	v.want(v.ask("POST", "/register", body("text/plain", "x"), bearer(token)), 401, "registration_token_invalid")
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		for name, with := range map[string]string{"none": "", "another client's": two.text("registration_access_token"), "an initial one": v.invite(1), "a client's secret": two.text("client_secret")} {
			refused(method+": "+name, method, place(one), with)
		}
		refused(method+": a client that did not register", method, "/register/app", own)
		refused(method+": no such client", method, "/register/nobody", own)
		refused(method+": two", method, place(one), own, bearer(own))
	}
	v.want(v.admin("POST", "/admin/v1/clients/"+one.text("client_id")+"/disable", nil), 204, "")
	refused("a client that is shut", "GET", place(one), own)

	late := v.invite(1)
	v.pass(time.Hour)
	refused("expired", "POST", "/register", late)
	gone := v.want(v.admin("POST", "/admin/v1/registration_tokens", map[string]any{"uses": 1, "expires_in": 600}), 201, "")
	v.want(v.admin("DELETE", "/admin/v1/registration_tokens/"+gone.text("id"), nil), 204, "")
	v.want(v.admin("DELETE", "/admin/v1/registration_tokens/"+gone.text("id"), nil), 404, "not_found")
	refused("taken back", "POST", "/register", gone.text("token"))

	for name, c := range map[string]struct {
		status       int
		kind, posted string
	}{
		"huge":       {413, "application/json", `{"client_name":"` + strings.Repeat("a", 70000) + `"}`},
		"a form":     {415, "application/x-www-form-urlencoded", "redirect_uris=x"},
		"no object":  {400, "application/json", "[]"},
		"twice":      {400, "application/json", `{"scope":"read","scope":"write"}`},
		"more":       {400, "application/json", `{} {}`},
		"unfinished": {400, "application/json", `{"scope":"read"`},
		"not UTF-8":  {400, "application/json", "{\"client_name\":\"\xff\"}"},
	} {
		if a := v.ask("POST", "/register", body(c.kind, c.posted), bearer(v.invite(1))); a.status != c.status {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	for _, text := range []string{token, own, two.text("client_secret"), two.text("registration_access_token"), gone.text("token")} {
		if strings.Contains(v.log.String(), text) {
			t.Error("a secret is in the log")
		}
	}
}

// Fifty registrations with a token for one: one client.
func TestThreatRegistrationRace(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	budget, err := web.NewBudget(web.RefusedRate)
	v.ok(err)
	v.issuer.Register.Budget = budget
	for range 3 {
		token := v.invite(1)
		made := make(chan answer, 50)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() { made <- v.register("POST", "/register", token, anApp()) })
		}
		wg.Wait()
		close(made)
		won := 0
		for a := range made {
			if a.status == 201 {
				won++
			} else if a.json["code"] != "registration_token_invalid" {
				t.Errorf("%d %s", a.status, a.body)
			}
		}
		if won != 1 {
			t.Fatalf("%d clients for one use", won)
		}
	}
	list := v.admin("GET", "/admin/v1/registration_tokens", nil)
	for _, item := range list.json["items"].([]any) {
		if item.(map[string]any)["uses"] != float64(0) {
			t.Errorf("%v", item)
		}
	}
}

// Where everybody may register, a network may so often, and there may be so many clients.
func TestRegistrationOpen(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.registrar.Policy.Access = client.Open
	v.registrar.Policy.MaxClients = 3
	for range 3 {
		v.want(v.register("POST", "/register", "", anApp()), 201, "")
	}
	v.want(v.register("POST", "/register", "", anApp()), 503, "registrations_exceeded")
	v.registrar.Policy.MaxClients = 1000
	for range registration.Rate.Burst - 3 {
		v.want(v.register("POST", "/register", "", anApp()), 201, "")
	}
	before := v.admin("GET", "/admin/v1/clients?limit=1000", nil).body
	a := v.want(v.register("POST", "/register", "", anApp()), 429, "rate_limited")
	if a.header.Get("Retry-After") == "" || v.admin("GET", "/admin/v1/clients?limit=1000", nil).body != before {
		t.Errorf("%v", a.header)
	}
	v.want(v.register("POST", "/register", "", anApp(), func(r *http.Request) { r.RemoteAddr = "198.51.100.7:1" }), 201, "")
	if a := v.admin("POST", "/admin/v1/registration_tokens", map[string]any{"uses": 1, "expires_in": 600}); a.status != 400 {
		t.Errorf("a token that opens nothing: %d", a.status)
	}
}

// Nothing is there unless the operator says so.
func TestRegistrationIsOff(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	made := v.want(v.register("POST", "/register", v.invite(1), anApp()), 201, "")
	v.registrar.Policy = client.RegistrationPolicy{}
	if err := v.registrar.Admit(t.Context(), ""); !errors.Is(err, reason.New(reason.NotFound, nil)) {
		t.Error(err)
	}
	if _, err := v.registrar.Registration(t.Context(), made.text("client_id"), made.text("registration_access_token")); !errors.Is(err, reason.New(reason.NotFound, nil)) {
		t.Error(err)
	}
	v.issuer.Metadata.Registration = false
	v.public = v.issuer.Public()
	v.want(v.register("POST", "/register", "", anApp()), 404, "not_found")
	v.want(v.ask("GET", place(made), bearer(made.text("registration_access_token"))), 404, "not_found")
	if doc := v.ask("GET", "/.well-known/oauth-authorization-server"); doc.json["registration_endpoint"] != nil {
		t.Errorf("%s", doc.body)
	}
}

// A client registers where its keys are and where it is told that a session ended, and is
// told; a change is held to the same rules.
func TestRegistrationOfAddresses(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.want(v.register("POST", "/register", v.invite(1), anApp("token_endpoint_auth_method", "private_key_jwt", "jwks_uri", "https://10.0.0.1/")), 400, "client_metadata_invalid")
	keys := v.want(v.register("POST", "/register", v.invite(1), anApp("token_endpoint_auth_method", "private_key_jwt", "jwks_uri", "https://keys.example/jwks")), 201, "")
	if keys.text("jwks_uri") != "https://keys.example/jwks" || keys.json["client_secret"] != nil {
		t.Errorf("%s", keys.body)
	}
	uris := []any{"backchannel_logout_uri", "https://back.example/out", "backchannel_logout_session_required", true, "frontchannel_logout_uri", "https://app.example/bye", "frontchannel_logout_session_required", true}
	made := v.want(v.register("POST", "/register", v.invite(1), anApp(uris...)), 201, "")
	for i := 0; i < len(uris); i += 2 {
		if made.json[uris[i].(string)] != uris[i+1] {
			t.Errorf("%s is %v", uris[i], made.json[uris[i].(string)])
		}
	}
	id, token := made.text("client_id"), made.text("registration_access_token")
	b := &browser{world: v}
	got := v.want(v.token(redemption(id, b.allow(with(request(id), "scope", "openid read")).back().Get("code"))), 200, "")
	page := b.leave(pairs("id_token_hint", got.text("id_token")))
	if !strings.Contains(page.body, `<iframe src="https://app.example/bye?iss=`) {
		t.Errorf("%s", page.body)
	}
	if n := v.notified(id, v.deliver()["https://back.example/out"]); n.Subject != v.ann.ID {
		t.Errorf("%+v", n)
	}
	for _, bad := range [][]any{{"backchannel_logout_uri", "https://10.0.0.1/"}, {"frontchannel_logout_uri", "https://evil.example/"}} {
		if a := v.register("PUT", place(made), token, anApp(append([]any{"client_id", id}, bad...)...)); a.status != 400 || a.text("error") != "invalid_client_metadata" {
			t.Errorf("%v: %d %s", bad, a.status, a.body)
		}
	}
	changed := v.want(v.register("PUT", place(made), token, anApp("client_id", id)), 200, "")
	if changed.json["backchannel_logout_uri"] != nil || changed.json["frontchannel_logout_uri"] != nil {
		t.Errorf("%s", changed.body)
	}
}

// OpenID Connect Dynamic Client Registration 2: RS256 for ID tokens and UserInfo, as a
// client asks, and the issuer's own where it does not; never "none" or a shared secret.
func TestRegistrationOfAlgorithms(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.sign(jwk.ES256, jwk.RS256)
	a := v.want(v.register("POST", "/register", v.invite(1), anApp("id_token_signed_response_alg", "RS256", "userinfo_signed_response_alg", "RS256")), 201, "")
	id := a.text("client_id")
	if a.text("id_token_signed_response_alg") != "RS256" || a.text("userinfo_signed_response_alg") != "RS256" {
		t.Errorf("%s", a.body)
	}
	got := v.want(v.token(redemption(id, (&browser{world: v}).allow(with(request(id), "scope", "openid read")).back().Get("code"))), 200, "")
	info := v.want(v.ask("GET", "/userinfo", bearer(got.text("access_token"))), 200, "")
	for what, text := range map[string]string{"the ID token": got.text("id_token"), "UserInfo": info.body} {
		segment, _, _ := strings.Cut(text, ".")
		if h, err := jws.ParseHeader(segment); err != nil || h.Algorithm != jwk.RS256 {
			t.Errorf("%s: %v %v", what, h, err)
		}
	}
	for _, alg := range []string{"none", "HS256", "ES512", "rs256"} {
		for _, member := range []string{"id_token_signed_response_alg", "userinfo_signed_response_alg"} {
			if a := v.register("POST", "/register", v.invite(1), anApp(member, alg)); a.status != 400 || a.text("error") != "invalid_client_metadata" {
				t.Errorf("%s %s: %d %s", member, alg, a.status, a.body)
			}
		}
	}
}

// A stranger that registered learns nothing of a token that it found, though it may ask for
// its audience (RFC 7662 4).
func TestThreatRegisteredIntrospection(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	service := func() answer {
		return v.want(v.register("POST", "/register", v.invite(1), anApp("grant_types", []string{"client_credentials"}, "redirect_uris", nil, "scope", "read", "token_endpoint_auth_method", "client_secret_basic")), 201, "")
	}
	a, b := service(), service()
	as := func(r answer) func(*http.Request) { return basic(r.text("client_id"), r.text("client_secret")) }
	found := v.want(v.token(pairs("grant_type", "client_credentials"), v.as("machine")), 200, "").text("access_token")
	own := v.want(v.token(pairs("grant_type", "client_credentials"), as(a)), 200, "").text("access_token")
	for text, who := range map[string]answer{found: a, own: b} {
		if got := v.want(v.ask("POST", "/introspect", form(pairs("token", text)), as(who)), 200, ""); got.json["active"] != false || len(got.json) != 1 {
			t.Errorf("told: %s", got.body)
		}
	}
	if got := v.want(v.ask("POST", "/introspect", form(pairs("token", own)), as(a)), 200, ""); got.json["active"] != true {
		t.Errorf("its own: %s", got.body)
	}
}
