package sqlite

import (
	"context"

	"github.com/jotward/jotward/internal/audit"
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
