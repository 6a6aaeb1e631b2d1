// Package authorize serves the authorization endpoint (RFC 6749 4.1.1) and the
// two pages a person sees there: sign-in and consent. Nothing is stored before
// a person has signed in: each page carries the request it belongs to, and the
// request is validated again at every step.
package authorize

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/consent"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/session"
	"github.com/jotward/jotward/internal/web"
)

// Passwords verifies a sign-in; every failure looks the same.
type Passwords interface {
	Verify(ctx context.Context, actor audit.Actor, username, password string, from netip.Addr) (account.Account, error)
}

// Accounts names the person behind a session.
type Accounts interface {
	Get(ctx context.Context, id string) (account.Account, error)
}

// Endpoints serve /authorize, /signin and /consent.
type Endpoints struct {
	Issuer    string
	Grants    *grant.Service
	Sessions  *session.Service
	Consents  *consent.Service
	Passwords Passwords
	Accounts  Accounts
	// Secure is set when the issuer is reached over https: the cookie then has
	// the __Host- prefix, which no sibling host can set (RFC 6265bis 4.1.3.2).
	Secure bool
}

// parameters are those of an authorization request; others are ignored
// (RFC 6749 3.1).
var parameters = []string{"response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method", "resource",
	"response_mode", "prompt", "max_age", "id_token_hint", "request", "request_uri", "registration"}

// canonical keeps the known parameters in one order: the text that pages carry.
func canonical(query url.Values) url.Values {
	kept := url.Values{}
	for _, name := range parameters {
		if v := query[name]; len(v) > 0 && v[0] != "" {
			kept[name] = v
		}
	}
	return kept
}

func request(q url.Values) grant.AuthRequest {
	return grant.AuthRequest{
		ResponseType: q.Get("response_type"), ClientID: q.Get("client_id"), RedirectURI: q.Get("redirect_uri"),
		Scope: q.Get("scope"), State: q.Get("state"), Nonce: q.Get("nonce"), CodeChallenge: q.Get("code_challenge"),
		CodeChallengeMethod: q.Get("code_challenge_method"), Resources: q["resource"],
	}
}

// authorization validates a request anew: nothing of it is kept between pages.
func (e *Endpoints) authorization(r *http.Request, query url.Values) (grant.Authorization, bool, error) {
	a, redirect, err := e.Grants.Authorize(r.Context(), request(query))
	web.ByClient(r.Context(), a.Client.ID)
	return a, redirect, err
}

// Authorize answers GET /authorize.
func (e *Endpoints) Authorize(w http.ResponseWriter, r *http.Request) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return reason.New(reason.RequestInvalid, errors.New("the query cannot be read"))
	}
	if query, err = web.Once(query); err != nil {
		return err
	}
	return e.step(w, r, canonical(query))
}

// Posted answers POST /authorize (OpenID Connect Core 3.1.2.1). It looks at no
// cookie: the browser is sent on to GET, which does.
func (e *Endpoints) Posted(w http.ResponseWriter, r *http.Request) error {
	form, err := web.Form(r)
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/authorize?"+canonical(form).Encode(), http.StatusSeeOther)
	return nil
}

// step validates the request and goes on with whatever is still missing: the
// person, their consent, or nothing.
func (e *Endpoints) step(w http.ResponseWriter, r *http.Request, query url.Values) error {
	a, redirect, err := e.authorization(r, query)
	if err != nil {
		return e.refuse(w, r, query, redirect, err)
	}
	want, err := e.wants(r.Context(), query)
	if err != nil {
		return e.refuse(w, r, query, true, err)
	}
	ses, cookie, err := e.session(r)
	if err != nil && !signedOut(err) {
		return err
	}
	if err != nil || !want.accepts(ses, e.Grants.Now()) {
		return e.needSignIn(w, r, query, a, want)
	}
	granted := a.Client.SkipConsent && !want.consent
	if !granted && !want.consent && a.Client.Assured(a.Request.RedirectURI) {
		if granted, err = e.Consents.Granted(r.Context(), ses.Subject, a.Client.ID, a.Scopes); err != nil {
			return err
		}
	}
	if !granted && want.none {
		return e.refuse(w, r, query, true, reason.New(reason.ConsentRequired, nil))
	}
	if !granted {
		person, err := e.Accounts.Get(r.Context(), ses.Subject)
		if err != nil {
			return err
		}
		return e.showConsent(w, query, a, person.Username, consentToken(cookie, query))
	}
	return e.finish(w, r, a, ses)
}

