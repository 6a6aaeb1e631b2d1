package lean

import (
	"sync"
)

// pool keeps the connections that carry no request, by address.
type pool struct {
	config Config
	mu     sync.Mutex
	idle   map[string][]*conn // the youngest last
	n      int                // of all
	years  uint64             // how often it was cleared
}

func (p *pool) init(c Config) { p.config, p.idle = c, map[string][]*conn{} }

// take returns the connection that was used last and is still good: of the
// others, those that are not needed grow old and are closed.
func (p *pool) take(address string) *conn {
	for {
		c := p.pop(address)
		if c == nil {
			return nil
		}
		c.idle.Stop() // and if that is too late, it will not be found
		if c.quiet() {
			return c
		}
		_ = c.Close()
	}
}

func (p *pool) pop(address string) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.idle[address]
	if len(list) == 0 {
		return nil
	}
	c := list[len(list)-1]
	p.drop(address, len(list)-1)
	return c
}

// drop takes one out. p.mu is held.
func (p *pool) drop(address string, at int) {
	list := p.idle[address]
	copy(list[at:], list[at+1:])
	list[len(list)-1] = nil
	p.idle[address] = list[:len(list)-1]
	p.n--
}

// put keeps a connection, or says that there is no place for it.
func (p *pool) put(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.age != p.years || p.n >= p.config.MaxIdle || len(p.idle[c.address]) >= p.config.MaxIdlePerHost {
		return false
	}
	p.idle[c.address] = append(p.idle[c.address], c)
	p.n++
	c.rest()
	return true
}

// expire closes a connection that nobody took in its time.
func (p *pool) expire(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, other := range p.idle[c.address] {
		if other == c {
			p.drop(c.address, i)
			if len(p.idle[c.address]) == 0 {
				delete(p.idle, c.address)
			}
			_ = c.Close()
			return
		}
	}
}

func (p *pool) age() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.years
}

// clear closes all, and those that carry a request when they come back.
func (p *pool) clear() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.n = map[string][]*conn{}, 0
	p.years++
	p.mu.Unlock()
	for _, list := range idle {
		for _, c := range list {
			c.idle.Stop()
			_ = c.Close()
		}
	}
}
