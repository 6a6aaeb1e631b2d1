package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"

	sqlitelib "modernc.org/sqlite"
)

// ErrInUse answers a second Open of a database: the feed is woken by the writes
// of its own process, so two would each be late with the other's revocations.
var ErrInUse = errors.New("another process has it open: stop that one, or use another file")

const (
	holdLock   = `BEGIN EXCLUSIVE`
	resultBusy = 5 // SQLITE_BUSY
)

// lock holds path.lock for this store alone. SQLite's own lock on a file of its
// own is the operating system's on every platform: it goes with the process,
// however that ends, and it never stands in the way of who reads the database.
func lock(ctx context.Context, path string) (*sql.DB, error) {
	path += ".lock"
	// Only a new file is opened here: closing one drops every POSIX lock that
	// this process has on it (POSIX fcntl).
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
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
