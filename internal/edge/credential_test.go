package edge

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/jose/jwt"
)

var optional = with(config.Route{Name: "maybe", Path: "/maybe", Auth: "optional", Headers: map[string]string{"X-User": "sub"}})

// One rule for all (RFC 6750 3.1): how many credentials there are concerns the
// request, 400 invalid_request; what stands in a token's place concerns the
// token, 401 invalid_token.
func TestCredentials(t *testing.T) {
	t.Parallel()
	w := build(t, optional)
	token := w.a.token(nil)
	b := "Authorization: Bearer "
	for _, c := range []struct {
		headers, code string
		status        int
		challenge     string
	}{
		{"", "credential_missing", 401, "Bearer"},
		{"Authorization: Basic abc\r\n", "credential_missing", 401, "Bearer"},
		{"Authorization: DPoP " + token + "\r\n", "credential_missing", 401, "Bearer"},
		{"Authorization: Bearertoken " + token + "\r\n", "credential_missing", 401, "Bearer"},
		{"Authorization:\r\n", "credential_missing", 401, "Bearer"},
		{"Authorization: Bearer\r\n", "credential_malformed", 401, `error="invalid_token"`},
		{b + "\r\n", "credential_malformed", 401, `error="invalid_token"`},
		{b + "a b\r\n", "credential_malformed", 401, `error="invalid_token"`},
		{b + "=\r\n", "credential_malformed", 401, `error="invalid_token"`},
		{b + "\"" + token + "\"\r\n", "credential_malformed", 401, `error="invalid_token"`},
		{"Authorization: Bearer\t" + token + "\r\n", "", 0, ""},
		{b + token + ", Bearer " + token + "\r\n", "credential_repeated", 400, `error="invalid_request"`},
		{b + token + "\r\n" + b + token + "\r\n", "credential_repeated", 400, `error="invalid_request"`},
		{b + token + "\r\nAuthorization: Basic abc\r\n", "credential_repeated", 400, `error="invalid_request"`},
		{b + "abc\r\n", "token_malformed", 401, `error="invalid_token"`},
		{b + token + "=\r\n", "token_malformed", 401, `error="invalid_token"`},
		{b + token + "x\r\n", "token_malformed", 401, `error="invalid_token"`},
	} {
		for _, path := range []string{"/api/x", "/maybe"} {
			a := w.get(path, c.headers)
			if c.headers == "" && path == "/maybe" {
				if a.status != 200 || w.origin.last.Load().Header.Get("X-User") != "" {
					t.Error("nothing at all is not anonymous:", a)
				}
				continue
			}
			if c.status == 0 {
				if a.status < 400 || a.status > 401 {
					t.Errorf("%s %q: %s", path, c.headers, a)
				}
				continue
			}
			if a.code() != c.code || a.status != c.status || !strings.Contains(a.header.Get("Www-Authenticate"), c.challenge) || c.challenge == "Bearer" && a.header.Get("Www-Authenticate") != "Bearer" {
				t.Errorf("%s %.60q: %s, %s", path, c.headers, a, a.header.Get("Www-Authenticate"))
			}
		}
	}
	if w.origin.hits.Load() != 1 { // the anonymous one
		t.Error("the origin was reached", w.origin.hits.Load())
	}
	for _, scheme := range []string{"Bearer", "bearer", "BEARER", "bEaReR ", "Bearer  "} {
		if a := w.get("/api/x", "Authorization: "+scheme+" "+token+"\r\n"); a.status != 200 {
			t.Errorf("scheme %q: %s", scheme, a)
		}
	}
	if a := w.get("/maybe", b+token+"\r\n"); a.status != 200 || w.origin.last.Load().Header.Get("X-User") != "usr_1" {
		t.Error("optional with a token:", a)
	}
}

