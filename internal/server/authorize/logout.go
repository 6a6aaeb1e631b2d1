package authorize

import (
	"context"
	"crypto/hmac"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/token"
	"github.com/jotward/jotward/internal/web"
	"github.com/jotward/jotward/jose"
)

// A leaving request asks that a person be signed out (OpenID Connect RP-Initiated
// Logout 2).
type leaving struct {
	query   url.Values
	hint    token.ID // its zero value when none was sent
	after   string   // where the browser goes then, "" for nowhere
	session string   // the session that the hint is of
}

var leavingParameters = []string{"id_token_hint", "client_id", "post_logout_redirect_uri", "state"}

// leaving validates a request. Nothing in it leads anywhere but to where its client
// has registered, and no request without a client leads anywhere.
func (e *Endpoints) leaving(ctx context.Context, query url.Values) (l leaving, err error) {
	l.query = url.Values{}
	for _, name := range leavingParameters {
		if v := query.Get(name); v != "" {
			l.query.Set(name, v)
		}
	}
	id := l.query.Get("client_id")
	if hint := l.query.Get("id_token_hint"); hint != "" {
		if l.hint, err = e.Grants.Minter.OwnID(ctx, hint); err != nil && jose.ReasonOf(err) == "" {
			return l, err // the store's fault, not the hint's
		}
		if err != nil || id != "" && id != l.hint.Audience {
			return l, reason.New(reason.RequestInvalid, errors.New("logout: the id_token_hint is none of ours, or another client's"))
		}
		id, l.session = l.hint.Audience, l.hint.SessionID
	}
	if l.after = l.query.Get("post_logout_redirect_uri"); l.after == "" {
		return l, nil
	}
	c, err := e.Clients.Get(ctx, id)
	if err != nil && !errors.Is(err, reason.New(reason.NotFound, nil)) {
		return l, err
	}
	if err != nil || c.Disabled || !slices.Contains(c.PostLogoutRedirectURIs, l.after) {
		return l, reason.New(reason.RedirectMismatch, errors.New("logout: the client has no such post_logout_redirect_uri"))
	}
	return l, nil
}

// Logout answers GET /logout. A hint of the very session ends it at once; without one
// the person is asked, for any page can send a browser here.
func (e *Endpoints) Logout(w http.ResponseWriter, r *http.Request) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return reason.New(reason.RequestInvalid, errors.New("the query cannot be read"))
	}
	if query, err = web.Once(query); err != nil {
		return err
	}
	l, err := e.leaving(r.Context(), query)
	if err != nil {
		return err
	}
	ses, cookie, err := e.session(r)
	switch {
	case err != nil && !signedOut(err):
		return err
	case err != nil:
		return e.left(w, r, l)
	case l.session == ses.ID:
		return e.leave(w, r, l, ses.Subject, ses.ID)
	}
	person, err := e.Accounts.Get(r.Context(), ses.Subject)
	if err != nil {
		return err
	}
	return show(w, http.StatusOK, redirectOrigin(l.after), view{Title: "Sign out", SignOut: true, Username: person.Username, Request: l.query.Encode(), Token: leavingToken(cookie, l)})
}

// LogoutPosted answers POST /logout (RP-Initiated Logout 2). It looks at no cookie: the
// browser is sent on to GET, which does.
func (e *Endpoints) LogoutPosted(w http.ResponseWriter, r *http.Request) error {
	form, err := web.Form(r)
	if err != nil {
		return err
	}
	l, err := e.leaving(r.Context(), form)
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/logout?"+l.query.Encode(), http.StatusSeeOther)
	return nil
}

// SignOut answers POST /signout, the page's own form.
func (e *Endpoints) SignOut(w http.ResponseWriter, r *http.Request) error {
	form, err := web.Form(r)
	if err != nil {
		return err
	}
	query, err := url.ParseQuery(form.Get("request"))
	if err != nil {
		return reason.New(reason.RequestInvalid, errors.New("the page's request cannot be read"))
	}
	l, err := e.leaving(r.Context(), query)
	if err != nil {
		return err
	}
	ses, cookie, err := e.session(r)
	if err != nil && !signedOut(err) {
		return err
	}
	if err != nil {
		return e.left(w, r, l)
	}
	if !hmac.Equal([]byte(form.Get("consent_token")), []byte(leavingToken(cookie, l))) {
		return reason.New(reason.RequestInvalid, errors.New("the sign-out page belongs to another session or request"))
	}
	if form.Get("decision") != "allow" {
		return show(w, http.StatusOK, "", view{Title: "You stay signed in"})
	}
	return e.leave(w, r, l, ses.Subject, ses.ID)
}

// leave ends the session with all that it allowed: every edge hears of it.
func (e *Endpoints) leave(w http.ResponseWriter, r *http.Request, l leaving, subject, session string) error {
	if err := e.Sessions.End(r.Context(), actor(w, subject), session); err != nil {
		return err
	}
	return e.left(w, r, l)
}

// left takes the cookie away and goes where the client wants, or says that it is done.
func (e *Endpoints) left(w http.ResponseWriter, r *http.Request, l leaving) error {
	e.setCookie(w, "", -1)
	if l.after == "" {
		return show(w, http.StatusOK, "", view{Title: "You are signed out"})
	}
	u, err := url.Parse(l.after)
	if err != nil {
		return err
	}
	if state := l.query.Get("state"); state != "" {
		if u.RawQuery != "" {
			u.RawQuery += "&" // the registered query is kept as it is
		}
		u.RawQuery += url.Values{"state": {state}}.Encode()
	}
	http.Redirect(w, r, u.String(), http.StatusSeeOther)
	return nil
}

func leavingToken(cookie string, l leaving) string { return pageToken(cookie, "logout", l.query) }
