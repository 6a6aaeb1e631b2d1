package authorize

import (
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/reason"
)

// formPost is the mode in which the answer stands in a form that posts itself (OAuth
// 2.0 Form Post Response Mode 2), and so in no history and no log.
const formPost = "form_post"

// submit is the page's one script; its hash is all that its policy lets run.
const submit = "document.forms[0].submit()"

// goOn is the one script of the page with frames: it leaves when they are loaded, and does
// not wait for ever. Without scripts there is the link.
const goOn = `const go=()=>location.replace(document.querySelector("a").href);addEventListener("load",go);setTimeout(go,5000)`

var submitHash, goOnHash = hash(submit), hash(goOn)

func hash(script string) string {
	sum := sha256.Sum256([]byte(script))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// postable reports whether a form can be posted there: a private scheme opens an
// application, which gets no body.
func postable(redirectURI string) bool {
	return strings.HasPrefix(redirectURI, "https://") || strings.HasPrefix(redirectURI, "http://")
}

// back sends the browser back to the client: by a redirect with 303, so that no
// credential is posted again (RFC 9700 4.12), or by a form.
func (e *Endpoints) back(w http.ResponseWriter, r *http.Request, q asked, answer url.Values) error {
	v, err := e.answer(q, answer)
	if err != nil {
		return err
	}
	if v.Post != nil {
		v.Title = "Going on"
		return show(w, http.StatusOK, v.Back, v)
	}
	http.Redirect(w, r, string(v.After), http.StatusSeeOther)
	return nil
}

// offer shows why a request is refused, and leaves it to the person to go back.
func (e *Endpoints) offer(w http.ResponseWriter, q asked, c client.Client, answer url.Values, why *reason.Error) error {
	v, err := e.answer(q, answer)
	if err != nil {
		return err
	}
	status := v.refuse(w, why)
	v.Registered, v.Client = true, clientName(c)
	return show(w, status, v.Back, v)
}

// answer is what goes back to the client, with iss (RFC 9207), and where it goes.
func (e *Endpoints) answer(q asked, answer url.Values) (v view, err error) {
	to := q.query.Get("redirect_uri")
	answer.Set("iss", e.Issuer)
	for name, values := range answer {
		if values[0] == "" {
			delete(answer, name)
		}
	}
	v.Back = redirectOrigin(to)
	if q.query.Get("response_mode") == formPost && postable(to) {
		v.Action, v.Post = to, answer
		return v, nil
	}
	address, err := more(to, answer)
	v.After = template.URL(address) // registered, whatever its scheme
	return v, err
}
