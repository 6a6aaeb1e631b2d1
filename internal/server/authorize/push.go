package authorize

import (
	"net/http"
	"net/url"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/web"
)

// maxPushed bounds what is kept of a request: strangers push too.
const maxPushed = 16 << 10

// caller reads a client's form and finds out whose it is. What clients that prove
// nothing have us keep is bounded.
func (e *Endpoints) caller(r *http.Request) (url.Values, client.Client, error) {
	form, err := web.Form(r)
	if err != nil {
		return nil, client.Client{}, err
	}
	credentials, err := web.ClientCredentials(r, form)
	if err != nil {
		return nil, client.Client{}, err
	}
	c, err := e.Clients.Authenticate(r.Context(), credentials)
	if err == nil {
		err = web.Authenticated(r.Context(), c)
	}
	if err == nil && (c.Public || c.Registered) { // whoever registers anew has proved nothing by a secret
		err = e.Strangers.Take(r, e.Grants.Now())
	}
	return form, c, err
}

// Push answers POST /par (RFC 9126 2): a client hands in its authorization request
// where nobody can read or change it, and gets a name for it. A DPoP proof binds the
// code as dpop_jkt does (RFC 9449 10.1).
func (e *Endpoints) Push(w http.ResponseWriter, r *http.Request) error {
	form, c, err := e.caller(r)
	if err != nil {
		return err
	}
	query := canonical(form)
	query.Set("client_id", c.ID)
	jkt, err := e.Proofs.Key(w, r)
	if err != nil {
		return err
	}
	if jkt != "" {
		if given := query.Get("dpop_jkt"); given != "" && given != jkt {
			return &reason.Error{Code: reason.SenderMismatch, OAuth: "invalid_dpop_proof"}
		}
		query.Set("dpop_jkt", jkt)
	}
	q := asked{carried: query, query: query, pushed: []byte{}} // it is one from here on
	a, _, err := e.Grants.Authorize(r.Context(), q.request())
	if err != nil {
		return err
	}
	want, err := e.wants(r.Context(), q, a)
	if err != nil { // a request_uri cannot be pushed, either (RFC 9126 2.1)
		return err
	}
	if query.Has("id_token_hint") { // whom it names is all that it is good for: no token is kept in clear
		query.Del("id_token_hint")
		query.Set(hintedSubject, want.subjects[0])
	}
	text := query.Encode()
	if len(text) > maxPushed { // prompt and resource may repeat what is allowed without end
		return reason.New(reason.RequestTooLarge, nil) // RFC 9126 2.3
	}
	uri, err := e.Grants.Push(r.Context(), c, text)
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusCreated, pushed{uri, int64(grant.PushedLife.Seconds())})
}

// pushed is RFC 9126 2.2.
type pushed struct {
	RequestURI string `json:"request_uri"`
	ExpiresIn  int64  `json:"expires_in"` // seconds
}
