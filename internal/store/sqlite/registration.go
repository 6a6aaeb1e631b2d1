package sqlite

import (
	"context"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/reason"
)

const initialColumns = `id, hash, uses, created, expires`

const (
	insertInitial = `INSERT INTO initial_tokens (` + initialColumns + `) VALUES (?, ?, ?, ?, ?)`
	initialByHash = `SELECT ` + initialColumns + ` FROM initial_tokens WHERE hash = ?`
	listInitial   = `SELECT ` + initialColumns + ` FROM initial_tokens WHERE id > ? ORDER BY id LIMIT ?`
	deleteInitial = `DELETE FROM initial_tokens WHERE id = ?`
	spendInitial  = `UPDATE initial_tokens SET uses = uses - 1 WHERE hash = ? AND uses > 0 AND expires > ?`

	insertRegistration = `INSERT INTO registrations (client_id, token_hash, auth_method) VALUES (?, ?, ?)`
	registrationByID   = `SELECT token_hash, auth_method FROM registrations WHERE client_id = ?`
	countRegistrations = `SELECT COUNT(*) FROM registrations`
	rotateRegistration = `UPDATE registrations SET token_hash = ? WHERE client_id = ?`
)

func scanInitial(r scanner) (t client.InitialToken, err error) {
	return t, r.Scan(&t.ID, &t.Hash, &t.Uses, moment{&t.Created}, moment{&t.Expires})
}

// SaveInitialToken implements client.InitialTokens.
func (s *Store) SaveInitialToken(ctx context.Context, v client.InitialToken, act audit.Act) error {
	return s.write(ctx, act, func(t *tx) error {
		_, err := t.exec(insertInitial, v.ID, v.Hash, v.Uses, millis(v.Created), millis(v.Expires))
		return err
	})
}

// InitialToken implements client.InitialTokens.
func (s *Store) InitialToken(ctx context.Context, hash []byte) (client.InitialToken, error) {
	return get(ctx, s, scanInitial, initialByHash, hash)
}

// ListInitialTokens implements client.InitialTokens.
func (s *Store) ListInitialTokens(ctx context.Context, after string, limit int) ([]client.InitialToken, error) {
	return list(ctx, s, scanInitial, listInitial, after, limit)
}

// DeleteInitialToken implements client.InitialTokens.
func (s *Store) DeleteInitialToken(ctx context.Context, id string, act audit.Act) error {
	return s.write(ctx, act, func(t *tx) error { return t.must(reason.New(reason.NotFound, nil), deleteInitial, id) })
}

// Register implements client.Registrations.
func (s *Store) Register(ctx context.Context, r client.Registration, initial []byte, most int, act audit.Act) (version int64, err error) {
	err = s.write(ctx, act, func(t *tx) error {
		if initial != nil {
			if err := t.must(reason.New(reason.RegistrationTokenInvalid, nil), spendInitial, initial, millis(act.At)); err != nil {
				return err
			}
		}
		var have int
		if err := t.row(countRegistrations, nil, &have); err != nil {
			return err
		}
		if have >= most {
			return reason.New(reason.RegistrationsExceeded, nil)
		}
		if version, err = t.createClient(r.Client); err != nil {
			return err
		}
		_, err := t.exec(insertRegistration, r.Client.ID, r.TokenHash, r.AuthMethod)
		return err
	})
	return version, err
}

// Registration implements client.Registrations.
func (s *Store) Registration(ctx context.Context, clientID string) (client.Registration, error) {
	r, err := get(ctx, s, func(row scanner) (r client.Registration, err error) {
		return r, row.Scan(&r.TokenHash, &r.AuthMethod)
	}, registrationByID, clientID)
	if err == nil {
		r.Client, err = s.Client(ctx, clientID)
	}
	return r, err
}

// UpdateRegistration implements client.Registrations.
func (s *Store) UpdateRegistration(ctx context.Context, r client.Registration, from int64, act audit.Act) error {
	return s.write(ctx, act, func(t *tx) error {
		if err := t.must(conflict, rotateRegistration, r.TokenHash, r.Client.ID); err != nil {
			return err
		}
		return t.updateClient(r.Client, from)
	})
}