func TestSecondCredentialInQuery(t *testing.T) {
	t.Parallel()
	w := build(t, optional)
	for _, q := range []string{"access_token=x", "a=1&access_token=x", "a=1;access_token=x", "a=1;access%5Ftoken=x", "%61ccess_token=x", "access_token=%zz", "access_token", "ACCESS_TOKEN=x", "access.token=x", "access+token=x", "access%20token=x",
		"+access_token=x", "%20%20access_token=x", "access_token[]=x", "access_token%00a=x", "a&&access_token=x", "access_token%=x", "&access_token=%"} {
		for _, h := range []string{w.bearer(nil), ""} {
			for _, path := range []string{"/api/x", "/maybe"} {
				if a := w.get(path+"?"+q, h); a.status != 400 && (h != "" || a.status != 401) || w.origin.hits.Load() != 0 {
					t.Errorf("%s?%s: %s", path, q, a)
				}
			}
		}
	}
	for _, q := range []string{"my_access_token=x", "access_token_type=x", "access_tokens=x", "q=access_token", "access=1&token=2"} {
		if a := w.get("/api/x?"+q, w.bearer(nil)); a.status != 200 {
			t.Errorf("%s: %s", q, a)
		}
	}
}

// A form with a second token never arrives whole (RFC 6750 2.2).
func TestSecondCredentialInForm(t *testing.T) {
	t.Parallel()
	w := build(t, optional)
	read := make(chan error, 1024)
	w.origin.do = func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		read <- err
	}
	post := func(path, auth, contentType, form string) answer {
		return w.raw(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: e\r\n%sContent-Type: %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", path, auth, contentType, len(form), form))
	}
	form := "application/x-www-form-urlencoded"
	for _, c := range []struct{ contentType, form string }{
		{form, "a=b&access_token=x"}, {form + "; charset=utf-8", "access_token=x"}, {"Application/X-WWW-Form-URLEncoded", "access_token=x"},
		{"text/plain\r\nContent-Type: " + form, "access_token=x"}, {"text/plain, " + form, "access_token=x"}, {form + "; =", "access_token=x"}, {form, "a=" + strings.Repeat("b", 200000) + "&access_token=x"},
	} {
		for _, auth := range []string{w.bearer(nil), ""} {
			a := post("/maybe", auth, c.contentType, c.form)
			if a.code() != "credential_repeated" || a.status != 400 {
				t.Errorf("%s: %s %s", c.contentType, a, a.event.Detail)
			}
			if len(c.form) < formBytes && (w.origin.hits.Load() != 0 || a.event.Allowed) {
				t.Error(c.contentType, "the origin heard of it")
			}
		}
	}
	for contentType, text := range map[string]string{form: "a=access_token&b=1", "application/json": "access_token=x"} {
		if a := post("/api/x", w.bearer(nil), contentType, text); a.status != 200 || a.event.BytesIn != int64(len(text)) {
			t.Error(contentType, a)
		}
	}
	w.origin.Close() // waits for its handlers
	close(read)
	whole := 0
	for err := range read {
		if err == nil {
			whole++
		}
	}
	if whole != 2 {
		t.Errorf("the origin has %d whole bodies, want the two without a credential", whole)
	}
}

func TestBodySearch(t *testing.T) {
	t.Parallel()
	for form, want := range map[string]bool{
		"access_token=x": true, "a=b&access_token=x": true, "a=b;access_token=x": true, "access_token": true, "a=1&access%5ftoken=x": true, "%61%63%63%65%73%73%5f%74%6f%6b%65%6e=x": true,
		strings.Repeat("+", 500) + "access_token=x": true, strings.Repeat("%20", 500) + "access_token=x": true, "a=" + strings.Repeat("x", 70000) + "&access_token=x": true,
		"a=access_token": false, "xaccess_token=x": false, "access_tokenx=1": false, "a=b": false, "": false, strings.Repeat("a", 100) + "access_token=1": false, "a=b=access_token=c": false,
	} {
		for _, cut := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.DataErrReader} {
			b := &body{ReadCloser: io.NopCloser(cut(strings.NewReader(form))), form: true}
			got, err := io.ReadAll(b)
			if (err != nil) != want || want && strings.Contains(string(got), "access_token=") || !want && string(got) != form {
				t.Errorf("%.60q: %v, handed on %.60q", form, err, got)
			}
		}
	}
}

func TestBoundTokensAreRefused(t *testing.T) {
	t.Parallel()
	w := build(t, optional)
	for _, cnf := range []any{map[string]any{"jkt": "x"}, map[string]any{}, nil, "", false, []any{}, map[string]any{"x5t#S256": "x"}} {
		for range 2 { // not from the cache either
			for _, path := range []string{"/api/x", "/maybe"} {
				if a := w.get(path, w.bearer(map[string]any{"cnf": cnf})); a.code() != "sender_proof_unchecked" || a.status != 401 || w.origin.hits.Load() != 0 {
					t.Errorf("cnf %v: %s", cnf, a)
				}
			}
		}
	}
}

