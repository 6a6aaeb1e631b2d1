package token

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/token"
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
	return web.JSON(w, http.StatusOK, introspected(found))
}

// introspection is RFC 7662 2.2 with the claims that a resource server checks
// in a token itself. A refresh token has no token_type: it is none of RFC 6749 7.1.
type introspection struct {
	Active    bool            `json:"active"`
	TokenType string          `json:"token_type,omitempty"`
	Issuer    string          `json:"iss,omitempty"`
	Subject   string          `json:"sub,omitempty"`
	Audience  *token.Audience `json:"aud,omitempty"`
	ClientID  string          `json:"client_id,omitempty"`
	Expiry    int64           `json:"exp,omitempty"`
	IssuedAt  int64           `json:"iat,omitempty"`
	ID        string          `json:"jti,omitempty"`
	Scope     string          `json:"scope,omitempty"`
	SessionID string          `json:"sid,omitempty"`
	GrantID   string          `json:"grant_id,omitempty"`
	// By these whoever follows the feed tells whether subject or client were revoked since.
	SubjectVersion int64    `json:"sub_ver,omitempty"`
	ClientVersion  int64    `json:"client_ver,omitempty"`
	AuthTime       int64    `json:"auth_time,omitempty"`
	ACR            string   `json:"acr,omitempty"` // RFC 9470 6.2
	AMR            []string `json:"amr,omitempty"`
	Roles          []string `json:"roles,omitempty"`
	Permissions    []string `json:"permissions,omitempty"`
	// The key that whoever shows the token must prove (RFC 9449 6.2).
	Confirmation *token.Confirmation `json:"cnf,omitempty"`
	Actor        *token.Actor        `json:"act,omitempty"`

	extra map[string]any
}

// MarshalJSON adds the claims of the client's expressions, none of which is one above.
func (i introspection) MarshalJSON() ([]byte, error) {
	type plain introspection
	return token.Join(plain(i), i.extra)
}

func introspected(found grant.Introspection) introspection {
	switch {
	case found.Access != nil:
		a := found.Access
		return introspection{Active: true, TokenType: a.Type(), Issuer: a.Issuer, Subject: a.Subject, Audience: &a.Audience, ClientID: a.ClientID,
			Expiry: a.Expiry, IssuedAt: a.IssuedAt, ID: a.ID, Scope: a.Scope, SessionID: a.SessionID, GrantID: a.GrantID, AuthTime: a.AuthTime, ACR: a.ACR, AMR: a.AMR,
			SubjectVersion: a.SubjectVersion, ClientVersion: a.ClientVersion, Roles: a.Roles, Permissions: a.Permissions, Confirmation: a.Confirmation, Actor: a.Actor, extra: a.Extra}
	case found.Grant != nil:
		g := found.Grant
		return introspection{Active: true, Subject: g.Subject, ClientID: g.ClientID, Scope: strings.Join(g.Scopes, " "), SessionID: g.SessionID,
			GrantID: g.ID, AuthTime: g.AuthTime.Unix(), Expiry: g.Ends.Unix()}
	}
	return introspection{}
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
	return web.Empty(w, http.StatusOK)
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
