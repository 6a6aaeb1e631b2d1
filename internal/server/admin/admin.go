// Package admin serves /admin/v1 on the admin listener: clients, users, keys,
// revocations and the edges' positions. Every call carries the admin token.
package admin

import (
	"context"
	"errors"
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

// Endpoints serve the admin API.
type Endpoints struct {
	Token     string
	Accounts  *account.Service
	Clients   *client.Service
	Ring      *keyring.Ring
	Sessions  *session.Service
	Grants    *grant.Service
	Positions func(ctx context.Context) ([]revoke.Position, error) // how far each edge has got
	Now       func() time.Time
}

func actor(w http.ResponseWriter) audit.Actor {
	return audit.Actor{Kind: "admin", ID: "admin", Request: w.Header().Get("X-Request-Id")}
}

// page reads the cursor of a list: after is the last id seen.
func page(r *http.Request) (after string, limit int, err error) {
	limit = 100
	if text := r.URL.Query().Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > 1000 {
			return "", 0, reason.New(reason.RequestInvalid, errors.New("limit is a number from 1 to 1000"))
		}
	}
	return r.URL.Query().Get("after"), limit, nil
}

func list[T any](items []T, limit int, id func(T) string) map[string]any {
	out := map[string]any{"items": items}
	if len(items) == limit {
		out["next"] = id(items[len(items)-1])
	}
	return out
}

// Revocation is one act of revoking.
type Revocation struct {
	Kind revoke.Kind `json:"kind"`
	ID   string      `json:"id"`
}

// Revoke answers POST /admin/v1/revocations: kinds token, grant and session by
// their id, subject and client by raising their version.
func (e *Endpoints) Revoke(w http.ResponseWriter, r *http.Request) error {
	var in Revocation
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	if in.ID == "" || len(in.ID) > 256 {
		return reason.New(reason.RequestInvalid, errors.New("id is missing or too long"))
	}
	if err := e.revoke(r.Context(), actor(w), in); err != nil {
		return err
	}
	return web.JSON(w, http.StatusCreated, in)
}

func (e *Endpoints) revoke(ctx context.Context, who audit.Actor, in Revocation) error {
	switch in.Kind {
	case revoke.KindToken:
		return e.Grants.RevokeTokenID(ctx, who, in.ID)
	case revoke.KindGrant:
		return e.Grants.RevokeGrant(ctx, who, in.ID)
	case revoke.KindSession:
		return e.Sessions.Revoke(ctx, who, in.ID)
	case revoke.KindKey:
		return e.Ring.Retire(ctx, who, keyring.PurposeToken, in.ID)
	case revoke.KindSubject:
		return e.Accounts.RevokeTokens(ctx, who, in.ID)
	case revoke.KindClient:
		return e.Clients.RevokeTokens(ctx, who, in.ID)
	}
	return reason.New(reason.RequestInvalid, errors.New("kind is one of token, grant, session, subject, client, key"))
}

// Edges answers GET /admin/v1/edges.
func (e *Endpoints) Edges(w http.ResponseWriter, r *http.Request) error {
	items, err := e.Positions(r.Context())
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, map[string]any{"items": items})
}

// Rotate answers POST /admin/v1/keys/{purpose}/rotate.
func (e *Endpoints) Rotate(w http.ResponseWriter, r *http.Request) error {
	key, err := e.Ring.Rotate(r.Context(), actor(w), r.PathValue("purpose"), keyring.DefaultAlgorithm)
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusCreated, map[string]any{"kid": key.ID, "purpose": key.Purpose, "state": key.State(e.Now())})
}

// Keys answers GET /admin/v1/keys/{purpose}.
func (e *Endpoints) Keys(w http.ResponseWriter, r *http.Request) error {
	keys, err := e.Ring.List(r.Context(), r.PathValue("purpose"))
	if err != nil {
		return err
	}
	items := []map[string]any{}
	for _, k := range keys {
		items = append(items, map[string]any{"kid": k.ID, "purpose": k.Purpose, "state": k.State(e.Now()), "created": k.Created})
	}
	return web.JSON(w, http.StatusOK, map[string]any{"items": items})
}

// Retire answers POST /admin/v1/keys/{purpose}/{kid}/retire.
func (e *Endpoints) Retire(w http.ResponseWriter, r *http.Request) error {
	return e.done(w, e.Ring.Retire(r.Context(), actor(w), r.PathValue("purpose"), r.PathValue("kid")))
}
