package sqlite

import (
	"context"
	"slices"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/logout"
)

const (
	grantSession        = `SELECT session_id, client_id, scopes FROM grants WHERE id = ?`
	insertSessionClient = `INSERT INTO session_clients (session_id, client_id) VALUES (?, ?) ON CONFLICT (session_id, client_id) DO NOTHING`
	sessionClients      = `SELECT client_id FROM session_clients WHERE session_id = ? ORDER BY client_id`

	insertLogouts = `INSERT INTO logouts (client_id, subject, session_id, due, expires, attempts) SELECT c.id, s.subject, s.id, ?, ?, 0 FROM session_clients sc JOIN sessions s ON s.id = sc.session_id JOIN clients c ON c.id = sc.client_id WHERE c.backchannel_logout_uri <> '' AND s.ended = 0`
	endingSession = insertLogouts + ` AND s.id = ?`
	endingSubject = insertLogouts + ` AND s.subject = ?`
	// One step through the index for each client, however much is kept for it.
	waitingLogouts = `WITH RECURSIVE told (id) AS (SELECT MIN(client_id) FROM logouts UNION ALL SELECT (SELECT MIN(client_id) FROM logouts WHERE client_id > id) FROM told WHERE id IS NOT NULL) SELECT id FROM told WHERE (SELECT MIN(due) FROM logouts WHERE client_id = id) <= ?`
	dueLogouts     = `SELECT seq, client_id, subject, session_id, due, expires, attempts FROM logouts WHERE client_id = ? AND due <= ? ORDER BY due, seq LIMIT ?`
	delayLogout    = `UPDATE logouts SET due = ?, attempts = attempts + 1 WHERE seq = ?`
	deleteLogout   = `DELETE FROM logouts WHERE seq = ?`
)

// remember keeps that a client got an ID token in the session of its grant.
func (t *tx) remember(grantID string) error {
	var sessionID, clientID string
	var scopes []string
	if err := t.row(grantSession, []any{grantID}, &sessionID, &clientID, texts(&scopes)); err != nil || !slices.Contains(scopes, "openid") {
		return err
	}
	_, err := t.exec(insertSessionClient, sessionID, clientID)
	return err
}

// ending writes what clients are to be told of the sessions that an act is about to end.
func (t *tx) ending(query, id string, at time.Time) error {
	_, err := t.exec(query, millis(at), millis(at.Add(logout.Life)), id)
	return err
}

// SessionClients implements session.Store.
func (s *Store) SessionClients(ctx context.Context, id string) ([]string, error) {
	return list(ctx, s, scanOne[string], sessionClients, id)
}

// Waiting implements logout.Store.
func (s *Store) Waiting(ctx context.Context, due time.Time) ([]string, error) {
	return list(ctx, s, scanOne[string], waitingLogouts, millis(due))
}

// Notices implements logout.Store.
func (s *Store) Notices(ctx context.Context, clientID string, due time.Time, limit int) ([]logout.Notice, error) {
	return list(ctx, s, func(r scanner) (n logout.Notice, err error) {
		return n, r.Scan(&n.Seq, &n.ClientID, &n.Subject, &n.SessionID, moment{&n.Due}, moment{&n.Expires}, &n.Attempts)
	}, dueLogouts, clientID, millis(due), limit)
}

// PutOff implements logout.Store.
func (s *Store) PutOff(ctx context.Context, seq int64, due time.Time) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.exec(delayLogout, millis(due), seq)
		return err
	})
}

// Settle implements logout.Store.
func (s *Store) Settle(ctx context.Context, seq int64, act audit.Act) error {
	return quiet(s.write(ctx, act, func(t *tx) error { return t.must(errNone, deleteLogout, seq) }))
}
