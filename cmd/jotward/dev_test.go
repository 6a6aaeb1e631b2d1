package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// world is a running dev and a client of it.
type world struct {
	testing.TB
	story
	http *http.Client
}

func startDev(t testing.TB) *world {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	done := make(chan error, 1)
	folder := t.TempDir()
	go func() {
		err := runDev(ctx, folder, true, w, io.Discard)
		w.CloseWithError(err)
		done <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	v := &world{TB: t, http: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if err := json.NewDecoder(r).Decode(&v.story); err != nil {
		t.Fatalf("dev said nothing: %v", err)
	}
	go io.Copy(io.Discard, r)
	return v
}

type answer struct {
	status int
	header http.Header
	body   string
	json   map[string]any
}

func (v *world) do(req *http.Request, err error) answer {
	v.Helper()
	if err != nil {
		v.Fatal(err)
	}
	resp, err := v.http.Do(req)
	if err != nil {
		v.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		v.Fatal(err)
	}
	a := answer{status: resp.StatusCode, header: resp.Header, body: string(body)}
	_ = json.Unmarshal(body, &a.json)
	return a
}

func (v *world) post(path string, form url.Values, basic bool) answer {
	v.Helper()
	req, err := http.NewRequest("POST", v.Issuer+path, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if basic {
		req.SetBasicAuth(v.ClientID, v.ClientSecret)
	}
	return v.do(req, err)
}

func (v *world) resource(token string) answer {
	v.Helper()
	req, err := http.NewRequest("GET", v.Resource, nil)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return v.do(req, err)
}

// untilRefused calls until the edge refuses: the revocation is on its way.
func (v *world) untilRefused(token string) answer {
	v.Helper()
	for range 20000 {
		if a := v.resource(token); a.status != http.StatusOK {
			return a
		}
	}
	v.Fatal("the revocation never reached the edge")
	return answer{}
}

func (v *world) want(a answer, status int, code string) answer {
	v.Helper()
	if a.status != status || (code != "" && a.json["code"] != code) {
		v.Fatalf("status %d body %s, want %d %s", a.status, a.body, status, code)
	}
	return a
}

func text(a answer, name string) string { s, _ := a.json[name].(string); return s }

func TestServiceStory(t *testing.T) {
	v := startDev(t)
	v.want(v.resource(""), 401, "credential_missing")
	v.want(v.post("/token", url.Values{"grant_type": {"password"}}, true), 400, "grant_type_unsupported")
	v.want(v.post("/token", url.Values{"grant_type": {"client_credentials"}, "scope": {"admin"}}, true), 400, "scope_invalid")
	issued := v.want(v.post("/token", url.Values{"grant_type": {"client_credentials"}, "scope": {v.Scope}}, true), 200, "")
	token := text(issued, "access_token")
	v.want(v.resource(token), 200, "")
	v.want(v.resource(token[:len(token)-4]+"AAAA"), 401, "")

	if a := v.post("/introspect", url.Values{"token": {token}}, true); a.json["active"] != true {
		t.Fatalf("introspection: %s", a.body)
	}
	v.want(v.post("/revoke", url.Values{"token": {token}}, true), 200, "")
	refused := v.want(v.untilRefused(token), 401, "token_revoked")
	if !strings.Contains(refused.header.Get("WWW-Authenticate"), "invalid_token") || strings.Contains(refused.body, token) {
		t.Errorf("refusal: %v %s", refused.header, refused.body)
	}
	if a := v.post("/introspect", url.Values{"token": {token}}, true); a.json["active"] != false {
		t.Errorf("introspection after revocation: %s", a.body)
	}

	// A token without the route's scope is denied, not unknown.
	other := v.want(v.post("/token", url.Values{"grant_type": {"client_credentials"}, "scope": {"openid"}}, true), 200, "")
	v.want(v.resource(text(other, "access_token")), 403, "scope_missing")
}

const codeVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636 appendix B

// signIn plays a browser: sign-in page, consent page, redirect with a code.
func (v *world) signIn(redirectURI string) string {
	v.Helper()
	sum := sha256.Sum256([]byte(codeVerifier))
	query := url.Values{"response_type": {"code"}, "client_id": {v.PublicClientID}, "redirect_uri": {redirectURI}, "scope": {"openid profile read"},
		"state": {"st"}, "nonce": {"nn"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}
	page := v.want(v.do(http.NewRequest("GET", v.Issuer+"/authorize?"+query.Encode(), nil)), 200, "")
	form := url.Values{"request": {hidden(v.TB, page.body, "request")}, "username": {v.Username}, "password": {"wrong"}}
	v.want(v.post("/signin", form, false), 401, "")
	form.Set("password", v.Password)
	page = v.want(v.post("/signin", form, false), 303, "")
	page = v.want(v.do(http.NewRequest("GET", v.Issuer+page.header.Get("Location"), nil)), 200, "")
	form = url.Values{"request": {hidden(v.TB, page.body, "request")}, "consent_token": {"forged"}, "decision": {"allow"}}
	v.want(v.post("/consent", form, false), 400, "")
	form.Set("consent_token", hidden(v.TB, page.body, "consent_token"))
	back, err := url.Parse(v.want(v.post("/consent", form, false), 303, "").header.Get("Location"))
	if err != nil {
		v.Fatal(err)
	}
	if q := back.Query(); q.Get("state") != "st" || q.Get("iss") != v.Issuer || q.Get("code") == "" {
		v.Fatalf("redirect %s", back)
	}
	return back.Query().Get("code")
}

func hidden(t testing.TB, page, name string) string {
	t.Helper()
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("the page has no %s", name)
	}
	return html.UnescapeString(m[1])
}

func TestPersonStory(t *testing.T) {
	v := startDev(t)
	redirect := "http://127.0.0.1:49152/callback" // any port on loopback: RFC 8252 7.3
	code := v.signIn(redirect)
	redeem := url.Values{"grant_type": {"authorization_code"}, "client_id": {v.PublicClientID}, "code": {code}, "redirect_uri": {redirect}, "code_verifier": {strings.Repeat("x", 43)}}
	v.want(v.post("/token", redeem, false), 400, "code_verifier_mismatch")
	redeem.Set("code_verifier", codeVerifier)
	first := v.want(v.post("/token", redeem, false), 200, "")
	if text(first, "id_token") == "" {
		t.Fatal("no ID token")
	}
	v.want(v.resource(text(first, "access_token")), 200, "")
	v.want(v.resource(text(first, "id_token")), 401, "type_mismatch")

	// A retry within the grace gets the same successor.
	refresh := url.Values{"grant_type": {"refresh_token"}, "client_id": {v.PublicClientID}, "refresh_token": {text(first, "refresh_token")}}
	second := v.want(v.post("/token", refresh, false), 200, "")
	again := v.want(v.post("/token", refresh, false), 200, "")
	if text(second, "refresh_token") != text(again, "refresh_token") || text(second, "refresh_token") == text(first, "refresh_token") {
		t.Fatal("the retry did not get the same successor")
	}

	// The code once more is theft: everything of its grant dies at the edge.
	v.want(v.post("/token", redeem, false), 400, "code_reused")
	v.want(v.untilRefused(text(second, "access_token")), 401, "grant_revoked")
	refresh.Set("refresh_token", text(second, "refresh_token"))
	v.want(v.post("/token", refresh, false), 400, "refresh_invalid")
}

func (v *world) admin(method, path string, body any, token string) answer {
	v.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		v.Fatal(err)
	}
	req, err := http.NewRequest(method, v.Admin+path, bytes.NewReader(data))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	return v.do(req, err)
}

func TestAdminStory(t *testing.T) {
	v := startDev(t)
	v.want(v.admin("GET", "/admin/v1/users", nil, "wrong"), 401, "admin_unauthorized")
	v.want(v.admin("POST", "/admin/v1/users", map[string]string{"usrname": "x"}, v.AdminToken), 400, "request_invalid")
	users := v.want(v.admin("GET", "/admin/v1/users", nil, v.AdminToken), 200, "")
	if strings.Contains(users.body, "argon2") {
		t.Fatal("the list shows password hashes")
	}
	alice := users.json["items"].([]any)[0].(map[string]any)["id"].(string)

	code := v.signIn(v.RedirectURI)
	first := v.want(v.post("/token", url.Values{"grant_type": {"authorization_code"}, "client_id": {v.PublicClientID}, "code": {code},
		"redirect_uri": {v.RedirectURI}, "code_verifier": {codeVerifier}}, false), 200, "")
	v.want(v.resource(text(first, "access_token")), 200, "")
	v.want(v.admin("PUT", "/admin/v1/users/"+alice+"/password", map[string]string{"password": "another long one"}, v.AdminToken), 204, "")
	v.want(v.untilRefused(text(first, "access_token")), 401, "subject_revoked")

	edges := v.want(v.admin("GET", "/admin/v1/edges", nil, v.AdminToken), 200, "")
	if !strings.Contains(edges.body, "dev-edge") {
		t.Errorf("edges: %s", edges.body)
	}
}

func TestAuthorizeRefusals(t *testing.T) {
	v := startDev(t)
	// Nothing is sent to an address that is not the client's.
	for _, uri := range []string{"https://evil.example/callback", "http://127.0.0.1/callback/..", "http://127.0.0.1/callback?x=1", "http://127.0.0.1@evil.example/callback", "http://localhost/callback", ""} {
		q := url.Values{"response_type": {"code"}, "client_id": {v.PublicClientID}, "redirect_uri": {uri}}
		a := v.do(http.NewRequest("GET", v.Issuer+"/authorize?"+q.Encode(), nil))
		if a.status != 400 || a.header.Get("Location") != "" {
			t.Errorf("%s: status %d, Location %q", uri, a.status, a.header.Get("Location"))
		}
	}
	// Without PKCE the client is told, and gets no page.
	q := url.Values{"response_type": {"code"}, "client_id": {v.PublicClientID}, "redirect_uri": {v.RedirectURI}, "state": {"s"}}
	a := v.do(http.NewRequest("GET", v.Issuer+"/authorize?"+q.Encode(), nil))
	if a.status != 303 || !strings.Contains(a.header.Get("Location"), "error=invalid_request") {
		t.Errorf("no PKCE: status %d, Location %q", a.status, a.header.Get("Location"))
	}
	page := v.do(http.NewRequest("GET", v.Issuer+"/authorize?"+q.Encode()+"&state=t", nil))
	if page.status != 400 {
		t.Errorf("repeated parameter: status %d", page.status)
	}
}

// cli runs the binary's commands in this process.
func (v *world) cli(stdin string, args ...string) (out string, exit int) {
	v.Helper()
	var stdout, stderr bytes.Buffer
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	exit = report(&stderr, root.ExecuteContext(v.Context()))
	return stdout.String() + stderr.String(), exit
}

func TestAdminCommands(t *testing.T) {
	v := startDev(t)
	t.Setenv("JOTWARD_ADMIN", v.Admin)
	t.Setenv("JOTWARD_ADMIN_TOKEN", v.AdminToken)
	made, exit := v.cli("", "client", "create", "--id", "batch", "--grant-type", "client_credentials", "--scope", v.Scope, "--audience", v.Audience)
	var c struct {
		Secret string `json:"client_secret"`
	}
	if err := json.Unmarshal([]byte(made), &c); err != nil || exit != 0 || c.Secret == "" {
		t.Fatalf("exit %d: %s", exit, made)
	}
	v.ClientID, v.ClientSecret = "batch", c.Secret
	issued := v.want(v.post("/token", url.Values{"grant_type": {"client_credentials"}}, true), 200, "")
	v.want(v.resource(text(issued, "access_token")), 200, "")
	if out, exit := v.cli("", "revoke", "client", "batch"); exit != 0 {
		t.Fatalf("exit %d: %s", exit, out)
	}
	v.want(v.untilRefused(text(issued, "access_token")), 401, "client_revoked")

	for _, row := range []struct {
		exit int
		args []string
	}{
		{0, []string{"user", "create", "bob"}},
		{2, []string{"user", "create", "bob"}}, // conflict
		{0, []string{"user", "list"}},
		{2, []string{"revoke", "nonsense", "x"}},
		{2, []string{"revoke", "token"}},
		{2, []string{"client", "list", "--admin", "http://id.example"}},
		{9, []string{"client", "list", "--admin", "http://127.0.0.1:1"}},
	} {
		if out, exit := v.cli("a long password", row.args...); exit != row.exit || strings.Contains(out, "a long password") {
			t.Errorf("%v: exit %d, want %d: %s", row.args, exit, row.exit, out)
		}
	}
	t.Setenv("JOTWARD_ADMIN_TOKEN", "wrong")
	if out, exit := v.cli("", "client", "list"); exit != 8 || !strings.Contains(out, "admin_unauthorized") {
		t.Errorf("wrong token: exit %d: %s", exit, out)
	}
}

// testLog shows a server's log when its test fails.
func testLog(t testing.TB) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }
