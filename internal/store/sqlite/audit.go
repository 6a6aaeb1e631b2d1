package sqlite

import (
	"context"
	"math"

	"github.com/jotward/jotward/internal/audit"
)

// One query for each way in, so that each has an index; the rest of the filter
// is the same in all.
const (
	auditColumns = `SELECT seq, at, actor_kind, actor_id, request_id, action, target_kind, target_id, detail FROM audit WHERE `
	auditFilter  = ` AND seq < ? AND at >= ? AND at < ? AND (? = '' OR actor_kind = ?) AND (? = '' OR request_id = ?) AND (? = '' OR target_kind = ?) ORDER BY seq DESC LIMIT ?`

	auditAll      = auditColumns + `TRUE` + auditFilter
	auditByActor  = auditColumns + `actor_id = ? AND (? = '' OR action = ?) AND (? = '' OR target_id = ?)` + auditFilter
	auditByTarget = auditColumns + `target_id = ? AND (? = '' OR action = ?)` + auditFilter
	auditByAction = auditColumns + `action = ?` + auditFilter
)

// AuditEntries implements audit.Reader.
func (s *Store) AuditEntries(ctx context.Context, f audit.Filter, before uint64, limit int) ([]audit.Entry, error) {
	var q string
	var args []any
	switch a, t := f.Actor.ID, f.Target.ID; {
	case a != "":
		q, args = auditByActor, []any{a, f.Action, f.Action, t, t}
	case t != "":
		q, args = auditByTarget, []any{t, f.Action, f.Action}
	case f.Action != "":
		q, args = auditByAction, []any{f.Action}
	default:
		q = auditAll
	}
	if before == 0 || before > math.MaxInt64 {
		before = math.MaxInt64
	}
	until := int64(math.MaxInt64)
	if !f.Until.IsZero() {
		until = millis(f.Until)
	}
	args = append(args, int64(before), millis(f.From), until, f.Actor.Kind, f.Actor.Kind, f.Actor.Request, f.Actor.Request, f.Target.Kind, f.Target.Kind, limit)
	return list(ctx, s, func(r scanner) (e audit.Entry, err error) {
		return e, r.Scan(&e.Seq, moment{&e.At}, &e.Actor.Kind, &e.Actor.ID, &e.Actor.Request, &e.Action, &e.Target.Kind, &e.Target.ID,
			text[map[string]string]{&e.Detail})
	}, q, args...)
}
