package sqlite

import (
	"context"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/session"
)

const sessionColumns = `id, subject, amr, auth_time, expires, ended, network, browser`

const (
	insertSession       = `INSERT INTO sessions (id, subject, cookie_hash, amr, auth_time, expires, ended, network, browser) SELECT ?, id, ?, ?, ?, ?, 0, ?, ? FROM accounts WHERE id = ? AND version = ? AND disabled = 0`
	continueSession     = `UPDATE sessions SET cookie_hash = ?, amr = ?, auth_time = ?, expires = ?, network = ?, browser = ? WHERE id = ? AND cookie_hash = ? AND ended = 0 AND EXISTS (SELECT 1 FROM accounts a WHERE a.id = subject AND a.version = ? AND a.disabled = 0)`
	sessionByID         = `SELECT ` + sessionColumns + ` FROM sessions WHERE id = ?`
	sessionByCookie     = `SELECT ` + sessionColumns + ` FROM sessions WHERE cookie_hash = ?`
	listSessions        = `SELECT ` + sessionColumns + ` FROM sessions WHERE subject = ? AND id > ? ORDER BY id LIMIT ?`
	endSession          = `UPDATE sessions SET ended = 1 WHERE id = ? AND ended = 0`
	revokeSessionGrants = `UPDATE grants SET revoked = 1, ends = CASE WHEN ends < ? THEN ends ELSE ? END WHERE session_id = ? AND revoked = 0`
)

// openSessions are those that are not ended and whose browser is still signed in, or in
// which a client may still act. The last refresh token of a grant is the one with the highest
// rowid: a family may have thousands.
var openSessions = `SELECT ` + of("s", sessionColumns) + `,
	(SELECT COALESCE(MAX(MAX(g.created, COALESCE((SELECT r.created FROM refresh_tokens r WHERE r.grant_id = g.id ORDER BY r.rowid DESC LIMIT 1), 0))), 0) FROM grants g WHERE g.session_id = s.id),
	(SELECT json_group_array(name) FROM (SELECT DISTINCT CASE c.name WHEN '' THEN c.id ELSE c.name END AS name FROM grants g JOIN clients c ON c.id = g.client_id WHERE g.session_id = s.id AND g.revoked = 0 AND g.ends > ? ORDER BY name LIMIT 20))
	FROM sessions s WHERE s.subject = ? AND s.ended = 0 AND (s.expires > ? OR EXISTS (SELECT 1 FROM grants g WHERE g.session_id = s.id AND g.revoked = 0 AND g.ends > ?))
	ORDER BY s.auth_time DESC, s.id LIMIT ?`

func scanSession(r scanner) (v session.Session, err error) {
	err = r.Scan(toSession(&v)...)
	return v, err
}

func toSession(v *session.Session) []any {
	return []any{&v.ID, &v.Subject, texts(&v.AMR), moment{&v.AuthTime}, moment{&v.Expires}, &v.Ended, &v.From.Network, &v.From.Browser}
}

// CreateSession implements session.Store.
func (s *Store) CreateSession(ctx context.Context, v session.Session, cookieHash []byte, subjectVersion int64, act audit.Act) error {
	return s.write(ctx, act, func(t *tx) error {
		return t.must(conflict, insertSession, v.ID, cookieHash, array(v.AMR), millis(v.AuthTime), millis(v.Expires), v.From.Network, v.From.Browser, v.Subject, subjectVersion)
	})
}

// ContinueSession implements session.Store.
func (s *Store) ContinueSession(ctx context.Context, v session.Session, old, cookieHash []byte, subjectVersion int64, act audit.Act) error {
	return s.write(ctx, act, func(t *tx) error {
		return t.must(conflict, continueSession, cookieHash, array(v.AMR), millis(v.AuthTime), millis(v.Expires), v.From.Network, v.From.Browser, v.ID, old, subjectVersion)
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

// OpenSessions implements session.Store.
func (s *Store) OpenSessions(ctx context.Context, subject string, now time.Time, limit int) ([]session.Open, error) {
	at := millis(now)
	return list(ctx, s, func(r scanner) (v session.Open, err error) {
		err = r.Scan(append(toSession(&v.Session), moment{&v.Used}, texts(&v.Clients))...)
		if v.AuthTime.After(v.Used) {
			v.Used = v.AuthTime
		}
		return v, err
	}, openSessions, at, subject, at, at, limit)
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
