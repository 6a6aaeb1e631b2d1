package sqlite

import (
	"errors"
	"path/filepath"
	"testing"
)

// Two stores on one file would each be late with the other's revocations.
// TestKilledProcessLosesNothing tells the same of two processes, and that the
// lock goes with a process that is killed.
func TestOneStoreForOneFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a b?%#.db")
	first, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // a refused one takes nothing from the first
		if s, err := Open(t.Context(), path); !errors.Is(err, ErrInUse) {
			t.Fatalf("a second store: %v %v", s, err)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
}
