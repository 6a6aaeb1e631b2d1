package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
)

const (
	consentScopes = `SELECT scopes FROM consents WHERE subject = ? AND client_id = ?`
	upsertConsent = `INSERT INTO consents (subject, client_id, scopes) VALUES (?, ?, ?) ON CONFLICT (subject, client_id) DO UPDATE SET scopes = excluded.scopes`
	deleteConsent = `DELETE FROM consents WHERE subject = ? AND client_id = ?`
	consentGrant  = `SELECT id FROM grants WHERE subject = ? AND client_id = ? AND revoked = 0 LIMIT 1`
)

func scanTexts(r scanner) (v []string, err error) { return v, r.Scan(texts(&v)) }

// Consent implements consent.Store.
func (s *Store) Consent(ctx context.Context, subject, clientID string) ([]string, error) {
	scopes, err := get(ctx, s, scanTexts, consentScopes, subject, clientID)
	if errors.Is(err, reason.New(reason.NotFound, nil)) {
		return nil, nil
	}
	if err == nil && scopes == nil {
		scopes = []string{} // a consent to no scope at all is one
	}
	return scopes, err
}

// AddConsent implements consent.Store.
func (s *Store) AddConsent(ctx context.Context, subject, clientID string, scopes []string, act audit.Act) error {
	return s.write(ctx, act, func(t *tx) error {
		var have []string
		if err := t.row(consentScopes, []any{subject, clientID}, texts(&have)); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		all := append(have, scopes...)
		slices.Sort(all)
		_, err := t.exec(upsertConsent, subject, clientID, array(slices.Compact(all)))
		return err
	})
}

// DeleteConsent implements consent.Store.
func (s *Store) DeleteConsent(ctx context.Context, subject, clientID string, revocation revoke.Entry, act audit.Act) error {
	return s.write(ctx, act, func(t *tx) error {
		if _, err := t.exec(deleteConsent, subject, clientID); err != nil {
			return err
		}
		for {
			e := revocation
			err := t.row(consentGrant, []any{subject, clientID}, &e.ID)
			if errors.Is(err, sql.ErrNoRows) {
				return nil
			}
			if err != nil {
				return err
			}
			if _, err := t.exec(revokeGrant, millis(act.At), millis(act.At), e.ID); err != nil {
				return err
			}
			t.more = append(t.more, e)
		}
	})
}
