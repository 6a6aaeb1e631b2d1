package sqlite

import (
	"fmt"
	"testing"

	"github.com/jotward/jotward/internal/client"
)

// What was read before a change is not kept after it.
func TestClientCacheKeepsNothingOfBefore(t *testing.T) {
	t.Parallel()
	var c clientCache
	_, changes, _ := c.find("a")
	c.forget() // a change commits while the row is on its way
	c.keep(client.Client{ID: "a", Version: 1}, changes)
	if v, _, ok := c.find("a"); ok {
		t.Errorf("%+v is kept", v)
	}
	_, changes, _ = c.find("a")
	c.keep(client.Client{ID: "a", Version: 2}, changes)
	if v, _, ok := c.find("a"); !ok || v.Version != 2 {
		t.Errorf("%+v %v", v, ok)
	}
}

func TestClientCacheIsBounded(t *testing.T) {
	t.Parallel()
	var c clientCache
	for n := range maxClients + 2 {
		c.keep(client.Client{ID: fmt.Sprint(n)}, 0)
	}
	if len(c.byID) > maxClients {
		t.Errorf("%d are kept", len(c.byID))
	}
}
