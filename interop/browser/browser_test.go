// Package browser signs in and consents with Chromium, as people do.
package browser

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/jotward/jotward/interop/play"
)

const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636 appendix B

// world is a running dev, a browser, and the application's own listener.
type world struct {
	*testing.T
	play.Story
	ctx     context.Context
	answers chan url.Values // what came back to the redirect_uri
	app     string
	axe     string
	shots   string // folder for screenshots, when somebody wants to look
	errors  chan string
	gone    chan url.Values // what the application's frame was opened with
}

func start(t *testing.T) *world {
	bin, err := exec.LookPath("chromium")
	if err != nil {
		skip(t, "chromium is missing")
	}
	axe, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		skip(t, "axe-core is missing: npm install in interop/browser")
	}
	v := &world{T: t, Story: play.Dev(t), answers: make(chan url.Values, 10), axe: string(axe), shots: os.Getenv("JOTWARD_SCREENSHOTS"), errors: make(chan string, 100), gone: make(chan url.Values, 10)}
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/callback":
			_ = r.ParseForm() // what is no form has no answer in it
			v.answers <- r.Form
			fmt.Fprint(w, "<!doctype html><title>app</title><p id=back>back in the app")
		case "/spa":
			http.ServeFile(w, r, "spa.html")
		case "/spa.json":
			_ = json.NewEncoder(w).Encode(map[string]string{"issuer": v.Issuer, "client_id": "spa"})
		case "/gone":
			v.gone <- r.URL.Query()
		case "/bye":
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<!doctype html><title>app</title><h1 id=bye>Bye</h1>")
		case "/frame":
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, `<!doctype html><title>frame</title><iframe id="f" src="%s"></iframe>`, strings.ReplaceAll(r.URL.Query().Get("src"), "&", "&amp;"))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(app.Close)
	v.app = app.URL
	options := []chromedp.ExecAllocatorOption{chromedp.ExecPath(bin), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.UserDataDir(t.TempDir())}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	v.ctx = ctx
	if err := chromedp.Listen(ctx, func(ev any) {
		if e, ok := ev.(*runtime.EventExceptionThrown); ok {
			v.errors <- e.ExceptionDetails.Text
		}
		if e, ok := ev.(*runtime.EventConsoleAPICalled); ok && e.Type == "error" {
			v.errors <- fmt.Sprint(e.Args)
		}
	}); err != nil {
		t.Fatal(err)
	}
	v.run(chromedp.EmulateViewport(360, 740))
	return v
}

// skip says what is missing, and fails where nothing may be skipped.
func skip(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("JOTWARD_CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

func (v *world) run(actions ...chromedp.Action[chromedp.Void]) {
	v.Helper()
	if err := chromedp.Do(v.ctx, actions...); err != nil {
		v.Fatal(err)
	}
}

// ask runs an action that yields something.
func ask[T any](v *world, action chromedp.Action[T]) T {
	v.Helper()
	got, err := chromedp.Run(v.ctx, action)
	if err != nil {
		v.Fatal(err)
	}
	return got
}

func (v *world) request() url.Values {
	sum := sha256.Sum256([]byte(verifier))
	return url.Values{"response_type": {"code"}, "client_id": {v.PublicClientID}, "redirect_uri": {v.app + "/callback"},
		"scope": {"openid profile email " + v.Scope}, "state": {"st&te=1"}, "nonce": {"n-0S6"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}
}

func (v *world) open(query url.Values) {
	v.Helper()
	v.visit(v.Issuer+"/authorize?"+query.Encode(), "h1")
}

// visit opens a page and waits until it shows what selector selects. What the page before
// is still loading or posting may abort it.
func (v *world) visit(to, selector string) {
	v.Helper()
	for tries := 1; ; tries++ {
		err := chromedp.Do(v.ctx, chromedp.Navigate(to))
		if err == nil {
			break
		}
		if tries == 5 || !strings.Contains(err.Error(), "ERR_ABORTED") {
			v.Fatal(err)
		}
	}
	v.run(chromedp.WaitReady(chromedp.CSS(selector)))
}

// look checks a page as every page must be: no accessibility violation in light
// and dark, nothing wider than a small phone, no error in the console.
func (v *world) look(name string) {
	v.Helper()
	for _, scheme := range []string{"light", "dark"} {
		v.run(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
			return err
		}))
		ask(v, chromedp.Evaluate[any](v.axe+";1"))
		report := ask(v, chromedp.Evaluate[string](`axe.run().then(r => JSON.stringify(r.violations.map(v => [v.id, v.help, v.nodes.map(n => n.html)])))`, chromedp.EvalAwaitPromise))
		width := ask(v, chromedp.Evaluate[int](`document.documentElement.scrollWidth`))
		shot := ask(v, chromedp.CaptureScreenshot())
		if report != "[]" {
			v.Errorf("%s, %s: axe: %s", name, scheme, report)
		}
		if width > 360 {
			v.Errorf("%s: %d pixels wide at 360", name, width)
		}
		if v.shots != "" {
			if err := os.WriteFile(v.shots+"/"+name+"-"+scheme+".png", shot, 0o600); err != nil {
				v.Error(err)
			}
		}
	}
	for len(v.errors) > 0 {
		v.Errorf("%s: console: %s", name, <-v.errors)
	}
}

func (v *world) title(want string) {
	v.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, time.Minute)
	defer cancel()
	// The page that says it may still be on its way.
	if err := chromedp.Do(ctx, chromedp.WaitVisible(chromedp.Search(`//h1[normalize-space()="`+want+`"]`))); err != nil {
		v.Fatalf("the page says %q, want %q", ask(v, chromedp.Text(chromedp.CSS("h1"))), want)
	}
}