// needSignIn shows the sign-in page, or says that it may not.
func (e *Endpoints) needSignIn(w http.ResponseWriter, r *http.Request, query url.Values, a grant.Authorization, want wants) error {
	if want.none {
		return e.refuse(w, r, query, true, reason.New(reason.SignInRequired, nil))
	}
	return e.showSignIn(w, http.StatusOK, query, a, "", "")
}

// finish issues the code and sends the browser back with 303, so that no
// credential is posted again (RFC 9700 4.12), and with iss (RFC 9207).
func (e *Endpoints) finish(w http.ResponseWriter, r *http.Request, a grant.Authorization, ses session.Session) error {
	code, err := e.Grants.IssueCode(r.Context(), actor(w, ses.Subject), a, ses)
	if err != nil {
		return err
	}
	return e.back(w, r, a.Request.RedirectURI, url.Values{"code": {code}, "state": {a.Request.State}})
}

func (e *Endpoints) refuse(w http.ResponseWriter, r *http.Request, query url.Values, redirect bool, err error) error {
	refusal, ok := errors.AsType[*reason.Error](err)
	if !redirect || !ok {
		return err
	}
	if backErr := e.back(w, r, query.Get("redirect_uri"), url.Values{
		"error": {refusal.OAuthCode()}, "error_description": {string(refusal.Code)}, "state": {query.Get("state")},
	}); backErr != nil {
		return backErr
	}
	return err
}

func (e *Endpoints) back(w http.ResponseWriter, r *http.Request, redirectURI string, answer url.Values) error {
	u, err := url.Parse(redirectURI)
	if err != nil {
		return err
	}
	answer.Set("iss", e.Issuer)
	for name, values := range answer {
		if values[0] == "" {
			delete(answer, name)
		}
	}
	if u.RawQuery != "" {
		u.RawQuery += "&" // the registered query is kept as it is (RFC 6749 3.1.2)
	}
	u.RawQuery += answer.Encode()
	http.Redirect(w, r, u.String(), http.StatusSeeOther)
	return nil
}

// SignIn answers POST /signin.
func (e *Endpoints) SignIn(w http.ResponseWriter, r *http.Request) error {
	form, query, err := e.posted(r)
	if err != nil {
		return err
	}
	a, redirect, err := e.authorization(r, query)
	if err != nil {
		return e.refuse(w, r, query, redirect, err)
	}
	person, err := e.Passwords.Verify(r.Context(), actor(w, ""), form.Get("username"), form.Get("password"), web.ClientAddr(r.Context()))
	if err != nil {
		return e.notSignedIn(w, query, a, form.Get("username"), err)
	}
	// A new session at every sign-in: one that was planted beforehand gains nothing.
	_, cookie, err := e.Sessions.Start(r.Context(), actor(w, person.ID), person.ID, person.Version, []string{"pwd"})
	if err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{Name: e.cookieName(), Value: cookie, Path: "/", HttpOnly: true, Secure: e.Secure, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, "/authorize?"+signedInNow(query).Encode(), http.StatusSeeOther)
	return nil
}

// notSignedIn shows the page again. Which of name and password was wrong is not
// said: it would help nobody but a guesser.
func (e *Endpoints) notSignedIn(w http.ResponseWriter, query url.Values, a grant.Authorization, username string, err error) error {
	status, alert := http.StatusUnauthorized, "Name or password is wrong."
	switch {
	case errors.Is(err, reason.New(reason.SignInThrottled, nil)):
		status, alert = http.StatusTooManyRequests, "Too many failed sign-ins. Wait a moment, then try again."
	case !errors.Is(err, reason.New(reason.SignInFailed, nil)):
		return err
	}
	web.RetryAfter(w, err)
	return errors.Join(err, e.showSignIn(w, status, query, a, username, alert))
}

