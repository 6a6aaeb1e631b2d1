package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/token"
)

const deviceColumns = `hash, user_code_hash, client_id, grant_id, scopes, audiences, state, expires, polled, interval`

const (
	insertDevice     = `INSERT INTO devices (` + deviceColumns + `) VALUES (?, ?, ?, NULL, ?, ?, ?, ?, 0, ?)`
	deviceByHash     = `SELECT ` + deviceColumns + ` FROM devices WHERE hash = ?`
	deviceByUserCode = `SELECT ` + deviceColumns + ` FROM devices WHERE user_code_hash = ?`
	pollDevice       = `UPDATE devices SET polled = ?, interval = ? WHERE hash = ?`
	allowDevice      = `UPDATE devices SET state = 'allowed', grant_id = ? WHERE hash = ? AND client_id = ? AND state = 'pending'`
	denyDevice       = `UPDATE devices SET state = 'denied' WHERE hash = ? AND state = 'pending'`
	spendDevice      = `UPDATE devices SET state = 'spent' WHERE hash = ? AND state = 'allowed'` + may + ` RETURNING grant_id`
)

func scanDevice(r scanner) (d grant.Device, err error) {
	var grantID sql.NullString
	var interval int64
	err = r.Scan(&d.Hash, &d.UserCodeHash, &d.ClientID, &grantID, texts(&d.Scopes), texts(&d.Audiences), &d.State, moment{&d.Expires}, moment{&d.Polled}, &interval)
	d.GrantID, d.Interval = grantID.String, time.Duration(interval)*time.Millisecond
	return d, err
}

// SaveDevice implements grant.Store.
func (s *Store) SaveDevice(ctx context.Context, d grant.Device) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.exec(insertDevice, d.Hash, d.UserCodeHash, d.ClientID, array(d.Scopes), array(d.Audiences), d.State, millis(d.Expires), d.Interval.Milliseconds())
		return err
	})
}

// Device implements grant.Store.
func (s *Store) Device(ctx context.Context, hash []byte) (grant.Device, error) {
	return get(ctx, s, scanDevice, deviceByHash, hash)
}

// DeviceByUserCode implements grant.Store.
func (s *Store) DeviceByUserCode(ctx context.Context, hash []byte) (grant.Device, error) {
	return get(ctx, s, scanDevice, deviceByUserCode, hash)
}

// PollDevice implements grant.Store.
func (s *Store) PollDevice(ctx context.Context, hash []byte, at time.Time, interval time.Duration) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.exec(pollDevice, millis(at), interval.Milliseconds(), hash)
		return err
	})
}

// AllowDevice implements grant.Store.
func (s *Store) AllowDevice(ctx context.Context, hash []byte, g grant.Grant, act audit.Act) error {
	return s.write(ctx, act, func(t *tx) error {
		if err := t.insertGrant(g); err != nil {
			return err
		}
		return t.must(conflict, allowDevice, g.ID, hash, g.ClientID)
	})
}

// DenyDevice implements grant.Store.
func (s *Store) DenyDevice(ctx context.Context, hash []byte, act audit.Act) error {
	return s.write(ctx, act, func(t *tx) error { return t.must(conflict, denyDevice, hash) })
}

// SpendDevice implements grant.Store.
func (s *Store) SpendDevice(ctx context.Context, hash []byte, ends time.Time, bound token.Confirmation, first *grant.Refresh, act audit.Act) (bool, error) {
	return s.spend(ctx, spendDevice, hash, ends, bound, first, act)
}
