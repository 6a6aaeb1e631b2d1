package server_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// docs/spec/issuer.md names a test for each threat and clause. A test that was
// renamed or removed is found here.
func TestSpecNamesTestsThatExist(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/spec/issuer.md")
	if err != nil {
		t.Fatal(err)
	}
	cell := regexp.MustCompile("^([a-z/]+) (`Test.*)$")
	name := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`")
	rows := 0
	for _, line := range strings.Split(string(text), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !strings.Contains(line, "`Test") {
			continue
		}
		rows++
		for _, part := range strings.Split(cells[3], ";") {
			m := cell.FindStringSubmatch(strings.TrimSpace(part))
			if m == nil {
				t.Errorf("no folder and tests in %q", part)
				continue
			}
			for _, n := range name.FindAllStringSubmatch(m[2], -1) {
				folder := filepath.Join("..", m[1])
				if m[1] == "jotward" {
					folder = "../../cmd/jotward"
				}
				if !has(t, folder, n[1]) {
					t.Errorf("%s has no %s", folder, n[1])
				}
			}
		}
	}
	if rows < 25 {
		t.Errorf("only %d rows were read", rows)
	}
}

func has(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), "func "+name+"(") {
			return true
		}
	}
	return false
}
