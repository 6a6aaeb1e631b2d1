package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func (a answer) items() (out []map[string]any) {
	list, _ := a.json["items"].([]any)
	for _, item := range list {
		out = append(out, item.(map[string]any))
	}
	return out
}

// An operator's day: every route once, each answer as the document says.
func TestAdminStory(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	first := v.tokens()

	made := v.want(v.admin("POST", "/admin/v1/clients", map[string]any{"client_id": "shop", "name": "Shop", "grant_types": []string{"client_credentials"}, "scopes": []string{"read"}, "audiences": []string{"api"}}), 201, "")
	v.secrets["shop"] = made.text("client_secret")
	cc := pairs("grant_type", "client_credentials")
	v.want(v.token(cc, v.as("shop")), 200, "")
	shown := v.want(v.admin("GET", "/admin/v1/clients/shop", nil), 200, "")
	if shown.json["client_secret"] != nil || shown.header.Get("ETag") != made.header.Get("ETag") || shown.json["access_token_lifetime"] != 600.0 {
		t.Errorf("%v %s", shown.header, shown.body)
	}
	changed := v.want(v.admin("PUT", "/admin/v1/clients/shop", map[string]any{"name": "The shop", "grant_types": []string{"client_credentials"}, "scopes": []string{"read", "write"}, "audiences": []string{"api"}, "access_token_lifetime": 300}), 200, "")
	if changed.text("name") != "The shop" || changed.header.Get("ETag") == shown.header.Get("ETag") {
		t.Errorf("%v %s", changed.header, changed.body)
	}
	if a := v.want(v.token(cc, v.as("shop")), 200, ""); a.json["expires_in"] != 300.0 || a.text("scope") != "read write" {
		t.Errorf("after the change: %s", a.body)
	}
	secret := v.want(v.admin("POST", "/admin/v1/clients/shop/secret", nil), 201, "")
	v.want(v.token(cc, v.as("shop")), 401, "client_invalid")
	v.secrets["shop"] = secret.text("client_secret")
	v.want(v.token(cc, v.as("shop")), 200, "")
	v.want(v.admin("POST", "/admin/v1/clients/shop/disable", nil), 204, "")
	v.want(v.token(cc, v.as("shop")), 401, "client_invalid")
	v.want(v.admin("POST", "/admin/v1/clients/shop/enable", nil), 204, "")
	v.want(v.token(cc, v.as("shop")), 200, "")
	v.want(v.admin("DELETE", "/admin/v1/clients/shop", nil), 204, "")
	v.want(v.admin("GET", "/admin/v1/clients/shop", nil), 404, "not_found")

	v.invite(3)
	invited := v.want(v.admin("GET", "/admin/v1/registration_tokens", nil), 200, "").items()
	if len(invited) != 1 || invited[0]["uses"] != 3.0 || invited[0]["token"] != nil {
		t.Errorf("%v", invited)
	}
	v.want(v.admin("DELETE", "/admin/v1/registration_tokens/"+invited[0]["id"].(string), nil), 204, "")

	bob := v.want(v.admin("POST", "/admin/v1/users", map[string]any{"username": "bob", "password": "a long password"}), 201, "").text("id")
	v.want(v.admin("PUT", "/admin/v1/users/"+bob, map[string]any{"name": "Bob", "email": "bob@example.com"}), 200, "")
	v.want(v.admin("PUT", "/admin/v1/users/"+bob+"/roles", map[string]any{"roles": []string{"boss"}}), 204, "")
	v.want(v.admin("PUT", "/admin/v1/users/"+bob+"/password", map[string]any{"password": "another password"}), 204, "")
	if a := v.want(v.admin("GET", "/admin/v1/users/"+bob, nil), 200, ""); a.text("name") != "Bob" || fmt.Sprint(a.json["roles"]) != "[boss]" {
		t.Errorf("%s", a.body)
	}
	if a := v.admin("GET", "/admin/v1/users?username=BOB", nil); len(a.items()) != 1 || a.items()[0]["id"] != bob {
		t.Errorf("by name: %s", a.body)
	}
	if a := v.want(v.admin("GET", "/admin/v1/users?username=nobody", nil), 200, ""); len(a.items()) != 0 {
		t.Errorf("by name: %s", a.body)
	}
	v.want(v.admin("POST", "/admin/v1/users/"+bob+"/disable", nil), 204, "")
	v.want(v.admin("POST", "/admin/v1/users/"+bob+"/enable", nil), 204, "")
	v.want(v.admin("DELETE", "/admin/v1/users/"+bob, nil), 204, "")

	told := v.want(v.admin("POST", "/admin/v1/tokens/explain", map[string]any{"token": first.text("access_token"), "audience": "api"}), 200, "")
	if told.json["ended"] != nil || at(told.json, "access_token_claims", "client_id") != "app" || strings.Contains(told.body, first.text("access_token")) || len(told.json["checks"].([]any)) < 10 {
		t.Errorf("%s", told.body)
	}
	v.want(v.admin("POST", "/admin/v1/tokens/explain", map[string]any{"token": first.text("access_token")}), 400, "request_invalid")

	sessions := v.want(v.admin("GET", "/admin/v1/users/"+v.ann.ID+"/sessions", nil), 200, "").items()
	grants := v.want(v.admin("GET", "/admin/v1/users/"+v.ann.ID+"/grants", nil), 200, "").items()
	if len(sessions) != 1 || len(grants) != 1 || grants[0]["client_id"] != "app" || grants[0]["session_id"] != sessions[0]["id"] {
		t.Fatalf("%v %v", sessions, grants)
	}
	v.want(v.admin("GET", "/admin/v1/users/usr_nobody/sessions", nil), 404, "not_found")
	v.want(v.admin("GET", "/admin/v1/users/usr_nobody/grants", nil), 404, "not_found")
	v.want(v.admin("DELETE", "/admin/v1/grants/"+grants[0]["id"].(string), nil), 204, "")
	v.want(v.token(refresh("app", first.text("refresh_token"))), 400, "refresh_invalid")
	second := v.tokens()
	v.want(v.admin("DELETE", "/admin/v1/sessions/"+v.admin("GET", "/admin/v1/users/"+v.ann.ID+"/sessions", nil).items()[1]["id"].(string), nil), 204, "")
	third := v.tokens()
	for _, s := range v.admin("GET", "/admin/v1/users/"+v.ann.ID+"/sessions", nil).items() {
		v.want(v.admin("DELETE", "/admin/v1/sessions/"+s["id"].(string), nil), 204, "")
	}
	for _, a := range []answer{second, third} {
		v.want(v.token(refresh("app", a.text("refresh_token"))), 400, "refresh_invalid")
	}
	v.want(v.admin("DELETE", "/admin/v1/sessions/ses_nobody", nil), 404, "not_found")

	for kind, id := range map[string]string{"token": "some-jti", "subject": v.ann.ID, "client": "app", "grant": grants[0]["id"].(string)} {
		v.want(v.admin("POST", "/admin/v1/revocations", map[string]any{"kind": kind, "id": id}), 201, "")
	}
	v.want(v.admin("POST", "/admin/v1/revocations", map[string]any{"kind": "planet", "id": "x"}), 400, "request_invalid")
	v.want(v.admin("POST", "/admin/v1/revocations", map[string]any{"kind": "client", "id": "nobody"}), 404, "not_found")

	next := v.want(v.admin("POST", "/admin/v1/keys/token/rotate", nil), 201, "")
	if next.text("state") != "pending" || next.text("algorithm") != "ES256" {
		t.Errorf("next key: %s", next.body)
	}
	v.want(v.admin("POST", "/admin/v1/keys/token/"+next.text("kid")+"/retire", nil), 204, "")
	v.want(v.admin("POST", "/admin/v1/keys/token/nokey/retire", nil), 404, "not_found")
	v.want(v.admin("POST", "/admin/v1/keys/signing/rotate", nil), 400, "request_invalid")
	v.want(v.admin("POST", "/admin/v1/keys/feed/rotate", nil), 201, "")
	back := v.want(v.admin("POST", "/admin/v1/keys/feed/rollback", nil), 200, "")
	v.want(v.admin("POST", "/admin/v1/keys/feed/"+back.text("kid")+"/replace", nil), 200, "")
	v.want(v.admin("GET", "/admin/v1/keys/signing", nil), 404, "not_found")
	v.want(v.admin("GET", "/admin/v1/keys/signing/status", nil), 404, "not_found")
	v.want(v.admin("GET", "/admin/v1/keys/token/status", nil), 200, "")
	v.want(v.admin("GET", "/admin/v1/keys/feed", nil), 200, "")

	v.want(v.ask("POST", "/feed/position", body("application/json", `{"instance":"one","log":"x","seq":1,"lag_ms":3,"version":"1"}`), v.as("edge")), 204, "")
	edges := v.want(v.admin("GET", "/admin/v1/edges", nil), 200, "").items()
	if len(edges) != 1 || edges[0]["client_id"] != "edge" || edges[0]["behind"] != nil {
		t.Errorf("edges %v", edges)
	}
	log, head, err := v.store.RevocationHead(t.Context())
	v.ok(err)
	v.want(v.ask("POST", "/feed/position", body("application/json", fmt.Sprintf(`{"instance":"one","log":%q,"seq":%d,"lag_ms":3,"version":"1"}`, log, head-2)), v.as("edge")), 204, "")
	if edges := v.admin("GET", "/admin/v1/edges", nil).items(); edges[0]["behind"] != 2.0 {
		t.Errorf("edges %v", edges)
	}

	for filter, want := range map[string]string{"action=account.delete": bob, "target_id=" + bob: bob, "actor_kind=admin&action=client.secret": "shop", "action=client.delete&from=2027-01-15T07:59:59Z&until=2028-01-01T00:00:00Z": "shop"} {
		if items := v.want(v.admin("GET", "/admin/v1/audit?"+filter, nil), 200, "").items(); len(items) == 0 || items[0]["target_id"] != want {
			t.Errorf("audit %s: %v", filter, items)
		}
	}
	v.want(v.admin("GET", "/admin/v1/audit?from=yesterday", nil), 400, "request_invalid")
	for _, path := range []string{"clients", "users", "revocations", "keys/token", "openapi.json"} {
		v.want(v.admin("GET", "/admin/v1/"+path, nil), 200, "")
	}
	for _, r := range v.issuer.Admin.Routes() {
		if !api().played(r.Pattern) {
			t.Errorf("the story does not play %s", r.Pattern)
		}
	}
}

