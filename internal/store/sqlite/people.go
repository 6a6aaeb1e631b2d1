package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/session"
)

var conflict = reason.New(reason.Conflict, nil)

// CreateAccount implements account.Store.
func (s *Store) CreateAccount(ctx context.Context, a account.Account, act audit.Act) error {
	return s.write(ctx, act, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO accounts VALUES (?,?,?,?,?)`, a.ID, a.Username, a.Version, a.PasswordHash, doc(a))
		return err
	})
}

// Account implements account.Store.
func (s *Store) Account(ctx context.Context, id string) (account.Account, error) {
	return load[account.Account](ctx, s, `SELECT json_set(doc,'$.PasswordHash',hash) FROM accounts WHERE id=?`, id)
}

// AccountByUsername implements account.Store.
func (s *Store) AccountByUsername(ctx context.Context, name string) (account.Account, error) {
	return load[account.Account](ctx, s, `SELECT json_set(doc,'$.PasswordHash',hash) FROM accounts WHERE username=?`, name)
}

// Accounts implements account.Store.
func (s *Store) Accounts(ctx context.Context, after string, limit int) ([]account.Account, error) {
	return list(ctx, s, scanDoc[account.Account], `SELECT doc FROM accounts WHERE id>? ORDER BY id LIMIT ?`, after, limit)
}

// UpdateAccount implements account.Store.
func (s *Store) UpdateAccount(ctx context.Context, a account.Account, from int64, endAll bool, act audit.Act) error {
	return s.write(ctx, act, func(tx *sql.Tx) error {
		if err := one(ctx, tx, conflict, `UPDATE accounts SET username=?, version=?, hash=?, doc=? WHERE id=? AND version=?`,
			a.Username, a.Version, a.PasswordHash, doc(a), a.ID, from); err != nil || !endAll {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE grants SET revoked=1 WHERE subject=?`, a.ID)
		_, err2 := tx.ExecContext(ctx, `UPDATE sessions SET ended=1 WHERE subject=?`, a.ID)
		return errors.Join(err, err2)
	})
}

// RehashPassword implements authn.Accounts.
func (s *Store) RehashPassword(ctx context.Context, id, from, to string) error {
	_, err := s.w.ExecContext(ctx, `UPDATE accounts SET hash=? WHERE id=? AND hash=?`, to, id, from)
	return err
}

// DeleteAccount implements account.Store.
func (s *Store) DeleteAccount(ctx context.Context, id string, from int64, act audit.Act) error {
	return s.write(ctx, act, func(tx *sql.Tx) error {
		return one(ctx, tx, conflict, `DELETE FROM accounts WHERE id=? AND version=?`, id, from)
	})
}

// CreateClient implements client.Store.
func (s *Store) CreateClient(ctx context.Context, c client.Client, act audit.Act) error {
	return s.write(ctx, act, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO clients VALUES (?,?,?)`, c.ID, c.Version, doc(c))
		return err
	})
}

// Client implements client.Store.
func (s *Store) Client(ctx context.Context, id string) (client.Client, error) {
	return load[client.Client](ctx, s, `SELECT doc FROM clients WHERE id=?`, id)
}

// Clients implements client.Store.
func (s *Store) Clients(ctx context.Context, after string, limit int) ([]client.Client, error) {
	return list(ctx, s, scanDoc[client.Client], `SELECT doc FROM clients WHERE id>? ORDER BY id LIMIT ?`, after, limit)
}

// UpdateClient implements client.Store.
func (s *Store) UpdateClient(ctx context.Context, c client.Client, from int64, act audit.Act) error {
	return s.write(ctx, act, func(tx *sql.Tx) error {
		return one(ctx, tx, conflict, `UPDATE clients SET version=?, doc=? WHERE id=? AND version=?`, c.Version, doc(c), c.ID, from)
	})
}

// DeleteClient implements client.Store.
func (s *Store) DeleteClient(ctx context.Context, id string, from int64, act audit.Act) error {
	return s.write(ctx, act, func(tx *sql.Tx) error {
		return one(ctx, tx, conflict, `DELETE FROM clients WHERE id=? AND version=?`, id, from)
	})
}

// CreateSession implements session.Store.
func (s *Store) CreateSession(ctx context.Context, v session.Session, cookie []byte, act audit.Act) error {
	return s.write(ctx, act, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO sessions (id,subject,cookie,doc) VALUES (?,?,?,?)`, v.ID, v.Subject, cookie, doc(v))
		return err
	})
}

const sessionDoc = `SELECT json_set(doc,'$.Ended',json(iif(ended,'true','false'))) FROM sessions WHERE `

// Session implements grant.Store.
func (s *Store) Session(ctx context.Context, id string) (session.Session, error) {
	return load[session.Session](ctx, s, sessionDoc+`id=?`, id)
}

// SessionByCookie implements session.Store.
func (s *Store) SessionByCookie(ctx context.Context, hash []byte) (session.Session, error) {
	return load[session.Session](ctx, s, sessionDoc+`cookie=?`, hash)
}

// EndSession implements session.Store.
func (s *Store) EndSession(ctx context.Context, id string, act audit.Act) error {
	err := s.write(ctx, act, func(tx *sql.Tx) error {
		if err := one(ctx, tx, errNone, `UPDATE sessions SET ended=1 WHERE id=? AND ended=0`, id); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE grants SET revoked=1 WHERE session=?`, id)
		return err
	})
	return quiet(err)
}

func quiet(err error) error {
	if errors.Is(err, errNone) {
		return nil
	}
	return err
}

// Consent implements consent.Store; nil without an error means none.
func (s *Store) Consent(ctx context.Context, subject, clientID string) (out []string, err error) {
	var text string
	err = s.r.QueryRowContext(ctx, `SELECT scopes FROM consents WHERE subject=? AND client=?`, subject, clientID).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &out)
	}
	return out, err
}

// SaveConsent implements consent.Store.
func (s *Store) SaveConsent(ctx context.Context, subject, clientID string, scopes []string, act audit.Act) error {
	return s.write(ctx, act, func(tx *sql.Tx) error {
		q, args := `INSERT INTO consents VALUES (?,?,?) ON CONFLICT DO UPDATE SET scopes=excluded.scopes`, []any{subject, clientID, doc(scopes)}
		if scopes == nil {
			q, args = `DELETE FROM consents WHERE subject=? AND client=?`, args[:2]
		}
		_, err := tx.ExecContext(ctx, q, args...)
		return err
	})
}