// Consent answers POST /consent.
func (e *Endpoints) Consent(w http.ResponseWriter, r *http.Request) error {
	form, query, err := e.posted(r)
	if err != nil {
		return err
	}
	a, redirect, err := e.authorization(r, query)
	if err != nil {
		return e.refuse(w, r, query, redirect, err)
	}
	want, err := e.wants(r.Context(), query)
	if err != nil {
		return e.refuse(w, r, query, true, err)
	}
	ses, cookie, err := e.session(r)
	if err != nil && !signedOut(err) {
		return err
	}
	if err != nil || !want.accepts(ses, e.Grants.Now()) {
		return e.needSignIn(w, r, query, a, want)
	}
	if !hmac.Equal([]byte(form.Get("consent_token")), []byte(consentToken(cookie, query))) {
		return reason.New(reason.RequestInvalid, errors.New("the consent page belongs to another session or request"))
	}
	if form.Get("decision") != "allow" {
		return e.refuse(w, r, query, true, reason.New(reason.ConsentDenied, nil))
	}
	if err := e.Consents.Grant(r.Context(), actor(w, ses.Subject), ses.Subject, a.Client.ID, a.Scopes); err != nil {
		return err
	}
	return e.finish(w, r, a, ses)
}

// posted reads a page's form and the authorization request that it carries.
func (e *Endpoints) posted(r *http.Request) (form, query url.Values, err error) {
	if form, err = web.Form(r); err != nil {
		return nil, nil, err
	}
	raw, err := url.ParseQuery(form.Get("request"))
	if err != nil {
		return nil, nil, reason.New(reason.RequestInvalid, errors.New("the page's request cannot be read"))
	}
	if raw, err = web.Once(raw); err != nil {
		return nil, nil, err
	}
	return form, canonical(raw), nil
}

// signedOut tells that nobody is signed in from a store that cannot answer.
func signedOut(err error) bool {
	return errors.Is(err, http.ErrNoCookie) || errors.Is(err, reason.New(reason.NotFound, nil))
}

func (e *Endpoints) cookieName() string {
	if e.Secure {
		return "__Host-jotward"
	}
	return "jotward"
}

func (e *Endpoints) session(r *http.Request) (session.Session, string, error) {
	cookie, err := r.Cookie(e.cookieName())
	if err != nil {
		return session.Session{}, "", err
	}
	ses, err := e.Sessions.ByCookie(r.Context(), cookie.Value)
	return ses, cookie.Value, err
}

// consentToken binds a consent page to its session and its request, so that no
// other page can post a decision.
func consentToken(cookie string, query url.Values) string {
	mac := hmac.New(sha256.New, []byte(cookie))
	mac.Write([]byte("consent\x00" + query.Encode()))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func actor(w http.ResponseWriter, subject string) audit.Actor {
	return audit.Actor{Kind: "user", ID: subject, Request: w.Header().Get("X-Request-Id")}
}

// redirectOrigin is what form-action must allow beside the page's own origin:
// browsers apply it to the redirect that follows the form as well. It becomes
// part of a header, so a host that could end its directive gives nothing.
func redirectOrigin(redirectURI string) string {
	u, err := url.Parse(redirectURI)
	switch {
	case err != nil:
		return ""
	case u.Host == "" || strings.HasPrefix(u.Host, "["): // CSP has no IPv6 addresses (CSP3 2.3.1)
		return u.Scheme + ":"
	case strings.ContainsFunc(u.Host, func(c rune) bool { return !strings.ContainsRune(hostCharacters, c) }):
		return ""
	}
	return u.Scheme + "://" + strings.ToLower(u.Host)
}

const hostCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:"
