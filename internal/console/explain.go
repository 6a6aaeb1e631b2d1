package console

import (
	"crypto/hmac"
	"errors"
	"net/http"
	"net/url"

	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/web"
	"github.com/jotward/jotward/jose/jwt"
)

// maxPosted bounds a form before it is read: a token of the size that the library looks
// at, and as much again, so that one that is too long is told so.
const maxPosted = 2 * jwt.DefaultMaxSize

// maxAudience bounds what is shown again of the audience.
const maxAudience = 256

// form reads a page's form, which must be of this session (RFC 9700 4.16).
func (c *Console) form(w http.ResponseWriter, r *http.Request, who person) (url.Values, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxPosted)
	form, err := web.Form(r)
	if err != nil {
		return nil, err
	}
	if !hmac.Equal([]byte(form.Get("form")), []byte(who.Form())) {
		return nil, reason.New(reason.RequestInvalid, errors.New("console: the form belongs to another session"))
	}
	return form, nil
}

// Explain answers POST /console/explain. The token is not shown again.
func (c *Console) Explain(w http.ResponseWriter, r *http.Request, who person) error {
	form, err := c.form(w, r, who)
	if err != nil {
		return err
	}
	q := grant.Question{Token: form.Get("token"), Kind: form.Get("kind"), Audience: form.Get("audience"), AnyAudience: form.Get("any_audience") != ""}
	if len(q.Audience) > maxAudience { // no name of an API, and perhaps what belongs into the other field
		q.Audience = ""
	}
	found, err := c.c.Grants.Explain(r.Context(), q)
	if q.Token = ""; err == nil {
		return c.show(w, http.StatusOK, view{Who: who, Asked: q, Found: &found})
	}
	if refusal, ok := errors.AsType[*reason.Error](err); ok && refusal.Detail != "" {
		return errors.Join(err, c.show(w, http.StatusBadRequest, view{Who: who, Asked: q, Alert: sentence(refusal.Detail)}))
	}
	return err
}
