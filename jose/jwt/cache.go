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
	current atomic.Pointer[map[string]*resolved]
	write   sync.Mutex
}

func (c *headerCache) find(segment string, generation uint64) *resolved {
	m := c.current.Load()
	if m == nil {
		return nil
	}
	r := (*m)[segment]
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
	next := make(map[string]*resolved, maxHeaders)
	if old := c.current.Load(); old != nil && len(*old) < maxHeaders {
		maps.Copy(next, *old)
	}
	kept := *r
	kept.cached = true
	next[strings.Clone(segment)] = &kept
	c.current.Store(&next)
}
