package authorize

import (
	"context"
	"crypto/hmac"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/token"
	"github.com/jotward/jotward/internal/web"
	"github.com/jotward/jotward/jose"
)

// A leaving request asks that a person be signed out (OpenID Connect RP-Initiated
// Logout 2).
type leaving struct {
	query   url.Values
	hint    token.ID      // its zero value when none was sent
	after   string        // where the browser goes then, "" for nowhere
	client  client.Client // whose place that is
	session string        // the session that the hint is of
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
	l.client, err = e.Clients.Get(ctx, id)
	if err != nil && !errors.Is(err, reason.New(reason.NotFound, nil)) {
		return l, err
	}
	if err != nil || l.client.Disabled || !slices.Contains(l.client.PostLogoutRedirectURIs, l.after) {
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
		return e.nobody(w, r, l)
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
		return e.nobody(w, r, l)
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
	frames, err := e.frames(r.Context(), session)
	if err != nil {
		return err
	}
	if err := e.Sessions.End(r.Context(), actor(w, subject), session); err != nil {
		return err
	}
	return e.left(w, r, l, frames)
}

// frames are what the browser opens so that the session's clients forget it (OpenID
// Connect Front-Channel Logout 2). iss and sid are always there: whoever makes a browser
// open the address without them ends nothing at a client that looks.
func (e *Endpoints) frames(ctx context.Context, session string) (out []string, err error) {
	ids, err := e.Sessions.Clients(ctx, session)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		c, err := e.Clients.Get(ctx, id)
		if err != nil && !errors.Is(err, reason.New(reason.NotFound, nil)) {
			return nil, err
		}
		if err != nil || c.Disabled || c.FrontchannelLogoutURI == "" {
			continue
		}
		to, err := more(c.FrontchannelLogoutURI, url.Values{"iss": {e.Issuer}, "sid": {session}})
		if err != nil {
			return nil, err
		}
		out = append(out, to)
	}
	return out, nil
}

// more adds to an address. The query that was registered is kept as it is.
func more(address string, query url.Values) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	if u.RawQuery != "" && len(query) > 0 {
		u.RawQuery += "&"
	}
	u.RawQuery += query.Encode()
	return u.String(), nil
}

// nobody answers where nobody is signed in. A client that registered itself gets no browser
// for that: we would be a link to wherever a stranger likes (RFC 9700 4.11.2).
func (e *Endpoints) nobody(w http.ResponseWriter, r *http.Request, l leaving) error {
	if l.after == "" || !l.client.Registered {
		return e.left(w, r, l, nil)
	}
	to, err := l.onward()
	if err != nil {
		return err
	}
	return show(w, http.StatusOK, "", view{Title: "You are signed out", Registered: true, Client: clientName(l.client), Back: redirectOrigin(l.after), After: to})
}

// onward is where the browser goes then, with the request's state.
func (l leaving) onward() (template.URL, error) {
	if l.after == "" {
		return "", nil
	}
	state := url.Values{}
	if text := l.query.Get("state"); text != "" {
		state.Set("state", text)
	}
	to, err := more(l.after, state)
	return template.URL(to), err // registered, whatever its scheme
}

// left takes the cookie away and goes where the client wants, or says that it is done. With
// frames there is a page first, which goes on once they are loaded, or by its link.
func (e *Endpoints) left(w http.ResponseWriter, r *http.Request, l leaving, frames []string) error {
	e.setCookie(w, "", -1)
	to, err := l.onward()
	switch {
	case err != nil:
		return err
	case l.after == "" || len(frames) > 0:
		return show(w, http.StatusOK, "", view{Title: "You are signed out", Frames: frames, After: to})
	}
	http.Redirect(w, r, string(to), http.StatusSeeOther)
	return nil
}

func leavingToken(cookie string, l leaving) string { return pageToken(cookie, "logout", l.query) }
