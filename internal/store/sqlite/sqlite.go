// Package sqlite is the store on SQLite: one writer, which commits what waits
// in groups, and readers apart from it (WAL). A write takes the act, its
// revocations and its audit entry together. It guarantees: atomic, durable
// before it is answered (synchronous=FULL), and never blocked by readers.
//
// Each query is a constant beside its method; a test prepares them all.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"sync"
	"sync/atomic"

	_ "modernc.org/sqlite" // the driver
)

// Store satisfies the Store interface of every domain package.
type Store struct {
	w, r    *sql.DB
	held    *sql.DB // the lock
	writer  *writer
	hook    atomic.Pointer[func(uint64)]
	stmts   sync.Map // query -> *sql.Stmt of the readers
	clients clientCache
	close   sync.Once
	closed  error // what closing said
}

// Open opens, or makes, the database in a file and migrates it. Only the owner
// can read a file that it makes. It fails with ErrInUse while another store has it, and
// with ErrLinked when the file has several names.
func Open(ctx context.Context, path string) (*Store, error) {
	path, err := theOne(path)
	if err != nil {
		return nil, err
	}
	held, err := lock(ctx, path)
	if err != nil {
		return nil, err
	}
	s, err := open(ctx, path)
	if err != nil {
		return nil, errors.Join(err, held.Close())
	}
	s.held = held
	return s, nil
}

func open(ctx context.Context, path string) (*Store, error) {
	base := "file:" + (&url.URL{Path: path}).EscapedPath() +
		"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=trusted_schema(0)&_pragma=temp_store(MEMORY)"
	w, err := sql.Open("sqlite", base)
	if err != nil {
		return nil, err
	}
	w.SetMaxOpenConns(1)
	r, err := sql.Open("sqlite", base+"&_pragma=query_only(1)")
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	r.SetMaxOpenConns(8)
	r.SetMaxIdleConns(8)
	conn, err := w.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, r.Close(), w.Close())
	}
	if err := migrate(ctx, conn); err != nil {
		return nil, errors.Join(err, conn.Close(), r.Close(), w.Close())
	}
	s := &Store{w: w, r: r}
	s.writer = startWriter(conn, s.committed, &s.clients)
	return s, nil
}

// Close waits for the group that is being committed, refuses what still waits
// with ErrClosed, and closes all connections.
// Closing twice is closing once.
func (s *Store) Close() error {
	s.close.Do(func() { s.closed = errors.Join(s.writer.stop(), s.r.Close(), s.w.Close(), s.held.Close()) })
	return s.closed
}

// OnCommitted sets the hook that wakes the feed after revocations committed, with
// the log's last number. It runs on the writer: it must not block.
func (s *Store) OnCommitted(f func(seq uint64)) { s.hook.Store(&f) }

func (s *Store) committed(seq uint64) {
	if f := s.hook.Load(); f != nil {
		(*f)(seq)
	}
}