// Every list in pages of every size is the list.
func TestPages(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.tokens()
	for i := range 5 {
		v.want(v.admin("POST", "/admin/v1/users", map[string]any{"username": fmt.Sprint("user-", i), "password": "a long password"}), 201, "")
		v.want(v.admin("POST", "/admin/v1/revocations", map[string]any{"kind": "token", "id": fmt.Sprint("jti-", i)}), 201, "")
		v.want(v.admin("POST", "/admin/v1/keys/token/rotate", nil), 201, "")
		v.want(v.ask("POST", "/feed/position", body("application/json", fmt.Sprintf(`{"instance":"i-%d","log":"x","seq":1,"lag_ms":3,"version":"1"}`, i)), v.as("edge")), 204, "")
		v.code("app")
	}
	for _, path := range []string{"/clients", "/users", "/revocations", "/keys/token", "/edges", "/audit", "/users/" + v.ann.ID + "/sessions", "/users/" + v.ann.ID + "/grants"} {
		whole := v.want(v.admin("GET", "/admin/v1"+path+"?limit=1000", nil), 200, "")
		if len(whole.items()) < 5 || whole.text("next") != "" {
			t.Errorf("%s: %d items, next %q", path, len(whole.items()), whole.text("next"))
		}
		for _, size := range []int{1, 2, 3} {
			var all []map[string]any
			after := ""
			for range 1000 {
				a := v.want(v.admin("GET", fmt.Sprintf("/admin/v1%s?limit=%d&after=%s", path, size, url.QueryEscape(after)), nil), 200, "")
				all = append(all, a.items()...)
				if after = a.text("next"); after == "" {
					break
				}
			}
			if fmt.Sprint(all) != fmt.Sprint(whole.items()) {
				t.Errorf("%s in pages of %d: %d items, want %d", path, size, len(all), len(whole.items()))
			}
		}
		for _, bad := range []string{"limit=0", "limit=1001", "limit=-1", "limit=x"} {
			v.want(v.admin("GET", "/admin/v1"+path+"?"+bad, nil), 400, "request_invalid")
		}
	}
	for _, path := range []string{"/revocations", "/audit", "/keys/token", "/edges"} {
		v.want(v.admin("GET", "/admin/v1"+path+"?after=%21", nil), 400, "request_invalid")
	}
}

