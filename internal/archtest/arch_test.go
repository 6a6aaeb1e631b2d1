package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// imports returns, for each package folder relative to the root, what its
// non-test files import directly.
func imports(t *testing.T) map[string]map[string]bool {
	t.Helper()
	root := filepath.Join("..", "..")
	found := map[string]map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			switch {
			case rel != "." && strings.HasPrefix(d.Name(), "."), d.Name() == "testdata", d.Name() == "node_modules",
				rel == "bench", rel == "interop", rel == "tools":
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		folder := filepath.ToSlash(filepath.Dir(rel))
		if found[folder] == nil {
			found[folder] = map[string]bool{}
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			found[folder][name] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 5 {
		t.Fatalf("only %d packages found: the walk is broken", len(found))
	}
	return found
}

func TestFloors(t *testing.T) {
	for folder, set := range imports(t) {
		from, ok := floorOf(folder)
		if !ok {
			t.Errorf("%s stands on no floor: add it to floors, with a reason", folder)
			continue
		}
		for name := range set {
			if !strings.HasPrefix(name, module) {
				continue
			}
			target := strings.TrimPrefix(name, module)
			to, ok := floorOf(target)
			if !ok {
				t.Errorf("%s imports %s, which stands on no floor", folder, target)
				continue
			}
			if to > from || (to == from && !sameNoun(folder, target)) {
				t.Errorf("%s (floor %d) imports %s (floor %d): imports go downward only", folder, from, target, to)
			}
		}
	}
}

func TestNevers(t *testing.T) {
	for folder, set := range imports(t) {
		for _, never := range nevers {
			if !never.applies(folder) {
				continue
			}
			for name := range set {
				if never.bans(name) {
					t.Errorf("%s imports %s: %s", folder, name, never.why)
				}
			}
		}
	}
}

// TestCalls reads every call of the shipped source that is not a test.
func TestCalls(t *testing.T) {
	root := filepath.Join("..", "..")
	for folder := range imports(t) {
		files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(folder), "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				sel, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				called := "." + sel.Sel.Name
				if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "time" {
					called = "time" + called
				}
				for _, only := range onlys {
					if slices.Contains(only.calls, called) && !only.allows(folder) {
						t.Errorf("%s: %s: %s", set.Position(sel.Pos()), called, only.why)
					}
				}
				return true
			})
		}
	}
}

// TestLibcPinned compares our version of modernc.org/libc with the one that
// modernc.org/sqlite was made against: with another one it may corrupt.
func TestLibcPinned(t *testing.T) {
	version := func(module string) string {
		out, err := exec.Command("go", "list", "-m", "-f", "{{.Version}} {{.GoMod}}", module).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	have, _, _ := strings.Cut(version("modernc.org/libc"), " ")
	_, gomod, _ := strings.Cut(version("modernc.org/sqlite"), " ")
	text, err := os.ReadFile(gomod)
	if err != nil {
		t.Fatal(err)
	}
	if have == "" || !strings.Contains(string(text), "modernc.org/libc "+have+"\n") {
		t.Errorf("modernc.org/libc is %q; sqlite's go.mod names another: pin that one", have)
	}
}
