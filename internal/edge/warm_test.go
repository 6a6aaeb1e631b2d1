package edge

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/config"
)

func keepIn(folder string) func(*world, *config.Edge) {
	return func(_ *world, c *config.Edge) { c.KeyCache = folder }
}

// An edge that starts while its issuer is away verifies by the keys that another
// run of it kept, until they are too old.
func TestWarmStart(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "keys")
	w := build(t, keepIn(folder))
	if a := w.get("/api/x", w.bearer(nil)); a.status != 200 {
		t.Fatal(a)
	}
	w.edge.keepKeys()
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(files) != 1 || !strings.HasSuffix(files[0], ".json") {
		t.Fatal(files, err)
	}
	text, err := os.ReadFile(files[0])
	if info, statErr := os.Stat(files[0]); err != nil || statErr != nil || info.Mode().Perm() != 0o600 || strings.Contains(string(text), `"d"`) {
		t.Error(info, err, statErr)
	}
	start := func(key *world, later time.Duration, file string) answer {
		t.Helper()
		if err := os.WriteFile(files[0], []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		cold := build(t, keepIn(folder), func(n *world, _ *config.Edge) {
			n.clock.Store(w.clock.Load())
			n.a.key = key.a.key
			none := []byte("{}") // the issuer answers nothing that can be used
			n.a.set.Store(&none)
			n.forward(later)
		})
		return cold.get("/api/x", cold.bearer(nil))
	}
	if a := start(w, time.Hour, string(text)); a.status != 200 {
		t.Error("an hour later:", a)
	}
	if a := start(w, 3*time.Hour, string(text)); a.code() != "keys_unavailable" {
		t.Error("three hours later:", a)
	}
	if a := start(w, 0, strings.Replace(string(text), "https://a.test", "https://b.test", 1)); a.code() != "keys_unavailable" {
		t.Error("another issuer's:", a)
	}
	if a := start(w, 0, "broken"); a.code() != "keys_unavailable" {
		t.Error("broken:", a)
	}
	other := build(t)
	if a := start(other, 0, string(text)); a.code() != "signature_invalid" {
		t.Error("another key:", a)
	}
}

// A folder that cannot be written to is said, and costs no request.
func TestKeysThatCannotBeKept(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w := build(t, keepIn(filepath.Join(file, "keys")))
	if a := w.get("/api/x", w.bearer(nil)); a.status != 200 {
		t.Fatal(a)
	}
	w.edge.keepKeys()
	if !strings.Contains(w.log.String(), "keys are not kept") {
		t.Error(w.log.String())
	}
}
