// Package authorize serves the authorization endpoint (RFC 6749 4.1.1), the end of a
// session, and the pages a person sees there: sign-in, consent and sign-out. Nothing is stored before
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
	"time"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/consent"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/limit"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/session"
	"github.com/jotward/jotward/internal/web"
)

// Passwords verifies a sign-in; every failure looks the same.
type Passwords interface {
	Verify(ctx context.Context, actor audit.Actor, username, password string, from netip.Addr) (account.Account, error)
}

// Clients finds out which client pushes a request.
type Clients interface {
	Authenticate(ctx context.Context, c client.Credentials) (client.Client, error)
	Get(ctx context.Context, id string) (client.Client, error)
}

// Accounts names the person behind a session.
type Accounts interface {
	Get(ctx context.Context, id string) (account.Account, error)
}

// Endpoints serve /authorize, /signin, /consent, /par, /logout, /signout,
// /device, /device_authorization and /sessions.
type Endpoints struct {
	Issuer    string
	Clients   Clients
	Proofs    *web.Proofs
	Grants    *grant.Service
	Sessions  *session.Service
	Consents  *consent.Service
	Passwords Passwords
	Accounts  Accounts
	UserCodes *limit.Limiter // at UserCodeRate, by account
	Strangers *web.Budget    // what clients that prove nothing may have us keep
	// Secure is set when the issuer is reached over https: the cookie then has
	// the __Host- prefix, which no sibling host can set (RFC 6265bis 4.1.3.2).
	Secure bool
}

// parameters are those of an authorization request; others are ignored
// (RFC 6749 3.1).
var parameters = []string{"response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method", "resource",
	"response_mode", "prompt", "max_age", "id_token_hint", "dpop_jkt", "claims", "acr_values", "login_hint", "request", "request_uri", "registration"}

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

// An asked request is what a browser brought: what its pages carry on, and what that
// means. The two differ where the client pushed the request and the browser brings
// its name (RFC 9126 4).
type asked struct {
	carried, query url.Values
	pushed         []byte    // the hash of the pushed request
	pushedAt       time.Time // zero when it was not pushed
}

func (e *Endpoints) asked(ctx context.Context, query url.Values) (asked, error) {
	uri := query.Get("request_uri")
	if !strings.HasPrefix(uri, grant.PushedPrefix) { // others are refused with what is unsupported
		return asked{carried: query, query: query}, nil
	}
	p, err := e.Grants.Pull(ctx, query.Get("client_id"), uri)
	if err != nil {
		return asked{}, err
	}
	meant, err := url.ParseQuery(p.Parameters)
	return asked{carried: url.Values{"client_id": {p.ClientID}, "request_uri": {uri}}, query: meant, pushed: p.Hash, pushedAt: p.Created}, err
}

func (a asked) request() grant.AuthRequest {
	q := a.query
	return grant.AuthRequest{
		ResponseType: q.Get("response_type"), ClientID: q.Get("client_id"), RedirectURI: q.Get("redirect_uri"),
		Scope: q.Get("scope"), State: q.Get("state"), Nonce: q.Get("nonce"), CodeChallenge: q.Get("code_challenge"),
		CodeChallengeMethod: q.Get("code_challenge_method"), JKT: q.Get("dpop_jkt"), Resources: q["resource"], Claims: q.Get("claims"), Pushed: a.pushed,
	}
}

