// Package sqlite is the store on SQLite: one writer connection whose
// transactions begin IMMEDIATE, and readers apart from it (WAL). A write takes
// the act, its revocations and its audit entry together.
package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"
	"time"

	sqlitelib "modernc.org/sqlite"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/reason"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store satisfies the Store interface of every domain package.
type Store struct {
	w, r *sql.DB
	hook atomic.Pointer[func(uint64)]
}

// Open opens, or makes, the database in a file and migrates it.
func Open(ctx context.Context, path string) (*Store, error) {
	base := "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)"
	w, err := sql.Open("sqlite", base+"&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	w.SetMaxOpenConns(1)
	r, err := sql.Open("sqlite", base+"&_pragma=query_only(1)")
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	r.SetMaxOpenConns(8)
	s := &Store{w: w, r: r}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close closes all connections.
func (s *Store) Close() error { return errors.Join(s.r.Close(), s.w.Close()) }

// OnCommitted sets the hook that wakes the feed after revocations committed.
func (s *Store) OnCommitted(f func(seq uint64)) { s.hook.Store(&f) }

func (s *Store) migrate(ctx context.Context) error {
	if _, err := s.w.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, sum TEXT NOT NULL)`); err != nil {
		return err
	}
	files, err := migrations.ReadDir("migrations")
	if err != nil {
		return err
	}
	for _, f := range files { // ReadDir sorts by name
		text, err := migrations.ReadFile("migrations/" + f.Name())
		if err != nil {
			return err
		}
		if err := s.apply(ctx, f.Name(), text); err != nil {
			return fmt.Errorf("sqlite: migration %s: %w", f.Name(), err)
		}
	}
	return nil
}

func (s *Store) apply(ctx context.Context, name string, text []byte) error {
	h := sha256.Sum256(text)
	sum := hex.EncodeToString(h[:])
	tx, err := s.w.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var have string
	err = tx.QueryRowContext(ctx, `SELECT sum FROM migrations WHERE name=?`, name).Scan(&have)
	if err == nil {
		if have != sum {
			return errors.New("the applied file differs from the embedded one")
		}
		return nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if _, err := tx.ExecContext(ctx, string(text)); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO migrations VALUES (?,?)`, name, sum); err != nil {
		return err
	}
	return tx.Commit()
}

// errNone rolls back a write that found nothing to change.
var errNone = errors.New("sqlite: nothing changed")

func (s *Store) write(ctx context.Context, act audit.Act, change func(*sql.Tx) error) error {
	tx, err := s.w.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := change(tx); err != nil {
		var e *sqlitelib.Error
		if errors.As(err, &e) && e.Code()&0xff == 19 { // SQLITE_CONSTRAINT
			return reason.New(reason.Conflict, err)
		}
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO audit (at,actor_kind,actor,request,action,target_kind,target,detail) VALUES (?,?,?,?,?,?,?,?)`,
		ms(act.At), act.Actor.Kind, act.Actor.ID, act.Actor.Request, act.Action, act.Target.Kind, act.Target.ID, doc(act.Detail)); err != nil {
		return err
	}
	var seq uint64
	for _, e := range act.Revocations { // the head last: gapless, in commit order
		if err := tx.QueryRowContext(ctx, `UPDATE revocation_head SET seq=seq+1 RETURNING seq`).Scan(&seq); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO revocations VALUES (?,?,?,?,?,?,?,?)`,
			seq, string(e.Kind), e.ID, e.Version, ms(e.Before), ms(e.Expires), ms(e.At), string(e.Reason)); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	if f := s.hook.Load(); f != nil && seq > 0 {
		(*f)(seq)
	}
	return nil
}

// one executes a statement that must change a row, else it fails with miss.
func one(ctx context.Context, tx *sql.Tx, miss error, q string, args ...any) error {
	res, err := tx.ExecContext(ctx, q, args...)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, miss)
	}
	return nil
}

func found(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return reason.New(reason.NotFound, nil)
	}
	return err
}

func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func at(v int64) time.Time {
	if v == 0 {
		return time.Time{}
	}
	return time.UnixMilli(v).UTC()
}

func doc(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // the domain's plain structs always marshal
	}
	return string(b)
}

// load reads one JSON document.
func load[T any](ctx context.Context, s *Store, q string, args ...any) (v T, err error) {
	var text string
	if err = s.r.QueryRowContext(ctx, q, args...).Scan(&text); err == nil {
		err = json.Unmarshal([]byte(text), &v)
	}
	return v, found(err)
}

func list[T any](ctx context.Context, s *Store, scan func(*sql.Rows) (T, error), q string, args ...any) ([]T, error) {
	rows, err := s.r.QueryContext(ctx, q, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

func scanDoc[T any](rows *sql.Rows) (v T, err error) {
	var text string
	if err = rows.Scan(&text); err == nil {
		err = json.Unmarshal([]byte(text), &v)
	}
	return v, err
}
