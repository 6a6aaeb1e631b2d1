package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// A mutant is one patch: what it changes, and the test that must then fail.
type mutant struct {
	number int // above zero, the value that switches it on
	path   string
	dir    string            // of the test's package, from the top
	flags  []string          // -run and what else its first line gives
	files  map[string]string // the changed files, by name from the top
}

// readMutant reads a patch and applies it, in memory, to the tree at top.
func readMutant(top, path string) (*mutant, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	first, rest, _ := strings.Cut(string(text), "\n")
	spec, ok := strings.CutPrefix(first, "# test: ")
	words := strings.Fields(spec)
	if !ok || !slices.Contains(words, "-run") {
		return nil, fmt.Errorf("names no test: %s", path)
	}
	m := &mutant{path: path, dir: strings.TrimPrefix(words[0], "./"), flags: words[1:], files: map[string]string{}}
	for file, hunks := range hunksOf(rest) {
		now, err := os.ReadFile(top + "/" + file)
		if err != nil {
			return nil, fmt.Errorf("does not apply: %s: %w", path, err)
		}
		changed := string(now)
		for _, h := range hunks {
			if n := strings.Count("\n"+changed, "\n"+h.old); h.old == "" || n == 0 {
				return nil, fmt.Errorf("does not apply: %s to %s", path, file)
			} else if n > 1 {
				return nil, fmt.Errorf("does not apply: %s fits %d places of %s: give it more context", path, n, file)
			}
			changed = strings.TrimPrefix(strings.Replace("\n"+changed, "\n"+h.old, "\n"+h.new, 1), "\n")
		}
		m.files[file] = changed
	}
	if len(m.files) == 0 {
		return nil, fmt.Errorf("changes nothing: %s", path)
	}
	return m, nil
}

// A hunk replaces old by new; both are whole lines.
type hunk struct{ old, new string }

// hunksOf reads a unified diff. Line numbers are not looked at: the context says
// where a hunk belongs.
func hunksOf(diff string) map[string][]hunk {
	out := map[string][]hunk{}
	file := ""
	for line := range strings.Lines(diff) {
		hunks := out[file]
		switch {
		case strings.HasPrefix(line, "+++ b/"):
			file = strings.TrimSpace(line[len("+++ b/"):])
		case strings.HasPrefix(line, "@@"):
			out[file] = append(hunks, hunk{})
		case len(hunks) == 0 || strings.HasPrefix(line, "--- a/") || strings.HasPrefix(line, "diff --git ") || strings.HasPrefix(line, "index "):
		default:
			h, text := &hunks[len(hunks)-1], line[1:]
			if line == "\n" { // a context line that an editor has stripped
				text = line
			}
			if line[0] != '+' {
				h.old += text
			}
			if line[0] != '-' {
				h.new += text
			}
		}
	}
	return out
}
