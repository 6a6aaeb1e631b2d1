package console

import (
	_ "embed" // the page
	"encoding/json"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/web"
	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwt"
)

//go:embed console.html
var source string

var page = template.Must(template.New("console").Funcs(template.FuncMap{
	"because": func(c jose.Reason) reason.Info { return look(reason.Code(c)) },
	"ending":  look,
	"words":   func(name string) string { return strings.ReplaceAll(name, "_", " ") },
	"state":   func(s jwt.CheckState) string { return states[s] },
	"json":    written,
	"at":      func(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339) },
}).Parse(source))

var states = map[jwt.CheckState]string{jwt.CheckOK: "holds", jwt.CheckFailed: "fails", jwt.CheckNotReached: "not reached"}

// written is a claim's value as a token says it.
func written(v any) (string, error) {
	text, err := json.Marshal(v)
	return string(text), err
}

// look is what the list says of a code.
func look(c reason.Code) reason.Info {
	row, _ := reason.Lookup(c)
	return row
}

// view is what the page shows. Nobody in Who is who has to sign in.
type view struct {
	Who             person
	Alert, Code, ID string
	Asked           grant.Question
	Found           *grant.Explained
	Issuer, Role    string
}

// show writes the page. It can be framed by nobody, runs no script, and posts to itself and
// on to the issuer alone.
func (c *Console) show(w http.ResponseWriter, status int, v view) error {
	v.Issuer, v.Role = c.c.Issuer, Role
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' "+c.c.Issuer)
	h.Set("X-Frame-Options", "DENY")
	return web.HTML(w, status, page, v)
}

// refusal is the page for what cannot be served.
func (c *Console) refusal(w http.ResponseWriter, _ *http.Request, e *reason.Error) {
	row := look(e.Code)
	alert := sentence(row.Meaning) + " " + sentence(row.Remedy)
	if e.Detail != "" {
		alert = sentence(e.Detail)
	}
	_ = c.show(w, row.Status, view{Alert: alert, Code: string(e.Code), ID: w.Header().Get("X-Request-Id")})
}

func sentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] + "." }

// Verdict is the answer in two words.
func (v view) Verdict() string {
	switch {
	case v.Found.Refused() != nil:
		return "Refused"
	case v.Found.Ended != "":
		return "Taken back"
	}
	return "Accepted"
}
