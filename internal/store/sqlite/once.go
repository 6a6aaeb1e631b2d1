package sqlite

import (
	"context"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/grant"
)

const (
	insertOnce = `INSERT INTO idempotency_keys (key_hash, request_hash, target_id, at) VALUES (?, ?, ?, ?) ON CONFLICT (key_hash) DO NOTHING`
	onceByKey  = `SELECT request_hash, target_id FROM idempotency_keys WHERE key_hash = ?`
)

// Done returns what was done under an idempotency key, or NotFound. It is
// remembered for a day.
func (s *Store) Done(ctx context.Context, key string) (audit.Done, error) {
	return get(ctx, s, func(r scanner) (d audit.Done, err error) { return d, r.Scan(&d.Request, &d.TargetID) }, onceByKey, key)
}

const (
	insertUsed = `INSERT INTO used (key, until) VALUES (?, ?) ON CONFLICT (key) DO NOTHING`

	insertPushed = `INSERT INTO pushed_requests (hash, client_id, parameters, created, expires, spent) VALUES (?, ?, ?, ?, ?, 0)`
	pushedByHash = `SELECT hash, client_id, parameters, created, expires, spent FROM pushed_requests WHERE hash = ?`
	spendPushed  = `UPDATE pushed_requests SET spent = 1 WHERE hash = ? AND client_id = ? AND spent = 0`
)

// Seen implements jwt.ReplayStore for what must stay used across a restart.
func (s *Store) Seen(ctx context.Context, key string, until time.Time) (bool, error) {
	used, err := won(s.update(ctx, func(t *tx) error { return t.must(errNone, insertUsed, key, millis(until)) }))
	return !used, err
}

// SavePushed implements grant.Store.
func (s *Store) SavePushed(ctx context.Context, p grant.Pushed) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.exec(insertPushed, p.Hash, p.ClientID, p.Parameters, millis(p.Created), millis(p.Expires))
		return err
	})
}

// Pushed implements grant.Store.
func (s *Store) Pushed(ctx context.Context, hash []byte) (grant.Pushed, error) {
	return get(ctx, s, func(r scanner) (p grant.Pushed, err error) {
		return p, r.Scan(&p.Hash, &p.ClientID, &p.Parameters, moment{&p.Created}, moment{&p.Expires}, &p.Spent)
	}, pushedByHash, hash)
}