// authorization validates a request anew: nothing of it is kept between pages.
func (e *Endpoints) authorization(r *http.Request, q asked) (grant.Authorization, bool, error) {
	a, redirect, err := e.Grants.Authorize(r.Context(), q.request())
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
	q, err := e.asked(r.Context(), canonical(query))
	if err != nil {
		return err
	}
	return e.step(w, r, q)
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
func (e *Endpoints) step(w http.ResponseWriter, r *http.Request, q asked) error {
	a, redirect, err := e.authorization(r, q)
	if err != nil {
		return e.refuse(w, r, q, a, redirect, err)
	}
	want, err := e.wants(r.Context(), q, a)
	if err != nil {
		return e.refuse(w, r, q, a, true, err)
	}
	ses, cookie, ok, err := e.accepted(r, want)
	if err != nil {
		return err
	}
	granted, err := e.granted(r.Context(), a, want, ses)
	switch {
	case err != nil:
		return err
	case want.none && ses.ID != "" && !granted:
		// Before it matters who is signed in: by its hints a client that nobody allowed
		// anything would else find out.
		return e.refuse(w, r, q, a, true, reason.New(reason.ConsentRequired, nil))
	case !ok:
		return e.needSignIn(w, r, q, a, want)
	case granted:
		return e.finish(w, r, q, a, ses)
	}
	person, err := e.Accounts.Get(r.Context(), ses.Subject)
	if err != nil {
		return err
	}
	return e.showConsent(w, q, a, person.Username, consentToken(cookie, q))
}

// granted reports whether a session's person need not be asked.
func (e *Endpoints) granted(ctx context.Context, a grant.Authorization, want wants, ses session.Session) (bool, error) {
	switch {
	case ses.ID == "" || want.consent:
		return false, nil
	case a.Client.SkipConsent:
		return true, nil
	case !a.Client.Assured(a.Request.RedirectURI):
		return false, nil
	}
	return e.Consents.Granted(ctx, ses.Subject, a.Client.ID, a.Asks())
}

// needSignIn shows the sign-in page, or says that it may not.
func (e *Endpoints) needSignIn(w http.ResponseWriter, r *http.Request, q asked, a grant.Authorization, want wants) error {
	if want.none {
		return e.refuse(w, r, q, a, true, reason.New(reason.SignInRequired, nil))
	}
	return e.showSignIn(w, http.StatusOK, q, a, want.hint, "")
}

// finish issues the code and sends the browser back with it.
func (e *Endpoints) finish(w http.ResponseWriter, r *http.Request, q asked, a grant.Authorization, ses session.Session) error {
	code, err := e.Grants.IssueCode(r.Context(), actor(w, ses.Subject), a, ses)
	if err != nil {
		return err
	}
	return e.back(w, r, q, url.Values{"code": {code}, "state": {a.Request.State}})
}

// refuse says why not: to the client, where its address is known to be its own.
func (e *Endpoints) refuse(w http.ResponseWriter, r *http.Request, q asked, a grant.Authorization, redirect bool, err error) error {
	refusal, ok := errors.AsType[*reason.Error](err)
	if !redirect || !ok {
		return err
	}
	answer := url.Values{"error": {refusal.OAuthCode()}, "error_description": {string(refusal.Code)}, "state": {q.query.Get("state")}}
	// A request that is wrong on purpose would make of us a link to wherever a stranger
	// likes (RFC 9700 4.11.2). Who allows no page gets none, and who declined saw one.
	if a.Client.Registered && q.query.Get("prompt") != "none" && refusal.Code != reason.ConsentDenied {
		return errors.Join(err, e.offer(w, q, a.Client, answer, refusal))
	}
	return errors.Join(err, e.back(w, r, q, answer))
}

// SignIn answers POST /signin.
func (e *Endpoints) SignIn(w http.ResponseWriter, r *http.Request) error {
	form, q, err := e.posted(r)
	if err != nil {
		return err
	}
	a, redirect, err := e.authorization(r, q)
	if err != nil {
		return e.refuse(w, r, q, a, redirect, err)
	}
	if err := e.signIn(w, r, form); err != nil {
		return notSignedIn(w, err, func(status int, alert string) error {
			return e.showSignIn(w, status, q, a, form.Get("username"), alert)
		})
	}
	http.Redirect(w, r, "/authorize?"+q.signedInNow().Encode(), http.StatusSeeOther)
	return nil
}

// signIn opens a session for who a form's name and password are of.
func (e *Endpoints) signIn(w http.ResponseWriter, r *http.Request, form url.Values) error {
	person, err := e.Passwords.Verify(r.Context(), actor(w, ""), form.Get("username"), form.Get("password"), web.ClientAddr(r.Context()))
	if err != nil {
		return err
	}
	present := ""
	if c, err := r.Cookie(e.cookieName()); err == nil {
		present = c.Value
	}
	from := session.From{Network: limit.Network(web.ClientAddr(r.Context())), Browser: browserOf(r.UserAgent())}
	_, cookie, err := e.Sessions.SignIn(r.Context(), actor(w, person.ID), present, session.Verified{Subject: person.ID, Version: person.Version, AMR: []string{"pwd"}, From: from})
	if err == nil {
		e.setCookie(w, cookie, 0)
	}
	return err
}

// notSignedIn shows the page again. Which of name and password was wrong is not
// said: it would help nobody but a guesser.
func notSignedIn(w http.ResponseWriter, err error, again func(status int, alert string) error) error {
	status, alert := http.StatusUnauthorized, "Name or password is wrong."
	switch {
	case errors.Is(err, reason.New(reason.SignInThrottled, nil)):
		status, alert = http.StatusTooManyRequests, "Too many failed sign-ins. Wait a moment, then try again."
	case !errors.Is(err, reason.New(reason.SignInFailed, nil)):
		return err
	}
	web.RetryAfter(w, err)
	return errors.Join(err, again(status, alert))
}

// Consent answers POST /consent.
func (e *Endpoints) Consent(w http.ResponseWriter, r *http.Request) error {
	form, q, err := e.posted(r)
	if err != nil {
		return err
	}
	a, redirect, err := e.authorization(r, q)
	if err != nil {
		return e.refuse(w, r, q, a, redirect, err)
	}
	want, err := e.wants(r.Context(), q, a)
	if err != nil {
		return e.refuse(w, r, q, a, true, err)
	}
	ses, cookie, ok, err := e.accepted(r, want)
	if err != nil {
		return err
	}
	if !ok {
		return e.needSignIn(w, r, q, a, want)
	}
	if !hmac.Equal([]byte(form.Get("consent_token")), []byte(consentToken(cookie, q))) {
		return reason.New(reason.RequestInvalid, errors.New("the consent page belongs to another session or request"))
	}
	if form.Get("decision") != "allow" {
		return e.refuse(w, r, q, a, true, reason.New(reason.ConsentDenied, nil))
	}
	if err := e.Consents.Grant(r.Context(), actor(w, ses.Subject), ses.Subject, a.Client.ID, a.Asks()); err != nil {
		return err
	}
	return e.finish(w, r, q, a, ses)
}

// posted reads a page's form and the authorization request that it carries.
func (e *Endpoints) posted(r *http.Request) (form url.Values, q asked, err error) {
	if form, err = web.Form(r); err != nil {
		return nil, q, err
	}
	raw, err := url.ParseQuery(form.Get("request"))
	if err != nil {
		return nil, q, reason.New(reason.RequestInvalid, errors.New("the page's request cannot be read"))
	}
	if raw, err = web.Once(raw); err != nil {
		return nil, q, err
	}
	q, err = e.asked(r.Context(), canonical(raw))
	return form, q, err
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

// setCookie sets the session's cookie; an age of -1 takes it away, 0 keeps it while
// the browser runs.
func (e *Endpoints) setCookie(w http.ResponseWriter, value string, age int) {
	http.SetCookie(w, &http.Cookie{Name: e.cookieName(), Value: value, MaxAge: age, Path: "/", HttpOnly: true, Secure: e.Secure, SameSite: http.SameSiteLaxMode})
}

func (e *Endpoints) session(r *http.Request) (session.Session, string, error) {
	cookie, err := r.Cookie(e.cookieName())
	if err != nil {
		return session.Session{}, "", err
	}
	ses, err := e.Sessions.ByCookie(r.Context(), cookie.Value)
	return ses, cookie.Value, err
}

func consentToken(cookie string, q asked) string { return pageToken(cookie, "consent", q.carried) }

// pageToken binds a page to its session and its request, so that no other page can
// post its decision.
func pageToken(cookie, page string, query url.Values) string {
	mac := hmac.New(sha256.New, []byte(cookie))
	mac.Write([]byte(page + "\x00" + query.Encode()))
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
