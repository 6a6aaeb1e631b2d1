// Package registration serves /register: clients that register themselves (RFC 7591) and
// manage their registration (RFC 7592), as far as the operator's policy goes.
package registration

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/limit"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/web"
	"github.com/jotward/jotward/jose/bearer"
	"github.com/jotward/jotward/jose/jwk"
)

// Rate is how many clients one network may register.
var Rate = limit.Rate{Every: 10 * time.Second, Burst: 20}

// Endpoints serve /register and the client configuration endpoint below it.
type Endpoints struct {
	Issuer    string
	Registrar *client.Registrar
	Budget    *web.Budget // at Rate
	// Algorithms returns what tokens are signed with now, the issuer's own first.
	Algorithms func(ctx context.Context) ([]jwk.Algorithm, error)
}

// Routes is the mount list; nothing is mounted while the policy lets nobody register.
func (e *Endpoints) Routes() []web.Route {
	if e == nil || e.Registrar.Policy.Access == "" {
		return nil
	}
	// Scripts of any origin may call: nothing here looks at a cookie.
	route := func(pattern string, h web.HandlerFunc) web.Route {
		return web.Route{Pattern: pattern, Style: Refusal, Handler: h, Access: web.AnyOrigin, Counted: true}
	}
	return []web.Route{
		route("POST /register", e.Register),
		route("GET /register/{id}", e.Read),
		route("PUT /register/{id}", e.Update),
		route("DELETE /register/{id}", e.Delete),
	}
}

// Register answers POST /register (RFC 7591 3). Who may not register is told so before
// anything of the request is read, and who registers too often before anything is kept.
func (e *Endpoints) Register(w http.ResponseWriter, r *http.Request) error {
	token := ""
	if e.Registrar.Policy.Access != client.Open {
		var err error
		if token, err = credential(r); err != nil {
			return err
		}
	}
	if err := e.Registrar.Admit(r.Context(), token); err != nil {
		return err
	}
	wanted, err := read(r)
	if err != nil {
		return err
	}
	if wanted.ClientID != nil || wanted.Secret != nil || len(wanted.own()) > 0 {
		return metadata("client_id, client_secret and what comes with them are given out here")
	}
	now := e.Registrar.Clients.Now()
	if err := e.Budget.Take(r, now); err != nil {
		return err
	}
	out, err := e.Registrar.Register(r.Context(), w.Header().Get("X-Request-Id"), token, wanted.wanted())
	if err != nil {
		e.Budget.Return(r, now) // nothing was kept; what is refused is counted by itself
		return err
	}
	return e.answer(r.Context(), w, http.StatusCreated, out)
}

// Read answers GET (RFC 7592 2.1).
func (e *Endpoints) Read(w http.ResponseWriter, r *http.Request) error {
	token, err := credential(r)
	if err != nil {
		return err
	}
	found, err := e.Registrar.Registration(r.Context(), r.PathValue("id"), token)
	if err != nil {
		return err
	}
	web.ByClient(r.Context(), found.Client.ID)
	return e.answer(r.Context(), w, http.StatusOK, client.Registered{Registration: found, Token: token})
}

// Update answers PUT (RFC 7592 2.2): all of the metadata is replaced, and the registration
// access token with it.
func (e *Endpoints) Update(w http.ResponseWriter, r *http.Request) error {
	token, err := credential(r)
	if err != nil {
		return err
	}
	found, err := e.Registrar.Registration(r.Context(), r.PathValue("id"), token)
	if err != nil {
		return err
	}
	web.ByClient(r.Context(), found.Client.ID)
	wanted, err := read(r)
	if err != nil {
		return err
	}
	switch own := wanted.own(); {
	case wanted.ClientID == nil || *wanted.ClientID != found.Client.ID:
		return metadata("client_id is not the client's")
	case len(own) > 0:
		return metadata(own[0] + " must not be sent (RFC 7592 2.2)")
	}
	secret := ""
	if wanted.Secret != nil {
		secret = *wanted.Secret
	}
	out, err := e.Registrar.UpdateRegistration(r.Context(), w.Header().Get("X-Request-Id"), found.Client.ID, token, secret, wanted.wanted())
	if err != nil {
		return err
	}
	return e.answer(r.Context(), w, http.StatusOK, out)
}

// Delete answers DELETE (RFC 7592 2.3).
func (e *Endpoints) Delete(w http.ResponseWriter, r *http.Request) error {
	token, err := credential(r)
	if err != nil {
		return err
	}
	if err := e.Registrar.Deregister(r.Context(), w.Header().Get("X-Request-Id"), r.PathValue("id"), token); err != nil {
		return err
	}
	return web.Empty(w, http.StatusNoContent)
}

// credential reads the one bearer token of a request.
func credential(r *http.Request) (string, error) {
	token, err := bearer.FromRequest(r)
	if err != nil {
		return "", reason.New(reason.RegistrationTokenInvalid, err)
	}
	return token, nil
}

func metadata(detail string) error {
	return &reason.Error{Code: reason.ClientMetadataInvalid, Detail: detail, Cause: errors.New("registration: " + detail)}
}

