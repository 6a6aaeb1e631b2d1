package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"

	sqlitelib "modernc.org/sqlite"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
)

// ErrClosed answers a write to a store that was closed.
var ErrClosed = errors.New("sqlite: the store is closed")

// errNone undoes a write that found nothing to change.
var errNone = errors.New("sqlite: nothing changed")

var conflict = reason.New(reason.Conflict, nil)

// maxGroup is how many writes one transaction takes at most: it bounds what one
// failing commit refuses, and how long the first of a group waits.
const maxGroup = 64

const (
	beginWrite = `BEGIN IMMEDIATE`
	commit     = `COMMIT`
	rollback   = `ROLLBACK`
	begin      = `SAVEPOINT act`
	undo       = `ROLLBACK TO act`
	release    = `RELEASE act`
)

// tx is one write within a group. It has no context: a write that has begun is
// finished, and its caller is told what became of it.
type tx struct {
	conn    *sql.Conn
	stmts   map[string]*sql.Stmt
	more    []revoke.Entry // revocations that the change itself found out
	seq     uint64         // the last number given in this write; 0: none
	last    uint64         // the last number given in this group
	clients bool           // the group has changed clients
}

func (t *tx) prepare(q string) (*sql.Stmt, error) {
	if stmt := t.stmts[q]; stmt != nil {
		return stmt, nil
	}
	stmt, err := t.conn.PrepareContext(context.Background(), q)
	if err == nil {
		t.stmts[q] = stmt
	}
	return stmt, err
}