// signIn types name and password, by keyboard alone.
func (v *world) signIn(password string) {
	v.Helper()
	switch focus := ask(v, chromedp.Poll[string](`document.activeElement?.id`)); focus { // a page puts it there when it is whole
	case "username":
		v.run(chromedp.KeyEvent(v.Username), chromedp.KeyEvent(kb.Tab))
	case "password": // the name is still there from the time before
	default:
		v.Fatalf("the focus is on %q", focus)
	}
	v.run(chromedp.KeyEvent(password), chromedp.KeyEvent(kb.Enter))
}

func (v *world) answer() url.Values {
	v.Helper()
	select {
	case a := <-v.answers:
		v.run(chromedp.WaitVisible(chromedp.CSS("#back"))) // or the next page is opened while this one loads
		return a
	case <-v.ctx.Done():
		v.Fatal("nothing came back to the redirect_uri")
		return nil
	}
}

func TestChromiumSignsInAndConsents(t *testing.T) {
	t.Parallel()
	v := start(t)
	v.open(v.request())
	v.look("signin")
	v.signIn("wrong password")
	v.run(chromedp.WaitVisible(chromedp.CSS(`[role=alert]`)))
	v.look("signin-refused")
	v.signIn(v.Password)
	v.run(chromedp.WaitVisible(chromedp.CSS(`button[value=allow]`)))
	v.title("Allow access")
	v.look("consent")
	v.run(chromedp.Focus(chromedp.CSS(`button[value=allow]`)), chromedp.KeyEvent(kb.Enter))
	back := v.answer()
	if back.Get("state") != "st&te=1" || back.Get("iss") != v.Issuer || back.Get("code") == "" || len(back) != 3 {
		t.Fatalf("came back with %v", back)
	}
	resp, err := http.PostForm(v.Issuer+"/token", url.Values{"grant_type": {"authorization_code"}, "client_id": {v.PublicClientID},
		"code": back["code"], "redirect_uri": {v.app + "/callback"}, "code_verifier": {verifier}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var tokens map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&tokens); err != nil || tokens["id_token"] == nil || tokens["refresh_token"] == nil {
		t.Fatalf("%d %v", resp.StatusCode, err)
	}
	r, err := http.NewRequest("GET", v.Resource, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", fmt.Sprint("Bearer ", tokens["access_token"]))
	resp, err = http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("the resource answered %d", resp.StatusCode)
	}
	// Who is signed in need not do so again, but this client could be any program of
	// the machine (RFC 8252 8.6).
	v.visit(v.Issuer+"/authorize?"+v.request().Encode(), `button[value=allow]`)
	v.run(chromedp.Click(chromedp.CSS(`button[value=allow]`)))
	if again := v.answer(); again.Get("code") == "" || again.Get("code") == back.Get("code") {
		t.Errorf("the second time came back with %v", again)
	}
}

func TestChromiumDeclines(t *testing.T) {
	t.Parallel()
	v := start(t)
	v.open(v.request())
	v.signIn(v.Password)
	v.run(chromedp.WaitVisible(chromedp.CSS(`button[value=deny]`)), chromedp.Click(chromedp.CSS(`button[value=deny]`)))
	if back := v.answer(); back.Get("error") != "access_denied" || back.Get("code") != "" || back.Get("iss") != v.Issuer {
		t.Errorf("came back with %v", back)
	}
	// What cannot be sent back to an application is a page that says why.
	wrong := v.request()
	wrong.Set("redirect_uri", "https://evil.example/callback")
	v.open(wrong)
	v.title("This request cannot be served")
	v.look("refusal")
	// No page may be framed (RFC 9700 4.16).
	v.visit(v.app+"/frame?src="+url.QueryEscape(v.Issuer+"/authorize?"+v.request().Encode()), "#f")
	v.run(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		tree, err := cdp.Call(ctx, t, page.GetFrameTree, cdp.Empty{})
		if err == nil && (len(tree.FrameTree.ChildFrames) != 1 || tree.FrameTree.ChildFrames[0].Frame.UnreachableURL == "") {
			err = errors.New("the sign-in page shows inside a frame")
		}
		return err
	}))
}

// TestChromiumPlaysTheWholeStory clicks through the demo app: signed in, called,
// refreshed, taken back, refused.
func TestChromiumPlaysTheWholeStory(t *testing.T) {
	t.Parallel()
	v := start(t)
	last := func(want string) {
		t.Helper()
		v.run(chromedp.WaitVisible(chromedp.CSS("ol li:last-child")))
		if got := ask(v, chromedp.Text(chromedp.CSS("ol li:last-child"))); !strings.Contains(got, want) {
			t.Fatalf("the page says %q, want %q", got, want)
		}
	}
	press := func(action string) {
		t.Helper()
		v.run(chromedp.Click(chromedp.CSS(`form[action="` + action + `"] button`)))
	}
	v.visit(v.App, "h1")
	v.look("app")
	press("/signin")
	v.run(chromedp.WaitVisible(chromedp.CSS("#password")))
	v.signIn(v.Password)
	v.run(chromedp.WaitVisible(chromedp.CSS(`button[value=allow]`)), chromedp.Click(chromedp.CSS(`button[value=allow]`)))
	last("a code, exchanged")
	for _, step := range []struct{ action, want string }{
		{"/call", "200 {"}, {"/refresh", "new tokens"}, {"/call", "200 {"}, {"/revoke", "200; call"}, {"/call", "grant_revoked"}, {"/refresh", "refresh_invalid"},
	} {
		v.run(chromedp.Evaluate[chromedp.Void](`document.body.dataset.old = 1`))
		press(step.action)
		v.run(chromedp.WaitVisible(chromedp.CSS(`body:not([data-old])`)))
		last(step.want)
	}
	v.look("app-story")
}
