package sqlite

import (
	"context"
	"time"

	"github.com/jotward/jotward/internal/grant"
)

// sweepBatch is how many rows one write of a sweep takes, so that others are
// never kept waiting long.
const sweepBatch = 500

// How long positions and keys are remembered after their end.
const (
	positionLife = 24 * time.Hour
	keyLife      = 30 * 24 * time.Hour
	onceLife     = 24 * time.Hour
	usedLonger   = 5 * time.Minute // for a clock that is set back a little
)

const (
	sweepSealed      = `UPDATE refresh_tokens SET sealed = NULL WHERE hash IN (SELECT hash FROM refresh_tokens WHERE sealed IS NOT NULL AND spent < ? LIMIT ?)`
	sweepCodes       = `DELETE FROM codes WHERE hash IN (SELECT hash FROM codes WHERE spent = 0 AND expires < ? LIMIT ?)`
	sweepRefresh     = `DELETE FROM refresh_tokens WHERE hash IN (SELECT r.hash FROM refresh_tokens r JOIN grants g ON g.id = r.grant_id WHERE g.ends < ? LIMIT ?)`
	sweepGrants      = `DELETE FROM grants WHERE id IN (SELECT id FROM grants WHERE ends < ? AND NOT EXISTS (SELECT 1 FROM refresh_tokens r WHERE r.grant_id = grants.id) LIMIT ?)`
	sweepSessions    = `DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires < ? AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.session_id = sessions.id) LIMIT ?)`
	sweepRevocations = `DELETE FROM revocations WHERE seq IN (SELECT seq FROM revocations WHERE expires < ? LIMIT ?)`
	sweepPositions   = `DELETE FROM positions WHERE (client_id, instance) IN (SELECT client_id, instance FROM positions WHERE at < ? LIMIT ?)`
	sweepKeys        = `DELETE FROM signing_keys WHERE id IN (SELECT id FROM signing_keys WHERE gone > 0 AND gone < ? LIMIT ?)`
	sweepOnce        = `DELETE FROM idempotency_keys WHERE key_hash IN (SELECT key_hash FROM idempotency_keys WHERE at < ? LIMIT ?)`
	sweepUsed        = `DELETE FROM used WHERE key IN (SELECT key FROM used WHERE until < ? LIMIT ?)`
	sweepPushed      = `DELETE FROM pushed_requests WHERE hash IN (SELECT hash FROM pushed_requests WHERE expires < ? LIMIT ?)`
	sweepDevices     = `DELETE FROM devices WHERE hash IN (SELECT hash FROM devices WHERE expires < ? AND state <> 'spent' LIMIT ?)`
	sweepInitial     = `DELETE FROM initial_tokens WHERE id IN (SELECT id FROM initial_tokens WHERE expires < ? LIMIT ?)`
	sweepReferences  = `DELETE FROM reference_tokens WHERE hash IN (SELECT hash FROM reference_tokens WHERE expires < ? LIMIT ?)`
	touchGeneration  = `UPDATE signing_keys_head SET generation = generation + 1 WHERE one = 1`
)

// Sweep forgets what nothing can ask for any more, in batches, and returns how
// many rows it changed. tokenLife is the longest life of an access token, grace
// how long a spent refresh token may be retried.
//
//   - Sealed successors go after the grace.
//   - Codes that nobody redeemed go at their end. Spent codes and spent refresh
//     tokens stay as long as their grant: a replay must be told from nonsense.
//   - Grants go when their end, or revocation, is so long ago that their last
//     access token has expired too.
//   - Sessions go when they have run out and no grant needs them.
//   - Revocations go at Expires; positions after a day; keys, with their public
//     half, a month after their last token expired: the trail keeps their ids.
//   - Idempotency keys go after a day.
//   - Initial access tokens, and access tokens that are stored, go at their end.
//   - Used assertions go when they can hold nowhere any more, pushed requests at their end,
//     and devices that got no tokens. A spent device stays as long as its grant.
//
// The audit trail is never swept here.
func (s *Store) Sweep(ctx context.Context, now time.Time, tokenLife, grace time.Duration) (forgotten int64, err error) {
	for _, step := range []struct {
		query  string
		before time.Time
		after  string // run in the same transaction when a row was changed
	}{
		{sweepSealed, now.Add(-grace), ""},
		{sweepCodes, now, ""},
		{sweepRefresh, now.Add(-tokenLife), ""},
		{sweepGrants, now.Add(-tokenLife), ""},
		{sweepSessions, now, ""},
		{sweepRevocations, now, ""},
		{sweepPositions, now.Add(-positionLife), ""},
		{sweepKeys, now.Add(-keyLife), touchGeneration},
		{sweepOnce, now.Add(-onceLife), ""},
		{sweepUsed, now.Add(-usedLonger), ""},
		{sweepPushed, now, ""},
		{sweepDevices, now.Add(-grant.DeviceLife), ""},
		{sweepInitial, now, ""},
		{sweepReferences, now, ""},
	} {
		for n := int64(sweepBatch); n == sweepBatch; forgotten += n {
			if err := s.update(ctx, func(t *tx) (err error) {
				if n, err = t.exec(step.query, millis(step.before), sweepBatch); err == nil && n > 0 && step.after != "" {
					_, err = t.exec(step.after)
				}
				return err
			}); err != nil {
				return forgotten, err
			}
		}
	}
	return forgotten, nil
}
