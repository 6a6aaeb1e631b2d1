package sqlite

import (
	"context"
	"encoding/json"
	"errors"
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
	listPositions  = `SELECT client_id, instance, log_id, seq, lag_ms, version, at, (SELECT json_group_array(json_array(kid, since)) FROM edge_keys k WHERE k.client_id = positions.client_id AND k.instance = positions.instance) FROM positions ORDER BY client_id, instance`
	dropEdgeKeys   = `DELETE FROM edge_keys WHERE client_id = ? AND instance = ? AND kid NOT IN (SELECT value FROM json_each(?))`
	addEdgeKey     = `INSERT INTO edge_keys (client_id, instance, kid, since) VALUES (?, ?, ?, ?) ON CONFLICT (client_id, instance, kid) DO NOTHING`
)

// number is the column's form of a sequence number that an edge may have made up.
func number(seq uint64) int64 { return int64(min(seq, math.MaxInt64)) }

// Record implements grant.Store: the act holds all there is.
func (s *Store) Record(ctx context.Context, act audit.Act) error {
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

// SavePosition remembers how far an edge has followed the log, and which keys it
// has: those that are new are had since At.
func (s *Store) SavePosition(ctx context.Context, p revoke.Position) error {
	var kids []string
	for _, k := range p.Keys {
		kids = append(kids, k.KeyID)
	}
	return s.update(ctx, func(t *tx) error {
		if _, err := t.exec(upsertPosition, p.ClientID, p.Instance, p.Log, number(p.Seq), p.LagMS, p.Version, millis(p.At)); err != nil {
			return err
		}
		if _, err := t.exec(dropEdgeKeys, p.ClientID, p.Instance, array(kids)); err != nil {
			return err
		}
		for _, kid := range kids {
			if _, err := t.exec(addEdgeKey, p.ClientID, p.Instance, kid, millis(p.At)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Positions returns every edge's position.
func (s *Store) Positions(ctx context.Context) ([]revoke.Position, error) {
	return list(ctx, s, func(r scanner) (p revoke.Position, err error) {
		return p, r.Scan(&p.ClientID, &p.Instance, &p.Log, &p.Seq, &p.LagMS, &p.Version, moment{&p.At}, heldKeys{&p.Keys})
	}, listPositions)
}

// heldKeys reads a JSON array of pairs of kid and moment.
type heldKeys struct{ to *[]revoke.HeldKey }

// Scan implements sql.Scanner.
func (h heldKeys) Scan(v any) error {
	text, ok := v.(string)
	if !ok {
		return errors.New("sqlite: keys that are no text")
	}
	var pairs [][2]any
	if err := json.Unmarshal([]byte(text), &pairs); err != nil {
		return err
	}
	for _, p := range pairs {
		kid, _ := p[0].(string)
		since, _ := p[1].(float64)
		*h.to = append(*h.to, revoke.HeldKey{KeyID: kid, Since: time.UnixMilli(int64(since)).UTC()})
	}
	return nil
}
