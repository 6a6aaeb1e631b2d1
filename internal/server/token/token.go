// Package token serves the endpoints that clients call: /token (RFC 6749 3.2),
// /introspect (RFC 7662) and /revoke (RFC 7009).
package token

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/token"
	"github.com/jotward/jotward/internal/web"
)

// Clients finds out who is calling.
type Clients interface {
	Authenticate(ctx context.Context, c client.Credentials) (client.Client, error)
}

// Endpoints serve clients.
type Endpoints struct {
	Clients Clients
	Grants  *grant.Service
	Proofs  *web.Proofs
}

// client authenticates a confidential client, or identifies a public one
// (RFC 6749 2.3, 3.2.1).
func (e *Endpoints) client(r *http.Request, form url.Values) (client.Client, error) {
	credentials, err := web.ClientCredentials(r, form)
	if err != nil {
		return client.Client{}, err
	}
	c, err := e.Clients.Authenticate(r.Context(), credentials)
	if err != nil {
		return c, err
	}
	return c, web.Authenticated(r.Context(), c)
}

// Token answers POST /token.
func (e *Endpoints) Token(w http.ResponseWriter, r *http.Request) error {
	form, err := web.Form(r)
	if err != nil {
		return err
	}
	if form.Get("grant_type") == "" {
		return reason.New(reason.RequestInvalid, errors.New("grant_type is missing"))
	}
	c, err := e.client(r, form)
	if err != nil {
		return err
	}
	bound := token.Confirmation{X5T: web.CertificateThumbprint(r.Context())}
	if bound.JKT, err = e.Proofs.Key(w, r); err != nil {
		return err
	}
	out, err := e.Grants.Run(r.Context(), grant.Request{
		Client: c, GrantType: form.Get("grant_type"), Scope: form.Get("scope"), Resources: form["resource"],
		Code: form.Get("code"), RedirectURI: form.Get("redirect_uri"), CodeVerifier: form.Get("code_verifier"),
		RefreshToken: form.Get("refresh_token"), Bound: bound, RequestID: w.Header().Get("X-Request-Id"),
		DeviceCode: form.Get("device_code"), Exchange: grant.Exchange{SubjectToken: form.Get("subject_token"), SubjectTokenType: form.Get("subject_token_type"), ActorToken: form.Get("actor_token"),
			ActorTokenType: form.Get("actor_token_type"), RequestedTokenType: form.Get("requested_token_type"), Audiences: form["audience"]},
	})
	if err != nil {
		return err
	}
	w.Header().Set("Pragma", "no-cache")
	return web.JSON(w, http.StatusOK, response{out.AccessToken, out.TokenType, out.ExpiresIn, out.RefreshToken, out.IDToken, out.Scope, out.IssuedTokenType})
}

// response is RFC 6749 5.1 and OpenID Connect Core 3.1.3.3.
type response struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
	Scope        string `json:"scope,omitempty"`

	IssuedTokenType string `json:"issued_token_type,omitempty"` // RFC 8693 2.2.1
}
