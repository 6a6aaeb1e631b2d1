package sqlite

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/audit"
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

// What an operator writes to the file by hand is seen once Forget was called.
func TestClientsChangedByHand(t *testing.T) {
	t.Parallel()
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "jotward.db")
	s, err := Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	act := audit.New(time.Unix(1, 0), audit.Actor{Kind: "admin", ID: "root"}, "client.create", "client", "app")
	if _, err := s.CreateClient(ctx, client.Client{ID: "app", Version: 1, AuthMethod: "none"}, act); err != nil {
		t.Fatal(err)
	}
	byHand, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer byHand.Close()
	if c, err := s.Client(ctx, "app"); err != nil || c.Disabled {
		t.Fatalf("%+v %v", c, err)
	}
	if _, err := byHand.ExecContext(ctx, `UPDATE clients SET disabled = 1 WHERE id = 'app'`); err != nil {
		t.Fatal(err)
	}
	s.Forget()
	if c, err := s.Client(ctx, "app"); err != nil || !c.Disabled {
		t.Errorf("%+v %v", c, err)
	}
}
