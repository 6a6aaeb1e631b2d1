package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
)

func revocation(id string) audit.Act {
	return audit.New(time.UnixMilli(1_800_000_000_000), audit.Actor{Kind: "system"}, "test.revoke", "token", id).Revoking(
		revoke.Entry{Kind: revoke.KindToken, ID: id, Expires: time.UnixMilli(1_900_000_000_000), Reason: reason.Requested})
}

// hold stops the writer within a write, so that others have to wait, and
// returns once n of them do.
func (s *Store) testOnlyHold(t *testing.T, n int, write func(i int) error) (errs []error) {
	t.Helper()
	started, free := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = s.update(t.Context(), func(*tx) error { close(started); <-free; return nil })
	})
	<-started
	errs = make([]error, n)
	var ready sync.WaitGroup
	for i := range n {
		ready.Add(1)
		wg.Go(func() { ready.Done(); errs[i] = write(i) })
	}
	ready.Wait()
	close(free)
	wg.Wait()
	return errs
}

// TestOnlyFull lets the database grow no more, as on a full disk, or again.
func (s *Store) TestOnlyFull(t testing.TB, full bool) {
	t.Helper()
	most := 1 << 30
	if full {
		most = 1 // SQLite takes the present size when it is more
	}
	if err := s.update(t.Context(), func(x *tx) error { return x.row(fmt.Sprintf("PRAGMA max_page_count = %d", most), nil, &most) }); err != nil {
		t.Fatal(err)
	}
}

// A commit that fails is everybody's failure: none of the group is told that
// its act happened, and none did.
func TestFailedCommitFailsTheWholeGroup(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	woken := false
	s.OnCommitted(func(uint64) { woken = true })
	broken := errors.New("the disk is full")
	fail := func() error { return broken }
	s.writer.testOnlyCommit.Store(&fail)
	for i, err := range s.testOnlyHold(t, 30, func(i int) error { return s.Record(t.Context(), revocation(fmt.Sprint(i))) }) {
		if !errors.Is(err, broken) {
			t.Errorf("write %d was told %v", i, err)
		}
	}
	none := func() error { return nil }
	s.writer.testOnlyCommit.Store(&none)
	if _, seq, err := s.RevocationHead(t.Context()); err != nil || seq != 0 || woken {
		t.Fatalf("a failed commit left number %d, woke %v: %v", seq, woken, err)
	}
	if err := s.Record(t.Context(), revocation("after")); err != nil {
		t.Fatalf("the store did not recover: %v", err)
	}
	if _, seq, _ := s.RevocationHead(t.Context()); seq != 1 || !woken {
		t.Fatalf("after the failure the next number is %d, woke %v", seq, woken)
	}
}

// One that fails within a group fails alone.
func TestFailedWriteLeavesItsGroupAlone(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	errs := s.testOnlyHold(t, 40, func(i int) error {
		act := revocation(fmt.Sprint(i))
		if i%2 == 0 {
			act.Action = ""
		}
		return s.Record(t.Context(), act)
	})
	for i, err := range errs {
		if (err != nil) != (i%2 == 0) {
			t.Errorf("write %d: %v", i, err)
		}
	}
	if _, seq, err := s.RevocationHead(t.Context()); err != nil || seq != 20 {
		t.Fatalf("number %d after 20 acts: %v", seq, err)
	}
}

// Those who wait share commits: 64 of them need far fewer.
func TestWaitingWritesShareACommit(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	commits := 0
	count := func() error { commits++; return nil }
	s.writer.testOnlyCommit.Store(&count)
	gate, free := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.update(t.Context(), func(*tx) error { close(gate); <-free; return nil }) })
	<-gate
	var waiting atomic.Int64
	for i := range 200 {
		j := &job{change: func(t *tx) error { _, err := t.exec(touchGeneration); return err }, done: make(chan struct{})}
		wg.Go(func() {
			waiting.Add(1)
			s.writer.jobs <- j
			<-j.done
			if j.err != nil {
				t.Errorf("write %d: %v", i, j.err)
			}
		})
	}
	for waiting.Load() < 200 { // but for an instant, all of them wait
		runtime.Gosched()
	}
	close(free)
	wg.Wait()
	if generation, err := s.KeyGeneration(t.Context()); err != nil || generation != 200 || commits >= 200 {
		t.Fatalf("%d writes in %d commits: %v", generation, commits, err)
	}
}

// A caller who gives up while the writer is busy is answered at once, and its
// act does not happen later.
func TestCancelledWaiterWithdraws(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	gate, free := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.update(t.Context(), func(*tx) error { close(gate); <-free; return nil }) })
	<-gate
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Record(ctx, revocation("x")); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	close(free)
	wg.Wait()
	if yes, err := s.TokenRevoked(t.Context(), "x"); err != nil || yes {
		t.Fatalf("a withdrawn act happened: %v", err)
	}
	// A job that was withdrawn in the queue is passed over.
	j := &job{change: func(*tx) error { t.Error("a withdrawn change ran"); return nil }, done: make(chan struct{})}
	j.state.Store(withdrawn)
	s.writer.group(j)
}

// A failing CHECK is our fault and no conflict; a duplicate is a conflict.
func TestConflictIsForDuplicatesOnly(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	act := revocation("x")
	act.Action = ""
	if err := s.Record(t.Context(), act); err == nil || errors.Is(err, conflict) {
		t.Errorf("a failing CHECK: %v", err)
	}
}

// The trail is append-only against every statement.
func TestAuditIsAppendOnly(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	if err := s.Record(t.Context(), revocation("x")); err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{
		`UPDATE audit SET actor_id = 'nobody'`,
		`DELETE FROM audit`,
		`DELETE FROM audit WHERE seq = 1`,
		`REPLACE INTO audit (seq, at, actor_kind, actor_id, request_id, action, target_kind, target_id, detail) VALUES (1, 1, 'x', '', '', 'x', '', '', '{}')`,
		`INSERT INTO audit (seq, at, actor_kind, actor_id, request_id, action, target_kind, target_id, detail) VALUES (1, 1, 'x', '', '', 'x', '', '', '{}') ON CONFLICT (seq) DO UPDATE SET action = 'y'`,
	} {
		err := s.update(t.Context(), func(t *tx) error { _, err := t.exec(q); return err })
		if err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", q, err)
		}
	}
	entries, err := s.AuditEntries(t.Context(), audit.Filter{}, 0, 10)
	if err != nil || len(entries) != 1 || entries[0].Action != "test.revoke" {
		t.Fatalf("the trail: %+v %v", entries, err)
	}
}

// A commit is on disk when it returns: the log beside the file is synced each time.
func TestEveryConnectionSyncs(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	if err := s.update(t.Context(), func(tx *tx) error {
		var mode string
		var level int
		if err := errors.Join(tx.row(`PRAGMA journal_mode`, nil, &mode), tx.row(`PRAGMA synchronous`, nil, &level)); err != nil {
			return err
		}
		if mode != "wal" || level != 2 {
			t.Errorf("journal_mode %s, synchronous %d", mode, level)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
