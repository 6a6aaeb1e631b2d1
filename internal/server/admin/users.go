package admin

import (
	"errors"
	"net/http"
	"time"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/web"
)

// User is an account as the API shows it: never its password's hash.
type User struct {
	ID          string    `json:"id"`
	Username    string    `json:"username"`
	Email       string    `json:"email"`
	Name        string    `json:"name"`
	Roles       []string  `json:"roles"`
	Permissions []string  `json:"permissions"`
	Disabled    bool      `json:"disabled"`
	Version     int64     `json:"version"`
	Created     time.Time `json:"created"`
}

func showUser(a account.Account) User {
	return User{a.ID, a.Username, a.Email, a.Name, some(a.Roles), some(a.Permissions), a.Disabled, a.Version, stored(a.Created)}
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

// UserSettings is the body of PUT /admin/v1/users/{id}, which replaces both.
type UserSettings struct {
	Email string `json:"email"`
	Name  string `json:"name"`
}

// UserRoles is the body of PUT /admin/v1/users/{id}/roles, which replaces both.
type UserRoles struct {
	Roles       []string `json:"roles"`
	Permissions []string `json:"permissions"`
}

// UserPassword is the body of PUT /admin/v1/users/{id}/password.
type UserPassword struct {
	Password string `json:"password"`
}

// CreateUser answers POST /admin/v1/users.
func (e *Endpoints) CreateUser(w http.ResponseWriter, r *http.Request) error {
	var in NewUser
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	who, err := once(w, r, in)
	if err != nil {
		return err
	}
	a, err := e.Accounts.Create(r.Context(), who, account.New(in))
	if id, err := e.repeated(w, r, who, err); err != nil {
		return err
	} else if id != "" {
		if a, err = e.Accounts.Get(r.Context(), id); err != nil {
			return err
		}
	}
	w.Header().Set("ETag", etag(a.ID, a.Revision, a.Created))
	return web.JSON(w, http.StatusCreated, showUser(a))
}

// ListUsers answers GET /admin/v1/users; ?username= finds one.
func (e *Endpoints) ListUsers(w http.ResponseWriter, r *http.Request) error {
	after, limit, err := page(r)
	if err != nil {
		return err
	}
	var people []account.Account
	if name := r.URL.Query().Get("username"); name != "" {
		a, err := e.Accounts.ByUsername(r.Context(), name)
		if err == nil {
			people = append(people, a)
		} else if !errors.Is(err, reason.New(reason.NotFound, nil)) {
			return err
		}
	} else if people, err = e.Accounts.List(r.Context(), after, limit+1); err != nil {
		return err
	}
	return writeList(w, people, limit, showUser, func(a account.Account) string { return a.ID })
}

// GetUser answers GET /admin/v1/users/{id}.
func (e *Endpoints) GetUser(w http.ResponseWriter, r *http.Request) error {
	a, err := e.Accounts.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return write(w, r, etag(a.ID, a.Revision, a.Created), showUser(a))
}

// changeUser runs one change of the account in the path, under If-Match.
func (e *Endpoints) changeUser(w http.ResponseWriter, r *http.Request, change func(who audit.Actor, id string, revision int64) error) error {
	id := r.PathValue("id")
	revision, err := expected(r, func() (revised, error) {
		a, err := e.Accounts.Get(r.Context(), id)
		return revised{a.ID, a.Revision, a.Created}, err
	})
	if err != nil {
		return err
	}
	return met(revision, change(actor(w), id, revision))
}

// UpdateUser answers PUT /admin/v1/users/{id}.
func (e *Endpoints) UpdateUser(w http.ResponseWriter, r *http.Request) error {
	var in UserSettings
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	var a account.Account
	if err := e.changeUser(w, r, func(who audit.Actor, id string, revision int64) (err error) {
		a, err = e.Accounts.Update(r.Context(), who, id, revision, in.Name, in.Email)
		return err
	}); err != nil {
		return err
	}
	w.Header().Set("ETag", etag(a.ID, a.Revision, a.Created))
	return web.JSON(w, http.StatusOK, showUser(a))
}

// SetPassword answers PUT /admin/v1/users/{id}/password.
func (e *Endpoints) SetPassword(w http.ResponseWriter, r *http.Request) error {
	var in UserPassword
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	return done(w, e.changeUser(w, r, func(who audit.Actor, id string, revision int64) error {
		return e.Accounts.SetPassword(r.Context(), who, id, revision, in.Password)
	}))
}

// SetRoles answers PUT /admin/v1/users/{id}/roles.
func (e *Endpoints) SetRoles(w http.ResponseWriter, r *http.Request) error {
	var in UserRoles
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	return done(w, e.changeUser(w, r, func(who audit.Actor, id string, revision int64) error {
		return e.Accounts.SetRoles(r.Context(), who, id, revision, in.Roles, in.Permissions)
	}))
}

// DisableUser answers POST /admin/v1/users/{id}/disable.
func (e *Endpoints) DisableUser(w http.ResponseWriter, r *http.Request) error {
	return done(w, e.changeUser(w, r, func(who audit.Actor, id string, revision int64) error {
		return e.Accounts.Disable(r.Context(), who, id, revision)
	}))
}

// EnableUser answers POST /admin/v1/users/{id}/enable.
func (e *Endpoints) EnableUser(w http.ResponseWriter, r *http.Request) error {
	return done(w, e.changeUser(w, r, func(who audit.Actor, id string, revision int64) error {
		return e.Accounts.Enable(r.Context(), who, id, revision)
	}))
}

// DeleteUser answers DELETE /admin/v1/users/{id}.
func (e *Endpoints) DeleteUser(w http.ResponseWriter, r *http.Request) error {
	return done(w, e.changeUser(w, r, func(who audit.Actor, id string, revision int64) error {
		return e.Accounts.Delete(r.Context(), who, id, revision)
	}))
}
