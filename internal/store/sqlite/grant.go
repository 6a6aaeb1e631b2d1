package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/token"
)

const grantColumns = `id, subject, client_id, session_id, scopes, audiences, amr, auth_time, created, expires, ends, revoked, jkt, x5t, id_token_claims, userinfo_claims`

const refreshColumns = `hash, grant_id, created, expires, spent, successor, sealed`

// renewal reads all that a refresh token hangs on as it was at one moment. There is
// always a row of each: none goes before what refers to it.
var renewal = `SELECT ` + of("r", refreshColumns) + `, ` + of("g", grantColumns) + `, ` + of("s", sessionColumns) + `, ` + of("a", accountColumns) +
	` FROM refresh_tokens r JOIN grants g ON g.id = r.grant_id JOIN sessions s ON s.id = g.session_id JOIN accounts a ON a.id = g.subject WHERE r.hash = ?`

const (
	// may is what a grant must be at the moment when something of it is spent.
	may = ` AND EXISTS (SELECT 1 FROM grants g JOIN clients c ON c.id = g.client_id WHERE g.id = grant_id AND g.revoked = 0 AND c.disabled = 0)`

	insertGrant = `INSERT INTO grants (` + grantColumns + `) SELECT ?, s.subject, c.id, s.id, ?, ?, ?, ?, ?, ?, ?, 0, '', '', ?, ? FROM sessions s JOIN clients c ON c.id = ? WHERE s.id = ? AND s.subject = ? AND s.ended = 0 AND c.disabled = 0`
	grantByID   = `SELECT ` + grantColumns + ` FROM grants WHERE id = ?`
	listGrants  = `SELECT ` + grantColumns + ` FROM grants WHERE subject = ? AND id > ? ORDER BY id LIMIT ?`
	revokeGrant = `UPDATE grants SET revoked = 1, ends = CASE WHEN ends < ? THEN ends ELSE ? END WHERE id = ? AND revoked = 0`
	moveEnds    = `UPDATE grants SET ends = ? WHERE id = ?`
	bindGrant   = `UPDATE grants SET ends = ?, jkt = ?, x5t = ? WHERE id = ?`

	insertCode = `INSERT INTO codes (hash, grant_id, redirect_uri, challenge, nonce, jkt, expires, spent) VALUES (?, ?, ?, ?, ?, ?, ?, 0)`
	codeByHash = `SELECT hash, grant_id, redirect_uri, challenge, nonce, jkt, expires, spent FROM codes WHERE hash = ?`
	spendCode  = `UPDATE codes SET spent = 1 WHERE hash = ? AND spent = 0` + may + ` RETURNING grant_id`

	insertRefresh = `INSERT INTO refresh_tokens (hash, grant_id, created, expires, spent) VALUES (?, ?, ?, ?, 0)`
	refreshByHash = `SELECT ` + refreshColumns + ` FROM refresh_tokens WHERE hash = ?`
	spendRefresh  = `UPDATE refresh_tokens SET spent = ?, successor = ?, sealed = ? WHERE hash = ? AND spent = 0` + may
)

func scanGrant(r scanner) (g grant.Grant, err error) {
	err = r.Scan(toGrant(&g)...)
	return g, err
}

func toGrant(g *grant.Grant) []any {
	return []any{&g.ID, &g.Subject, &g.ClientID, &g.SessionID, texts(&g.Scopes), texts(&g.Audiences), texts(&g.AMR),
		moment{&g.AuthTime}, moment{&g.Created}, moment{&g.Expires}, moment{&g.Ends}, &g.Revoked, &g.Bound.JKT, &g.Bound.X5T,
		texts(&g.IDTokenClaims), texts(&g.UserInfoClaims)}
}

func toRefresh(v *grant.Refresh) []any {
	return []any{&v.Hash, &v.GrantID, moment{&v.Created}, moment{&v.Expires}, moment{&v.Spent}, &v.Successor, &v.Sealed}
}

// CreateGrant implements grant.Store.
func (s *Store) CreateGrant(ctx context.Context, g grant.Grant, c grant.Code, act audit.Act) error {
	return s.write(ctx, act, func(t *tx) error {
		if err := t.insertGrant(g); err != nil {
			return err
		}
		if c.Pushed != nil {
			if err := t.must(conflict, spendPushed, c.Pushed, g.ClientID); err != nil {
				return err
			}
		}
		_, err := t.exec(insertCode, c.Hash, g.ID, c.RedirectURI, c.Challenge, c.Nonce, c.JKT, millis(c.Expires))
		return err
	})
}