func TestTokensThatDoNotHold(t *testing.T) {
	t.Parallel()
	w := build(t, optional)
	for code, token := range map[string]string{
		"token_expired":         w.a.token(map[string]any{"exp": w.now().Unix()}),
		"token_not_yet_valid":   w.a.token(map[string]any{"nbf": w.now().Add(time.Minute).Unix()}),
		"lifetime_exceeded":     w.a.token(map[string]any{"exp": w.now().Add(2 * time.Hour).Unix()}),
		"audience_mismatch":     w.a.token(map[string]any{"aud": "other"}),
		"issuer_mismatch":       w.a.token(map[string]any{"iss": "https://other.test"}),
		"claim_missing":         w.a.token(map[string]any{"sub": gone}),
		"type_mismatch":         w.a.tokenBy(w.a.key, "JWT", nil),
		"signature_invalid":     w.a.tokenBy(newKey(t, "k1"), "at+jwt", nil),
		"key_not_found":         w.a.tokenBy(newKey(t, "other"), "at+jwt", nil),
		"claims_invalid":        w.a.token(map[string]any{"sub_ver": "1"}),
		"token_oversize":        w.a.token(map[string]any{"x": strings.Repeat("x", 9000)}),
		"algorithm_not_allowed": "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.e30.",
	} {
		for _, path := range []string{"/api/x", "/maybe"} { // a token that does not hold is not anonymous
			if a := w.get(path, "Authorization: Bearer "+token+"\r\n"); a.code() != code || a.status != 401 || a.event.Issuer != "" || !strings.Contains(a.header.Get("Www-Authenticate"), `error="invalid_token"`) {
				t.Errorf("%s on %s: %s", code, path, a)
			}
		}
	}
	if w.origin.hits.Load() != 0 {
		t.Error("the origin was reached")
	}
	// Claims of the wrong type could hide a revocation.
	for _, change := range []map[string]any{{"sub_ver": -1}, {"sub_ver": 1.5}, {"sub_ver": 1e300}, {"client_ver": true}, {"client_ver": nil}, {"sid": 1}, {"sid": []any{"ses_1"}}, {"grant_id": map[string]any{}}, {"client_id": 7}, {"scope": []any{"read"}}, {"roles": "admin"}, {"roles": []any{1}}} {
		if a := w.get("/maybe", w.bearer(change)); a.code() != "claims_invalid" {
			t.Errorf("%v: %s", change, a)
		}
	}
}

func TestScopesRolesClaims(t *testing.T) {
	t.Parallel()
	w := build(t, with(config.Route{Name: "rule", Path: "/rule", Scopes: []string{"read", "write"}, Roles: []string{"admin"}, Claims: map[string]any{"level": 5, "org": "1", "ok": true}}))
	good := map[string]any{"scope": "write read", "roles": []any{"x", "admin"}, "level": 5, "org": "1", "ok": true}
	if a := w.get("/rule", w.bearer(good)); a.status != 200 {
		t.Fatal(a)
	}
	for _, c := range []struct {
		claim string
		value any
		code  string
	}{
		{"scope", "read", "scope_missing"}, {"scope", "read\twrite", "scope_missing"}, {"scope", "read,write", "scope_missing"}, {"scope", "read WRITE", "scope_missing"}, {"scope", gone, "scope_missing"}, {"scope", "read writer", "scope_missing"},
		{"roles", gone, "role_missing"}, {"roles", []any{"Admin"}, "role_missing"}, {"roles", []any{"admin,x"}, "role_missing"},
		{"level", "5", "rule_denied"}, {"level", 6, "rule_denied"}, {"level", []any{5}, "rule_denied"}, {"level", nil, "rule_denied"}, {"level", gone, "rule_denied"}, {"level", 5.5, "rule_denied"}, {"level", map[string]any{"level": 5}, "rule_denied"},
		{"org", 1, "rule_denied"}, {"org", []any{"1"}, "rule_denied"}, {"org", "1 ", "rule_denied"}, {"org", true, "rule_denied"},
		{"ok", "true", "rule_denied"}, {"ok", 1, "rule_denied"}, {"ok", false, "rule_denied"},
	} {
		change := map[string]any{}
		for k, v := range good {
			change[k] = v
		}
		change[c.claim] = c.value
		a := w.get("/rule", w.bearer(change))
		if a.code() != c.code || a.status != 403 || !strings.Contains(a.header.Get("Www-Authenticate"), `error="insufficient_scope"`) {
			t.Errorf("%s=%v: %s", c.claim, c.value, a)
		}
		if named := strings.Contains(a.header.Get("Www-Authenticate"), `scope="read write"`); named != (c.code == "scope_missing") {
			t.Error(a.header.Get("Www-Authenticate"))
		}
	}
	for _, bad := range []any{1.5, nil, []any{"a"}, map[string]any{}, 9007199254740993} {
		c := w.config
		c.Routes = append([]config.Route{{Name: "bad", Path: "/bad", Upstream: "http://x", Claims: map[string]any{"a": bad}}}, c.Routes...)
		if err := w.edge.Reload(c); err == nil {
			t.Errorf("a claim rule of %v was taken", bad)
		}
	}
}

