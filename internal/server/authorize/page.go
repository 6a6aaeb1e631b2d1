package authorize

import (
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/web"
)

//go:embed page.html
var files embed.FS

var page = template.Must(template.ParseFS(files, "page.html"))

var scopeTexts = map[string]string{
	"openid":  "Know who you are",
	"profile": "See your name",
	"email":   "See your e-mail address",

	grant.ClaimPrefix + "name":               "See your name",
	grant.ClaimPrefix + "preferred_username": "See the name that you sign in with",
	grant.ClaimPrefix + "email":              "See your e-mail address",
	grant.ClaimPrefix + "email_verified":     "See whether your e-mail address was verified",
}

type view struct {
	Title, Client, Request, Token, Alert, Code, ID string
	Username, Back, Action, UserCode               string
	SignIn, Consent, SignOut, Device, Connect      bool   // which form the page has
	Registered                                     bool   // the client by itself: nothing goes to it without a click
	Purpose                                        string // what for, where it is no client
	Scopes                                         []string
	Sessions                                       []listed   // newest first; one is This
	Post                                           url.Values // of a form that leads on
	Frames                                         []string   // what is opened beside
	After                                          template.URL
}

func (e *Endpoints) showSignIn(w http.ResponseWriter, status int, q asked, a grant.Authorization, username, alert string) error {
	return show(w, status, redirectOrigin(a.Request.RedirectURI), view{Title: "Sign in", SignIn: true, Action: "/signin", Client: clientName(a.Client), Username: username, Request: q.carried.Encode(), Alert: alert})
}

func (e *Endpoints) showConsent(w http.ResponseWriter, q asked, a grant.Authorization, username, token string) error {
	back := redirectOrigin(a.Request.RedirectURI)
	v := view{Title: "Allow access", Consent: true, Registered: a.Client.Registered, Client: clientName(a.Client), Scopes: scopeSentences(a.Asks()), Username: username, Back: back, Request: q.carried.Encode(), Token: token}
	return show(w, http.StatusOK, back, v)
}

// scopeSentences are what scopes allow, for people.
func scopeSentences(scopes []string) (out []string) {
	for _, s := range scopes {
		text, ok := scopeTexts[s]
		if !ok {
			text = "Use the permission “" + s + "”"
		}
		out = append(out, text)
	}
	return out
}

// Refusal is the page for what may not be sent back to a client.
func Refusal(w http.ResponseWriter, _ *http.Request, e *reason.Error) {
	var v view
	status := v.refuse(w, e)
	_ = show(w, status, "", v)
}

// refuse says on a page why a request is refused, and returns its status.
func (v *view) refuse(w http.ResponseWriter, e *reason.Error) int {
	row, _ := reason.Lookup(e.Code)
	v.Title, v.Alert = "This request cannot be served", sentence(row.Meaning)+" "+sentence(row.Remedy)
	if e.Detail != "" {
		v.Alert = sentence(e.Detail)
	}
	v.Code, v.ID = string(e.Code), w.Header().Get("X-Request-Id")
	if row.Status == http.StatusUnauthorized { // there is nothing to authenticate with (RFC 9110 15.5.2)
		return http.StatusBadRequest
	}
	return row.Status
}

// sentence makes a sentence of the list's words.
func sentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] + "." }

func clientName(c client.Client) string {
	if c.Name != "" {
		return c.Name
	}
	return c.ID
}

func show(w http.ResponseWriter, status int, formAction string, v view) error {
	h := w.Header()
	policy := "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' " + formAction
	if len(v.Frames) > 0 {
		origins := make([]string, len(v.Frames))
		for i, f := range v.Frames {
			origins[i] = redirectOrigin(f)
		}
		policy += "; frame-src " + strings.Join(origins, " ")
	}
	switch {
	case v.Registered: // it waits for a click
	case v.Post != nil:
		policy += "; script-src " + submitHash
	case len(v.Frames) > 0 && v.After != "":
		policy += "; script-src " + goOnHash
	}
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Frame-Options", "DENY")
	return web.HTML(w, status, page, v)
}
