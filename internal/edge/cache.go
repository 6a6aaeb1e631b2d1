package edge

import (
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/rule"
)

// A cache is as large as it is configured, whatever strangers send: only tokens
// that were verified come in.
const (
	cacheWays    = 4
	cacheDefault = 16384
	cacheMost    = 1 << 24
)

// cache remembers verified tokens. Reads take no lock. The hash is seeded, so
// that nobody outside can aim at one set, and the whole token is compared.
type cache struct {
	seed maphash.Seed
	next atomic.Uint32
	sets [][cacheWays]atomic.Pointer[verified]
}

// verified is a token that held, under which configuration and keys.
type verified struct {
	hash      uint64
	token     string
	config    uint64 // generation of the configuration
	keys      uint64 // generation of the issuer's keys
	expiry    time.Time
	until     time.Time // of an introspected one: when it is asked about again
	issuer    *issuer
	identity  *identity
	epoch     atomic.Uint64               // the revocation epoch it was last asked at
	would     reason.Code                 // what the issuer's next policy would refuse it for
	no        *refusal                    // in the cache of refusals: why it does not hold
	route     *route                      // the only one for which its issuer was chosen; nil: on all
	fitted    atomic.Pointer[rule.Schema] // the last schema that its claims fitted
	signed    perRoute                    // what was signed of it, for each route
	exchanged perRoute                    // what it was exchanged for, for each route
}

// introspected says whether the issuer was asked about it.
func (v *verified) introspected() bool { return !v.until.IsZero() }

// on leaves out what holds for another route alone.
func (v *verified) on(rt *route) *verified {
	if v == nil || v.route != nil && v.route != rt {
		return nil
	}
	return v
}

// newCache makes a cache of about so many tokens, more rather than less.
func newCache(tokens int) *cache {
	sets := 1
	for sets*cacheWays < tokens {
		sets *= 2
	}
	return &cache{seed: maphash.MakeSeed(), sets: make([][cacheWays]atomic.Pointer[verified], sets)}
}

func (c *cache) set(hash uint64) *[cacheWays]atomic.Pointer[verified] {
	return &c.sets[hash&uint64(len(c.sets)-1)]
}

// find returns a token that still holds: the same configuration, the same keys,
// not expired. The caller asks the revocation view.
func (c *cache) find(token string, config uint64, now time.Time) *verified {
	h := maphash.String(c.seed, token)
	set := c.set(h)
	for i := range set {
		v := set[i].Load()
		if v == nil || v.hash != h || v.token != token {
			continue
		}
		if v.config != config || v.keys != v.issuer.source.keys.Generation() || !now.Before(v.expiry) || v.introspected() && !now.Before(v.until) {
			set[i].CompareAndSwap(v, nil)
			return nil
		}
		return v
	}
	return nil
}

// add takes a free way of the token's set, or some way.
func (c *cache) add(v *verified) {
	v.hash = maphash.String(c.seed, v.token)
	set := c.set(v.hash)
	for i := range set {
		if old := set[i].Load(); old == nil || old.hash == v.hash && old.token == v.token {
			set[i].Store(v)
			return
		}
	}
	set[c.next.Add(1)%cacheWays].Store(v)
}
