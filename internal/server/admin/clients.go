package admin

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/web"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/lint"
)

// Client is a client as the API shows it. Secret is there once, when it was made.
type Client struct {
	ID                  string    `json:"client_id"`
	Secret              string    `json:"client_secret,omitempty"`
	Name                string    `json:"name"`
	Public              bool      `json:"public"`
	GrantTypes          []string  `json:"grant_types"`
	RedirectURIs        []string  `json:"redirect_uris"`
	Scopes              []string  `json:"scopes"`
	Audiences           []string  `json:"audiences"`
	Roles               []string  `json:"roles"`
	Permissions         []string  `json:"permissions"`
	AccessTokenLifetime int64     `json:"access_token_lifetime"` // seconds
	SkipConsent         bool      `json:"skip_consent"`
	Disabled            bool      `json:"disabled"`
	Version             int64     `json:"version"`
	Created             time.Time `json:"created"`

	ClientSender
	PAR                    bool     `json:"require_pushed_authorization_requests"`
	PostLogoutRedirectURIs []string `json:"post_logout_redirect_uris"`
	Registered             bool     `json:"registered"` // by itself (RFC 7591)
	ClientAlgorithms
	ClientLogout
	Findings []lint.Finding `json:"claim_findings,omitempty"` // in what its expressions gave for a sample
}

// ClientSender is how a client proves who it is, and what its tokens are bound to. The
// names are those of RFC 7591 2, RFC 8705 2.1.2 and 3.4, and RFC 9449 5.2.
type ClientSender struct {
	AuthMethod string          `json:"token_endpoint_auth_method,omitempty"`
	JWKS       json.RawMessage `json:"jwks,omitempty"` // absent for a client with a secret
	JWKSURI    string          `json:"jwks_uri,omitempty"`
	DN         string          `json:"tls_client_auth_subject_dn,omitempty"`
	DNS        string          `json:"tls_client_auth_san_dns,omitempty"`
	URI        string          `json:"tls_client_auth_san_uri,omitempty"`
	IP         string          `json:"tls_client_auth_san_ip,omitempty"`
	Mail       string          `json:"tls_client_auth_san_email,omitempty"`
	DPoP       bool            `json:"dpop_bound_access_tokens"`
	TLSBound   bool            `json:"tls_client_certificate_bound_access_tokens"`
}

func showSender(c client.Client) ClientSender {
	return ClientSender{AuthMethod: c.AuthMethod, JWKS: json.RawMessage(c.JWKS), JWKSURI: c.JWKSURI, DPoP: c.DPoP, TLSBound: c.TLSBound,
		DN: c.TLSSubject.DN, DNS: c.TLSSubject.DNS, URI: c.TLSSubject.URI, IP: c.TLSSubject.IP, Mail: c.TLSSubject.Mail}
}

// onto puts them into a client.
func (s ClientSender) onto(c client.Client) client.Client {
	c.AuthMethod, c.JWKS, c.JWKSURI, c.DPoP, c.TLSBound = s.AuthMethod, string(s.JWKS), s.JWKSURI, s.DPoP, s.TLSBound
	c.TLSSubject = client.TLSSubject{DN: s.DN, DNS: s.DNS, URI: s.URI, IP: s.IP, Mail: s.Mail}
	return c
}

// ClientLogout is where a client is told that a session ended (OpenID Connect
// Back-Channel Logout 2.2, Front-Channel Logout 2).
type ClientLogout struct {
	BackchannelLogoutURI      string `json:"backchannel_logout_uri"`
	BackchannelLogoutSession  bool   `json:"backchannel_logout_session_required"`
	FrontchannelLogoutURI     string `json:"frontchannel_logout_uri"`
	FrontchannelLogoutSession bool   `json:"frontchannel_logout_session_required"`
}

// ClientAlgorithms are the form of a client's tokens: what they are signed with (OpenID
// Connect Dynamic Client Registration 2), and whether access tokens are JWTs at all.
type ClientAlgorithms struct {
	IDToken string `json:"id_token_signed_response_alg,omitempty"` // absent: the issuer's own
	// Absent: ID tokens are signed alone. The key is the client's own, by jwks or jwks_uri.
	IDEncryption string `json:"id_token_encrypted_response_alg,omitempty"`
	IDContent    string `json:"id_token_encrypted_response_enc,omitempty"`
	UserInfo     string `json:"userinfo_signed_response_alg,omitempty"` // absent: not signed
	AccessToken  string `json:"access_token_signed_response_alg,omitempty"`
	// Format is jwt or opaque; absent for jwt.
	Format string `json:"access_token_format,omitempty"`
	// What tokens say beside: CEL expressions by the name of the claim.
	AccessTokenClaims map[string]string `json:"access_token_claims,omitempty"`
	IDTokenClaims     map[string]string `json:"id_token_claims,omitempty"`
}

