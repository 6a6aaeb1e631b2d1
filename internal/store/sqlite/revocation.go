package sqlite

import (
	"context"
	"math"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/internal/secret"
)

const revocationColumns = `seq, kind, id, version, before, expires, at, reason`

const (
	tokenRevoked      = `SELECT EXISTS (SELECT 1 FROM revocations WHERE kind = ? AND id = ?)`
	revocationsAfter  = `SELECT ` + revocationColumns + ` FROM revocations WHERE seq > ? ORDER BY seq LIMIT ?`
	revocationHead    = `SELECT log_id, seq FROM revocation_head WHERE one = 1`
	activeRevocations = `SELECT ` + revocationColumns + ` FROM revocations WHERE expires > ? ORDER BY seq`
	restartLog        = `UPDATE revocation_head SET log_id = ? WHERE one = 1 AND log_id = ? AND seq < ?`

	upsertPosition = `INSERT INTO positions (client_id, instance, log_id, seq, lag_ms, version, at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (client_id, instance) DO UPDATE SET log_id = excluded.log_id, seq = excluded.seq, lag_ms = excluded.lag_ms, version = excluded.version, at = excluded.at`
	listPositions  = `SELECT client_id, instance, log_id, seq, lag_ms, version, at FROM positions ORDER BY client_id, instance`
)

// number is the column's form of a sequence number that an edge may have made up.
func number(seq uint64) int64 { return int64(min(seq, math.MaxInt64)) }

// RevokeToken implements grant.Store: the act holds the entry.
func (s *Store) RevokeToken(ctx context.Context, act audit.Act) error {
	return s.write(ctx, act, func(*tx) error { return nil })
}

// TokenRevoked implements grant.Store.
func (s *Store) TokenRevoked(ctx context.Context, jti string) (bool, error) {
	return get(ctx, s, scanOne[bool], tokenRevoked, string(revoke.KindToken), jti)
}

func scanRevocation(r scanner) (e revoke.Entry, err error) {
	return e, r.Scan(&e.Seq, (*string)(&e.Kind), &e.ID, &e.Version, moment{&e.Before}, moment{&e.Expires}, moment{&e.At}, (*string)(&e.Reason))
}

// RevocationsAfter returns the log after a number, in order.
func (s *Store) RevocationsAfter(ctx context.Context, after uint64, limit int) ([]revoke.Entry, error) {
	return list(ctx, s, scanRevocation, revocationsAfter, number(after), limit)
}

// RevocationHead returns the log's id and last number.
func (s *Store) RevocationHead(ctx context.Context) (logID string, seq uint64, err error) {
	head, err := get(ctx, s, func(r scanner) (v revoke.Position, err error) { return v, r.Scan(&v.Log, &v.Seq) }, revocationHead)
	return head.Log, head.Seq, err
}

// ActiveRevocations returns the entries that may not be forgotten yet.
func (s *Store) ActiveRevocations(ctx context.Context, now time.Time) ([]revoke.Entry, error) {
	return list(ctx, s, scanRevocation, activeRevocations, millis(now))
}

// RestartLog gives the log a new id when an edge has heard more of logID than
// this database knows: it was restored from a backup, and the numbers that are
// given next would mean something else to that edge. One conditional statement
// decides; false means that there was no cause, or another was first.
func (s *Store) RestartLog(ctx context.Context, logID string, above uint64, act audit.Act) (bool, error) {
	return won(s.write(ctx, act, func(t *tx) error {
		return t.must(errNone, restartLog, secret.ID(""), logID, number(above))
	}))
}

// SavePosition remembers how far an edge has followed the log.
func (s *Store) SavePosition(ctx context.Context, p revoke.Position) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.exec(upsertPosition, p.ClientID, p.Instance, p.Log, number(p.Seq), p.LagMS, p.Version, millis(p.At))
		return err
	})
}

// Positions returns every edge's position.
func (s *Store) Positions(ctx context.Context) ([]revoke.Position, error) {
	return list(ctx, s, func(r scanner) (p revoke.Position, err error) {
		return p, r.Scan(&p.ClientID, &p.Instance, &p.Log, &p.Seq, &p.LagMS, &p.Version, moment{&p.At})
	}, listPositions)
}