// A query is read whole: what a misspelt filter would show is more than was asked for.
func TestQueries(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	for query, detail := range map[string]string{
		"users?user=ann": `"user"`, "users?username=": "username has no value", "users?username=ann&username=bob": "username is there twice", "users?%zz": "cannot be read",
		"users?limit=": "limit has no value", "audit?Action=x": `"Action"`, "clients?username=x": `"username"`, "users/" + v.ann.ID + "?limit=1": `"limit"`, "keys/token?limit=1&limit=1": "limit is there twice",
	} {
		if a := v.want(v.admin("GET", "/admin/v1/"+query, nil), 400, "request_invalid"); !strings.Contains(a.text("detail"), detail) {
			t.Errorf("%s: %s", query, a.body)
		}
	}
	v.want(v.admin("DELETE", "/admin/v1/users/"+v.ann.ID+"?dry_run=true", nil), 400, "request_invalid")
	v.want(v.admin("GET", "/admin/v1/users/"+v.ann.ID, nil), 200, "")
	// What is described is read.
	for path, ops := range at(api().doc, "paths").(map[string]any) {
		parameters, _ := at(ops, "get", "parameters").([]any)
		for _, p := range parameters {
			if at(p, "in") == "query" {
				path := strings.NewReplacer("{id}", v.ann.ID, "{purpose}", "token").Replace(path)
				if a := v.admin("GET", path+"?"+at(p, "name").(string)+"=1", nil); strings.Contains(a.text("detail"), "no parameter") {
					t.Errorf("%s: %s", path, a.body)
				}
			}
		}
	}
}

