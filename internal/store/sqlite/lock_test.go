package sqlite

import (
	"errors"
	"os"
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
	other := filepath.Join(t.TempDir(), "other.db") // by whichever name
	if err := os.Symlink(path, other); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(t.Context(), other); !errors.Is(err, ErrInUse) {
		t.Fatalf("a second store by another name: %v %v", s, err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	hard := path + "2"
	if err := os.Link(path, hard); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(t.Context(), hard); !errors.Is(err, ErrLinked) {
		t.Fatalf("a file with two names: %v %v", s, err)
	}
	if err := os.Remove(hard); err != nil {
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
