package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// post sends a form to the issuer and returns its JSON.
func (v *world) post(path string, form url.Values) (int, map[string]string) {
	v.Helper()
	resp, err := http.PostForm(v.Issuer+path, form)
	if err != nil {
		v.Fatal(err)
	}
	defer resp.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		v.Fatal(err)
	}
	texts := map[string]string{}
	for name, value := range out {
		if text, ok := value.(string); ok {
			texts[name] = text
		}
	}
	return resp.StatusCode, texts
}

// client makes a public client.
func (v *world) client(settings map[string]any) {
	v.Helper()
	settings["public"], settings["audiences"] = true, []string{v.Audience}
	v.admin("clients", settings, http.StatusCreated)
}

// admin posts to the admin API.
func (v *world) admin(path string, in any, want int) map[string]any {
	v.Helper()
	return v.send(v.Admin+"/admin/v1/"+path, v.AdminToken, in, want)
}

// send posts JSON with a bearer token, and returns what comes back.
func (v *world) send(to, token string, in any, want int) (out map[string]any) {
	v.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		v.Fatal(err)
	}
	r, err := http.NewRequest("POST", to, bytes.NewReader(body))
	if err != nil {
		v.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil || resp.StatusCode != want {
		v.Fatal(resp, err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil && err != io.EOF {
		v.Fatal(err)
	}
	return out
}

// A client that registered itself gets a browser for a wrong request by a click alone
// (RFC 9700 4.11.2): by a link, or by a form.
func TestChromiumIsNoLinkToStrangers(t *testing.T) {
	t.Parallel()
	v := start(t)
	invited := v.admin("registration_tokens", map[string]any{"uses": 1, "expires_in": 600}, http.StatusCreated)["token"].(string)
	made := v.send(v.Issuer+"/register", invited, map[string]any{"client_name": "Prize draw", "redirect_uris": []string{v.app + "/callback"}, "grant_types": []string{"authorization_code"},
		"token_endpoint_auth_method": "none", "scope": "openid"}, http.StatusCreated)
	wrong := v.request()
	wrong.Set("client_id", made["client_id"].(string))
	wrong.Set("scope", "everything")
	for _, mode := range []string{"", "form_post"} {
		wrong.Set("response_mode", mode)
		v.open(wrong)
		v.title("This request cannot be served")
		v.look("refused-stranger" + mode)
		if len(v.answers) > 0 {
			t.Fatal("the browser went by itself")
		}
		v.run(chromedp.Click(chromedp.CSS("main a, main button")))
		if a := v.answer(); a.Get("error") != "invalid_scope" || a.Get("state") != wrong.Get("state") {
			t.Errorf("%q: %v", mode, a)
		}
	}
}

// device makes a client of devices, and starts one.
func (v *world) device() map[string]string {
	v.Helper()
	v.client(map[string]any{"client_id": "tv", "name": "Living room TV", "grant_types": []string{deviceGrant}, "scopes": []string{"openid"}})
	status, out := v.post("/device_authorization", url.Values{"client_id": {"tv"}, "scope": {"openid"}})
	if status != http.StatusOK {
		v.Fatal(status, out)
	}
	return out
}

// A person types a device's code, connects it, and signs out again; an answer by form
// post arrives by itself.
func TestChromiumConnectsADevice(t *testing.T) {
	t.Parallel()
	v := start(t)
	d := v.device()
	v.visit(d["verification_uri"], "#username")
	v.look("device-signin")
	v.signIn(v.Password)
	v.run(chromedp.WaitVisible(chromedp.CSS("#user_code")))
	v.title("Connect a device")
	v.look("device")
	v.run(chromedp.KeyEvent("bcdf ghjk"), chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible(chromedp.CSS(`[role=alert]`)))
	v.look("device-unknown")
	v.run(chromedp.KeyEvent(d["user_code"]), chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible(chromedp.CSS(`button[value=allow]`)))
	v.look("device-connect")
	v.run(chromedp.Click(chromedp.CSS(`button[value=allow]`)), chromedp.WaitNotPresent(chromedp.CSS(`button[value=allow]`)))
	v.title("The device is connected")
	v.look("device-connected")
	if status, out := v.post("/token", url.Values{"grant_type": {deviceGrant}, "client_id": {"tv"}, "device_code": {d["device_code"]}}); status != http.StatusOK || out["id_token"] == "" {
		t.Error(status, out)
	}

	posted := v.request()
	posted.Set("response_mode", "form_post")
	v.visit(v.Issuer+"/authorize?"+posted.Encode(), `button[value=allow]`)
	v.run(chromedp.Click(chromedp.CSS(`button[value=allow]`)))
	if back := v.answer(); back.Get("code") == "" || back.Get("state") != posted.Get("state") || back.Get("iss") != v.Issuer {
		t.Errorf("came back with %v", back)
	}

	v.visit(v.Issuer+"/logout", `button[value=allow]`)
	v.title("Sign out")
	v.look("signout")
	v.run(chromedp.Click(chromedp.CSS(`button[value=allow]`)), chromedp.WaitNotPresent(chromedp.CSS(`button[value=allow]`)))
	v.title("You are signed out")
	v.look("signed-out")
}

// framed signs in at an application whose page is framed at sign-out, and returns its ID token.
func (v *world) framed() string {
	v.Helper()
	query := v.request()
	query.Set("client_id", "framed")
	query.Set("scope", "openid")
	query.Set("login_hint", v.Username)
	query.Set("claims", `{"id_token":{"email":null}}`)
	v.open(query)
	v.look("signin-hinted")
	v.signIn(v.Password) // the name is there already
	v.run(chromedp.WaitVisible(chromedp.CSS(`button[value=allow]`)))
	v.look("consent-claims")
	v.run(chromedp.Click(chromedp.CSS(`button[value=allow]`)))
	status, out := v.post("/token", url.Values{"grant_type": {"authorization_code"}, "client_id": {"framed"}, "code": {v.answer().Get("code")}, "redirect_uri": {v.app + "/callback"}, "code_verifier": {verifier}})
	if status != http.StatusOK {
		v.Fatal(status, out)
	}
	return out["id_token"]
}

// told waits until the application's frame was opened.
func (v *world) told() {
	v.Helper()
	select {
	case query := <-v.gone:
		if query.Get("iss") != v.Issuer || query.Get("sid") == "" || len(query) != 2 {
			v.Errorf("the frame was opened with %v", query)
		}
	case <-v.ctx.Done():
		v.Fatal("the frame was not opened")
	}
}

// Signing out opens a page of each application in a frame, and then goes on: by itself,
// and by a link where no script runs.
func TestChromiumTellsApplications(t *testing.T) {
	t.Parallel()
	v := start(t)
	v.client(map[string]any{"client_id": "framed", "name": "Framed", "grant_types": []string{"authorization_code"}, "redirect_uris": []string{v.app + "/callback"}, "scopes": []string{"openid", "email"},
		"frontchannel_logout_uri": v.app + "/gone", "post_logout_redirect_uris": []string{v.app + "/bye"}})
	leave := func(hint string, more url.Values) {
		more.Set("id_token_hint", hint)
		v.visit(v.Issuer+"/logout?"+more.Encode(), "body")
	}
	leave(v.framed(), url.Values{})
	v.told()
	v.title("You are signed out")
	v.look("signed-out-frames")
	leave(v.framed(), url.Values{"post_logout_redirect_uri": {v.app + "/bye"}})
	v.told()
	v.run(chromedp.WaitVisible(chromedp.CSS(`#bye`)))
	hint := v.framed()
	v.scripts(false)
	leave(hint, url.Values{"post_logout_redirect_uri": {v.app + "/bye"}})
	v.told()
	v.run(chromedp.Click(chromedp.CSS(`a`)), chromedp.WaitVisible(chromedp.CSS(`#bye`)))
}

// says waits until the page says something.
func (v *world) says(want string) {
	v.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.WaitVisible(chromedp.Search(`//*[@id="status"][normalize-space()="`+want+`"]`))); err != nil {
		v.Fatalf("the page says %q, want %q", ask(v, chromedp.Text(chromedp.CSS("#status"))), want)
	}
}

// A single-page application signs a person in by scripts alone, from an origin of its own:
// code and PKCE, tokens bound to a key that no script can read, refresh, and their end.
func TestChromiumRunsASinglePageApplication(t *testing.T) {
	t.Parallel()
	v := start(t)
	v.client(map[string]any{"client_id": "spa", "name": "A single-page application", "grant_types": []string{"authorization_code", "refresh_token"}, "redirect_uris": []string{v.app + "/spa"},
		"scopes": []string{"openid", "profile"}, "dpop_bound_access_tokens": true})
	v.visit(v.app+"/spa", "#signin")
	v.look("spa")
	v.run(chromedp.Click(chromedp.CSS("#signin")), chromedp.WaitVisible(chromedp.CSS("#password")))
	v.signIn(v.Password)
	v.run(chromedp.WaitVisible(chromedp.CSS(`button[value=allow]`)), chromedp.Click(chromedp.CSS(`button[value=allow]`)))
	v.says("signed in: " + v.Username)
	v.run(chromedp.Click(chromedp.CSS("#refresh")))
	v.says("refreshed: " + v.Username)
	v.look("spa-signed-in")
	v.admin("clients/spa/disable", nil, http.StatusNoContent)
	v.run(chromedp.Click(chromedp.CSS("#refresh")))
	v.says("ended: invalid_client")
}

// scripts lets pages run them, or not.
func (v *world) scripts(on bool) {
	v.Helper()
	v.run(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
		return err
	}))
}

