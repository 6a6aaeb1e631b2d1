package jwk_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
)

// rejects gives every file of a folder to parse, which must fail with the
// reason that the file's name begins with.
func rejects(t *testing.T, folder string, atLeast int, parse func([]byte) error) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*"))
	if err != nil || len(files) < atLeast {
		t.Fatalf("%s: %d files, %v", folder, len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		reason, _, _ := strings.Cut(filepath.Base(file), "--")
		if err := parse(text); !errors.Is(err, jose.Reason(reason)) {
			t.Errorf("%s: got %v", filepath.Base(file), err)
		} else if typed := (*jose.Error)(nil); !errors.As(err, &typed) {
			t.Errorf("%s: a %T", filepath.Base(file), err)
		}
	}
}

var rsaList = []jwk.Algorithm{jwk.RS256, jwk.PS256, jwk.HS256, jwk.HS512}

func TestRejectKeys(t *testing.T) {
	rejects(t, "reject", 100, func(text []byte) error {
		_, err := jwk.Parse(text, jwk.Options{Algorithms: rsaList})
		return err
	})
}

func TestRejectPEM(t *testing.T) {
	rejects(t, "reject-pem", 15, func(text []byte) error {
		_, err := jwk.ParsePEM(text, jwk.ES256, "")
		return err
	})
}

func TestRejectSets(t *testing.T) {
	rejects(t, "reject-set", 15, func(text []byte) error {
		_, err := jwk.ParseSet(text, jwk.Options{Algorithms: rsaList})
		return err
	})
}
