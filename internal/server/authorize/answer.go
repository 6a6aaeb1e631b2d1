package authorize

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
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

// back sends the browser back to the client, with iss (RFC 9207): by a redirect with
// 303, so that no credential is posted again (RFC 9700 4.12), or by a form.
func (e *Endpoints) back(w http.ResponseWriter, r *http.Request, q asked, answer url.Values) error {
	to := q.query.Get("redirect_uri")
	u, err := url.Parse(to)
	if err != nil {
		return err
	}
	answer.Set("iss", e.Issuer)
	for name, values := range answer {
		if values[0] == "" {
			delete(answer, name)
		}
	}
	if q.query.Get("response_mode") == formPost && postable(to) {
		return show(w, http.StatusOK, redirectOrigin(to), view{Title: "Going on", Action: to, Post: answer})
	}
	if u.RawQuery != "" {
		u.RawQuery += "&" // the registered query is kept as it is (RFC 6749 3.1.2)
	}
	u.RawQuery += answer.Encode()
	http.Redirect(w, r, u.String(), http.StatusSeeOther)
	return nil
}
