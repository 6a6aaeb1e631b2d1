package edge

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/web"
)

const (
	maxMembers     = 64
	maxRetries     = 5
	defaultRetries = 2
	defaultEject   = 3
	ejectFirst     = time.Second
	ejectLongest   = 10 * time.Second
	ejectMost      = 10 * time.Minute
)

// A pool is a service of several upstreams. What is known of them outlives a
// reload, upstream by upstream.
type pool struct {
	config     config.Pool
	log        *slog.Logger
	transports *transports
	health     *health // nil: nobody asks
	members    []*member
	retries    int
	after      int64         // failures in a row, a member is left alone
	longest    time.Duration // for which it is left alone at once
	spare      spare
	resent     atomic.Int64 // requests that were sent to another member
	withheld   atomic.Int64 // and those that were not, for spare was empty
}

// compilePools compiles every pool of a configuration.
func (s *state) compilePools(c []config.Pool, old *state, log *slog.Logger, wrong func(error, string, ...any)) {
	s.pools = map[string]*pool{}
	for n, pc := range c {
		if s.pools[pc.Name] != nil {
			wrong(errors.New("is listed twice: name each once"), "edge.pools[%d].name", n)
			continue
		}
		var before *pool
		if old != nil {
			before = old.pools[pc.Name]
		}
		p, err := s.compilePool(pc, before, log)
		if err != nil {
			wrong(err, "edge.pools[%d]", n)
			p = nil
		}
		s.pools[pc.Name] = p // known to the routes, so that they are not refused for it
	}
}

func (s *state) compilePool(c config.Pool, before *pool, log *slog.Logger) (*pool, error) {
	if c.Name == "" || strings.Trim(c.Name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" {
		return nil, errors.New("its name is not of letters, digits, - . and _")
	}
	c.Upstreams = slices.Clone(c.Upstreams)
	if before != nil && before.transports == s.transports && reflect.DeepEqual(before.config, c) {
		return before, nil
	}
	p := &pool{config: c, log: log, transports: s.transports, retries: defaultRetries}
	if c.Retries != nil {
		p.retries = *c.Retries
	}
	p.after, p.longest = int64(cmp.Or(c.EjectAfter, defaultEject)), cmp.Or(c.EjectLongest, ejectLongest)
	switch {
	case len(c.Upstreams) == 0 || len(c.Upstreams) > maxMembers:
		return nil, fmt.Errorf("upstreams: give 1 to %d addresses", maxMembers)
	case p.retries < 0 || p.retries > maxRetries:
		return nil, fmt.Errorf("retries is outside 0 to %d", maxRetries)
	case p.after < 0:
		return nil, errors.New("eject_after is negative: leave it out for the default")
	case p.longest < ejectFirst || p.longest > ejectMost:
		return nil, fmt.Errorf("eject_longest is outside %s to %s", ejectFirst, ejectMost)
	}
	var err error
	if p.health, err = compileHealth(c.Health, s.timeouts); err != nil {
		return nil, err
	}
	p.spare.init()
	if before != nil {
		p.resent.Store(before.resent.Load())
		p.withheld.Store(before.withheld.Load())
	}
	return p, p.compileMembers(before)
}

func (p *pool) compileMembers(before *pool) error {
	known := map[string]*record{}
	if before != nil {
		for _, m := range before.members {
			known[dialled(m.target)] = m.record
		}
	}
	seen := map[string]bool{}
	for _, text := range p.config.Upstreams {
		target, err := upstreamURL(text)
		if err != nil {
			return fmt.Errorf("upstreams: %q %w", text, err)
		}
		address := dialled(target)
		if seen[address] {
			return fmt.Errorf("upstreams: %q is listed twice", text)
		}
		seen[address] = true
		m := &member{pool: p, target: target, name: target.Scheme + "://" + target.Host, record: known[address]}
		if m.record == nil {
			m.record = &record{}
		}
		if p.members = append(p.members, m); p.members[0].target.Scheme != target.Scheme {
			return errors.New("upstreams: http and https in one pool: what is secret on one way is read on the other")
		}
	}
	return nil
}

// dialled is a URL in one spelling.
func dialled(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// upstreamURL reads http(s)://host[:port], and nothing with it.
func upstreamURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil || u.Fragment != "" {
		return nil, errors.New("is not http(s)://host[:port] alone")
	}
	return u, nil
}

// pick chooses a member and counts a request on it: of two at random the one that
// has fewer under way. Against one that was chosen for all, and against many edges
// that choose the same one, two picks are as good as a look at every member. A
// member whose time out is over goes first, for one request at a time: the trial.
// nil: none is there that was not tried. Nobody gains by foretelling the choice.
func (p *pool) pick(now time.Time, tried []*member) (m *member, trial bool) {
	if m = p.due(now, tried); m == nil {
		m = p.choose(tried)
	} else {
		trial = true
	}
	if m != nil {
		m.busy.Add(1)
	}
	return m, trial
}

// due finds a member to try. Its time is set anew, so that nobody else tries it
// meanwhile, but for a trial that does not end: whoever uploads slowly must not keep a
// member out.
func (p *pool) due(now time.Time, tried []*member) *member {
	for _, m := range p.members {
		if until := m.until.Load(); until != 0 && now.UnixNano() >= until && m.fit() && !slices.Contains(tried, m) &&
			m.until.CompareAndSwap(until, now.Add(p.longest).UnixNano()) {
			return m
		}
	}
	return nil
}

func (p *pool) choose(tried []*member) *member {
	n := len(p.members)
	i := rand.IntN(n)
	a, b := p.members[i], p.members[i]
	if n > 1 {
		b = p.members[(i+1+rand.IntN(n-1))%n]
	}
	switch useA, useB := a.takes(tried), b.takes(tried); {
	case useA && (!useB || a.busy.Load() <= b.busy.Load()):
		return a
	case useB:
		return b
	}
	var least *member
	for k := range n {
		if m := p.members[(i+k)%n]; m.takes(tried) && (least == nil || m.busy.Load() < least.busy.Load()) {
			least = m
		}
	}
	return least
}

// check says for /readyz which members are out. It never fails: all edges see the
// same, and when balancers turn away from them for one service the others are lost
// with it.
func (p *pool) check() web.Check {
	var out []string
	for _, m := range p.members {
		if !m.takes(nil) {
			out = append(out, m.name)
		}
	}
	c := web.Check{Name: "pool " + p.config.Name, OK: true, Detail: fmt.Sprintf("%d of %d upstreams take requests", len(p.members)-len(out), len(p.members))}
	if len(out) > 0 {
		c.Detail += "; out: " + strings.Join(out, ", ")
	}
	return c
}