// An operator signs in to the console and has a token explained: one that holds, and
// the same once it was taken back.
func TestChromiumExplainsAToken(t *testing.T) {
	t.Parallel()
	v := start(t)
	status, out := v.post("/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {v.ClientID}, "client_secret": {v.ClientSecret}, "scope": {v.Scope}})
	if status != http.StatusOK {
		t.Fatal(status, out)
	}
	v.visit(v.Console, "h1")
	v.look("console-signin")
	v.run(chromedp.Click(chromedp.CSS(`form[action="/console/signin"] button`)), chromedp.WaitVisible(chromedp.CSS("#password")))
	v.signIn(v.Password)
	v.run(chromedp.WaitVisible(chromedp.CSS("#token")))
	v.look("console")
	explain := func(audience, want string) {
		t.Helper()
		v.run(chromedp.Evaluate[chromedp.Void](`document.body.dataset.old = 1`), chromedp.Evaluate[chromedp.Void](`document.querySelector("#token").value = "`+out["access_token"]+`"`),
			chromedp.Evaluate[chromedp.Void](`document.querySelector("#audience").value = ""`), chromedp.Focus(chromedp.CSS("#audience")), chromedp.KeyEvent(audience), chromedp.KeyEvent(kb.Enter),
			chromedp.WaitVisible(chromedp.CSS(`body:not([data-old])`)), chromedp.WaitVisible(chromedp.CSS("#verdict")))
		if got := ask(v, chromedp.Text(chromedp.CSS("#verdict"))); got != want {
			t.Fatalf("the page says %q, want %q", got, want)
		}
	}
	explain(v.Audience, "Accepted")
	v.look("console-accepted")
	explain("another", "Refused")
	v.look("console-refused")
	resp, err := http.PostForm(v.Issuer+"/revoke", url.Values{"client_id": {v.ClientID}, "client_secret": {v.ClientSecret}, "token": {out["access_token"]}})
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp, err)
	}
	_ = resp.Body.Close()
	explain(v.Audience, "Taken back")
	v.look("console-taken-back")
	v.run(chromedp.Click(chromedp.CSS(`form[action="/console/signout"] button`)), chromedp.WaitVisible(chromedp.CSS(`form[action="/console/signin"]`)))
}

