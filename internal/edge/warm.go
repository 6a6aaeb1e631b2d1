package edge

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// keepKeysEvery is how often keys that were fetched are written down.
const keepKeysEvery = 5 * time.Second

// file is where an issuer's keys are kept: its name may hold anything.
func (s *source) file(folder string) string {
	sum := sha256.Sum256([]byte(s.config.Issuer))
	return filepath.Join(folder, hex.EncodeToString(sum[:16])+".json")
}

// warm gives a new source the keys that were kept. What cannot be read, is another
// issuer's or too old is left alone: the issuer is asked as ever.
func (e *Edge) warm(s *source, folder string) {
	if folder == "" {
		return
	}
	text, err := os.ReadFile(s.file(folder))
	if err == nil {
		err = s.keys.Warm(text, s.config.Issuer)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		e.options.Logger.Warn("keys that were kept are not used", slog.String("issuer", s.config.Issuer), slog.String("detail", err.Error()))
	}
}

// keepKeys writes the keys that were fetched since the last time.
func (e *Edge) keepKeys() {
	s := e.current.Load()
	if s.keyCache == "" {
		return
	}
	for _, i := range s.issuers {
		h := i.source.keys.Health()
		if !h.Usable || h.Stale || h.Fetched.Equal(i.source.kept) {
			continue
		}
		if err := i.source.keep(s.keyCache); err != nil {
			e.options.Logger.Warn("keys are not kept", slog.String("issuer", i.name), slog.String("detail", err.Error()))
			continue
		}
		i.source.kept = h.Fetched
	}
}

// keep writes to a file of its own and renames it: a reader finds the old keys or
// the new ones.
func (s *source) keep(folder string) error {
	text, err := s.keys.Export(s.config.Issuer)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, "keys-*.tmp") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), s.file(folder))
}
