package reason_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/jose"
)

func TestEveryLibraryReasonIsListed(t *testing.T) {
	for _, r := range jose.Reasons() {
		if _, ok := reason.Lookup(reason.Code(r)); !ok {
			t.Errorf("the library's %s has no row", r)
		}
	}
}

// A constant without a row would be a refusal that nobody can look up.
func TestEveryConstantHasOneRow(t *testing.T) {
	source, err := os.ReadFile("table.go")
	if err != nil {
		t.Fatal(err)
	}
	consts := regexp.MustCompile(`Code\s+= "([a-z_]+)"`).FindAllSubmatch(source, -1)
	rows := map[reason.Code]int{}
	for _, row := range reason.All() {
		rows[row.Code]++
	}
	for _, c := range consts {
		if n := rows[reason.Code(c[1])]; n != 1 {
			t.Errorf("%s has %d rows, want 1", c[1], n)
		}
	}
	if len(consts) != len(rows) || len(consts) == 0 {
		t.Errorf("%d constants, %d rows", len(consts), len(rows))
	}
}

func TestRowsAreWhole(t *testing.T) {
	for _, row := range reason.All() {
		if row.Meaning == "" || row.Remedy == "" || row.Status < 400 || row.Status > 599 || row.Exit < 1 || row.Exit > 9 {
			t.Errorf("%s: incomplete row %+v", row.Code, row)
		}
	}
}

func TestDocsCurrent(t *testing.T) {
	page := filepath.Join("..", "..", "docs", "reference", "reasons.md")
	want := reason.Markdown()
	if os.Getenv("JOTWARD_UPDATE_DOCS") != "" {
		if err := os.WriteFile(page, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Error("docs/reference/reasons.md is not current: run make docs")
	}
}
