package admin

import (
	"net/http"
	"time"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/web"
)

// RegistrationToken is an initial access token (RFC 7591 3) as the API shows it. Token is
// there once, when it was made.
type RegistrationToken struct {
	ID      string    `json:"id"`
	Token   string    `json:"token,omitempty"`
	Uses    int       `json:"uses"` // that are left
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
}

// NewRegistrationToken is the body of POST /admin/v1/registration_tokens.
type NewRegistrationToken struct {
	Uses      int   `json:"uses"`
	ExpiresIn int64 `json:"expires_in"` // seconds
}

func showRegistrationToken(t client.InitialToken) RegistrationToken {
	return RegistrationToken{ID: t.ID, Uses: t.Uses, Created: stored(t.Created), Expires: stored(t.Expires)}
}

// CreateRegistrationToken answers POST /admin/v1/registration_tokens.
func (e *Endpoints) CreateRegistrationToken(w http.ResponseWriter, r *http.Request) error {
	var in NewRegistrationToken
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	who, err := once(w, r, in)
	if err != nil {
		return err
	}
	life, err := seconds(in.ExpiresIn, client.MaxInitialLife, "expires_in is outside a minute to a year")
	if err != nil {
		return err
	}
	t, text, err := e.Register.NewInitialToken(r.Context(), who, in.Uses, life)
	if id, err := e.repeated(w, r, who, err); err != nil {
		return err
	} else if id != "" {
		return &reason.Error{Code: reason.Conflict, Detail: "this request made the token " + id + " before, and it was shown then: delete it if it is lost"}
	}
	out := showRegistrationToken(t)
	out.Token = text
	return web.JSON(w, http.StatusCreated, out)
}

// ListRegistrationTokens answers GET /admin/v1/registration_tokens.
func (e *Endpoints) ListRegistrationTokens(w http.ResponseWriter, r *http.Request) error {
	after, limit, err := page(r)
	if err != nil {
		return err
	}
	tokens, err := e.Register.InitialTokens(r.Context(), after, limit+1)
	if err != nil {
		return err
	}
	return writeList(w, tokens, limit, showRegistrationToken, func(t client.InitialToken) string { return t.ID })
}

// DeleteRegistrationToken answers DELETE /admin/v1/registration_tokens/{id}.
func (e *Endpoints) DeleteRegistrationToken(w http.ResponseWriter, r *http.Request) error {
	return done(w, e.Register.DeleteInitialToken(r.Context(), actor(w), r.PathValue("id")))
}
