package token

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/web"
)

// Introspect answers POST /introspect. Only a confidential client may ask
// (RFC 7662 2.1: to prevent token scanning).
func (e *Endpoints) Introspect(w http.ResponseWriter, r *http.Request) error {
	form, c, err := e.about(r)
	if err != nil {
		return err
	}
	if c.Public {
		return reason.New(reason.ClientInvalid, errors.New("a public client may not introspect"))
	}
	found, err := e.Grants.Introspect(r.Context(), c, form.Get("token"))
	if err != nil {
		return err
	}
	out := map[string]any{"active": found.Active}
	switch {
	case found.Access != nil:
		a := found.Access
		out["token_type"], out["iss"], out["sub"], out["aud"], out["client_id"] = "Bearer", a.Issuer, a.Subject, a.Audience, a.ClientID
		out["exp"], out["iat"], out["jti"], out["scope"] = a.Expiry, a.IssuedAt, a.ID, a.Scope
	case found.Grant != nil:
		out["token_type"], out["sub"], out["client_id"] = "refresh_token", found.Grant.Subject, found.Grant.ClientID
	}
	return web.JSON(w, http.StatusOK, out)
}

// Revoke answers POST /revoke: 200 whether or not there was such a token
// (RFC 7009 2.2).
func (e *Endpoints) Revoke(w http.ResponseWriter, r *http.Request) error {
	form, c, err := e.about(r)
	if err != nil {
		return err
	}
	if err := e.Grants.Revoke(r.Context(), c, w.Header().Get("X-Request-Id"), form.Get("token")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// about reads a form that is about one token, and its caller.
func (e *Endpoints) about(r *http.Request) (url.Values, client.Client, error) {
	form, err := web.Form(r)
	if err != nil {
		return nil, client.Client{}, err
	}
	c, err := e.client(r, form)
	if err == nil && form.Get("token") == "" {
		err = reason.New(reason.RequestInvalid, errors.New("token is missing"))
	}
	return form, c, err
}
