package authorize

import (
	"crypto/hmac"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/session"
	"github.com/jotward/jotward/internal/web"
)

// othersEnded is what the form of the page says in place of an id.
const othersEnded = "others"

// A listed session is one of the person who looks.
type listed struct {
	ID, Browser, Network, Since, Used string
	Clients                           []string
	This                              bool
}

// ListSessions answers GET /sessions: where the person is signed in, and what goes on there.
func (e *Endpoints) ListSessions(w http.ResponseWriter, r *http.Request) error {
	ses, cookie, err := e.session(r)
	if err != nil && !signedOut(err) {
		return err
	}
	if err != nil {
		return showSessionsSignIn(w, http.StatusOK, "", "")
	}
	open, err := e.Sessions.Open(r.Context(), ses.Subject)
	if err != nil {
		return err
	}
	person, err := e.Accounts.Get(r.Context(), ses.Subject)
	if err != nil {
		return err
	}
	v := view{Title: "Where you are signed in", Username: person.Username, Token: sessionsToken(cookie)}
	for _, o := range open {
		v.Sessions = append(v.Sessions, listed{ID: o.ID, Browser: o.From.Browser, Network: o.From.Network, Since: moment(o.AuthTime), Used: moment(o.Used), Clients: o.Clients, This: o.ID == ses.ID})
	}
	return show(w, http.StatusOK, "", v)
}

// EndSessions answers POST /sessions: the person ends one of their sessions, or all but
// the one that they look from.
func (e *Endpoints) EndSessions(w http.ResponseWriter, r *http.Request) error {
	form, err := web.Form(r)
	if err != nil {
		return err
	}
	ses, cookie, err := e.session(r)
	if err != nil && !signedOut(err) {
		return err
	}
	if err != nil {
		return showSessionsSignIn(w, http.StatusOK, "", "")
	}
	if !hmac.Equal([]byte(form.Get("consent_token")), []byte(sessionsToken(cookie))) {
		return reason.New(reason.RequestInvalid, errors.New("the page belongs to another session"))
	}
	if id := form.Get("end"); id == othersEnded {
		err = e.endOthers(w, r, ses)
	} else if err = e.Sessions.EndOwn(r.Context(), actor(w, ses.Subject), ses.Subject, id); errors.Is(err, reason.New(reason.NotFound, nil)) {
		err = nil // it is not there any more, or was never theirs: the list says what is
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/sessions", http.StatusSeeOther)
	return nil
}

// endOthers ends all but one, also those that the page had no room for.
func (e *Endpoints) endOthers(w http.ResponseWriter, r *http.Request, but session.Session) error {
	for {
		open, err := e.Sessions.Open(r.Context(), but.Subject)
		if err != nil {
			return err
		}
		ended := false
		for _, o := range open {
			if o.ID == but.ID {
				continue
			}
			if err := e.Sessions.EndOwn(r.Context(), actor(w, but.Subject), but.Subject, o.ID); err != nil {
				return err
			}
			ended = true
		}
		if !ended {
			return nil
		}
	}
}

// SessionsSignIn answers POST /sessions/signin.
func (e *Endpoints) SessionsSignIn(w http.ResponseWriter, r *http.Request) error {
	form, err := web.Form(r)
	if err != nil {
		return err
	}
	if err := e.signIn(w, r, form); err != nil {
		return notSignedIn(w, err, func(status int, alert string) error {
			return showSessionsSignIn(w, status, form.Get("username"), alert)
		})
	}
	http.Redirect(w, r, "/sessions", http.StatusSeeOther)
	return nil
}

func showSessionsSignIn(w http.ResponseWriter, status int, username, alert string) error {
	return show(w, status, "", view{Title: "Sign in", SignIn: true, Purpose: "to see where you are signed in", Action: "/sessions/signin", Username: username, Alert: alert})
}

func sessionsToken(cookie string) string { return pageToken(cookie, "sessions", url.Values{}) }

// moment is a time for people; the page runs no script that could know their zone.
func moment(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }

// browserOf is what of a User-Agent is kept: a family and a system, of a few words that are
// ours; "" for what is none of them. More would tell people nothing, and others too much.
func browserOf(agent string) string {
	family, system := oneOf(agent, browsers), oneOf(agent, systems)
	if family == "" || system == "" {
		return family + system
	}
	return family + " on " + system
}

// What User-Agents contain, in the order in which it counts: most name others' too.
var (
	browsers = [][2]string{{"Edg", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}}
	systems  = [][2]string{{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"}}
)

func oneOf(text string, list [][2]string) string {
	for _, row := range list {
		if strings.Contains(text, row[0]) {
			return row[1]
		}
	}
	return ""
}
