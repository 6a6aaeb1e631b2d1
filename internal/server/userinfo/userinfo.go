// Package userinfo serves the UserInfo endpoint (OpenID Connect Core 5.3).
package userinfo

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/token"
	"github.com/jotward/jotward/internal/web"
	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/bearer"
)

// Endpoints serve /userinfo.
type Endpoints struct {
	Grants  *grant.Service
	Clients *client.Service
	Proofs  *web.Proofs
}

// claims are OpenID Connect Core 5.3.2. sub is always there; the rest by scope (5.4), or as the claims parameter asked (5.5).
type claims struct {
	Subject  string `json:"sub"`
	Name     string `json:"name,omitempty"`
	Username string `json:"preferred_username,omitempty"`
	Email    string `json:"email,omitempty"`
	Verified *bool  `json:"email_verified,omitempty"`
	// Issuer and audience are for signed answers, which may travel.
	Issuer   string `json:"iss,omitempty"`
	Audience string `json:"aud,omitempty"`
}

// UserInfo answers GET and POST /userinfo. The token stands in the Authorization
// header, nowhere else, and is looked up: one that was revoked is refused at once.
func (e *Endpoints) UserInfo(w http.ResponseWriter, r *http.Request) error {
	a, err := e.authenticate(w, r)
	if err != nil {
		return err
	}
	if !slices.Contains(strings.Fields(a.Scope), "openid") {
		return reason.New(reason.ScopeMissing, nil)
	}
	if err := e.Grants.Within(a.Subject); err != nil {
		return err
	}
	p, err := e.Grants.Told(r.Context(), a)
	if err != nil {
		return err
	}
	return e.answer(w, r, a.ClientID, claims{Subject: a.Subject, Name: p.Name, Username: p.Username, Email: p.Email, Verified: p.Verified})
}

// answer signs where the client asks for it (OpenID Connect Core 5.3.2).
func (e *Endpoints) answer(w http.ResponseWriter, r *http.Request, clientID string, out claims) error {
	c, err := e.Clients.Get(r.Context(), clientID)
	if err != nil {
		return err
	}
	if c.UserInfoAlgorithm == "" {
		return web.JSON(w, http.StatusOK, out)
	}
	out.Issuer, out.Audience = e.Grants.Minter.Issuer, clientID
	text, err := e.Grants.Minter.UserInfo(r.Context(), clientID, out, c.UserInfoAlgorithm)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/jwt")
	_, err = io.WriteString(w, text)
	return err
}

// authenticate returns the claims of the request's access token: alive, of a person's
// grant, and proved where it is bound to a key.
func (e *Endpoints) authenticate(w http.ResponseWriter, r *http.Request) (token.Access, error) {
	from, proved := bearer.FromRequest, strings.HasPrefix(strings.ToLower(r.Header.Get("Authorization")), "dpop ")
	if proved {
		from = bearer.FromRequestDPoP
	}
	text, err := from(r)
	if err != nil {
		return token.Access{}, reason.New(reason.Code(jose.ReasonOf(err)), err)
	}
	a, err := e.Grants.Alive(r.Context(), text)
	if err != nil {
		return a, err
	}
	if a.GrantID == "" {
		return a, reason.New(reason.ScopeMissing, errors.New("userinfo: the token is a client's own"))
	}
	switch bound := a.Bound(); {
	case bound.X5T != "" && bound.X5T != web.CertificateThumbprint(r.Context()):
		return a, reason.New(reason.SenderMismatch, errors.New("userinfo: the token is bound to another client certificate, or none came"))
	case (bound.JKT != "") != proved: // a downgrade to Bearer, or a client that thinks it is protected (RFC 9449 7.2)
		return a, reason.New(reason.SenderMismatch, errors.New("userinfo: the scheme is not the token's type"))
	case bound.JKT != "":
		return a, e.Proofs.Holds(w, r, text, bound.JKT)
	}
	return a, nil
}

// Refusal words what is refused here as RFC 6750 3 and RFC 9449 7.1 want it.
func Refusal(w http.ResponseWriter, r *http.Request, e *reason.Error) {
	code, detail := e.OAuthCode(), ""
	if row, ok := reason.Lookup(e.Code); ok && row.OAuth != "" && e.Code != reason.CredentialMissing {
		detail = `, error="` + code + `", error_description="` + row.Meaning + `"`
	}
	h := w.Header()
	if code != "use_dpop_nonce" && code != "invalid_dpop_proof" {
		h.Add("WWW-Authenticate", `Bearer realm="jotward"`+detail)
	}
	h.Add("WWW-Authenticate", `DPoP realm="jotward", algs="`+web.ProofNames()+`"`+detail)
	web.Problem(w, r, e)
}
