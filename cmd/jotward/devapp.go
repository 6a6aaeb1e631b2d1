package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/jotward/jotward/internal/web"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwks"
	"github.com/jotward/jotward/jose/jwt"
)

//go:embed devapp.html
var devAppPage string

var devAppTemplate = template.Must(template.New("app").Parse(devAppPage))

// devApp is a small web application in front of the issuer: it signs a person
// in (code with PKCE, OpenID Connect Core 3.1), calls the API through the edge,
// refreshes and revokes. It serves one person at a time.
type devApp struct {
	story    story
	self     string // its own URL
	verifier *jwt.IDTokenVerifier[idClaims]

	mu     sync.Mutex
	tokens tokenAnswer
	asked  asked
	Name   string
	Steps  []devStep
}

// asked is what a sign-in was begun with; the answer must fit it.
type asked struct{ state, nonce, verifier string }

type idClaims struct {
	Username string `json:"preferred_username"`
}

type tokenAnswer struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	ID      string `json:"id_token"`
	Error   string `json:"error"`
	Code    string `json:"code"`
}

// devStep is one line of what happened.
type devStep struct{ What, Came string }

func newDevApp(s story, self string) (*devApp, error) {
	keys, err := jwks.NewRemote(jwks.Config{URL: s.Issuer + "/jwks", Algorithms: []jwk.Algorithm{jwk.ES256}, Clock: time.Now, AllowHTTP: true})
	if err != nil {
		return nil, err
	}
	v, err := jwt.NewIDTokenVerifier[idClaims](keys, jwt.IDTokenPolicy{Issuer: s.Issuer, ClientID: s.PublicClientID,
		Algorithms: []jwk.Algorithm{jwk.ES256}, MaxLifetime: time.Hour, Clock: time.Now})
	return &devApp{story: s, self: self, verifier: v}, err
}

func (a *devApp) routes() []web.Route {
	return []web.Route{
		{Pattern: "GET /{$}", Style: web.Problem, Handler: a.show},
		{Pattern: "GET /style.css", Style: web.Problem, Handler: web.Stylesheet, Quiet: true},
		{Pattern: "POST /signin", Style: web.Problem, Handler: a.signIn},
		{Pattern: "GET /callback", Style: web.Problem, Handler: a.callback},
		{Pattern: "POST /call", Style: web.Problem, Handler: a.step(a.call)},
		{Pattern: "POST /refresh", Style: web.Problem, Handler: a.step(a.refresh)},
		{Pattern: "POST /revoke", Style: web.Problem, Handler: a.step(a.revoke)},
	}
}

func (a *devApp) show(w http.ResponseWriter, _ *http.Request) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' "+a.story.Issuer)
	return web.HTML(w, http.StatusOK, devAppTemplate, a)
}

// step runs one act, notes what came of it, and shows the page again.
func (a *devApp) step(act func(context.Context) devStep) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.note(act(r.Context()))
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return nil
	}
}

// note keeps the last twenty steps.
func (a *devApp) note(s devStep) {
	if a.Steps = append(a.Steps, s); len(a.Steps) > 20 {
		a.Steps = a.Steps[1:]
	}
}

func (a *devApp) signIn(w http.ResponseWriter, r *http.Request) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = asked{state: rand.Text(), nonce: rand.Text(), verifier: rand.Text() + rand.Text()}
	sum := sha256.Sum256([]byte(a.asked.verifier))
	http.Redirect(w, r, a.story.Issuer+"/authorize?"+url.Values{"response_type": {"code"}, "client_id": {a.story.PublicClientID}, "redirect_uri": {a.self + "/callback"},
		"scope": {"openid profile " + a.story.Scope}, "state": {a.asked.state}, "nonce": {a.asked.nonce},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}.Encode(), http.StatusSeeOther)
	return nil
}

// callback takes an answer that fits what was asked: state against forgery,
// iss against mix-up (RFC 9207), once.
func (a *devApp) callback(w http.ResponseWriter, r *http.Request) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	q, was := r.URL.Query(), a.asked
	a.asked = asked{}
	what := devStep{"Sign-in", "declined: " + q.Get("error")}
	switch {
	case was.state == "" || q.Get("state") != was.state || q.Get("iss") != a.story.Issuer:
		what.Came = "the answer does not fit what was asked"
	case q.Get("code") != "":
		what.Came = "a code, exchanged for an access token, a refresh token and an ID token"
		if err := a.redeem(r.Context(), q.Get("code"), was); err != nil {
			what.Came = "refused: " + err.Error()
		}
	}
	a.note(what)
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

func (a *devApp) redeem(ctx context.Context, code string, was asked) error {
	got, err := a.ask(ctx, url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {a.self + "/callback"}, "code_verifier": {was.verifier}})
	if err != nil {
		return err
	}
	id, err := a.verifier.Verify(ctx, got.ID, jwt.IDTokenRequest{Nonce: was.nonce, AccessToken: got.Access})
	if err != nil {
		return err
	}
	a.tokens, a.Name = got, id.Claims.Username
	return nil
}

// ask posts to the token endpoint as a public client.
func (a *devApp) ask(ctx context.Context, form url.Values) (got tokenAnswer, err error) {
	form.Set("client_id", a.story.PublicClientID)
	status, body, err := a.send(ctx, "POST", a.story.Issuer+"/token", "", form)
	if err == nil {
		err = json.Unmarshal(body, &got)
	}
	if err == nil && status != http.StatusOK {
		err = errors.New(got.Error + ", " + got.Code)
	}
	return got, err
}

func (a *devApp) call(ctx context.Context) devStep {
	s := devStep{What: "API through the edge"}
	status, body, err := a.send(ctx, "GET", a.story.Resource, a.tokens.Access, nil)
	if s.Came = fmt.Sprintf("%d %s", status, strings.TrimSpace(string(body))); err != nil {
		s.Came = err.Error()
	}
	return s
}

func (a *devApp) refresh(ctx context.Context) devStep {
	got, err := a.ask(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.tokens.Refresh}})
	if err != nil {
		return devStep{"Refresh", "refused: " + err.Error()}
	}
	a.tokens = got
	return devStep{"Refresh", "new tokens; the old refresh token is spent"}
}

func (a *devApp) revoke(ctx context.Context) devStep {
	status, _, err := a.send(ctx, "POST", a.story.Issuer+"/revoke", "", url.Values{"client_id": {a.story.PublicClientID}, "token": {a.tokens.Refresh}})
	if err != nil {
		return devStep{"Revocation", err.Error()}
	}
	return devStep{"Revocation", fmt.Sprintf("%d; call the API again", status)}
}

func (a *devApp) send(ctx context.Context, method, address, token string, form url.Values) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, nil, err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	return resp.StatusCode, body, err
}
