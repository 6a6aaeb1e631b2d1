package console

import (
	"crypto/hmac"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/token"
	"github.com/jotward/jotward/internal/web"
	"github.com/jotward/jotward/jose/jws"
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

// asked is what the operator wants to know. The token is not of it: it is never shown
// again.
type asked struct {
	Kind, Audience string
	AnyAudience    bool
}

// ID reports whether the token is looked at as an ID token.
func (a asked) ID() bool { return a.Kind == token.KindID }

// Explain answers POST /console/explain.
func (c *Console) Explain(w http.ResponseWriter, r *http.Request, who person) error {
	form, err := c.form(w, r, who)
	if err != nil {
		return err
	}
	q := asked{Kind: token.KindAccess, Audience: form.Get("audience"), AnyAudience: form.Get("any_audience") != ""}
	if form.Get("kind") == token.KindID {
		q.Kind = token.KindID
	}
	text := strings.TrimSpace(form.Get("token"))
	if scheme, rest, ok := strings.Cut(text, " "); ok && strings.EqualFold(scheme, "bearer") {
		text = strings.TrimSpace(rest)
	}
	if len(q.Audience) > maxAudience { // no name of an API, and perhaps what belongs into the other field
		q.Audience = ""
	}
	switch {
	case text == "":
		return c.show(w, http.StatusOK, view{Who: who, Asked: q, Alert: "Paste a token."})
	case (q.Audience == "") != q.AnyAudience:
		return c.show(w, http.StatusOK, view{Who: who, Asked: q, Alert: "Say whom the token must be for, or that any audience will do: one of the two."})
	}
	found, err := c.c.Grants.Explain(r.Context(), text, q.Kind, q.Audience)
	if err != nil {
		return err
	}
	return c.show(w, http.StatusOK, view{Who: who, Asked: q, Found: &found, Hint: hint(text, q.Kind)})
}

// hint says in what way a text is something else than it was taken for. Nothing vouches
// for what it goes by, so it decides nothing.
func hint(text, kind string) string {
	switch strings.Count(text, ".") {
	case 2:
	case 4:
		return "This is an encrypted token (JWE). This issuer makes none; only who has its key can look inside."
	default:
		if strings.HasPrefix(text, "rt_") {
			return "This is a refresh token: it means something to its client and the token endpoint alone."
		}
		return "This is no JWT. Refresh tokens, codes and client secrets look like this; a JWT has three parts with dots between."
	}
	header, _, _ := strings.Cut(text, ".")
	h, err := jws.ParseHeader(header)
	if err != nil {
		return ""
	}
	typ := strings.TrimPrefix(strings.ToLower(h.Type), "application/")
	switch {
	case kind == token.KindAccess && typ == "jwt":
		return "By its typ this is an ID token: it tells one application who signed in, and no API should take it. Explain it as an ID token."
	case kind == token.KindID && typ == "at+jwt":
		return "By its typ this is an access token. Explain it as one."
	case strings.HasSuffix(typ, "+jwt") && typ != "at+jwt":
		return "By its typ this is neither an access token nor an ID token, but of a kind of its own."
	}
	return ""
}
