package admin

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/revoke"
)

// Edge is how far an edge has followed the revocation log. Behind is how many
// entries it lacks, absent when it follows another log.
type Edge struct {
	revoke.Position
	Behind *uint64 `json:"behind,omitempty"`
}

// ListEdges answers GET /admin/v1/edges.
func (e *Endpoints) ListEdges(w http.ResponseWriter, r *http.Request) error {
	after, limit, err := page(r)
	if err != nil {
		return err
	}
	place, err := base64.RawURLEncoding.DecodeString(after)
	if err != nil {
		return invalid("after is not a cursor of this list")
	}
	// The head first: a position that is reported meanwhile is never beyond it by mistake.
	log, head, err := e.Log.RevocationHead(r.Context())
	if err != nil {
		return err
	}
	all, err := e.Log.Positions(r.Context())
	if err != nil {
		return err
	}
	name := func(p revoke.Position) string { return p.ClientID + "\x00" + p.Instance }
	var items []revoke.Position
	for _, p := range all { // ordered by client and instance
		if name(p) > string(place) && len(items) <= limit {
			items = append(items, p)
		}
	}
	return writeList(w, items, limit, func(p revoke.Position) Edge {
		out := Edge{Position: p}
		if p.Log == log {
			behind := head - min(head, p.Seq)
			out.Behind = &behind
		}
		return out
	}, func(p revoke.Position) string { return base64.RawURLEncoding.EncodeToString([]byte(name(p))) })
}

// AuditEntry is one event of the audit trail.
type AuditEntry struct {
	Seq        uint64            `json:"seq"`
	At         time.Time         `json:"at"`
	ActorKind  string            `json:"actor_kind"`
	ActorID    string            `json:"actor_id"`
	RequestID  string            `json:"request_id"`
	Action     string            `json:"action"`
	TargetKind string            `json:"target_kind"`
	TargetID   string            `json:"target_id"`
	Detail     map[string]string `json:"detail,omitempty"`
}

// ListAudit answers GET /admin/v1/audit, newest first, filtered by its members.
func (e *Endpoints) ListAudit(w http.ResponseWriter, r *http.Request) error {
	before, limit, err := pageNumber(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	f := audit.Filter{Actor: audit.Actor{Kind: q.Get("actor_kind"), ID: q.Get("actor_id"), Request: q.Get("request_id")},
		Action: q.Get("action"), Target: audit.Target{Kind: q.Get("target_kind"), ID: q.Get("target_id")}}
	for name, to := range map[string]*time.Time{"from": &f.From, "until": &f.Until} {
		if text := q.Get(name); text != "" {
			if *to, err = time.Parse(time.RFC3339, text); err != nil {
				return invalid(name + " is not a time of RFC 3339")
			}
		}
	}
	entries, err := e.Log.AuditEntries(r.Context(), f, before, limit+1)
	if err != nil {
		return err
	}
	return writeList(w, entries, limit, func(v audit.Entry) AuditEntry {
		return AuditEntry{v.Seq, v.At, v.Actor.Kind, v.Actor.ID, v.Actor.Request, v.Action, v.Target.Kind, v.Target.ID, v.Detail}
	}, func(v audit.Entry) string { return strconv.FormatUint(v.Seq, 10) })
}
