package edge

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// docs/spec/edge.md names a test for each threat and clause. A test that was
// renamed or deleted takes its row with it here.
func TestSpecNamesRealTests(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/spec/edge.md")
	if err != nil {
		t.Fatal(err)
	}
	folders := map[string]string{"edge": ".", "revoke": "../revoke", "oauth": "../oauth", "rule": "../rule", "jwks": "../../jose/jwks", "valkey": "../store/valkey", "lean": "lean", "web": "../web", "jotward": "../../cmd/jotward"}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	exists := map[string]bool{}
	for name, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(folder, err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range declared.FindAllSubmatch(source, -1) {
				exists[name+" "+string(m[1])] = true
			}
		}
	}
	word := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`|\\b(edge|oauth|revoke|jwks|rule|valkey|lean|web|jotward)\\b")
	rows := 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 3 || strings.Trim(cells[0], " -") == "" || strings.TrimSpace(cells[2]) == "test" {
			continue
		}
		rows++
		of, named := "", 0
		for _, m := range word.FindAllStringSubmatch(cells[2], -1) {
			if m[2] != "" {
				of = m[2]
				continue
			}
			if named++; !exists[of+" "+m[1]] {
				t.Errorf("%s %s is named and does not exist", of, m[1])
			}
		}
		if named == 0 {
			t.Errorf("no test is named for %q", cells[0])
		}
	}
	if rows < 30 {
		t.Errorf("the table has %d rows", rows)
	}
}
