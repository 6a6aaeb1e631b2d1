package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	createMigrations = `CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, sum TEXT NOT NULL) STRICT`
	listMigrations   = `SELECT name, sum FROM migrations ORDER BY name`
	insertMigration  = `INSERT INTO migrations (name, sum) VALUES (?, ?)`
)

// migrate applies what is missing, in order of name, in one transaction. What
// was applied must be what is embedded: a changed file, a hole in the order, or
// one from a newer version stops the start.
func migrate(ctx context.Context, conn *sql.Conn) error {
	files, err := migrations.ReadDir("migrations") // sorted by name
	if err != nil {
		return err
	}
	texts := make([]migration, len(files))
	for i, f := range files {
		text, err := migrations.ReadFile("migrations/" + f.Name())
		if err != nil {
			return err
		}
		sum := sha256.Sum256(text)
		texts[i] = migration{f.Name(), hex.EncodeToString(sum[:]), string(text)}
	}
	if _, err := conn.ExecContext(ctx, beginWrite); err != nil {
		return err
	}
	if err := apply(ctx, conn, texts); err != nil {
		_, undo := conn.ExecContext(context.WithoutCancel(ctx), rollback)
		return errors.Join(err, undo)
	}
	_, err = conn.ExecContext(ctx, commit)
	return err
}

type migration struct{ name, sum, text string }

func apply(ctx context.Context, conn *sql.Conn, all []migration) error {
	if _, err := conn.ExecContext(ctx, createMigrations); err != nil {
		return err
	}
	rows, err := conn.QueryContext(ctx, listMigrations)
	if err != nil {
		return err
	}
	defer rows.Close()
	done := 0
	for rows.Next() {
		var m migration
		if err := rows.Scan(&m.name, &m.sum); err != nil {
			return err
		}
		if done >= len(all) || all[done].name != m.name {
			return fmt.Errorf("sqlite: migration %s is not one of this version's: the database was made by another version: run that one", m.name)
		}
		if all[done].sum != m.sum {
			return fmt.Errorf("sqlite: migration %s differs from the one that was applied: run the version that made the database", m.name)
		}
		done++
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, m := range all[done:] {
		if _, err := conn.ExecContext(ctx, m.text); err != nil {
			return fmt.Errorf("sqlite: migration %s: %w", m.name, err)
		}
		if _, err := conn.ExecContext(ctx, insertMigration, m.name, m.sum); err != nil {
			return err
		}
	}
	return nil
}