// information is RFC 7591 3.2.1 and RFC 7592 3. The secret is there when it is new: only
// its hash is kept.
type information struct {
	ClientID  string `json:"client_id"`
	Secret    string `json:"client_secret,omitempty"`
	IssuedAt  int64  `json:"client_id_issued_at"`
	ExpiresAt *int64 `json:"client_secret_expires_at,omitempty"` // 0: it does not; absent without a secret
	Token     string `json:"registration_access_token"`
	URI       string `json:"registration_client_uri"`

	Name                   string          `json:"client_name,omitempty"`
	RedirectURIs           []string        `json:"redirect_uris,omitempty"`
	PostLogoutRedirectURIs []string        `json:"post_logout_redirect_uris,omitempty"`
	GrantTypes             []string        `json:"grant_types"`
	ResponseTypes          []string        `json:"response_types"`
	AuthMethod             string          `json:"token_endpoint_auth_method"`
	Scope                  string          `json:"scope"`
	JWKS                   json.RawMessage `json:"jwks,omitempty"`
	JWKSURI                string          `json:"jwks_uri,omitempty"`
	DPoP                   bool            `json:"dpop_bound_access_tokens"`
	certificate
	PAR bool `json:"require_pushed_authorization_requests"`

	BackchannelLogoutURI      string `json:"backchannel_logout_uri,omitempty"`
	BackchannelLogoutSession  bool   `json:"backchannel_logout_session_required,omitempty"`
	FrontchannelLogoutURI     string `json:"frontchannel_logout_uri,omitempty"`
	FrontchannelLogoutSession bool   `json:"frontchannel_logout_session_required,omitempty"`
	// Said in any case: what is left out would be taken for RS256 (OpenID Connect Dynamic
	// Client Registration 2).
	IDToken  jwk.Algorithm `json:"id_token_signed_response_alg"`
	UserInfo jwk.Algorithm `json:"userinfo_signed_response_alg,omitempty"`

	IDEncryption jwk.Algorithm `json:"id_token_encrypted_response_alg,omitempty"`
	IDContent    jwk.Algorithm `json:"id_token_encrypted_response_enc,omitempty"`
}

func (e *Endpoints) answer(ctx context.Context, w http.ResponseWriter, status int, r client.Registered) error {
	c := r.Client
	if c.IDTokenAlgorithm == "" {
		list, err := e.Algorithms(ctx)
		if err != nil {
			return err
		}
		c.IDTokenAlgorithm = list[0]
	}
	out := information{ClientID: c.ID, Secret: r.Secret, IssuedAt: c.Created.Unix(), Token: r.Token, URI: e.Issuer + "/register/" + c.ID,
		Name: c.Name, RedirectURIs: c.RedirectURIs, PostLogoutRedirectURIs: c.PostLogoutRedirectURIs, GrantTypes: c.GrantTypes, ResponseTypes: []string{},
		AuthMethod: r.AuthMethod, Scope: strings.Join(c.Scopes, " "), JWKS: json.RawMessage(c.JWKS), JWKSURI: c.JWKSURI, DPoP: c.DPoP, PAR: c.PAR, IDToken: c.IDTokenAlgorithm, UserInfo: c.UserInfoAlgorithm,
		certificate:          certificate{c.TLSSubject.DN, c.TLSSubject.DNS, c.TLSSubject.URI, c.TLSSubject.IP, c.TLSSubject.Mail, c.TLSBound},
		BackchannelLogoutURI: c.BackchannelLogoutURI, BackchannelLogoutSession: c.BackchannelLogoutSession, FrontchannelLogoutURI: c.FrontchannelLogoutURI, FrontchannelLogoutSession: c.FrontchannelLogoutSession}
	if out.IDEncryption = c.IDTokenEncryption; out.IDEncryption != "" {
		out.IDContent = c.ContentEncryption()
	}
	if c.Grants("authorization_code") {
		out.ResponseTypes = []string{"code"}
	}
	if r.Secret != "" {
		out.ExpiresAt = new(int64)
	}
	w.Header().Set("Pragma", "no-cache")
	return web.JSON(w, status, out)
}

// Refusal words what is refused here as RFC 7591 3.2.2 and RFC 6750 3 want it. What is
// wrong with a client is said: its developer has to put it right.
func Refusal(w http.ResponseWriter, r *http.Request, e *reason.Error) {
	row, _ := reason.Lookup(e.Code)
	if row.Status == http.StatusUnauthorized {
		challenge := `Bearer realm="jotward"`
		if len(r.Header.Values("Authorization")) > 0 {
			challenge += `, error="invalid_token"`
		}
		w.Header().Set("WWW-Authenticate", challenge)
	}
	description := row.Meaning
	if e.Detail != "" {
		description = e.Detail
	}
	_ = web.JSON(w, row.Status, map[string]any{"error": e.OAuthCode(), "error_description": description, "code": e.Code, "request_id": w.Header().Get("X-Request-Id")})
}
