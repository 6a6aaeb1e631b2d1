package jwks

import (
	"time"

	"github.com/jotward/jotward/jose"
)

// Health says how a Remote is. Times are zero when there is nothing to say.
type Health struct {
	Source     string      // the configured issuer or address
	Usable     bool        // there are keys, and they are not too old
	Stale      bool        // they are used although they stopped being fresh
	KeyIDs     []string    // the kids of the usable keys
	Skipped    []string    // why keys of the set are left out
	Fetched    time.Time   // the last good reply
	Expires    time.Time   // when it stops being fresh
	StaleUntil time.Time   // when it stops being used
	Attempted  time.Time   // the end of the last fetch
	Fetches    uint64      // fetches that ended
	Failures   uint64      // of these, without a good reply
	InARow     uint64      // failures since the last good reply
	Reason     jose.Reason // why the last fetch failed, "" when it did not
	Detail     string      // the same for the operator
}

// report is the part of Health that the snapshot does not hold.
type report struct {
	attempted                 time.Time
	fetches, failures, inARow uint64
	err                       error
}

func (r *report) add(now time.Time, err error) {
	r.attempted, r.err = now, err
	r.fetches++
	if err == nil {
		r.inARow = 0
		return
	}
	r.failures++
	r.inARow++
}

// Health reports how the set is. It never waits on the network.
func (r *Remote) Health() Health {
	if r.none() {
		return Health{}
	}
	now := r.config.Clock()
	h := Health{Source: r.config.Issuer + r.config.URL}
	if s := r.now.Load(); s != nil {
		h.Usable = s.usable(now)
		h.Stale = h.Usable && !now.Before(s.expires)
		h.Fetched, h.Expires, h.StaleUntil = s.fetched, s.expires, s.staleUntil
		for _, k := range s.set.Keys() {
			h.KeyIDs = append(h.KeyIDs, k.KeyID())
		}
		for _, err := range s.set.Skipped() {
			h.Skipped = append(h.Skipped, err.Error())
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	h.Attempted, h.Fetches, h.Failures, h.InARow = r.report.attempted, r.report.fetches, r.report.failures, r.report.inARow
	if err := r.report.err; err != nil {
		if h.Reason = jose.ReasonOf(err); h.Reason == "" {
			h.Reason = jose.KeysUnavailable
		}
		h.Detail = jose.DetailOf(err)
	}
	return h
}