// exec returns how many rows were changed.
func (t *tx) exec(q string, args ...any) (int64, error) {
	stmt, err := t.prepare(q)
	if err != nil {
		return 0, err
	}
	res, err := stmt.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// must is exec for a statement that has to change a row, else it fails with miss.
func (t *tx) must(miss error, q string, args ...any) error {
	n, err := t.exec(q, args...)
	if err == nil && n == 0 {
		return miss
	}
	return err
}

// row reads one row; sql.ErrNoRows when there is none.
func (t *tx) row(q string, args []any, to ...any) error {
	stmt, err := t.prepare(q)
	if err != nil {
		return err
	}
	return stmt.QueryRowContext(context.Background(), args...).Scan(to...)
}

// The life of a job: it waits, and then it is either begun by the writer or
// withdrawn by its caller.
const (
	waits int32 = iota
	begun
	withdrawn
)

type job struct {
	change func(*tx) error
	state  atomic.Int32
	err    error
	done   chan struct{}
}

// writer is the one goroutine that writes.
type writer struct {
	conn      *sql.Conn
	stmts     map[string]*sql.Stmt
	committed func(seq uint64) // told of every commit that moved the log, before anyone is answered
	clients   *clientCache
	jobs      chan *job
	quit      chan struct{}
	ended     chan struct{}
	closing   error // set before ended is closed

	testOnlyCommit atomic.Pointer[func() error] // asked before a commit; an error fails it
}

func startWriter(conn *sql.Conn, committed func(uint64), clients *clientCache) *writer {
	w := &writer{conn: conn, committed: committed, clients: clients, stmts: map[string]*sql.Stmt{}, jobs: make(chan *job), quit: make(chan struct{}), ended: make(chan struct{})}
	go w.loop()
	return w
}

func (w *writer) stop() error {
	close(w.quit)
	<-w.ended
	return w.closing
}

func (w *writer) loop() {
	for {
		select {
		case <-w.quit:
			var errs []error
			for _, stmt := range w.stmts {
				errs = append(errs, stmt.Close())
			}
			w.closing = errors.Join(append(errs, w.conn.Close())...)
			close(w.ended)
			return
		case j := <-w.jobs:
			w.group(j)
		}
	}
}

// group runs a job and what else waits in one transaction, and answers each
// only after the commit. Nobody is waited for: an idle store answers one write
// as fast as it can.
func (w *writer) group(j *job) {
	if !j.state.CompareAndSwap(waits, begun) {
		return
	}
	t := &tx{conn: w.conn, stmts: w.stmts}
	group := []*job{j}
	_, err := t.exec(beginWrite)
	if err == nil {
		for {
			if err = w.one(t, j); err != nil || len(group) == maxGroup {
				break
			}
			if j = w.next(); j == nil {
				break
			}
			group = append(group, j)
		}
		if err == nil {
			err = w.commit(t)
		}
		if err != nil {
			_, _ = t.exec(rollback) // SQLite may have rolled back by itself already
		}
	}
	if t.clients { // whatever a commit that failed has kept
		w.clients.forget()
	}
	if err == nil && t.last > 0 {
		w.committed(t.last)
	}
	for _, j := range group {
		if err != nil {
			j.err = err // nothing of the group was kept
		}
		close(j.done)
	}
}

// next returns a job that waits already, or nil.
func (w *writer) next() *job {
	for {
		select {
		case j := <-w.jobs:
			if j.state.CompareAndSwap(waits, begun) {
				return j
			}
		default:
			return nil
		}
	}
}

// one runs a job in its own savepoint, so that it fails alone. What it returns
// fails the whole group.
func (w *writer) one(t *tx, j *job) error {
	if _, err := t.exec(begin); err != nil {
		return err
	}
	t.more, t.seq = nil, 0
	if j.err = j.change(t); j.err != nil {
		if _, err := t.exec(undo); err != nil {
			return errors.Join(j.err, err)
		}
	} else {
		t.last = max(t.last, t.seq)
	}
	_, err := t.exec(release)
	return err
}

func (w *writer) commit(t *tx) error {
	if f := w.testOnlyCommit.Load(); f != nil {
		if err := (*f)(); err != nil {
			return err
		}
	}
	_, err := t.exec(commit)
	return err
}

// update has the writer run a change. A caller that gives up while its change
// waits is answered at once and nothing happens; later it learns the outcome.
func (s *Store) update(ctx context.Context, change func(*tx) error) error {
	j := &job{change: change, done: make(chan struct{})}
	select {
	case s.writer.jobs <- j:
	case <-s.writer.quit:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-j.done:
	case <-ctx.Done():
		if j.state.CompareAndSwap(waits, withdrawn) {
			return ctx.Err()
		}
		<-j.done
	}
	var e *sqlitelib.Error
	if errors.As(j.err, &e) && (e.Code() == constraintUnique || e.Code() == constraintPrimaryKey || e.Code() == constraintForeignKey) {
		return reason.New(reason.Conflict, j.err)
	}
	return j.err
}

// Extended result codes of SQLite: what exists already, or what another row
// needs. A CHECK that fails is a fault of ours and stays one.
const (
	constraintForeignKey = 19 | 3<<8
	constraintPrimaryKey = 19 | 6<<8
	constraintUnique     = 19 | 8<<8
)

const (
	insertAudit      = `INSERT INTO audit (at, actor_kind, actor_id, request_id, action, target_kind, target_id, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	nextRevocation   = `UPDATE revocation_head SET seq = seq + 1 WHERE one = 1 RETURNING seq`
	insertRevocation = `INSERT INTO revocations (seq, kind, id, version, before, expires, at, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
)

// write is update for an act: the change, its audit entry and its revocations
// happen together or not at all. The head is moved last, by the one writer:
// numbers are gapless and in the order of commits.
func (s *Store) write(ctx context.Context, act audit.Act, change func(*tx) error) error {
	return s.update(ctx, func(t *tx) error {
		if once := act.Actor.Once; once.Key != "" {
			if err := t.must(reason.New(reason.IdempotencyKeyReused, nil), insertOnce, once.Key, once.Request, act.Target.ID, millis(act.At)); err != nil {
				return err
			}
		}
		if err := change(t); err != nil {
			return err
		}
		if _, err := t.exec(insertAudit, millis(act.At), act.Actor.Kind, act.Actor.ID, act.Actor.Request, act.Action,
			act.Target.Kind, act.Target.ID, object(act.Detail)); err != nil {
			return err
		}
		for _, e := range append(act.Revocations[:len(act.Revocations):len(act.Revocations)], t.more...) {
			if err := t.row(nextRevocation, nil, &t.seq); err != nil {
				return err
			}
			if _, err := t.exec(insertRevocation, t.seq, string(e.Kind), e.ID, e.Version, millis(e.Before), millis(e.Expires), millis(e.At), string(e.Reason)); err != nil {
				return err
			}
		}
		return nil
	})
}

// quiet forgives a write that found nothing to change.
func quiet(err error) error {
	if errors.Is(err, errNone) {
		return nil
	}
	return err
}

// won tells whether a conditional write was the one that changed the row.
func won(err error) (bool, error) { return err == nil, quiet(err) }
