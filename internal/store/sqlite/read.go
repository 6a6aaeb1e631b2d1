package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/reason"
)

// prepare keeps the readers' statements; there are as many as constants.
func (s *Store) prepare(ctx context.Context, q string) (*sql.Stmt, error) {
	if stmt, ok := s.stmts.Load(q); ok {
		return stmt.(*sql.Stmt), nil
	}
	stmt, err := s.r.PrepareContext(ctx, q)
	if err != nil {
		return nil, err
	}
	if other, loaded := s.stmts.LoadOrStore(q, stmt); loaded {
		return other.(*sql.Stmt), stmt.Close()
	}
	return stmt, nil
}

// scanner is a row that can be read.
type scanner interface{ Scan(to ...any) error }

// get reads one row, or NotFound.
func get[T any](ctx context.Context, s *Store, scan func(scanner) (T, error), q string, args ...any) (v T, err error) {
	stmt, err := s.prepare(ctx, q)
	if err != nil {
		return v, err
	}
	if err := ctx.Err(); err != nil {
		return v, err
	}
	// A row by its key is there at once: nobody has to be able to give it up, and a context
	// that can end costs database/sql and the driver a goroutine each.
	v, err = scan(stmt.QueryRowContext(context.WithoutCancel(ctx), args...))
	if errors.Is(err, sql.ErrNoRows) {
		return v, reason.New(reason.NotFound, nil)
	}
	return v, err
}

// list reads all rows.
func list[T any](ctx context.Context, s *Store, scan func(scanner) (T, error), q string, args ...any) ([]T, error) {
	stmt, err := s.prepare(ctx, q)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(ctx, args...)
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

func scanOne[T any](r scanner) (v T, err error) { return v, r.Scan(&v) }

// millis is the column's form of a time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// moment reads a time column.
type moment struct{ to *time.Time }

// Scan implements sql.Scanner.
func (m moment) Scan(src any) error {
	v, ok := src.(int64)
	if !ok {
		return fmt.Errorf("sqlite: a time is %T", src)
	}
	*m.to = time.Time{}
	if v != 0 {
		*m.to = time.UnixMilli(v).UTC()
	}
	return nil
}

// span reads a column of milliseconds.
type span struct{ to *time.Duration }

// Scan implements sql.Scanner.
func (d span) Scan(src any) error {
	v, ok := src.(int64)
	if !ok {
		return fmt.Errorf("sqlite: a duration is %T", src)
	}
	*d.to = time.Duration(v) * time.Millisecond
	return nil
}

// of names the columns of a table by its alias.
func of(alias, columns string) string {
	return alias + "." + strings.ReplaceAll(columns, ", ", ", "+alias+".")
}

// A column of a row: its name, what it is read into, and what is written.
type column struct {
	name     string
	to, from any
}

func names(row []column) (out []string) {
	for _, c := range row {
		out = append(out, c.name)
	}
	return out
}

func values(row []column) (out []any) {
	for _, c := range row {
		out = append(out, c.from)
	}
	return out
}

// array is the column's form of a list.
func array(v []string) string {
	if len(v) == 0 {
		return "[]"
	}
	return mustJSON(v)
}

func object(v map[string]string) string {
	if len(v) == 0 {
		return "{}"
	}
	return mustJSON(v)
}

func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts always marshal
	}
	return string(b)
}

// text reads a JSON column; an empty list or object reads as nil.
type text[T any] struct{ to *T }

// Scan implements sql.Scanner.
func (t text[T]) Scan(src any) error {
	v, ok := src.(string)
	if !ok {
		return fmt.Errorf("sqlite: a list is %T", src)
	}
	*t.to = *new(T)
	if v == "[]" || v == "{}" {
		return nil
	}
	return json.Unmarshal([]byte(v), t.to)
}

// members reads a column of names and texts.
func members(to *map[string]string) text[map[string]string] { return text[map[string]string]{to} }

// texts reads a list column.
func texts(to *[]string) text[[]string] { return text[[]string]{to} }
