package admin

import (
	"net/http"
	"time"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/web"
)

// User is an account as the API shows it: never its password's hash.
type User struct {
	ID          string    `json:"id"`
	Username    string    `json:"username"`
	Email       string    `json:"email,omitempty"`
	Name        string    `json:"name,omitempty"`
	Roles       []string  `json:"roles,omitempty"`
	Permissions []string  `json:"permissions,omitempty"`
	Disabled    bool      `json:"disabled,omitempty"`
	Version     int64     `json:"version"`
	Created     time.Time `json:"created"`
}

func showUser(a account.Account) User {
	return User{a.ID, a.Username, a.Email, a.Name, a.Roles, a.Permissions, a.Disabled, a.Version, a.Created}
}

// NewUser is the body of POST /admin/v1/users.
type NewUser struct {
	Username    string   `json:"username"`
	Email       string   `json:"email"`
	Name        string   `json:"name"`
	Password    string   `json:"password"`
	Roles       []string `json:"roles"`
	Permissions []string `json:"permissions"`
}

// CreateUser answers POST /admin/v1/users.
func (e *Endpoints) CreateUser(w http.ResponseWriter, r *http.Request) error {
	var in NewUser
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	a, err := e.Accounts.Create(r.Context(), actor(w), account.New(in))
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusCreated, showUser(a))
}

// Users answers GET /admin/v1/users.
func (e *Endpoints) Users(w http.ResponseWriter, r *http.Request) error {
	after, limit, err := page(r)
	if err != nil {
		return err
	}
	people, err := e.Accounts.List(r.Context(), after, limit)
	if err != nil {
		return err
	}
	shown := make([]User, len(people))
	for i, a := range people {
		shown[i] = showUser(a)
	}
	return web.JSON(w, http.StatusOK, list(shown, limit, func(u User) string { return u.ID }))
}

// SetPassword answers PUT /admin/v1/users/{id}/password.
func (e *Endpoints) SetPassword(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Password string `json:"password"`
	}
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	return e.done(w, e.Accounts.SetPassword(r.Context(), actor(w), r.PathValue("id"), 0, in.Password))
}

// SetRoles answers PUT /admin/v1/users/{id}/roles.
func (e *Endpoints) SetRoles(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Roles       []string `json:"roles"`
		Permissions []string `json:"permissions"`
	}
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	return e.done(w, e.Accounts.SetRoles(r.Context(), actor(w), r.PathValue("id"), 0, in.Roles, in.Permissions))
}

// DisableUser answers POST /admin/v1/users/{id}/disable.
func (e *Endpoints) DisableUser(w http.ResponseWriter, r *http.Request) error {
	return e.done(w, e.Accounts.Disable(r.Context(), actor(w), r.PathValue("id"), 0))
}

// DeleteUser answers DELETE /admin/v1/users/{id}.
func (e *Endpoints) DeleteUser(w http.ResponseWriter, r *http.Request) error {
	return e.done(w, e.Accounts.Delete(r.Context(), actor(w), r.PathValue("id"), 0))
}

func (e *Endpoints) done(w http.ResponseWriter, err error) error {
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// Client is a client as the API shows it. Secret is there once, when it was made.
type Client struct {
	ID                  string   `json:"client_id"`
	Secret              string   `json:"client_secret,omitempty"`
	Name                string   `json:"name,omitempty"`
	Public              bool     `json:"public,omitempty"`
	GrantTypes          []string `json:"grant_types,omitempty"`
	RedirectURIs        []string `json:"redirect_uris,omitempty"`
	Scopes              []string `json:"scopes,omitempty"`
	Audiences           []string `json:"audiences,omitempty"`
	Roles               []string `json:"roles,omitempty"`
	Permissions         []string `json:"permissions,omitempty"`
	AccessTokenLifetime int64    `json:"access_token_lifetime,omitempty"` // seconds
	SkipConsent         bool     `json:"skip_consent,omitempty"`
	Disabled            bool     `json:"disabled,omitempty"`
	Version             int64    `json:"version,omitempty"`
}

func showClient(c client.Client) Client {
	return Client{ID: c.ID, Name: c.Name, Public: c.Public, GrantTypes: c.GrantTypes, RedirectURIs: c.RedirectURIs, Scopes: c.Scopes,
		Audiences: c.Audiences, Roles: c.Roles, Permissions: c.Permissions, AccessTokenLifetime: int64(c.AccessTokenLifetime / time.Second),
		SkipConsent: c.SkipConsent, Disabled: c.Disabled, Version: c.Version}
}

// CreateClient answers POST /admin/v1/clients.
func (e *Endpoints) CreateClient(w http.ResponseWriter, r *http.Request) error {
	var in Client
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	c, secret, err := e.Clients.Create(r.Context(), actor(w), client.Client{ID: in.ID, Name: in.Name, Public: in.Public, GrantTypes: in.GrantTypes,
		RedirectURIs: in.RedirectURIs, Scopes: in.Scopes, Audiences: in.Audiences, Roles: in.Roles, Permissions: in.Permissions,
		AccessTokenLifetime: time.Duration(in.AccessTokenLifetime) * time.Second, SkipConsent: in.SkipConsent})
	if err != nil {
		return err
	}
	out := showClient(c)
	out.Secret = secret
	return web.JSON(w, http.StatusCreated, out)
}

// ListClients answers GET /admin/v1/clients.
func (e *Endpoints) ListClients(w http.ResponseWriter, r *http.Request) error {
	after, limit, err := page(r)
	if err != nil {
		return err
	}
	clients, err := e.Clients.List(r.Context(), after, limit)
	if err != nil {
		return err
	}
	shown := make([]Client, len(clients))
	for i, c := range clients {
		shown[i] = showClient(c)
	}
	return web.JSON(w, http.StatusOK, list(shown, limit, func(c Client) string { return c.ID }))
}

// RotateSecret answers POST /admin/v1/clients/{id}/secret.
func (e *Endpoints) RotateSecret(w http.ResponseWriter, r *http.Request) error {
	secret, err := e.Clients.RotateSecret(r.Context(), actor(w), r.PathValue("id"), 0)
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusCreated, Client{ID: r.PathValue("id"), Secret: secret})
}

// DisableClient answers POST /admin/v1/clients/{id}/disable.
func (e *Endpoints) DisableClient(w http.ResponseWriter, r *http.Request) error {
	return e.done(w, e.Clients.Disable(r.Context(), actor(w), r.PathValue("id"), 0))
}

// DeleteClient answers DELETE /admin/v1/clients/{id}.
func (e *Endpoints) DeleteClient(w http.ResponseWriter, r *http.Request) error {
	return e.done(w, e.Clients.Delete(r.Context(), actor(w), r.PathValue("id"), 0))
}
