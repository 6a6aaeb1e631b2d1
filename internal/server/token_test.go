package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// What is wrong with a redemption is refused, and costs the rightful client
// nothing (RFC 6749 4.1.3, 5.2, RFC 7636 4.6, RFC 9700 4.5).
func TestThreatCodeInjection(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	good := redemption("app", v.code("app"))
	for name, c := range map[string]struct {
		error  string
		values url.Values
		change []func(*http.Request)
	}{
		"other public client":       {"invalid_grant", with(good, "client_id", "other-app"), nil},
		"confidential client":       {"invalid_grant", with(good, "client_id", ""), []func(*http.Request){v.as("service")}},
		"client without the grant":  {"unauthorized_client", with(good, "client_id", ""), []func(*http.Request){v.as("machine")}},
		"other redirect_uri":        {"invalid_grant", with(good, "redirect_uri", "https://app.example/q?a=1&b=2"), nil},
		"no redirect_uri":           {"invalid_grant", with(good, "redirect_uri", ""), nil},
		"redirect_uri's case":       {"invalid_grant", with(good, "redirect_uri", "https://app.example/CB"), nil},
		"no verifier":               {"invalid_grant", with(good, "code_verifier", ""), nil},
		"other verifier":            {"invalid_grant", with(good, "code_verifier", strings.Repeat("a", 43)), nil},
		"the challenge as verifier": {"invalid_grant", with(good, "code_verifier", challenge()), nil},
		"short verifier":            {"invalid_grant", with(good, "code_verifier", verifier[:42]), nil},
		"long verifier":             {"invalid_grant", with(good, "code_verifier", strings.Repeat("a", 129)), nil},
		"padded verifier":           {"invalid_grant", with(good, "code_verifier", verifier+"="), nil},
		"verifier with a blank":     {"invalid_grant", with(good, "code_verifier", verifier+" "), nil},
		"verifier with NUL":         {"invalid_grant", with(good, "code_verifier", verifier+"\x00"), nil},
		"no code":                   {"invalid_request", with(good, "code", ""), nil},
		"unknown code":              {"invalid_grant", with(good, "code", strings.Repeat("A", 43)), nil},
		"code cut":                  {"invalid_grant", with(good, "code", good.Get("code")[1:]), nil},
		"code with a blank":         {"invalid_grant", with(good, "code", good.Get("code")+" "), nil},
		"code as refresh token":     {"invalid_grant", refresh("app", good.Get("code")), nil},
		"no refresh token":          {"invalid_request", pairs("grant_type", "refresh_token", "client_id", "app"), nil},
	} {
		a := v.token(c.values, c.change...)
		if a.status != 400 || a.text("error") != c.error || a.text("access_token") != "" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	a := v.want(v.token(good), 200, "")
	if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Pragma") != "no-cache" || a.header.Get("Content-Type") != "application/json" || a.text("token_type") != "Bearer" ||
		a.json["expires_in"] != 600.0 || a.text("scope") != "email openid profile read" {
		t.Errorf("%v %s", a.header, a.body)
	}
	late := redemption("app", v.code("app"))
	v.pass(time.Minute)
	if a := v.token(late); a.text("error") != "invalid_grant" {
		t.Errorf("after a minute: %s", a.body)
	}
}

// Of many at once one wins, and then the grant is revoked with all it minted
// (RFC 6749 4.1.2, RFC 9700 4.5; CVE-2026-1035).
func TestThreatCodeRace(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	good := redemption("app", v.code("app"))
	answers := v.race(50, func() answer { return v.token(good) })
	var won []answer
	for _, a := range answers {
		if a.status == 200 {
			won = append(won, a)
		} else if a.text("error") != "invalid_grant" || a.text("access_token") != "" {
			t.Errorf("a loser got %d %s", a.status, a.body)
		}
	}
	if len(won) != 1 {
		t.Fatalf("%d winners", len(won))
	}
	if ids := v.revoked("grant"); len(ids) != 1 {
		t.Errorf("revoked grants: %v", ids)
	}
	v.want(v.token(refresh("app", won[0].text("refresh_token"))), 400, "refresh_invalid")
	if a := v.ask("POST", "/introspect", form(pairs("token", won[0].text("access_token"))), v.as("service")); strings.TrimSpace(a.body) != `{"active":false}` {
		t.Errorf("the winner's token lives: %s", a.body)
	}
}

func (v *world) race(n int, act func() answer) []answer {
	answers, start := make([]answer, n), make(chan struct{})
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { <-start; answers[i] = act() })
	}
	close(start)
	all.Wait()
	return answers
}

