package server_test

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/console"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

const consoleURL = "https://ops.example"

// newOps is a world with a console, whose operator Ann is.
func newOps(t testing.TB) *world {
	v := newWorld(t)
	c, err := console.New(console.Config{Issuer: issuerURL, URL: consoleURL, Clients: v.clients, Grants: v.issuer.Token.Grants, Now: v.now})
	v.ok(err)
	v.ok(c.Register(t.Context()))
	v.issuer.Console = c.Routes()
	v.private = v.issuer.Private()
	v.roles("user", console.Role)
	return v
}

func (v *world) roles(list ...string) {
	v.Helper()
	v.ok(v.accounts.SetRoles(v.Context(), audit.Actor{Kind: "admin", ID: "test"}, v.ann.ID, 0, list, nil))
}

// An operator is a browser at the console. It keeps cookies by hand, whatever they say.
type operator struct {
	*world
	person  *browser
	cookies map[string]string
}

func (v *world) operator() *operator {
	return &operator{v, &browser{world: v}, map[string]string{}}
}

func (o *operator) at(method, path string, change ...func(*http.Request)) answer {
	r := httptest.NewRequest(method, consoleURL+path, nil)
	for name, value := range o.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	for _, c := range change {
		c(r)
	}
	a := serve(o.private, r)
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		if o.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(o.cookies, c.Name)
		}
	}
	return a
}

func (o *operator) post(path string, values url.Values, change ...func(*http.Request)) answer {
	return o.at("POST", path, append([]func(*http.Request){form(values), header("Sec-Fetch-Site", "same-origin")}, change...)...)
}

// begin asks the issuer to sign the operator in, and returns what it sends back.
func (o *operator) begin() string {
	o.Helper()
	a := o.post("/console/signin", nil)
	to, err := url.Parse(a.header.Get("Location"))
	o.ok(err)
	if a.status != 303 || to.Host != "id.example" || to.Query().Get("prompt") != "login" {
		o.Fatalf("%d %s", a.status, to)
	}
	back := o.person.signIn(to.Query()).header.Get("Location")
	if !strings.HasPrefix(back, consoleURL+"/console/callback?") {
		o.Fatalf("the issuer sends to %q", back)
	}
	return strings.TrimPrefix(back, consoleURL)
}

func (o *operator) signIn() *operator {
	o.Helper()
	if a := o.at("GET", o.begin()); a.status != 303 || a.header.Get("Location") != "/console" || !o.inside() {
		o.Fatalf("not signed in: %d %s", a.status, a.body)
	}
	return o
}

// inside reports whether the console knows who asks.
func (o *operator) inside() bool {
	o.Helper()
	a := o.at("GET", "/console")
	if a.status != 200 {
		o.Fatalf("%d %s", a.status, a.body)
	}
	return strings.Contains(a.body, "signed in as <strong>ann</strong>") && strings.Contains(a.body, `name="token"`)
}

// explain pastes a token, and returns the page as text.
func (o *operator) explain(token string, list ...string) string {
	o.Helper()
	a := o.post("/console/explain", with(pairs("form", o.formToken(), "token", token, "kind", "access_token", "audience", "api"), list...))
	if a.status != 200 && a.status != 400 || len(token) > 10 && strings.Contains(a.body, strings.TrimSpace(token)) {
		o.Fatalf("%d, or the page repeats the token: %s", a.status, a.body)
	}
	return strings.Join(strings.Fields(html.UnescapeString(tag.ReplaceAllString(a.body, " "))), " ")
}

var tag = regexp.MustCompile(`<[^>]*>`)

func (o *operator) formToken() string {
	o.Helper()
	return fields(o.at("GET", "/console")).Get("form")
}