func (t *tx) insertGrant(g grant.Grant) error {
	return t.must(conflict, insertGrant, g.ID, array(g.Scopes), array(g.Audiences), array(g.AMR), millis(g.AuthTime), millis(g.Created),
		millis(g.Expires), millis(g.Ends), array(g.IDTokenClaims), array(g.UserInfoClaims), g.ClientID, g.SessionID, g.Subject)
}

// Grant implements grant.Store.
func (s *Store) Grant(ctx context.Context, id string) (grant.Grant, error) {
	return get(ctx, s, scanGrant, grantByID, id)
}

// Grants implements grant.Store.
func (s *Store) Grants(ctx context.Context, subject, after string, limit int) ([]grant.Grant, error) {
	return list(ctx, s, scanGrant, listGrants, subject, after, limit)
}

// RevokeGrant implements grant.Store.
func (s *Store) RevokeGrant(ctx context.Context, id string, act audit.Act) error {
	return quiet(s.write(ctx, act, func(t *tx) error {
		return t.must(errNone, revokeGrant, millis(act.At), millis(act.At), id)
	}))
}

// Code implements grant.Store.
func (s *Store) Code(ctx context.Context, hash []byte) (grant.Code, error) {
	return get(ctx, s, func(r scanner) (c grant.Code, err error) {
		return c, r.Scan(&c.Hash, &c.GrantID, &c.RedirectURI, &c.Challenge, &c.Nonce, &c.JKT, moment{&c.Expires}, &c.Spent)
	}, codeByHash, hash)
}

// SpendCode implements grant.Store.
func (s *Store) SpendCode(ctx context.Context, hash []byte, ends time.Time, bound token.Confirmation, first *grant.Refresh, act audit.Act) (bool, error) {
	return s.spend(ctx, spendCode, hash, ends, bound, first, act)
}

// spend spends a code by that statement, and stores what its grant begins with.
func (s *Store) spend(ctx context.Context, statement string, hash []byte, ends time.Time, bound token.Confirmation, first *grant.Refresh, act audit.Act) (bool, error) {
	return won(s.write(ctx, act, func(t *tx) error {
		var grantID string
		err := t.row(statement, []any{hash}, &grantID)
		if errors.Is(err, sql.ErrNoRows) {
			return errNone
		}
		if err != nil {
			return err
		}
		if first != nil {
			if _, err := t.exec(insertRefresh, first.Hash, grantID, millis(first.Created), millis(first.Expires)); err != nil {
				return err
			}
		}
		if err := t.remember(grantID); err != nil {
			return err
		}
		_, err = t.exec(bindGrant, millis(ends), bound.JKT, bound.X5T, grantID)
		return err
	}))
}

// Refresh implements grant.Store.
func (s *Store) Refresh(ctx context.Context, hash []byte) (grant.Refresh, error) {
	return get(ctx, s, func(r scanner) (v grant.Refresh, err error) {
		err = r.Scan(toRefresh(&v)...)
		return v, err
	}, refreshByHash, hash)
}

// Renewal implements grant.Store.
func (s *Store) Renewal(ctx context.Context, hash []byte) (grant.Renewal, error) {
	return get(ctx, s, func(r scanner) (v grant.Renewal, err error) {
		err = r.Scan(slices.Concat(toRefresh(&v.Refresh), toGrant(&v.Grant), toSession(&v.Session), toAccount(&v.Account))...)
		return v, err
	}, renewal, hash)
}

// SpendRefresh implements grant.Store.
func (s *Store) SpendRefresh(ctx context.Context, hash, sealed []byte, next grant.Refresh, act audit.Act) (bool, error) {
	return won(s.write(ctx, act, func(t *tx) error {
		if err := t.must(errNone, spendRefresh, millis(act.At), next.Hash, sealed, hash); err != nil {
			return err
		}
		if _, err := t.exec(insertRefresh, next.Hash, next.GrantID, millis(next.Created), millis(next.Expires)); err != nil {
			return err
		}
		_, err := t.exec(moveEnds, millis(next.Expires), next.GrantID)
		return err
	}))
}
