package sqlite

import (
	"sync"

	"github.com/jotward/jotward/internal/client"
)

// maxClients is how many clients are kept in memory: a few megabytes.
const maxClients = 4096

// clientCache keeps clients as they were read, for every request to the issuer asks
// for one. This store alone writes to the file (see lock), so that it knows when they
// change; then all are forgotten, after the commit and before anybody is told of it.
type clientCache struct {
	mu      sync.RWMutex
	changes uint64 // how often all were forgotten
	byID    map[string]client.Client
}

// find returns a client, and the number that keep wants.
func (c *clientCache) find(id string) (v client.Client, changes uint64, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	v, ok = c.byID[id]
	return v, c.changes, ok
}

// keep remembers a client that was read after find, unless clients have changed since:
// what was read may be of before.
func (c *clientCache) keep(v client.Client, changes uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changes != changes {
		return
	}
	if c.byID == nil || len(c.byID) >= maxClients {
		c.byID = map[string]client.Client{}
	}
	c.byID[v.ID] = v
}

func (c *clientCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes++
	c.byID = nil
}