// A preflight carries no credential, and is no way in (Fetch 4.8).
func TestPreflight(t *testing.T) {
	t.Parallel()
	w := build(t, with(config.Route{Name: "open", Path: "/open", Auth: "none"}))
	ask := "OPTIONS %s HTTP/1.1\r\nHost: e\r\nConnection: close\r\nOrigin: https://app.example\r\nAccess-Control-Request-Method: POST\r\n\r\n"
	if a := w.raw(fmt.Sprintf(ask, "/api/x")); a.status != 401 || w.origin.hits.Load() != 0 {
		t.Error(a)
	}
	if a := w.raw(fmt.Sprintf(ask, "/open")); a.status != 200 {
		t.Error(a)
	}
}

// Strangers are told the code, what it means, what to do, and the request's id.
func TestProblem(t *testing.T) {
	t.Parallel()
	w := build(t)
	a := w.get("/api/x", "")
	for _, want := range []string{`"type":"urn:jotward:reason:credential_missing"`, `"title":"the request carries no credential"`, `"detail":"send Authorization: Bearer with an access token"`, `"status":401`, `"code":"credential_missing"`, `"request_id":"` + a.header.Get("X-Request-Id") + `"`} {
		if !strings.Contains(a.body, want) {
			t.Errorf("%s is missing in %s", want, a.body)
		}
	}
	if a.header.Get("Content-Type") != "application/problem+json" || a.header.Get("Cache-Control") != "no-store" || a.header.Get("X-Request-Id") == "" {
		t.Error(a.header)
	}
	if a := w.get("/none", ""); a.status != 404 || a.code() != "route_not_found" {
		t.Error(a)
	}
}

// Two issuers with the same kid, and each insists on its own keys (RFC 8725 3.8).
func TestIssuersNeverMix(t *testing.T) {
	t.Parallel()
	w := build(t, withB, func(w *world, c *config.Edge) { c.Issuers[1].Type, c.Issuers[1].MaxLifetime = "JWT", 2*time.Minute },
		with(config.Route{Name: "b", Path: "/b", Issuers: []string{"https://b.test"}}),
		with(config.Route{Name: "other", Path: "/other", Audience: "other"}))
	b := func(key, typ string, change map[string]any) string {
		k := w.b.key
		if key == "a" {
			k = w.a.key
		}
		return "Authorization: Bearer " + w.b.tokenBy(k, typ, change) + "\r\n"
	}
	for _, c := range []struct {
		name, path, auth, code string
	}{
		{"a's own", "/api/x", w.bearer(nil), ""},
		{"b's own", "/api/x", b("b", "JWT", nil), ""},
		{"b's name, a's key", "/api/x", b("a", "JWT", nil), "signature_invalid"},
		{"a's name, b's key", "/api/x", "Authorization: Bearer " + w.a.tokenBy(w.b.key, "at+jwt", nil) + "\r\n", "signature_invalid"},
		{"a's typ at b", "/api/x", b("b", "at+jwt", nil), "type_mismatch"},
		{"b's typ at a", "/api/x", "Authorization: Bearer " + w.a.tokenBy(w.a.key, "JWT", nil) + "\r\n", "type_mismatch"},
		{"a's lifetime at b", "/api/x", b("b", "JWT", map[string]any{"exp": w.now().Add(3 * time.Minute).Unix()}), "lifetime_exceeded"},
		{"a stranger", "/api/x", b("b", "JWT", map[string]any{"iss": "https://evil.test"}), "issuer_mismatch"},
		{"a list of issuers", "/api/x", b("b", "JWT", map[string]any{"iss": []any{"https://b.test"}}), "claims_invalid"},
		{"no issuer", "/api/x", b("b", "JWT", map[string]any{"iss": gone}), "claims_invalid"},
		{"a at b's route", "/b", w.bearer(nil), "issuer_mismatch"},
		{"b at b's route", "/b", b("b", "JWT", nil), ""},
		{"the issuer's audience at another's route", "/other", w.bearer(nil), "audience_mismatch"},
		{"the route's audience", "/other", w.bearer(map[string]any{"aud": "other"}), ""},
		{"the route's audience elsewhere", "/api/x", w.bearer(map[string]any{"aud": "other"}), "audience_mismatch"},
		{"both audiences", "/other", w.bearer(map[string]any{"aud": []any{"api", "other"}}), ""},
		{"no base64", "/api/x", "Authorization: Bearer a.~.c\r\n", "token_malformed"},
		{"too long", "/api/x", "Authorization: Bearer " + strings.Repeat("x", 9000) + "\r\n", "token_oversize"},
	} {
		for range 2 { // the cache decides no differently
			if a := w.get(c.path, c.auth); a.code() != c.code || c.code == "" && a.status != 200 {
				t.Errorf("%s: %s", c.name, a)
			}
		}
	}
}

