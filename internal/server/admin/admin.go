// Package admin serves /admin/v1 on the admin listener. Every call carries the
// admin token. openapi.json describes it, and a test compares the two.
package admin

import (
	"context"
	_ "embed" // the description
	"net/http"
	"strconv"
	"time"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/internal/session"
	"github.com/jotward/jotward/internal/web"
)

// Log is what the API reads of the store directly: lists that no service owns.
type Log interface {
	audit.Reader
	Positions(ctx context.Context) ([]revoke.Position, error) // how far each edge has got
	RevocationHead(ctx context.Context) (log string, seq uint64, err error)
	RevocationsAfter(ctx context.Context, after uint64, limit int) ([]revoke.Entry, error)
	Done(ctx context.Context, key string) (audit.Done, error)
}

// Endpoints serve the admin API.
type Endpoints struct {
	Token    string
	Accounts *account.Service
	Clients  *client.Service
	Ring     *keyring.Ring
	Sessions *session.Service
	Grants   *grant.Service
	Log      Log
	Now      func() time.Time
}

// Routes is the mount list of the API.
func (e *Endpoints) Routes() []web.Route {
	route := func(pattern string, h web.HandlerFunc) web.Route {
		return web.Route{Pattern: pattern, Style: web.Problem, Handler: web.Bearer(e.Token, withoutKey(h))}
	}
	// Only what makes something may be sent with an Idempotency-Key.
	makes := func(pattern string, h web.HandlerFunc) web.Route {
		return web.Route{Pattern: pattern, Style: web.Problem, Handler: web.Bearer(e.Token, h)}
	}
	return []web.Route{
		route("GET /admin/v1/openapi.json", openAPI),
		route("GET /admin/v1/clients", e.ListClients),
		makes("POST /admin/v1/clients", e.CreateClient),
		route("GET /admin/v1/clients/{id}", e.GetClient),
		route("PUT /admin/v1/clients/{id}", e.UpdateClient),
		route("DELETE /admin/v1/clients/{id}", e.DeleteClient),
		route("POST /admin/v1/clients/{id}/secret", e.RotateSecret),
		route("POST /admin/v1/clients/{id}/disable", e.DisableClient),
		route("POST /admin/v1/clients/{id}/enable", e.EnableClient),
		route("GET /admin/v1/users", e.ListUsers),
		makes("POST /admin/v1/users", e.CreateUser),
		route("GET /admin/v1/users/{id}", e.GetUser),
		route("PUT /admin/v1/users/{id}", e.UpdateUser),
		route("DELETE /admin/v1/users/{id}", e.DeleteUser),
		route("PUT /admin/v1/users/{id}/password", e.SetPassword),
		route("PUT /admin/v1/users/{id}/roles", e.SetRoles),
		route("POST /admin/v1/users/{id}/disable", e.DisableUser),
		route("POST /admin/v1/users/{id}/enable", e.EnableUser),
		route("GET /admin/v1/users/{id}/sessions", e.ListSessions),
		route("GET /admin/v1/users/{id}/grants", e.ListGrants),
		route("DELETE /admin/v1/sessions/{id}", e.EndSession),
		route("DELETE /admin/v1/grants/{id}", e.RevokeGrant),
		route("GET /admin/v1/revocations", e.ListRevocations),
		makes("POST /admin/v1/revocations", e.Revoke),
		route("GET /admin/v1/keys/{purpose}", e.ListKeys),
		makes("POST /admin/v1/keys/{purpose}/rotate", e.RotateKey),
		route("POST /admin/v1/keys/{purpose}/{kid}/retire", e.RetireKey),
		route("GET /admin/v1/edges", e.ListEdges),
		route("GET /admin/v1/audit", e.ListAudit),
	}
}

//go:embed openapi.json
var description []byte

func openAPI(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	_, err := w.Write(description)
	return err
}

func actor(w http.ResponseWriter) audit.Actor {
	return audit.Actor{Kind: "admin", ID: "admin", Request: w.Header().Get("X-Request-Id")}
}

func invalid(detail string) error {
	return &reason.Error{Code: reason.RequestInvalid, Detail: detail}
}

// page reads the cursor of a list, which is next of the page before.
func page(r *http.Request) (after string, limit int, err error) {
	query := r.URL.Query()
	limit = 100
	if text := query.Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > 1000 {
			return "", 0, invalid("limit is a number from 1 to 1000")
		}
	}
	return query.Get("after"), limit, nil
}

// pageNumber is page for lists whose cursor is a sequence number.
func pageNumber(r *http.Request) (after uint64, limit int, err error) {
	text, limit, err := page(r)
	if err == nil && text != "" {
		if after, err = strconv.ParseUint(text, 10, 63); err != nil {
			err = invalid("after is not a cursor of this list")
		}
	}
	return after, limit, err
}

// writeList writes one page of what was read with a limit of one more; show makes
// the item that the API shows.
func writeList[S, T any](w http.ResponseWriter, items []S, limit int, show func(S) T, cursor func(S) string) error {
	out := struct {
		Items []T    `json:"items"`
		Next  string `json:"next,omitempty"`
	}{}
	if len(items) > limit {
		items = items[:limit]
		out.Next = cursor(items[limit-1])
	}
	out.Items = make([]T, len(items))
	for i, item := range items {
		out.Items[i] = show(item)
	}
	return web.JSON(w, http.StatusOK, out)
}

func done(w http.ResponseWriter, err error) error {
	if err != nil {
		return err
	}
	return web.Empty(w, http.StatusNoContent)
}
