package sqlite

import (
	"context"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/session"
)

const sessionColumns = `id, subject, amr, auth_time, expires, ended`

const (
	insertSession       = `INSERT INTO sessions (id, subject, cookie_hash, amr, auth_time, expires, ended) SELECT ?, id, ?, ?, ?, ?, 0 FROM accounts WHERE id = ? AND version = ? AND disabled = 0`
	continueSession     = `UPDATE sessions SET cookie_hash = ?, amr = ?, auth_time = ?, expires = ? WHERE id = ? AND cookie_hash = ? AND ended = 0 AND EXISTS (SELECT 1 FROM accounts a WHERE a.id = subject AND a.version = ? AND a.disabled = 0)`
	sessionByID         = `SELECT ` + sessionColumns + ` FROM sessions WHERE id = ?`
	sessionByCookie     = `SELECT ` + sessionColumns + ` FROM sessions WHERE cookie_hash = ?`
	listSessions        = `SELECT ` + sessionColumns + ` FROM sessions WHERE subject = ? AND id > ? ORDER BY id LIMIT ?`
	endSession          = `UPDATE sessions SET ended = 1 WHERE id = ? AND ended = 0`
	revokeSessionGrants = `UPDATE grants SET revoked = 1, ends = CASE WHEN ends < ? THEN ends ELSE ? END WHERE session_id = ? AND revoked = 0`
)

func scanSession(r scanner) (v session.Session, err error) {
	err = r.Scan(toSession(&v)...)
	return v, err
}

func toSession(v *session.Session) []any {
	return []any{&v.ID, &v.Subject, texts(&v.AMR), moment{&v.AuthTime}, moment{&v.Expires}, &v.Ended}
}

// CreateSession implements session.Store.
func (s *Store) CreateSession(ctx context.Context, v session.Session, cookieHash []byte, subjectVersion int64, act audit.Act) error {
	return s.write(ctx, act, func(t *tx) error {
		return t.must(conflict, insertSession, v.ID, cookieHash, array(v.AMR), millis(v.AuthTime), millis(v.Expires), v.Subject, subjectVersion)
	})
}

// ContinueSession implements session.Store.
func (s *Store) ContinueSession(ctx context.Context, v session.Session, old, cookieHash []byte, subjectVersion int64, act audit.Act) error {
	return s.write(ctx, act, func(t *tx) error {
		return t.must(conflict, continueSession, cookieHash, array(v.AMR), millis(v.AuthTime), millis(v.Expires), v.ID, old, subjectVersion)
	})
}

// Session implements session.Store.
func (s *Store) Session(ctx context.Context, id string) (session.Session, error) {
	return get(ctx, s, scanSession, sessionByID, id)
}

// SessionByCookie implements session.Store.
func (s *Store) SessionByCookie(ctx context.Context, cookieHash []byte) (session.Session, error) {
	return get(ctx, s, scanSession, sessionByCookie, cookieHash)
}

// Sessions implements session.Store.
func (s *Store) Sessions(ctx context.Context, subject, after string, limit int) ([]session.Session, error) {
	return list(ctx, s, scanSession, listSessions, subject, after, limit)
}

// EndSession implements session.Store.
func (s *Store) EndSession(ctx context.Context, id string, act audit.Act) error {
	return quiet(s.write(ctx, act, func(t *tx) error {
		if err := t.ending(endingSession, id, act.At); err != nil {
			return err
		}
		if err := t.must(errNone, endSession, id); err != nil {
			return err
		}
		at := millis(act.At)
		_, err := t.exec(revokeSessionGrants, at, at, id)
		return err
	}))
}
