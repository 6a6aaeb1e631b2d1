package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	sqlitelib "modernc.org/sqlite"
)

// ErrInUse answers a second Open of a database: the feed is woken by the writes
// of its own process, so two would each be late with the other's revocations.
var ErrInUse = errors.New("another process has it open: stop that one, or use another file")

// ErrLinked answers Open of a database that has several names: each would have a lock and
// a log of its own (sqlite.org/howtocorrupt, 2.5).
var ErrLinked = errors.New("the file has several hard links: remove all but one")

const (
	holdLock   = `BEGIN EXCLUSIVE`
	resultBusy = 5 // SQLITE_BUSY
)

// theOne returns the one name of a database, which is made if there is none: by
// whichever way it is opened, there must be one lock.
func theOne(path string) (string, error) {
	if err := create(path); err != nil {
		return "", err
	}
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if err == nil && links(info) > 1 {
		err = ErrLinked
	}
	return path, err
}

// create makes a file for its owner alone, unless it is there. One that is there is not
// opened: closing it drops every POSIX lock that this process has on it (POSIX fcntl).
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		return f.Close()
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// lock holds path.lock for this store alone. SQLite's own lock on a file of its
// own is the operating system's on every platform: it goes with the process,
// however that ends, and it never stands in the way of who reads the database.
func lock(ctx context.Context, path string) (*sql.DB, error) {
	path += ".lock"
	if err := create(path); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_pragma=busy_timeout(0)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // the pool keeps it, idle and with its transaction, until Close
	if _, err := db.ExecContext(ctx, holdLock); err != nil {
		if e, ok := errors.AsType[*sqlitelib.Error](err); ok && e.Code()&0xff == resultBusy {
			err = ErrInUse
		}
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}
