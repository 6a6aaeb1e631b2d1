// Package admin serves /admin/v1 on the admin listener. Every call carries the
// admin token. openapi.json describes it, and a test compares the two.
package admin

import (
	"context"
	_ "embed" // the description
	"net/http"
	"net/url"
	"slices"
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
	Register *client.Registrar
	Ring     *keyring.Ring
	Sessions *session.Service
	Grants   *grant.Service
	Log      Log
	Now      func() time.Time
}

// Routes is the mount list of the API.
func (e *Endpoints) Routes() []web.Route {
	route := func(pattern string, h web.HandlerFunc, parameters ...string) web.Route {
		return web.Route{Pattern: pattern, Style: web.Problem, Handler: web.Bearer(e.Token, withoutKey(asked(h, parameters...)))}
	}
	// Only what makes something may be sent with an Idempotency-Key.
	makes := func(pattern string, h web.HandlerFunc) web.Route {
		return web.Route{Pattern: pattern, Style: web.Problem, Handler: web.Bearer(e.Token, asked(h))}
	}
	list := func(pattern string, h web.HandlerFunc, filters ...string) web.Route {
		return route(pattern, h, append(filters, "after", "limit")...)
	}
	return []web.Route{
		route("GET /admin/v1/openapi.json", openAPI),
		list("GET /admin/v1/clients", e.ListClients),
		makes("POST /admin/v1/clients", e.CreateClient),
		route("GET /admin/v1/clients/{id}", e.GetClient),
		route("PUT /admin/v1/clients/{id}", e.UpdateClient),
		route("DELETE /admin/v1/clients/{id}", e.DeleteClient),
		route("POST /admin/v1/clients/{id}/secret", e.RotateSecret),
		route("POST /admin/v1/clients/{id}/disable", e.DisableClient),
		route("POST /admin/v1/clients/{id}/enable", e.EnableClient),
		list("GET /admin/v1/registration_tokens", e.ListRegistrationTokens),
		makes("POST /admin/v1/registration_tokens", e.CreateRegistrationToken),
		route("DELETE /admin/v1/registration_tokens/{id}", e.DeleteRegistrationToken),
		list("GET /admin/v1/users", e.ListUsers, "username"),
		makes("POST /admin/v1/users", e.CreateUser),
		route("GET /admin/v1/users/{id}", e.GetUser),
		route("PUT /admin/v1/users/{id}", e.UpdateUser),
		route("DELETE /admin/v1/users/{id}", e.DeleteUser),
		route("PUT /admin/v1/users/{id}/password", e.SetPassword),
		route("PUT /admin/v1/users/{id}/roles", e.SetRoles),
		route("POST /admin/v1/users/{id}/disable", e.DisableUser),
		route("POST /admin/v1/users/{id}/enable", e.EnableUser),
		list("GET /admin/v1/users/{id}/sessions", e.ListSessions),
		list("GET /admin/v1/users/{id}/grants", e.ListGrants),
		route("DELETE /admin/v1/sessions/{id}", e.EndSession),
		route("DELETE /admin/v1/grants/{id}", e.RevokeGrant),
		list("GET /admin/v1/revocations", e.ListRevocations),
		makes("POST /admin/v1/revocations", e.Revoke),
		route("POST /admin/v1/tokens/explain", e.ExplainToken),
		list("GET /admin/v1/keys/{purpose}", e.ListKeys),
		route("GET /admin/v1/keys/{purpose}/status", e.StatusOfKeys),
		makes("POST /admin/v1/keys/{purpose}/rotate", e.RotateKey),
		route("POST /admin/v1/keys/{purpose}/{kid}/retire", e.RetireKey),
		route("POST /admin/v1/keys/{purpose}/{kid}/replace", e.ReplaceKey),
		route("POST /admin/v1/keys/{purpose}/rollback", e.RollBackKey),
		list("GET /admin/v1/edges", e.ListEdges),
		list("GET /admin/v1/audit", e.ListAudit, "actor_kind", "actor_id", "request_id", "action", "target_kind", "target_id", "from", "until"),
	}
}

//go:embed openapi.json
var description []byte

func openAPI(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	_, err := w.Write(description)
	return err
}

// asked refuses a query that the route does not read whole. A filter that is
// misspelt, or has no value, would show more than was asked for.
func asked(h web.HandlerFunc, parameters ...string) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		query, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return invalid("the query cannot be read")
		}
		for name, values := range query {
			switch {
			case !slices.Contains(parameters, name):
				return invalid("no parameter of it is called " + strconv.QuoteToASCII(name[:min(len(name), 64)]))
			case len(values) > 1:
				return invalid(name + " is there twice")
			case values[0] == "" && name != "after":
				return invalid(name + " has no value")
			}
		}
		return h(w, r)
	}
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
