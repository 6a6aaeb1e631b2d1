package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// code has every form of function that a twin must be made for.
const code = `package m

import "strings"

const limit = 3

type list[T any] struct{ items []T }

func (l *list[T]) add(items ...T) int {
	l.items = append(l.items, items...)
	return len(l.items)
}

func (list[T]) name(_ int, _ string) string { return "list" }

func first[K comparable, V any](_ map[K]V, keys ...K) (k K, ok bool) {
	if len(keys) == 0 {
		return k, false
	}
	return keys[0], true
}

var upper = strings.ToUpper("x")

func count(n int) (out int) {
	for range n {
		out++
	}
	return
}

func note(to *[]string, text string) {
	if len(*to) < limit {
		*to = append(*to, text)
	}
}
`

const tests = `package m

import "testing"

func TestAll(t *testing.T) {
	var l list[int]
	k, ok := first(map[string]int{}, "a", "b")
	var notes []string
	for range 5 {
		note(&notes, "n")
	}
	if l.add(1, 2) != 2 || l.name(1, "") != "list" || k != "a" || !ok || upper != "X" || count(3) != 3 || len(notes) != 3 {
		t.Fatal(l, k, ok, notes)
	}
}
`

// change is one mutant of code, as a patch whose test is TestAll.
func change(old, new string) string {
	return "# test: ./m -run ^TestAll$\n--- a/m/m.go\n+++ b/m/m.go\n@@ -1 +1 @@\n-" + strings.ReplaceAll(old, "\n", "\n-") + "\n+" + strings.ReplaceAll(new, "\n", "\n+") + "\n"
}

func TestMutants(t *testing.T) {
	for name, c := range map[string]struct{ patch, want string }{
		"generic method":    {change("	l.items = append(l.items, items...)", "	l.items = append(l.items, items[1:]...)"), "killed: woven"},
		"unnamed":           {change("func (list[T]) name(_ int, _ string) string { return \"list\" }", "func (list[T]) name(_ int, _ string) string { return \"\" }"), "killed: woven"},
		"generic function":  {change("	return keys[0], true", "	return keys[1], true"), "killed: woven"},
		"named result":      {change("		out++", "		out += 2"), "killed: woven"},
		"no result":         {change("	if len(*to) < limit {", "	if true {"), "killed: woven"},
		"survivor":          {change("	if len(keys) == 0 {", "	if len(keys) < 1 {"), "SURVIVED"},
		"constant":          {change("const limit = 3", "const limit = 4"), "killed: one by one"},
		"variable":          {change("var upper = strings.ToUpper(\"x\")", "var upper = strings.ToLower(\"x\")"), "killed: one by one"},
		"does not compile":  {change("		out++", "		out++\n		left := 1"), "does not compile"},
		"does not apply":    {change("		away++", "		out++"), "does not apply"},
		"two places":        {change("}", "} "), "fits 4 places"},
		"names no test":     {strings.Replace(change("		out++", "		out += 2"), "# test:", "#", 1), "names no test"},
		"test is not there": {strings.Replace(change("		out++", "		out += 2"), "TestAll", "TestNone", 1), "its test did not run"},
		"no package":        {strings.Replace(change("		out++", "		out += 2"), "./m", "./n", 1), "does not compile"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said, ok := judged(t, map[string]string{"p": c.patch})
			killed := strings.HasPrefix(c.want, "killed")
			if ok != killed || !killed && !strings.Contains(said, c.want) {
				t.Errorf("%v\n%s", ok, said)
			}
			if killed && strings.Contains(said, "1 woven") != strings.HasSuffix(c.want, "woven") {
				t.Errorf("want %s\n%s", c.want, said)
			}
		})
	}
}

// One that does not compile, or survives, does not hide the others.
func TestMutantsTogether(t *testing.T) {
	said, ok := judged(t, map[string]string{
		"a": change("		out++", "		out += 2"), "b": change("		out++", "		out++\n		left := 1"), "c": change("	if len(keys) == 0 {", "	if len(keys) < 1 {"),
		"d": change("	return keys[0], true", "	return keys[1], true"), "e": change("const limit = 3", "const limit = 4"),
	})
	if ok || !strings.Contains(said, "3 of 5 killed") || !strings.Contains(said, "does not compile: ") || !strings.Contains(said, "SURVIVED: ") {
		t.Errorf("%v\n%s", ok, said)
	}
}

// judged runs mutants of a small module of its own and returns what was said.
func judged(t *testing.T, patches map[string]string) (string, bool) {
	t.Helper()
	top := t.TempDir()
	files := map[string]string{"go.mod": "module example.test\n\ngo 1.26\n", "m/m.go": code, "m/m_test.go": tests}
	for name, text := range patches {
		files["mutants/"+name+".patch"] = text
	}
	for name, text := range files {
		if err := write(filepath.Join(top, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}} {
		if out, err := exec.Command("git", append([]string{"-C", top}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
	}
	program := filepath.Join(top, "mutate.exe")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Env = append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	cmd := exec.Command(program)
	cmd.Dir, cmd.Env = top, append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	r, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(said), cmd.Wait() == nil
}
