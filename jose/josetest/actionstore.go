package josetest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jotward/jotward/jose/action"
)

// ActionStore is the suite that judges a Store of package action: it demands what
// the interface promises, fifty goroutines racing for one token among it. newStore
// returns an empty store with room for a hundred records. Run it under the race
// detector.
func ActionStore(t *testing.T, newStore func(t *testing.T) action.Store) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	record := func(n byte, purpose, subject string, lives time.Duration) action.Record {
		return action.Record{Hash: action.Hash{n}, Purpose: purpose, Subject: subject, Expires: now.Add(lives)}
	}
	put := func(t *testing.T, s action.Store, list ...action.Record) {
		t.Helper()
		for _, r := range list {
			if err := s.Put(context.Background(), r, now); err != nil {
				t.Fatal(err)
			}
		}
	}
	same := func(a, b action.Record) bool {
		return a.Hash == b.Hash && a.Purpose == b.Purpose && a.Subject == b.Subject && a.Expires.Equal(b.Expires)
	}
	// there reports whether a store still has a record, by looking only.
	there := func(t *testing.T, s action.Store, r action.Record) bool {
		t.Helper()
		got, ok, err := s.Get(context.Background(), r.Hash)
		if err != nil {
			t.Fatal(err)
		}
		if ok && !same(got, r) {
			t.Fatalf("got %+v, want %+v", got, r)
		}
		return ok
	}
	spend := func(t *testing.T, s action.Store, r action.Record, at time.Time) bool {
		t.Helper()
		got, ok, err := s.Spend(context.Background(), r.Hash, at)
		if err != nil {
			t.Fatal(err)
		}
		if ok && !same(got, r) {
			t.Fatalf("got %+v, want %+v", got, r)
		}
		return ok
	}

	t.Run("a record is found by its hash and by no other", func(t *testing.T) {
		s, a, b := newStore(t), record(1, "reset", "alice", time.Hour), record(2, "invite", "böb\x00' --", time.Hour)
		put(t, s, a, b)
		if !there(t, s, a) || !there(t, s, b) || there(t, s, record(3, "", "", 0)) {
			t.Error("found wrongly")
		}
	})
	t.Run("looking spends nothing and spending happens once", func(t *testing.T) {
		s, a, b := newStore(t), record(1, "reset", "alice", time.Hour), record(2, "reset", "alice", time.Hour)
		put(t, s, a, b)
		for range 3 {
			if !there(t, s, a) {
				t.Fatal("it is gone after a look")
			}
		}
		if !spend(t, s, a, now) {
			t.Fatal("not spent")
		}
		if spend(t, s, a, now) || there(t, s, a) {
			t.Error("spent, and still there")
		}
		if !spend(t, s, b, now) {
			t.Error("another one was spent along")
		}
	})
	t.Run("an expired record is not spent", func(t *testing.T) {
		s, a := newStore(t), record(1, "reset", "alice", time.Hour)
		put(t, s, a)
		if spend(t, s, a, a.Expires) || spend(t, s, a, a.Expires.Add(time.Hour)) {
			t.Error("spent at or after its expiry")
		}
		b := record(2, "reset", "alice", time.Hour)
		put(t, s, b)
		if !spend(t, s, b, b.Expires.Add(-time.Second)) {
			t.Error("not spent a second before its expiry")
		}
	})
	t.Run("revoking takes what it names", func(t *testing.T) {
		s := newStore(t)
		a, b, c, d := record(1, "reset", "alice", time.Hour), record(2, "reset", "alice", time.Hour), record(3, "invite", "alice", time.Hour), record(4, "reset", "bob", time.Hour)
		put(t, s, a, b, c, d)
		spend(t, s, a, now)
		if n, err := s.Revoke(context.Background(), "reset", "alice"); n != 1 || err != nil {
			t.Errorf("%d revoked, %v; one was spent before", n, err)
		}
		if spend(t, s, b, now) || there(t, s, b) || !there(t, s, c) || !there(t, s, d) {
			t.Error("revoked wrongly")
		}
	})
	t.Run("one winner", func(t *testing.T) {
		s := newStore(t)
		for round := range byte(10) {
			r := record(round, "reset", "alice", time.Hour)
			put(t, s, r)
			var winners atomic.Int64
			var wg sync.WaitGroup
			start := make(chan struct{})
			for range 50 {
				wg.Go(func() {
					<-start
					if _, ok, err := s.Spend(context.Background(), r.Hash, now); ok && err == nil {
						winners.Add(1)
					}
				})
			}
			close(start)
			wg.Wait()
			if winners.Load() != 1 {
				t.Fatalf("%d winners", winners.Load())
			}
		}
	})
}
