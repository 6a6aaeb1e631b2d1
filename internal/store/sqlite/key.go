package sqlite

import (
	"context"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/keyring"
)

const keyColumns = `id, purpose, algorithm, master_id, public, sealed, created, activates, retires, gone, leads`

const (
	listKeys       = `SELECT ` + keyColumns + ` FROM signing_keys ORDER BY activates DESC, created DESC, id`
	keyGeneration  = `SELECT generation FROM signing_keys_head WHERE one = 1`
	nextGeneration = `UPDATE signing_keys_head SET generation = generation + 1 WHERE one = 1 AND generation = ?`
	upsertKey      = `INSERT INTO signing_keys (` + keyColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET master_id = excluded.master_id, sealed = excluded.sealed, activates = excluded.activates, retires = excluded.retires, gone = excluded.gone, leads = excluded.leads`
)

func scanKey(r scanner) (k keyring.Key, err error) {
	return k, r.Scan(&k.ID, &k.Purpose, (*string)(&k.Algorithm), &k.MasterID, &k.Public, &k.Sealed,
		moment{&k.Created}, moment{&k.Activates}, moment{&k.Retires}, moment{&k.Gone}, moment{&k.Leads})
}

// Keys implements keyring.Store. The generation is read first: when a change
// comes between, it is the older one, and the next look sees the difference.
func (s *Store) Keys(ctx context.Context) ([]keyring.Key, int64, error) {
	generation, err := s.KeyGeneration(ctx)
	if err != nil {
		return nil, 0, err
	}
	keys, err := list(ctx, s, scanKey, listKeys)
	return keys, generation, err
}

// KeyGeneration implements keyring.Store.
func (s *Store) KeyGeneration(ctx context.Context) (int64, error) {
	return get(ctx, s, scanOne[int64], keyGeneration)
}

// SaveKeys implements keyring.Store.
func (s *Store) SaveKeys(ctx context.Context, keys []keyring.Key, from int64, act audit.Act) error {
	return s.write(ctx, act, func(t *tx) error {
		if err := t.must(conflict, nextGeneration, from); err != nil {
			return err
		}
		for _, k := range keys {
			if _, err := t.exec(upsertKey, k.ID, k.Purpose, string(k.Algorithm), k.MasterID, k.Public, k.Sealed,
				millis(k.Created), millis(k.Activates), millis(k.Retires), millis(k.Gone), millis(k.Leads)); err != nil {
				return err
			}
		}
		return nil
	})
}