func TestConsoleExplains(t *testing.T) {
	v := newOps(t)
	o := v.operator().signIn()
	got := v.tokens()
	access, id := got.text("access_token"), got.text("id_token")
	secret, err := jwk.Parse([]byte(`{"kty":"oct","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0MTI","alg":"HS256"}`), jwk.Options{})
	v.ok(err)
	signer, err := jwt.NewSigner(secret, jwt.SignerOptions{Type: "at+jwt"})
	v.ok(err)
	foreign, err := signer.Sign([]byte(`{"iss":"https://id.example","sub":"x","aud":"api","iat":1700000000,"exp":4000000000,"email":"eve@evil.example"}`))
	v.ok(err)
	for name, c := range map[string]struct {
		token string
		list  []string
		says  []string
	}{
		"good":               {access, nil, []string{"Accepted", "Every check holds", "audience : holds Expected: one of", "Taken back? No.", "None was found."}},
		"bearer":             {"Bearer " + access + "\n", nil, []string{"Accepted"}},
		"any audience":       {access, []string{"audience", "", "any_audience", "true"}, []string{"Accepted", "The audience was not checked.", "SkipAudience"}},
		"another audience":   {access, []string{"audience", "other"}, []string{"Refused audience_mismatch", "audience : fails", `Found: "api"`, "What to do:"}},
		"neither":            {access, []string{"audience", ""}, []string{"one of the two."}},
		"both":               {access, []string{"any_audience", "true"}, []string{"one of the two."}},
		"nothing":            {" ", nil, []string{"Paste a token."}},
		"an ID token":        {id, nil, []string{"Refused type_mismatch", "this is an ID token"}},
		"as an ID token":     {id, []string{"kind", "id_token", "audience", "app"}, []string{"Accepted", "An ID token is never taken back"}},
		"access as ID token": {access, []string{"kind", "id_token"}, []string{"Refused type_mismatch", "Explain it as one."}},
		"a refresh token":    {got.text("refresh_token"), nil, []string{"Refused token_malformed", "This is a refresh token"}},
		"encrypted":          {"e30.a.b.c.d", nil, []string{"Refused", "encrypted token (JWE)"}},
		"forged":             {access[:len(access)-8] + "AAAAAAAA", nil, []string{"Refused signature_invalid", "Not asked: the issuer's signature does not stand behind"}},
		"foreign":            {foreign, nil, []string{"Refused algorithm_not_allowed", "Common mistakes", "lifetime long : ", "personal email : "}},
		"too long":           {strings.Repeat("a", 9000), nil, []string{"Refused token_oversize", "at most 8192 bytes"}},
	} {
		text := o.explain(c.token, c.list...)
		for _, want := range c.says {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in %s", name, want, text)
			}
		}
		if strings.Contains(text, "eve@evil.example") {
			t.Errorf("%s: a claim's value that is a finding is shown", name)
		}
	}
	c, err := v.clients.Get(v.Context(), "service")
	v.ok(err)
	c.AccessTokenClaims = map[string]string{"plan": `{"of": client.id, "a<b": true}`}
	_, err = v.clients.Update(v.Context(), root(), 0, c)
	v.ok(err)
	if text := o.explain(v.want(v.token(pairs("grant_type", "client_credentials"), v.as("service")), 200, "").text("access_token"), "audience", "", "any_audience", "true"); !strings.Contains(text, `plan {"a\u003cb":true,"of":"service"}`) {
		t.Errorf("what an expression gave: %s", text)
	}
	v.pass(11 * time.Minute)
	if text := o.explain(access); !strings.Contains(text, "Refused token_expired") || !strings.Contains(text, "Taken back? No.") {
		t.Error(text)
	}
	for _, text := range []string{access, id, foreign, got.text("refresh_token"), access[strings.LastIndex(access, "."):]} {
		if strings.Contains(v.log.String(), text) {
			t.Error("a token is in the log")
		}
	}
}

// TestConsoleSaysWhatTookATokenBack: each kind of revocation by its name.
func TestConsoleSaysWhatTookATokenBack(t *testing.T) {
	for want, act := range map[string]func(*world, answer) answer{
		"token_revoked": func(v *world, got answer) answer {
			return v.ask("POST", "/revoke", form(pairs("client_id", "app", "token", got.text("access_token"))))
		},
		"grant_revoked": func(v *world, got answer) answer {
			return v.ask("POST", "/revoke", form(pairs("client_id", "app", "token", got.text("refresh_token"))))
		},
		"client_revoked": func(v *world, _ answer) answer {
			return v.admin("POST", "/admin/v1/revocations", map[string]string{"kind": "client", "id": "app"})
		},
		"subject_revoked": func(v *world, _ answer) answer {
			return v.admin("POST", "/admin/v1/revocations", map[string]string{"kind": "subject", "id": v.ann.ID})
		},
		"session_revoked": func(v *world, got answer) answer {
			return v.admin("POST", "/admin/v1/revocations", map[string]string{"kind": "session", "id": v.sessionID()})
		},
	} {
		v := newOps(t)
		got := v.tokens()
		if a := act(v, got); a.status > 204 {
			t.Fatalf("%s: %d %s", want, a.status, a.body)
		}
		o := v.operator().signIn()
		if text := o.explain(got.text("access_token")); !strings.Contains(text, "Taken back "+want) || !strings.Contains(text, "Taken back? Yes. "+want) {
			t.Errorf("%s: %s", want, text)
		}
	}
}