// What is set later is held to the same.
func TestSettingsOfAUser(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.want(v.admin("PUT", "/admin/v1/users/"+v.ann.ID, map[string]any{"name": "Ann", "email": "no address"}), 400, "request_invalid")
	v.want(v.admin("PUT", "/admin/v1/users/"+v.ann.ID+"/roles", map[string]any{"roles": []string{""}, "permissions": []string{}}), 400, "request_invalid")
	v.want(v.admin("PUT", "/admin/v1/users/"+v.ann.ID, map[string]any{"name": "Ännchen", "email": "änn@exämple.com"}), 200, "")
}

// A body is one JSON object with known members, each once, by their exact
// names; the answer names the member and never the value.
func TestAdminBodies(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	for name, c := range map[string]struct {
		status       int
		detail, text string
		kind         string
	}{
		"unknown member":   {400, `"passwort"`, `{"username":"x","passwort":"geheim-0815"}`, ""},
		"other case":       {400, `"Password"`, `{"username":"x","Password":"geheim-0815"}`, ""},
		"folded case":      {400, "no member", `{"u\u017fername":"x","password":"geheim-0815"}`, ""},
		"twice":            {400, "password is there twice", `{"username":"x","password":"geheim-0815","password":"geheim-0816"}`, ""},
		"twice, escaped":   {400, "password is there twice", `{"username":"x","password":"geheim-0815","pass\u0077ord":"geheim-0816"}`, ""},
		"wrong type":       {400, "password has a value of the wrong type", `{"username":"x","password":8154711}`, ""},
		"wrong inner type": {400, "roles", `{"username":"x","password":"geheim-0815","roles":[8154711]}`, ""},
		"array":            {400, "object", `[{"username":"x"}]`, ""},
		"null":             {400, "object", `null`, ""},
		"nothing":          {400, "object", ``, ""},
		"trailing":         {400, "object", `{"username":"x","password":"geheim-0815"}{}`, ""},
		"not UTF-8":        {400, "UTF-8", "{\"username\":\"\xff\"}", ""},
		"short password":   {400, "password", `{"username":"x","password":"geheim"}`, ""},
		"bad name":         {400, "username", `{"username":"a b","password":"geheim-0815"}`, ""},
		"no address":       {400, "email", `{"username":"x","password":"geheim-0815","email":"x"}`, ""},
		"lines in address": {400, "email", `{"username":"x","password":"geheim-0815","email":"a@b\r\nBcc: c@d"}`, ""},
		"turned name":      {400, "name", `{"username":"x","password":"geheim-0815","name":"\u202ennA"}`, ""},
		"empty role":       {400, "roles", `{"username":"x","password":"geheim-0815","roles":["a",""]}`, ""},
		"line in a role":   {400, "permissions", `{"username":"x","password":"geheim-0815","permissions":["a\nb"]}`, ""},
		"many roles":       {400, "roles", `{"username":"x","password":"geheim-0815","roles":["a"` + strings.Repeat(`,"a"`, 256) + `]}`, ""},
		"huge":             {413, "", `{"username":"` + strings.Repeat("x", 70000) + `"}`, ""},
		"deep":             {400, "", `{"username":` + strings.Repeat("[", 30000) + strings.Repeat("]", 30000) + `}`, ""},
		"form":             {415, "", `{"username":"x","password":"geheim-0815"}`, "application/x-www-form-urlencoded"},
		"text":             {415, "", `{"username":"x","password":"geheim-0815"}`, "text/plain"},
		"UTF-16":           {415, "", `{"username":"x","password":"geheim-0815"}`, "application/json; charset=utf-16"},
	} {
		kind := c.kind
		if kind == "" {
			kind = "application/json"
		}
		a := v.admin("POST", "/admin/v1/users", nil, body(kind, c.text))
		if a.status != c.status || !strings.Contains(a.text("detail"), c.detail) || strings.Contains(a.body, "geheim") || strings.Contains(a.body, "8154711") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	for member, in := range map[string]map[string]any{
		"client_id": {"client_id": "usr_x"}, "access_token_lifetime": {"access_token_lifetime": 299}, "grant_types": {"grant_types": []string{"implicit"}}, "redirect_uris": {"redirect_uris": []string{"http://app.example/"}},
		"scopes": {"scopes": []string{`a"b`}}, "audiences": {"audiences": []string{""}}, "name": {"name": strings.Repeat("n", 300)},
	} {
		if a := v.admin("POST", "/admin/v1/clients", in); a.status != 400 || !strings.Contains(a.text("detail"), member) {
			t.Errorf("%s: %d %s", member, a.status, a.body)
		}
	}
	v.want(v.admin("PUT", "/admin/v1/clients/app", map[string]any{"access_token_lifetime": 1 << 53}), 400, "request_invalid")
	v.want(v.admin("PUT", "/admin/v1/clients/app", map[string]any{"public": false}), 400, "request_invalid")
}

// Two who change the same thing: the second is told (RFC 9110 13.1.1).
func TestPreconditions(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	user, settings := "/admin/v1/users/"+v.ann.ID, map[string]any{"name": "Ann", "email": "a@example.com"}
	for _, c := range []struct {
		path string
		in   map[string]any
	}{{"/admin/v1/clients/app", map[string]any{"name": "App"}}, {user, settings}} {
		tag := v.want(v.admin("GET", c.path, nil), 200, "").header.Get("ETag")
		if !strings.HasPrefix(tag, `"`) {
			t.Errorf("ETag %s is not strong", tag)
		}
		for _, same := range []string{tag, `"x", ` + tag, "*"} {
			if a := v.admin("GET", c.path, nil, header("If-None-Match", same)); a.status != http.StatusNotModified || a.body != "" {
				t.Errorf("%s: %d %s", same, a.status, a.body)
			}
		}
		next := v.want(v.admin("PUT", c.path, c.in, header("If-Match", tag)), 200, "").header.Get("ETag")
		if next == tag {
			t.Error("the change left the ETag")
		}
		for _, old := range []string{tag, "W/" + next, "x", `""`, strings.Trim(next, `"`)} {
			v.want(v.admin("PUT", c.path, c.in, header("If-Match", old)), 412, "precondition_failed")
			v.want(v.admin("POST", c.path+"/disable", nil, header("If-Match", old)), 412, "precondition_failed")
			v.want(v.admin("DELETE", c.path, nil, header("If-Match", old)), 412, "precondition_failed")
		}
		v.want(v.admin("POST", c.path+"/disable", nil, header("If-Match", next)), 204, "")
		v.want(v.admin("PUT", c.path+"x", c.in, header("If-Match", "*")), 412, "precondition_failed")
		v.want(v.admin("PUT", c.path+"x", c.in), 404, "not_found")
	}
	// One that was deleted and made again is another.
	in := map[string]any{"client_id": "twin"}
	tag := v.want(v.admin("POST", "/admin/v1/clients", in), 201, "").header.Get("ETag")
	v.want(v.admin("DELETE", "/admin/v1/clients/twin", nil), 204, "")
	v.pass(time.Second)
	v.want(v.admin("POST", "/admin/v1/clients", in), 201, "")
	v.want(v.admin("DELETE", "/admin/v1/clients/twin", nil, header("If-Match", tag)), 412, "precondition_failed")
}

// A request that is repeated under its key makes nothing twice, and another
// request under the same key is refused.
func TestIdempotency(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	key := func(name string) func(*http.Request) { return header("Idempotency-Key", name+"-0123456789abcdef") }
	bob := map[string]any{"username": "bob", "password": "a long password"}
	first := v.want(v.admin("POST", "/admin/v1/users", bob, key("user")), 201, "")
	again := v.want(v.admin("POST", "/admin/v1/users", bob, key("user")), 201, "")
	if first.body != again.body || again.header.Get("Idempotency-Replayed") != "true" || first.header.Get("Idempotency-Replayed") != "" {
		t.Errorf("%s, then %s", first.body, again.body)
	}
	v.want(v.admin("POST", "/admin/v1/users", bob, key("other")), 409, "conflict")
	v.want(v.admin("POST", "/admin/v1/users", map[string]any{"username": "bob", "password": "b long password"}, key("user")), 422, "idempotency_key_reused")
	v.want(v.admin("POST", "/admin/v1/revocations", map[string]any{"kind": "token", "id": "x"}, key("user")), 422, "idempotency_key_reused")

	// A secret is shown once, so the repetition names the client instead.
	made := v.want(v.admin("POST", "/admin/v1/clients", map[string]any{"name": "x"}, key("client")), 201, "")
	if a := v.want(v.admin("POST", "/admin/v1/clients", map[string]any{"name": "x"}, key("client")), 409, "conflict"); !strings.Contains(a.text("detail"), made.text("client_id")) || strings.Contains(a.body, made.text("client_secret")) {
		t.Errorf("%s", a.body)
	}
	versions := len(v.revoked("client"))
	for range 3 {
		v.want(v.admin("POST", "/admin/v1/revocations", map[string]any{"kind": "client", "id": "app"}, key("revoke")), 201, "")
	}
	if got := len(v.revoked("client")); got != versions+1 {
		t.Errorf("%d revocations for one", got-versions)
	}
	kids := map[string]bool{}
	for _, a := range v.race(10, func() answer { return v.admin("POST", "/admin/v1/keys/token/rotate", nil, key("rotate")) }) {
		kids[v.want(a, 201, "").text("kid")] = true
	}
	if len(kids) != 1 {
		t.Errorf("%d keys for one", len(kids))
	}
	// What would not be kept is refused, and so is a key that can be guessed.
	v.want(v.admin("POST", "/admin/v1/clients/app/disable", nil, key("disable")), 400, "request_invalid")
	v.want(v.admin("POST", "/admin/v1/users", bob, header("Idempotency-Key", "1")), 400, "request_invalid")
	v.want(v.admin("POST", "/admin/v1/users", bob, key("a"), key("b")), 400, "request_invalid")
	// A day later it is forgotten.
	v.pass(25 * time.Hour)
	if _, err := v.store.Sweep(t.Context(), v.now(), time.Hour, time.Minute); err != nil {
		t.Fatal(err)
	}
	v.want(v.admin("POST", "/admin/v1/users", bob, key("user")), 409, "conflict")
}
