package jwt

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// Bounds of the header cache. An issuer has a handful of headers: one per key
// and type.
const (
	maxHeaders      = 64
	maxCachedHeader = 1024
)

// resolved is a header that passed the policy, with the keys that answer to it.
type resolved struct {
	header     jws.Header
	keys       []*jwk.Key
	generation uint64 // of the key source, read before its Lookup
	cached     bool
}

// headerCache maps the encoded bytes of a header to what became of it. Readers
// take no lock; a writer replaces the whole map, which is small.
type headerCache struct {
	current atomic.Pointer[headers]
	write   sync.Mutex
}

// headers are the headers that are remembered. The newest is asked before the
// map: it is that of the key an issuer signs with now.
type headers struct {
	newest   string
	resolved *resolved
	all      map[string]*resolved
}

func (c *headerCache) find(segment string, generation uint64) *resolved {
	h := c.current.Load()
	if h == nil {
		return nil
	}
	r := h.resolved
	if segment != h.newest {
		r = h.all[segment]
	}
	if r == nil || r.generation != generation {
		return nil
	}
	return r
}

// add remembers a header. A full cache starts anew: it is only full when an
// issuer writes a new header for every token, and then it is no use.
func (c *headerCache) add(segment string, r *resolved) {
	if len(segment) > maxCachedHeader {
		return
	}
	c.write.Lock()
	defer c.write.Unlock()
	kept := *r
	kept.cached = true
	next := &headers{newest: strings.Clone(segment), resolved: &kept, all: make(map[string]*resolved, maxHeaders)}
	if old := c.current.Load(); old != nil && len(old.all) < maxHeaders {
		maps.Copy(next.all, old.all)
	}
	next.all[next.newest] = &kept
	c.current.Store(next)
}