// A code that comes back revokes what it gave, whatever else the request says;
// another client's attempt does not (RFC 6749 10.5).
func TestThreatCodeReplay(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	good := redemption("app", v.code("app"))
	first := v.want(v.token(good), 200, "")
	v.want(v.token(with(good, "client_id", "other-app")), 400, "code_invalid")
	if len(v.revoked("grant")) > 0 {
		t.Fatal("another client's replay revoked the grant")
	}
	v.want(v.token(with(good, "code_verifier", strings.Repeat("x", 43))), 400, "code_reused")
	if len(v.revoked("grant")) != 1 {
		t.Error("the replay revoked nothing")
	}
	v.want(v.token(refresh("app", first.text("refresh_token"))), 400, "refresh_invalid")
	v.want(v.token(good), 400, "code_invalid") // one theft is one alarm
	if len(v.revoked("grant")) != 1 {
		t.Error("the grant was revoked twice")
	}
}

// RFC 6749 6, RFC 9700 4.14.2.
func TestThreatRefreshReplay(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	first := v.tokens()
	old := first.text("refresh_token")
	for name, a := range map[string]answer{
		"other public client": v.token(refresh("other-app", old)), "confidential client": v.token(with(refresh("", old), "client_id", ""), v.as("service")),
		"unknown": v.token(refresh("app", "rt_x")), "access token": v.token(refresh("app", first.text("access_token"))),
	} {
		if a.status != 400 || a.text("error") != "invalid_grant" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	for scope, want := range map[string]string{"read write": "invalid_scope", "admin": "invalid_scope", "read  openid": "invalid_scope"} {
		if a := v.token(with(refresh("app", old), "scope", scope)); a.text("error") != want {
			t.Errorf("scope %q: %s", scope, a.body)
		}
	}
	if a := v.token(with(refresh("app", old), "resource", "elsewhere")); a.text("error") != "invalid_target" {
		t.Errorf("resource: %s", a.body)
	}

	// Fifty at once get one and the same successor (an honest client that retries).
	successors := map[string]bool{}
	for _, a := range v.race(50, func() answer { return v.token(refresh("app", old)) }) {
		v.want(a, 200, "")
		successors[a.text("refresh_token")] = true
	}
	if len(successors) != 1 || successors[old] {
		t.Fatalf("%d successors", len(successors))
	}
	var next string
	for next = range successors {
	}
	narrow := v.want(v.token(with(refresh("app", next), "scope", "read")), 200, "")
	if narrow.text("scope") != "read" || narrow.text("id_token") != "" {
		t.Errorf("narrowed: %s", narrow.body)
	}
	// The grant itself was not narrowed (RFC 6749 6).
	wide := v.want(v.token(refresh("app", narrow.text("refresh_token"))), 200, "")
	if wide.text("scope") != "email openid profile read" {
		t.Errorf("after narrowing: %s", wide.text("scope"))
	}
	v.want(v.token(refresh("app", old)), 400, "refresh_superseded")
	if len(v.revoked("grant")) > 0 {
		t.Fatal("revoked within the grace")
	}
	v.pass(11 * time.Second)
	v.want(v.token(refresh("app", old)), 400, "refresh_reused")
	if len(v.revoked("grant")) != 1 {
		t.Error("reuse did not reach the revocation log")
	}
	v.want(v.token(refresh("app", wide.text("refresh_token"))), 400, "refresh_invalid")
}

// What a client gets that asks for nothing is what was saved with it, also where that is more
// than a request may name.
func TestDefaultScopesAreNoRequest(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	var scopes []string
	for i := range 50 {
		scopes = append(scopes, fmt.Sprintf("%s:%02d", strings.Repeat("a", 50), i))
	}
	made := v.want(v.admin("POST", "/admin/v1/clients", map[string]any{"client_id": "wide", "grant_types": []string{"client_credentials"}, "scopes": append(scopes, scopes[0], "openid"), "audiences": []string{"api"}}), 201, "")
	as := basic("wide", made.text("client_secret"))
	if a := v.want(v.token(pairs("grant_type", "client_credentials"), as), 200, ""); a.text("scope") != strings.Join(scopes, " ") {
		t.Errorf("%s", a.body)
	}
	v.want(v.token(pairs("grant_type", "client_credentials", "scope", strings.Join(scopes, " ")), as), 400, "scope_invalid")
}

// One way to authenticate, the right one, and one answer to whoever fails
// (RFC 6749 2.3.1, 5.2).
func TestThreatClientAuthentication(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	cc := pairs("grant_type", "client_credentials", "scope", "read")
	secret := v.secrets["service"]
	strip := func(a answer) string {
		delete(a.json, "request_id")
		return a.header.Get("WWW-Authenticate") + " " + a.text("error") + " " + a.text("error_description") + " " + a.text("code")
	}
	var refusals []string
	for name, a := range map[string]answer{
		"unknown": v.token(cc, basic("nobody", secret)), "wrong secret": v.token(cc, basic("service", "wrong")), "another's secret": v.token(cc, basic("service", v.secrets["stranger"])),
		"no secret": v.token(cc, basic("service", "")), "public with secret": v.token(cc, basic("app", "x")), "id in the form alone": v.token(with(cc, "client_id", "service")),
		"wrong in the form": v.token(with(cc, "client_id", "service", "client_secret", "wrong")), "public with secret in the form": v.token(with(cc, "client_id", "app", "client_secret", "x")),
		"nothing": v.token(cc), "secret alone": v.token(with(cc, "client_secret", secret)), "id with NUL": v.token(cc, basic("service\x00", secret)), "secret with NUL": v.token(cc, basic("service", secret+"\x00")),
		"secret cut": v.token(cc, basic("service", secret[:42])), "case": v.token(cc, basic("SERVICE", secret)), "blank": v.token(cc, basic("service ", secret)), "person": v.token(cc, basic(v.ann.ID, password)), "person's name": v.token(cc, basic("ann", password)),
		"Bearer": v.token(cc, header("Authorization", "Bearer "+secret)), "Basic without a colon": v.token(cc, header("Authorization", "Basic c2VydmljZQ==")), "Basic not base64": v.token(cc, header("Authorization", "Basic !!!")),
		"two headers": v.token(cc, v.as("service"), header("Authorization", "Basic eDp5")), "bad escape": v.token(cc, func(r *http.Request) { r.SetBasicAuth("service%zz", secret) }),
	} {
		if a.status != 401 || a.header.Get("WWW-Authenticate") != `Basic realm="jotward"` || a.text("error") != "invalid_client" {
			t.Errorf("%s: %d %v %s", name, a.status, a.header, a.body)
		}
		refusals = append(refusals, strip(a))
	}
	for _, r := range refusals {
		if r != refusals[0] {
			t.Errorf("answers differ: %q, %q", r, refusals[0])
		}
	}
	for name, a := range map[string]answer{
		"Basic and form": v.token(with(cc, "client_id", "service", "client_secret", secret), v.as("service")), "two ids": v.token(with(cc, "client_id", "stranger"), v.as("service")),
		"Basic and another's secret": v.token(with(cc, "client_secret", v.secrets["stranger"]), v.as("service")),
	} {
		if a.status != 400 || a.text("error") != "invalid_request" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	for name, a := range map[string]answer{"Basic": v.token(cc, v.as("service")), "Basic with the same id": v.token(with(cc, "client_id", "service"), v.as("service")),
		"form": v.token(with(cc, "client_id", "service", "client_secret", secret)), "escaped": v.token(cc, func(r *http.Request) { r.SetBasicAuth("%73ervice", secret) })} {
		if a.status != 200 || a.text("refresh_token") != "" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := v.token(with(cc, "client_id", "app")); a.text("error") != "unauthorized_client" {
		t.Errorf("public client_credentials: %s", a.body)
	}
	for scope, want := range map[string]string{"read admin": "invalid_scope", "write\x00": "invalid_scope", `re"ad`: "invalid_scope"} {
		if a := v.token(with(cc, "scope", scope), v.as("service")); a.text("error") != want {
			t.Errorf("scope %q: %s", scope, a.body)
		}
	}
	for _, kind := range []string{"password", "implicit", "urn:ietf:params:oauth:grant-type:saml2-bearer", "urn:ietf:params:oauth:grant-type:jwt-bearer", "AUTHORIZATION_CODE", "token"} {
		if a := v.token(with(cc, "grant_type", kind), v.as("service")); a.status != 400 || a.text("error") != "unsupported_grant_type" {
			t.Errorf("grant type %s: %d %s", kind, a.status, a.body)
		}
	}
}

// A client can never be given a person's id, so that the sub of its own token
// is never a person's (RFC 9700 4.15).
func TestThreatSubjectCollision(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	for _, id := range []string{v.ann.ID, "usr_x", "usr_", "a\x00b", "a\nb", "é", strings.Repeat("a", 257)} {
		v.want(v.admin("POST", "/admin/v1/clients", map[string]any{"client_id": id}), 400, "request_invalid")
	}
}

// Requests in other shapes than the one that is documented.
func TestThreatRequestShapes(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	cc := pairs("grant_type", "client_credentials", "scope", "read").Encode()
	const kind = "application/x-www-form-urlencoded"
	for _, path := range []string{"/token", "/introspect", "/revoke"} {
		text := cc + "&token=x"
		for name, c := range map[string]struct {
			status int
			target string
			change []func(*http.Request)
		}{
			"JSON":                 {400, path, []func(*http.Request){body("application/json", `{"grant_type":"client_credentials"}`)}},
			"no type":              {400, path, []func(*http.Request){body("", text)}},
			"multipart":            {400, path, []func(*http.Request){body("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"grant_type\"\r\n\r\nclient_credentials\r\n--x--")}},
			"text":                 {400, path, []func(*http.Request){body("text/plain", text)}},
			"two types":            {400, path, []func(*http.Request){body(kind, text), header("Content-Type", "application/json")}},
			"the same type twice":  {400, path, []func(*http.Request){body(kind, text), header("Content-Type", kind)}},
			"UTF-7":                {400, path, []func(*http.Request){body(kind+"; charset=utf-7", text)}},
			"UTF-16":               {400, path, []func(*http.Request){body(kind+"; charset=utf-16", text)}},
			"gzip":                 {400, path, []func(*http.Request){body(kind, text), header("Content-Encoding", "gzip")}},
			"query":                {400, path + "?scope=write", []func(*http.Request){body(kind, text)}},
			"credentials in query": {400, path + "?client_id=service&client_secret=" + v.secrets["service"], []func(*http.Request){body(kind, text)}},
			"repeated":             {400, path, []func(*http.Request){body(kind, text+"&scope=read")}},
			"repeated, escaped":    {400, path, []func(*http.Request){body(kind, text+"&sc%6fpe=read")}},
			"bad escape":           {400, path, []func(*http.Request){body(kind, text+"&x=%zz")}},
			"semicolon":            {400, path, []func(*http.Request){body(kind, text+";x=y")}},
			"not UTF-8":            {400, path, []func(*http.Request){body(kind, text+"&x=%ff")}},
			"a value of 1 MB":      {413, path, []func(*http.Request){body(kind, text+"&x="+strings.Repeat("a", 1<<20))}},
			"100,000 parameters":   {413, path, []func(*http.Request){body(kind, text+strings.Repeat("&a=b", 100000))}},
		} {
			a := v.ask("POST", c.target, append(c.change, v.as("service"))...)
			if a.status != c.status || a.text("error") != "invalid_request" || a.header.Get("Cache-Control") != "no-store" || a.text("request_id") == "" {
				t.Errorf("%s %s: %d %s", path, name, a.status, a.body)
			}
		}
		for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE"} {
			a := v.ask(method, path, form(parse(text)), v.as("service"))
			if a.status != http.StatusMethodNotAllowed || !strings.Contains(a.header.Get("Allow"), "POST") || a.text("error") != "invalid_request" {
				t.Errorf("%s %s: %d %v", method, path, a.status, a.header)
			}
		}
	}
	for _, charset := range []string{"", "; charset=UTF-8", "; charset=utf-8"} {
		v.want(v.ask("POST", "/token", body(kind+charset, cc), v.as("service")), 200, "")
	}
	// Empty is absent (RFC 6749 3.2).
	v.want(v.ask("POST", "/token", body(kind, cc+"&code=&client_id=&client_secret="), v.as("service")), 200, "")
}

// What the issuer says of itself comes from its configuration, never from a
// header (host-header poisoning).
func TestThreatHostHeader(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	poison := []func(*http.Request){func(r *http.Request) { r.Host = "evil.example" }, header("X-Forwarded-Host", "evil.example"), header("X-Forwarded-Proto", "http"), header("Forwarded", "host=evil.example"), header("X-Original-Host", "evil.example")}
	b := &browser{world: v}
	b.allow(request("app"))
	for name, a := range map[string]answer{
		"metadata": v.ask("GET", "/.well-known/openid-configuration", poison...), "redirect": b.authorize(request("app"), append(poison, b.keep)...), "page": v.authorize(request("app"), poison...),
		"token": v.token(redemption("app", v.code("app")), poison...), "posted": v.ask("POST", "/authorize", append(poison, form(request("app")))...), "error": v.ask("GET", "/nowhere", poison...),
	} {
		var all strings.Builder
		if err := a.header.Write(&all); err != nil {
			t.Fatal(err)
		}
		if a.status >= 500 || strings.Contains(a.body+all.String(), "evil") {
			t.Errorf("%s: %d %v %s", name, a.status, a.header, a.body)
		}
	}
}
