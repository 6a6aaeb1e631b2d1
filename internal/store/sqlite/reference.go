package sqlite

import (
	"context"
	"encoding/json"

	"github.com/jotward/jotward/internal/grant"
)

const (
	insertReference = `INSERT INTO reference_tokens (hash, claims, expires) VALUES (?, ?, ?)`
	referenceByHash = `SELECT hash, claims, expires FROM reference_tokens WHERE hash = ?`
)

// SaveReference implements grant.Store.
func (s *Store) SaveReference(ctx context.Context, r grant.Reference) error {
	claims, err := json.Marshal(r.Access)
	if err != nil {
		return err
	}
	return s.update(ctx, func(t *tx) error {
		_, err := t.exec(insertReference, r.Hash, string(claims), millis(r.Expires))
		return err
	})
}

// Reference implements grant.Store.
func (s *Store) Reference(ctx context.Context, hash []byte) (grant.Reference, error) {
	return get(ctx, s, func(row scanner) (r grant.Reference, err error) {
		var claims []byte
		if err = row.Scan(&r.Hash, &claims, moment{&r.Expires}); err == nil {
			err = json.Unmarshal(claims, &r.Access)
		}
		return r, err
	}, referenceByHash, hash)
}
