package admin

import (
	"net/http"
	"time"

	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/session"
)

// Session is a sign-in as the API shows it: never its cookie.
type Session struct {
	ID       string    `json:"id"`
	Subject  string    `json:"subject"`
	AMR      []string  `json:"amr"`
	AuthTime time.Time `json:"auth_time"`
	Expires  time.Time `json:"expires"`
	Ended    bool      `json:"ended"`
	Clients  []string  `json:"clients"` // that got an ID token in it
	Network  string    `json:"network,omitempty"`
	Browser  string    `json:"browser,omitempty"`
}

// ListSessions answers GET /admin/v1/users/{id}/sessions.
func (e *Endpoints) ListSessions(w http.ResponseWriter, r *http.Request) error {
	after, limit, err := page(r)
	if err != nil {
		return err
	}
	if _, err := e.Accounts.Get(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	sessions, err := e.Sessions.List(r.Context(), r.PathValue("id"), after, limit+1)
	if err != nil {
		return err
	}
	clients := map[string][]string{}
	for _, s := range sessions {
		if clients[s.ID], err = e.Sessions.Clients(r.Context(), s.ID); err != nil {
			return err
		}
	}
	return writeList(w, sessions, limit, func(s session.Session) Session {
		return Session{s.ID, s.Subject, some(s.AMR), s.AuthTime, s.Expires, s.Ended, some(clients[s.ID]), s.From.Network, s.From.Browser}
	}, func(s session.Session) string { return s.ID })
}

// EndSession answers DELETE /admin/v1/sessions/{id}: with its grants and tokens.
func (e *Endpoints) EndSession(w http.ResponseWriter, r *http.Request) error {
	return done(w, e.Sessions.Revoke(r.Context(), actor(w), r.PathValue("id")))
}

// Grant is what a person allowed a client.
type Grant struct {
	ID        string    `json:"id"`
	Subject   string    `json:"subject"`
	ClientID  string    `json:"client_id"`
	SessionID string    `json:"session_id"`
	Scopes    []string  `json:"scopes"`
	Audiences []string  `json:"audiences"`
	AuthTime  time.Time `json:"auth_time"`
	Created   time.Time `json:"created"`
	Expires   time.Time `json:"expires"`
	Ends      time.Time `json:"ends"`
	Revoked   bool      `json:"revoked"`
}

// ListGrants answers GET /admin/v1/users/{id}/grants.
func (e *Endpoints) ListGrants(w http.ResponseWriter, r *http.Request) error {
	after, limit, err := page(r)
	if err != nil {
		return err
	}
	if _, err := e.Accounts.Get(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	grants, err := e.Grants.List(r.Context(), r.PathValue("id"), after, limit+1)
	if err != nil {
		return err
	}
	return writeList(w, grants, limit, func(g grant.Grant) Grant {
		return Grant{g.ID, g.Subject, g.ClientID, g.SessionID, some(g.Scopes), some(g.Audiences), g.AuthTime, g.Created, g.Expires, g.Ends, g.Revoked}
	}, func(g grant.Grant) string { return g.ID })
}

// RevokeGrant answers DELETE /admin/v1/grants/{id}: with all it minted.
func (e *Endpoints) RevokeGrant(w http.ResponseWriter, r *http.Request) error {
	return done(w, e.Grants.RevokeGrant(r.Context(), actor(w), r.PathValue("id")))
}
