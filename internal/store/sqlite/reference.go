package sqlite

import (
	"context"

	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/token"
)

const (
	insertReference = `INSERT INTO reference_tokens (hash, kid, claims, expires) VALUES (?, ?, ?, ?)`
	referenceByHash = `SELECT hash, kid, claims, expires FROM reference_tokens WHERE hash = ?`
)

// SaveReference implements grant.Store.
func (s *Store) SaveReference(ctx context.Context, r grant.Reference) error {
	claims, err := token.Join(r.Access, r.Access.Extra)
	if err != nil {
		return err
	}
	return s.update(ctx, func(t *tx) error {
		_, err := t.exec(insertReference, r.Hash, r.KeyID, string(claims), millis(r.Expires))
		return err
	})
}

// Reference implements grant.Store.
func (s *Store) Reference(ctx context.Context, hash []byte) (grant.Reference, error) {
	return get(ctx, s, func(row scanner) (r grant.Reference, err error) {
		var claims []byte
		if err = row.Scan(&r.Hash, &r.KeyID, &claims, moment{&r.Expires}); err == nil {
			r.Access, err = token.Split(claims)
		}
		return r, err
	}, referenceByHash, hash)
}