// The unverified iss chooses among the configured issuers and nothing more.
func FuzzIssuerOf(f *testing.F) {
	w := build(f, withB)
	s := w.edge.current.Load()
	f.Add(w.a.token(nil))
	f.Add("a.eyJpc3MiOiJodHRwczovL2IudGVzdCJ9.c")
	f.Fuzz(func(t *testing.T, token string) {
		chosen, no := s.issuerOf(token, &route{})
		i := chosen.issuer
		if (i == nil) == (no == nil) || i != nil && s.issuers[i.name] != i {
			t.Fatalf("%q: %v %v", token, i, no)
		}
		if len(token) > jwt.DefaultMaxSize && i != nil {
			t.Fatal("a token of any size is decoded")
		}
	})
}

// namesToken never misses what a plain reader of forms would take for the name.
func FuzzSecondCredential(f *testing.F) {
	for _, s := range []string{"access_token=1", "a=b&access%5Ftoken=2", "a;access_token", "%20access_token=x", "%00ACCess token\x800", "a=b\r\naccess_token", "access%5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, form string) {
		values, _ := url.ParseQuery(form) // the pairs that parse are returned all the same
		plain := values.Has(parameter)
		cut, err := io.ReadAll(&body{ReadCloser: io.NopCloser(iotest.HalfReader(strings.NewReader(form))), form: true})
		if plain && err == nil {
			t.Fatalf("%q has a second credential", form)
		}
		if err == nil && string(cut) != form {
			t.Fatal("the body was changed")
		}
		whole := &body{ReadCloser: io.NopCloser(bytes.NewReader([]byte(form))), form: true}
		if _, again := io.ReadAll(whole); (again == nil) != (err == nil) {
			t.Fatalf("%q: it depends on where the reads are cut", form)
		}
	})
}

// Clients find the issuer by what a challenge names (RFC 9728 5.1), where a
// route says it.
func TestResourceMetadata(t *testing.T) {
	t.Parallel()
	const address = "https://api.example/.well-known/oauth-protected-resource"
	w := build(t, with(config.Route{Name: "told", Path: "/told", Scopes: []string{"write"}, ResourceMetadata: address}))
	for _, headers := range []string{"", w.bearer(nil), "Authorization: Bearer x\r\n"} {
		if c := w.get("/told", headers).header.Get("WWW-Authenticate"); !strings.Contains(c, `resource_metadata="`+address+`"`) {
			t.Errorf("%.20q: %s", headers, c)
		}
	}
	if c := w.get("/api/x", "").header.Get("WWW-Authenticate"); c != "Bearer" {
		t.Error("a route that names none:", c)
	}
	for _, bad := range []string{"api.example/x", "ftp://api.example/", "https:///x", "https://u:p@api.example/", "https://api.example/#x", ":"} {
		c := w.config
		c.Routes = []config.Route{{Name: "r", Path: "/", Upstream: "http://127.0.0.1:1", ResourceMetadata: bad}}
		if err := w.edge.Reload(c); err == nil || !strings.Contains(err.Error(), "resource_metadata") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