func TestConsoleIsForOperators(t *testing.T) {
	v := newOps(t)
	o := v.operator()
	for name, cookie := range map[string]string{"none": "", "unknown": "AAAA"} {
		if o.cookies["__Host-jotward-console"] = cookie; cookie == "" {
			delete(o.cookies, "__Host-jotward-console")
		}
		if o.inside() {
			t.Error(name, "is inside")
		}
		for _, path := range []string{"/console/explain", "/console/signout"} {
			o.cookies["__Host-jotward-console"] = cookie
			if a := o.post(path, pairs("token", "x", "audience", "api")); a.status != 401 || strings.Contains(a.body, `name="token"`) {
				t.Errorf("%s: %s: %d", name, path, a.status)
			}
		}
	}
	// Somebody who may sign in, but has not the role.
	v.roles("user")
	if a := o.at("GET", o.begin()); a.status != 403 || !strings.Contains(a.body, console.Role) || !strings.Contains(v.log.String(), `"reason":"role_missing"`) || o.inside() {
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, name := range []string{"GET /console", "POST /console/signin", "GET /console/callback", "POST /console/explain"} {
		method, path, _ := strings.Cut(name, " ")
		if a := v.ask(method, path); a.status != 404 {
			t.Errorf("%s on the public listener: %d", name, a.status)
		}
	}
	// Nobody has the console's secret, so nobody redeems its codes in its place.
	v.want(v.token(with(redemption("console", "x"))), 401, "client_invalid")
	v.want(v.token(redemption("console", "x"), basic("console", "guess")), 401, "client_invalid")
}

// TestConsoleEndsWithItsOperator: what ends a person's sign-in, or makes them somebody
// else, ends their console at once.
func TestConsoleEndsWithItsOperator(t *testing.T) {
	admin := audit.Actor{Kind: "admin", ID: "test"}
	for name, end := range map[string]func(*world, *operator) error{
		"demoted":  func(v *world, _ *operator) error { v.roles("user"); return nil },
		"disabled": func(v *world, _ *operator) error { return v.accounts.Disable(t.Context(), admin, v.ann.ID, 0) },
		"revoked":  func(v *world, _ *operator) error { return v.accounts.Revoke(t.Context(), admin, v.ann.ID) },
		"deleted":  func(v *world, _ *operator) error { return v.accounts.Delete(t.Context(), admin, v.ann.ID, 0) },
		"signed out": func(v *world, _ *operator) error {
			return v.issuer.Authorize.Sessions.End(t.Context(), admin, v.sessionID())
		},
		"no console":  func(v *world, _ *operator) error { return v.clients.Disable(t.Context(), admin, console.ClientID, 0) },
		"idle":        func(v *world, _ *operator) error { v.pass(15 * time.Minute); return nil },
		"an hour old": func(v *world, o *operator) error { return o.stayFor(time.Hour) },
	} {
		v := newOps(t)
		o := v.operator().signIn()
		was := o.cookies["__Host-jotward-console"]
		token := o.formToken()
		v.ok(end(v, o))
		if o.inside() || o.cookies["__Host-jotward-console"] != "" {
			t.Errorf("%s: still inside", name)
		}
		o.cookies["__Host-jotward-console"] = was
		if a := o.post("/console/explain", pairs("form", token, "token", "x", "audience", "api")); a.status != 401 {
			t.Errorf("%s: %d", name, a.status)
		}
	}
}

// sessionID is of Ann's one sign-in.
func (v *world) sessionID() string {
	list := v.admin("GET", "/admin/v1/users/"+v.ann.ID+"/sessions", nil)
	return list.json["items"].([]any)[0].(map[string]any)["id"].(string)
}

// stayFor uses the console all the time.
func (o *operator) stayFor(d time.Duration) error {
	for passed := time.Duration(0); passed < d; passed += 10 * time.Minute {
		if !o.inside() {
			return fmt.Errorf("outside after %v", passed)
		}
		o.pass(10 * time.Minute)
	}
	return nil
}
