package sqlite

import (
	"context"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/audit"
)

const accountColumns = `id, username, username_key, email, name, password_hash, roles, permissions, disabled, version, revision, created`

const (
	insertAccount       = `INSERT INTO accounts (` + accountColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	accountByID         = `SELECT ` + accountColumns + ` FROM accounts WHERE id = ?`
	accountByUsername   = `SELECT ` + accountColumns + ` FROM accounts WHERE username_key = ?`
	listAccounts        = `SELECT ` + accountColumns + ` FROM accounts WHERE id > ? ORDER BY id LIMIT ?`
	updateAccount       = `UPDATE accounts SET email = ?, name = ?, password_hash = ?, roles = ?, permissions = ?, disabled = ?, version = ?, revision = ? WHERE id = ? AND revision = ?`
	updatePasswordHash  = `UPDATE accounts SET password_hash = ?, revision = revision + 1 WHERE id = ? AND password_hash = ?`
	deleteAccount       = `DELETE FROM accounts WHERE id = ? AND revision = ?`
	revokeSubjectGrants = `UPDATE grants SET revoked = 1, ends = CASE WHEN ends < ? THEN ends ELSE ? END WHERE subject = ? AND revoked = 0`
	endSubjectSessions  = `UPDATE sessions SET ended = 1 WHERE subject = ? AND ended = 0`
)

func scanAccount(r scanner) (a account.Account, err error) {
	err = r.Scan(toAccount(&a)...)
	return a, err
}

func toAccount(a *account.Account) []any {
	return []any{&a.ID, &a.Username, &a.UsernameKey, &a.Email, &a.Name, &a.PasswordHash, texts(&a.Roles), texts(&a.Permissions),
		&a.Disabled, &a.Version, &a.Revision, moment{&a.Created}}
}

// CreateAccount implements account.Store.
func (s *Store) CreateAccount(ctx context.Context, a account.Account, act audit.Act) error {
	return s.write(ctx, act, func(t *tx) error {
		_, err := t.exec(insertAccount, a.ID, a.Username, a.UsernameKey, a.Email, a.Name, a.PasswordHash, array(a.Roles), array(a.Permissions),
			a.Disabled, a.Version, a.Revision, millis(a.Created))
		return err
	})
}

// Account implements account.Store.
func (s *Store) Account(ctx context.Context, id string) (account.Account, error) {
	return get(ctx, s, scanAccount, accountByID, id)
}

// AccountByUsername implements account.Store.
func (s *Store) AccountByUsername(ctx context.Context, usernameKey string) (account.Account, error) {
	return get(ctx, s, scanAccount, accountByUsername, usernameKey)
}

// Accounts implements account.Store.
func (s *Store) Accounts(ctx context.Context, after string, limit int) ([]account.Account, error) {
	return list(ctx, s, scanAccount, listAccounts, after, limit)
}

// UpdateAccount implements account.Store.
func (s *Store) UpdateAccount(ctx context.Context, a account.Account, from int64, endAll bool, act audit.Act) error {
	return s.write(ctx, act, func(t *tx) error {
		if err := t.must(conflict, updateAccount, a.Email, a.Name, a.PasswordHash, array(a.Roles), array(a.Permissions),
			a.Disabled, a.Version, a.Revision, a.ID, from); err != nil || !endAll {
			return err
		}
		if err := t.ending(endingSubject, a.ID, act.At); err != nil {
			return err
		}
		at := millis(act.At)
		if _, err := t.exec(revokeSubjectGrants, at, at, a.ID); err != nil {
			return err
		}
		_, err := t.exec(endSubjectSessions, a.ID)
		return err
	})
}

// RehashPassword implements authn.Accounts.
func (s *Store) RehashPassword(ctx context.Context, id, from, to string, act audit.Act) error {
	return s.write(ctx, act, func(t *tx) error { return t.must(conflict, updatePasswordHash, to, id, from) })
}

// DeleteAccount implements account.Store.
func (s *Store) DeleteAccount(ctx context.Context, id string, from int64, act audit.Act) error {
	return s.write(ctx, act, func(t *tx) error {
		if err := t.ending(endingSubject, id, act.At); err != nil {
			return err
		}
		return t.must(conflict, deleteAccount, id, from)
	})
}
