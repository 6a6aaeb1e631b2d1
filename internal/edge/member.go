package edge

import (
	"log/slog"
	"math/rand/v2"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A member is one upstream of a pool. It is left alone for a time when it failed
// too often in a row before any answer. Then one request tries it, and its outcome
// decides for all.
type member struct {
	*record
	pool   *pool
	target *url.URL
	name   string // scheme and host, for logs and metrics
}

// A record is what is known of an upstream. It outlives a reload.
type record struct {
	busy     atomic.Int64 // requests under way
	inARow   atomic.Int64 // failures since the last answer
	answers  atomic.Int64
	failures atomic.Int64
	until    atomic.Int64 // left alone until then, in Unix nanoseconds; 0: it is in
	unfit    atomic.Bool  // its health check fails

	change sync.Mutex
	times  int       // in which it was left alone without having been in for long
	back   time.Time // since when it is in again
}

// takes says whether a member takes requests, and was not tried for this one.
func (m *member) takes(tried []*member) bool {
	return m.until.Load() == 0 && m.fit() && !slices.Contains(tried, m)
}

// fit says whether nothing speaks against a member where its health is asked for.
func (m *member) fit() bool { return m.pool.health == nil || !m.unfit.Load() }

// answered notes that an answer began.
func (m *member) answered(now time.Time, trial bool) {
	m.answers.Add(1)
	if m.inARow.Load() != 0 {
		m.inARow.Store(0)
	}
	if !trial {
		return
	}
	m.change.Lock()
	defer m.change.Unlock()
	if m.until.Load() == 0 { // another trial has ended before
		return
	}
	m.until.Store(0)
	m.back = now
	m.pool.log.Info("an upstream is back", slog.String("pool", m.pool.config.Name), slog.String("upstream", m.name))
}

// undecided ends a request that says nothing about the member: the next one tries it.
func (m *member) undecided(trial bool) {
	if trial {
		m.change.Lock()
		defer m.change.Unlock()
		if m.until.Load() != 0 {
			m.until.Store(1)
		}
	}
}

// failed notes that no answer came. What fails beside a trial was sent before the
// member was left alone, and is no news.
func (m *member) failed(now time.Time, trial bool, why error) {
	m.failures.Add(1)
	m.inARow.Add(1)
	m.change.Lock()
	defer m.change.Unlock()
	first := m.until.Load() == 0
	if !first && !trial || first && m.inARow.Load() < m.pool.after {
		return
	}
	if first && now.Sub(m.back) > m.pool.longest {
		m.times = 0
	}
	d := m.pool.longest
	if m.times < 16 {
		d = min(ejectFirst<<m.times, m.pool.longest)
	}
	m.times++
	// Up to a tenth less, so that edges do not try an upstream all at once.
	m.until.Store(now.Add(d - rand.N(d/10)).UnixNano())
	if first {
		m.pool.log.Warn("an upstream is out", slog.String("pool", m.pool.config.Name), slog.String("upstream", m.name), slog.String("why", clean(why.Error())))
	}
}