// A person looks where they are signed in, by keyboard, and ends one session and then all
// others: this browser stays signed in.
func TestChromiumEndsSessions(t *testing.T) {
	t.Parallel()
	v := start(t)
	for range 3 { // elsewhere
		resp, err := http.PostForm(v.Issuer+"/sessions/signin", url.Values{"username": {v.Username}, "password": {v.Password}})
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close() // nothing of it is read
	}
	v.visit(v.Issuer+"/sessions", "#username")
	v.look("sessions-signin")
	v.signIn(v.Password)
	v.title("Where you are signed in")
	v.look("sessions")
	left := func(n int) {
		v.Helper()
		v.run(chromedp.WaitReady(chromedp.Search(fmt.Sprintf(`//main[count(.//li)=%d]`, n))))
	}
	left(4)
	v.run(chromedp.Focus(chromedp.CSS(`button[name=end]`)), chromedp.KeyEvent(kb.Enter))
	left(3)
	v.run(chromedp.Focus(chromedp.CSS(`button[value=others]`)), chromedp.KeyEvent(kb.Enter))
	left(1)
	v.look("sessions-one")
	if said := ask(v, chromedp.Text(chromedp.CSS("main"))); !strings.Contains(said, "this browser") || strings.Contains(said, "End ") {
		t.Errorf("the page says %q", said)
	}
}
