package jose_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// docs/spec/library.md names a test for each threat and clause. A test that was
// renamed or deleted takes its row with it here.
func TestSpecNamesRealTests(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "docs", "spec", "library.md"))
	if err != nil {
		t.Skip("the module stands alone, without the repository's docs")
	}
	exists := map[string]bool{}
	files, err := filepath.Glob("*/*_test.go")
	more, err2 := filepath.Glob("internal/*/*_test.go")
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)
	for _, file := range append(files, more...) {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range declared.FindAllSubmatch(source, -1) {
			exists[filepath.Base(filepath.Dir(file))+"."+string(m[1])] = true
		}
	}
	named := regexp.MustCompile("`(\\w+\\.Test\\w+)`").FindAllSubmatch(text, -1)
	if len(named) < 60 {
		t.Errorf("the tables name %d tests", len(named))
	}
	for _, m := range named {
		if !exists[string(m[1])] {
			t.Errorf("%s is named and does not exist", m[1])
		}
	}
}