func showClient(c client.Client) Client {
	return Client{ID: c.ID, Name: c.Name, Public: c.Public, GrantTypes: some(c.GrantTypes), RedirectURIs: some(c.RedirectURIs), Scopes: some(c.Scopes),
		Audiences: some(c.Audiences), Roles: some(c.Roles), Permissions: some(c.Permissions), AccessTokenLifetime: int64(c.Lifetime() / time.Second),
		SkipConsent: c.SkipConsent, Disabled: c.Disabled, Version: c.Version, Created: stored(c.Created), ClientSender: showSender(c), PAR: c.PAR,
		PostLogoutRedirectURIs: some(c.PostLogoutRedirectURIs), Registered: c.Registered,
		ClientAlgorithms: ClientAlgorithms{string(c.IDTokenAlgorithm), string(c.IDTokenEncryption), string(c.IDTokenContent), string(c.UserInfoAlgorithm), string(c.AccessTokenAlgorithm), c.AccessTokenFormat, c.AccessTokenClaims, c.IDTokenClaims},
		ClientLogout:     ClientLogout{c.BackchannelLogoutURI, c.BackchannelLogoutSession, c.FrontchannelLogoutURI, c.FrontchannelLogoutSession},
		Findings:         c.ClaimFindings()}
}

// stored is a time as the store keeps it: an answer does not change when it is read again.
func stored(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// some is a list that is never null.
func some(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// ClientSettings is what an operator decides: the body of PUT
// /admin/v1/clients/{id}, which replaces all of it.
type ClientSettings struct {
	Name                string   `json:"name"`
	GrantTypes          []string `json:"grant_types"`
	RedirectURIs        []string `json:"redirect_uris"`
	Scopes              []string `json:"scopes"`
	Audiences           []string `json:"audiences"`
	Roles               []string `json:"roles"`
	Permissions         []string `json:"permissions"`
	AccessTokenLifetime int64    `json:"access_token_lifetime"` // seconds; 0 means the default
	SkipConsent         bool     `json:"skip_consent"`

	ClientSender
	PAR                    bool     `json:"require_pushed_authorization_requests"`
	PostLogoutRedirectURIs []string `json:"post_logout_redirect_uris"`
	ClientAlgorithms
	ClientLogout
}

// NewClient is the body of POST /admin/v1/clients.
type NewClient struct {
	ID     string `json:"client_id"`
	Public bool   `json:"public"`
	ClientSettings
}

func (s ClientSettings) client(id string) (client.Client, error) {
	life, err := seconds(s.AccessTokenLifetime, client.MaxLifetime, "access_token_lifetime is outside 300 to 3600 seconds")
	if err != nil {
		return client.Client{}, err
	}
	return s.onto(client.Client{ID: id, Name: s.Name, GrantTypes: s.GrantTypes, RedirectURIs: s.RedirectURIs, Scopes: s.Scopes, Audiences: s.Audiences,
		Roles: s.Roles, Permissions: s.Permissions, AccessTokenLifetime: life, SkipConsent: s.SkipConsent,
		PAR: s.PAR, PostLogoutRedirectURIs: s.PostLogoutRedirectURIs,
		IDTokenAlgorithm: jwk.Algorithm(s.IDToken), IDTokenEncryption: jwk.Algorithm(s.IDEncryption), IDTokenContent: jwk.Algorithm(s.IDContent), UserInfoAlgorithm: jwk.Algorithm(s.UserInfo), AccessTokenAlgorithm: jwk.Algorithm(s.AccessToken), AccessTokenFormat: s.Format, AccessTokenClaims: s.AccessTokenClaims, IDTokenClaims: s.IDTokenClaims,
		BackchannelLogoutURI: s.BackchannelLogoutURI, BackchannelLogoutSession: s.BackchannelLogoutSession, FrontchannelLogoutURI: s.FrontchannelLogoutURI, FrontchannelLogoutSession: s.FrontchannelLogoutSession}), nil
}

// seconds reads a duration, which is compared before it is multiplied.
func seconds(n int64, most time.Duration, fault string) (time.Duration, error) {
	if n < 0 || n > int64(most/time.Second) {
		return 0, invalid(fault)
	}
	return time.Duration(n) * time.Second, nil
}

// CreateClient answers POST /admin/v1/clients. A repetition is told that the
// client is there: its secret was shown once and is not kept.
func (e *Endpoints) CreateClient(w http.ResponseWriter, r *http.Request) error {
	var in NewClient
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	who, err := once(w, r, in)
	if err != nil {
		return err
	}
	c, err := in.client(in.ID)
	if err != nil {
		return err
	}
	c.Public = in.Public
	c, secret, err := e.Clients.Create(r.Context(), who, c)
	if id, err := e.repeated(w, r, who, err); err != nil {
		return err
	} else if id != "" {
		return &reason.Error{Code: reason.Conflict, Detail: "this request made the client " + id + " before; its secret was shown then: rotate it if it is lost"}
	}
	out := showClient(c)
	out.Secret = secret
	w.Header().Set("ETag", etag(c.ID, c.Revision, c.Created))
	return web.JSON(w, http.StatusCreated, out)
}

// ListClients answers GET /admin/v1/clients.
func (e *Endpoints) ListClients(w http.ResponseWriter, r *http.Request) error {
	after, limit, err := page(r)
	if err != nil {
		return err
	}
	clients, err := e.Clients.List(r.Context(), after, limit+1)
	if err != nil {
		return err
	}
	return writeList(w, clients, limit, showClient, func(c client.Client) string { return c.ID })
}

// GetClient answers GET /admin/v1/clients/{id}.
func (e *Endpoints) GetClient(w http.ResponseWriter, r *http.Request) error {
	c, err := e.Clients.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return write(w, r, etag(c.ID, c.Revision, c.Created), showClient(c))
}

// UpdateClient answers PUT /admin/v1/clients/{id}.
func (e *Endpoints) UpdateClient(w http.ResponseWriter, r *http.Request) error {
	var in ClientSettings
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	to, err := in.client(r.PathValue("id"))
	if err != nil {
		return err
	}
	var c client.Client
	if err := e.changeClient(w, r, func(who audit.Actor, id string, revision int64) (err error) {
		c, err = e.Clients.Update(r.Context(), who, revision, to)
		return err
	}); err != nil {
		return err
	}
	w.Header().Set("ETag", etag(c.ID, c.Revision, c.Created))
	return web.JSON(w, http.StatusOK, showClient(c))
}

// changeClient runs one change of the client in the path, under If-Match.
func (e *Endpoints) changeClient(w http.ResponseWriter, r *http.Request, change func(who audit.Actor, id string, revision int64) error) error {
	id := r.PathValue("id")
	revision, err := expected(r, func() (revised, error) {
		c, err := e.Clients.Get(r.Context(), id)
		return revised{c.ID, c.Revision, c.Created}, err
	})
	if err != nil {
		return err
	}
	return met(revision, change(actor(w), id, revision))
}

// RotateSecret answers POST /admin/v1/clients/{id}/secret. A body is optional.
func (e *Endpoints) RotateSecret(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Overlap int64 `json:"overlap"` // seconds for which the present secret holds as well
	}
	if r.ContentLength != 0 {
		if err := web.ReadJSON(r, &in); err != nil {
			return err
		}
	}
	overlap, err := seconds(in.Overlap, client.MaxOverlap, "overlap is outside 0 to 604800 seconds")
	if err != nil {
		return err
	}
	var secret string
	if err := e.changeClient(w, r, func(who audit.Actor, id string, revision int64) (err error) {
		secret, err = e.Clients.RotateSecret(r.Context(), who, id, revision, overlap)
		return err
	}); err != nil {
		return err
	}
	return web.JSON(w, http.StatusCreated, map[string]string{"client_id": r.PathValue("id"), "client_secret": secret})
}

// DisableClient answers POST /admin/v1/clients/{id}/disable.
func (e *Endpoints) DisableClient(w http.ResponseWriter, r *http.Request) error {
	return done(w, e.changeClient(w, r, func(who audit.Actor, id string, revision int64) error {
		return e.Clients.Disable(r.Context(), who, id, revision)
	}))
}

// EnableClient answers POST /admin/v1/clients/{id}/enable.
func (e *Endpoints) EnableClient(w http.ResponseWriter, r *http.Request) error {
	return done(w, e.changeClient(w, r, func(who audit.Actor, id string, revision int64) error {
		return e.Clients.Enable(r.Context(), who, id, revision)
	}))
}

// DeleteClient answers DELETE /admin/v1/clients/{id}.
func (e *Endpoints) DeleteClient(w http.ResponseWriter, r *http.Request) error {
	return done(w, e.changeClient(w, r, func(who audit.Actor, id string, revision int64) error {
		return e.Clients.Delete(r.Context(), who, id, revision)
	}))
}
