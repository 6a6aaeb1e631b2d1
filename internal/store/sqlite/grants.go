package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
)

// CreateGrant implements grant.Store.
func (s *Store) CreateGrant(ctx context.Context, g grant.Grant, c grant.Code, act audit.Act) error {
	return s.write(ctx, act, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO grants (id,subject,client,session,doc) VALUES (?,?,?,?,?)`, g.ID, g.Subject, g.ClientID, g.SessionID, doc(g))
		if err == nil {
			_, err = tx.ExecContext(ctx, `INSERT INTO codes (hash,grant_id,expires,doc) VALUES (?,?,?,?)`, c.Hash, c.GrantID, ms(c.Expires), doc(c))
		}
		return err
	})
}

// Grant implements grant.Store.
func (s *Store) Grant(ctx context.Context, id string) (grant.Grant, error) {
	return load[grant.Grant](ctx, s, `SELECT json_set(doc,'$.Revoked',json(iif(revoked,'true','false'))) FROM grants WHERE id=?`, id)
}

// RevokeGrant implements grant.Store; a grant that is revoked stays as it is.
func (s *Store) RevokeGrant(ctx context.Context, id string, act audit.Act) error {
	return quiet(s.write(ctx, act, func(tx *sql.Tx) error {
		return one(ctx, tx, errNone, `UPDATE grants SET revoked=1 WHERE id=? AND revoked=0`, id)
	}))
}

// Code implements grant.Store.
func (s *Store) Code(ctx context.Context, hash []byte) (grant.Code, error) {
	return load[grant.Code](ctx, s, `SELECT json_set(doc,'$.Spent',json(iif(spent,'true','false'))) FROM codes WHERE hash=?`, hash)
}

const insertRefresh = `INSERT INTO refresh_tokens (hash,grant_id,created,expires) VALUES (?,?,?,?)`

// SpendCode implements grant.Store.
func (s *Store) SpendCode(ctx context.Context, hash []byte, first *grant.Refresh, act audit.Act) (bool, error) {
	return won(s.write(ctx, act, func(tx *sql.Tx) error {
		err := one(ctx, tx, errNone, `UPDATE codes SET spent=1 WHERE hash=? AND spent=0 AND EXISTS (SELECT 1 FROM grants WHERE id=grant_id AND revoked=0)`, hash)
		if err == nil && first != nil {
			_, err = tx.ExecContext(ctx, insertRefresh, first.Hash, first.GrantID, ms(first.Created), ms(first.Expires))
		}
		return err
	}))
}

func won(err error) (bool, error) { return err == nil, quiet(err) }

// Refresh implements grant.Store.
func (s *Store) Refresh(ctx context.Context, hash []byte) (grant.Refresh, error) {
	v := grant.Refresh{Hash: hash}
	var c, e, sp int64
	err := s.r.QueryRowContext(ctx, `SELECT grant_id,created,expires,spent,successor,sealed FROM refresh_tokens WHERE hash=?`, hash).
		Scan(&v.GrantID, &c, &e, &sp, &v.Successor, &v.Sealed)
	v.Created, v.Expires, v.Spent = at(c), at(e), at(sp)
	return v, found(err)
}

// SpendRefresh implements grant.Store.
func (s *Store) SpendRefresh(ctx context.Context, hash, sealed []byte, next grant.Refresh, act audit.Act) (bool, error) {
	return won(s.write(ctx, act, func(tx *sql.Tx) error {
		err := one(ctx, tx, errNone, `UPDATE refresh_tokens SET spent=?, successor=?, sealed=? WHERE hash=? AND spent=0 AND EXISTS (SELECT 1 FROM grants WHERE id=grant_id AND revoked=0)`,
			ms(act.At), next.Hash, sealed, hash)
		if err == nil {
			_, err = tx.ExecContext(ctx, insertRefresh, next.Hash, next.GrantID, ms(next.Created), ms(next.Expires))
		}
		return err
	}))
}

// Sweep erases sealed successors that were spent before the grace began.
func (s *Store) Sweep(ctx context.Context, spentBefore time.Time) error {
	_, err := s.w.ExecContext(ctx, `UPDATE refresh_tokens SET sealed=NULL WHERE spent>0 AND spent<? AND sealed IS NOT NULL`, ms(spentBefore))
	return err
}

// RevokeToken implements grant.Store: the act holds the entry.
func (s *Store) RevokeToken(ctx context.Context, act audit.Act) error {
	return s.write(ctx, act, func(*sql.Tx) error { return nil })
}

// TokenRevoked implements grant.Store.
func (s *Store) TokenRevoked(ctx context.Context, jti string) (yes bool, err error) {
	err = s.r.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM revocations WHERE kind='token' AND id=?)`, jti).Scan(&yes)
	return yes, err
}

