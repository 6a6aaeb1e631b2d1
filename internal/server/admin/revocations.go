package admin

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/internal/web"
)

// Revocation is one act of revoking: the body of POST /admin/v1/revocations.
type Revocation struct {
	Kind revoke.Kind `json:"kind"`
	ID   string      `json:"id"`
}

// Revoke answers POST /admin/v1/revocations: kinds token, grant and session by
// their id, subject with its sessions and grants, a client's access tokens
// alone, for its grants are other people's, and key by its kid.
func (e *Endpoints) Revoke(w http.ResponseWriter, r *http.Request) error {
	var in Revocation
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	if in.ID == "" || len(in.ID) > 256 {
		return invalid("id is missing or too long")
	}
	who, err := once(w, r, in)
	if err != nil {
		return err
	}
	if _, err := e.repeated(w, r, who, e.revoke(r.Context(), who, in)); err != nil {
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
		return e.revokeKey(ctx, who, in.ID)
	case revoke.KindSubject:
		return e.Accounts.Revoke(ctx, who, in.ID)
	case revoke.KindClient:
		return e.Clients.RevokeTokens(ctx, who, in.ID)
	}
	return invalid("kind is one of token, grant, session, subject, client, key")
}

// revokeKey retires the key of that kid, whichever tokens it signs. The feed's are none that
// edges are told of.
func (e *Endpoints) revokeKey(ctx context.Context, who audit.Actor, kid string) error {
	purposes, err := e.Ring.Purposes(ctx)
	if err != nil {
		return err
	}
	missing := reason.New(reason.NotFound, nil)
	for _, purpose := range purposes {
		if purpose == keyring.PurposeFeed {
			continue
		}
		if err := e.Ring.Retire(ctx, who, purpose, kid); !errors.Is(err, missing) {
			return err
		}
	}
	return missing
}

// LogEntry is one line of the revocation log.
type LogEntry struct {
	Seq     uint64      `json:"seq"`
	Kind    revoke.Kind `json:"kind"`
	ID      string      `json:"id"`
	Version int64       `json:"version,omitempty"`
	Expires time.Time   `json:"expires"`
	At      time.Time   `json:"at"`
	Reason  string      `json:"reason"`
}

// ListRevocations answers GET /admin/v1/revocations: the log after a number,
// in order. What no living token can match any more is forgotten.
func (e *Endpoints) ListRevocations(w http.ResponseWriter, r *http.Request) error {
	after, limit, err := pageNumber(r)
	if err != nil {
		return err
	}
	entries, err := e.Log.RevocationsAfter(r.Context(), after, limit+1)
	if err != nil {
		return err
	}
	return writeList(w, entries, limit, func(v revoke.Entry) LogEntry {
		return LogEntry{v.Seq, v.Kind, v.ID, v.Version, v.Expires, v.At, string(v.Reason)}
	}, func(v revoke.Entry) string { return strconv.FormatUint(v.Seq, 10) })
}
