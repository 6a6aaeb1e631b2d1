package authorize

import (
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/web"
)

//go:embed page.html style.css
var files embed.FS

var page = template.Must(template.ParseFS(files, "page.html"))

var scopeTexts = map[string]string{
	"openid":  "Know who you are",
	"profile": "See your name",
	"email":   "See your e-mail address",
}

type view struct {
	Title, Client, Request, Token, Alert, Code, ID string
	Username, Back                                 string
	SignIn, Consent                                bool
	Scopes                                         []string
}

func (e *Endpoints) showSignIn(w http.ResponseWriter, status int, query url.Values, a grant.Authorization, username, alert string) error {
	return show(w, status, redirectOrigin(a.Request.RedirectURI), view{Title: "Sign in", SignIn: true, Client: clientName(a), Username: username, Request: query.Encode(), Alert: alert})
}

func (e *Endpoints) showConsent(w http.ResponseWriter, query url.Values, a grant.Authorization, username, token string) error {
	back := redirectOrigin(a.Request.RedirectURI)
	v := view{Title: "Allow access", Consent: true, Client: clientName(a), Username: username, Back: back, Request: query.Encode(), Token: token}
	for _, s := range a.Scopes {
		text, ok := scopeTexts[s]
		if !ok {
			text = "Use the permission “" + s + "”"
		}
		v.Scopes = append(v.Scopes, text)
	}
	return show(w, http.StatusOK, back, v)
}

// Refusal is the page for what may not be sent back to a client.
func Refusal(w http.ResponseWriter, _ *http.Request, e *reason.Error) {
	row, _ := reason.Lookup(e.Code)
	status := row.Status
	if status == http.StatusUnauthorized { // there is nothing to authenticate with (RFC 9110 15.5.2)
		status = http.StatusBadRequest
	}
	alert := sentence(row.Meaning) + " " + sentence(row.Remedy)
	if e.Detail != "" {
		alert = sentence(e.Detail)
	}
	_ = show(w, status, "", view{Title: "This request cannot be served", Alert: alert, Code: string(e.Code), ID: w.Header().Get("X-Request-Id")})
}

// sentence makes a sentence of the list's words.
func sentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] + "." }

// Style answers GET /style.css.
func Style(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "public, max-age=3600")
	http.ServeFileFS(w, r, files, "style.css")
	return nil
}

func clientName(a grant.Authorization) string {
	if a.Client.Name != "" {
		return a.Client.Name
	}
	return a.Client.ID
}

func show(w http.ResponseWriter, status int, formAction string, v view) error {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' "+formAction)
	h.Set("X-Frame-Options", "DENY")
	return web.HTML(w, status, page, v)
}