// Keys implements keyring.Store, newest first.
func (s *Store) Keys(ctx context.Context, purpose string) ([]keyring.Key, error) {
	return list(ctx, s, func(r *sql.Rows) (k keyring.Key, err error) {
		var c, a, e, g int64
		err = r.Scan(&k.ID, &k.Purpose, &k.MasterID, &k.Public, &k.Sealed, &c, &a, &e, &g)
		k.Created, k.Activates, k.Retires, k.Gone = at(c), at(a), at(e), at(g)
		return k, err
	}, `SELECT * FROM signing_keys WHERE purpose=? ORDER BY activates DESC, rowid DESC`, purpose)
}

// AddKey implements keyring.Store.
func (s *Store) AddKey(ctx context.Context, k keyring.Key, retires, gone time.Time, act audit.Act) error {
	return s.write(ctx, act, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE signing_keys SET retires=?, gone=? WHERE purpose=? AND retires=0`, ms(retires), ms(gone), k.Purpose)
		_, err2 := tx.ExecContext(ctx, `INSERT INTO signing_keys (id,purpose,master,public,sealed,created,activates) VALUES (?,?,?,?,?,?,?)`,
			k.ID, k.Purpose, k.MasterID, k.Public, k.Sealed, ms(k.Created), ms(k.Activates))
		return errors.Join(err, err2)
	})
}

// RetireKey implements keyring.Store.
func (s *Store) RetireKey(ctx context.Context, kid string, now time.Time, act audit.Act) error {
	return s.write(ctx, act, func(tx *sql.Tx) error {
		return one(ctx, tx, reason.New(reason.NotFound, nil), `UPDATE signing_keys SET retires=?, gone=? WHERE id=?`, ms(now), ms(now), kid)
	})
}

func entry(r *sql.Rows) (e revoke.Entry, err error) {
	var b, x, t int64
	err = r.Scan(&e.Seq, &e.Kind, &e.ID, &e.Version, &b, &x, &t, &e.Reason)
	e.Before, e.Expires, e.At = at(b), at(x), at(t)
	return e, err
}

// RevocationsAfter returns the log after a number, in order.
func (s *Store) RevocationsAfter(ctx context.Context, after uint64, limit int) ([]revoke.Entry, error) {
	return list(ctx, s, entry, `SELECT * FROM revocations WHERE seq>? ORDER BY seq LIMIT ?`, after, limit)
}

// RevocationHead returns the log's id and last number.
func (s *Store) RevocationHead(ctx context.Context) (logID string, seq uint64, err error) {
	err = s.r.QueryRowContext(ctx, `SELECT log_id,seq FROM revocation_head`).Scan(&logID, &seq)
	return logID, seq, err
}

// ActiveRevocations returns the entries that may not be forgotten yet.
func (s *Store) ActiveRevocations(ctx context.Context, now time.Time) ([]revoke.Entry, error) {
	return list(ctx, s, entry, `SELECT * FROM revocations WHERE expires>? ORDER BY seq`, ms(now))
}

// Position is how far an edge has followed the log.
type Position struct {
	Instance, ClientID, Log, Version string
	Seq                              uint64
	LagMS                            int64
	At                               time.Time
}

// SavePosition remembers an edge's position.
func (s *Store) SavePosition(ctx context.Context, p Position) error {
	_, err := s.w.ExecContext(ctx, `INSERT OR REPLACE INTO positions VALUES (?,?,?,?,?,?,?)`, p.Instance, p.ClientID, p.Log, p.Seq, p.LagMS, p.Version, ms(p.At))
	return err
}

// Positions returns every edge's position.
func (s *Store) Positions(ctx context.Context) ([]Position, error) {
	return list(ctx, s, func(r *sql.Rows) (p Position, err error) {
		var t int64
		err = r.Scan(&p.Instance, &p.ClientID, &p.Log, &p.Seq, &p.LagMS, &p.Version, &t)
		p.At = at(t)
		return p, err
	}, `SELECT * FROM positions ORDER BY instance`)
}
