// Command mutate applies each patch in mutants/ and runs the test that its first
// line names. A mutant that its test lets pass has survived, and the run fails; so
// it does for a patch that no longer applies, does not compile, or whose test does
// not run.
//
// Form of a patch: a line `# test: ./package -run ^TestName$`, then the diff.
// Usage: mutate [PATTERN]: only patches whose name fits, such as 'jose-*'.
//
// Most patches change nothing but the bodies of functions. Those are all woven
// into one copy of the tree, in which a number in the environment says which one
// lives: each test's package is then built once for all of them. The others, and
// those whose test fails in the woven tree with no mutant alive, are applied to a
// copy and built one by one.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// How many are built, and how many tests run, at a time: a test that hangs or waits
// leaves the processors to others.
const (
	builders = 2
	runners  = 4
)

func main() {
	pattern := "*"
	if len(os.Args) > 1 {
		pattern = os.Args[1]
	}
	ok, err := run(pattern)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

func run(pattern string) (bool, error) {
	top, err := output(".", "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return false, err
	}
	top = strings.TrimSpace(top)
	work, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(work)
	paths, err := filepath.Glob(filepath.Join(top, "mutants", pattern+".patch"))
	if err != nil || len(paths) == 0 {
		return false, fmt.Errorf("no patch fits %q", pattern)
	}
	var mutants []*mutant
	wrong := 0
	for i, path := range paths {
		m, err := readMutant(top, path)
		if err != nil {
			fmt.Println(err)
			wrong++
			continue
		}
		m.number = i + 1
		mutants = append(mutants, m)
	}
	start := time.Now()
	killed, slow, err := fast(top, filepath.Join(work, "woven"), mutants)
	if err != nil {
		return false, err
	}
	woven := time.Since(start)
	start = time.Now()
	more, err := oneByOne(top, work, slow)
	if err != nil {
		return false, err
	}
	fmt.Printf("mutants: %d woven in %s, %d one by one in %s\n", len(mutants)-len(slow), woven.Round(time.Second), len(slow), time.Since(start).Round(time.Second))
	fmt.Printf("mutants: %d of %d killed\n", killed+more, len(paths))
	return wrong == 0 && killed+more == len(paths), nil
}

// copyTree copies the files that git knows.
func copyTree(top, to string) error {
	list, err := output(top, "git", "ls-files", "-z")
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(strings.TrimRight(list, "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join(top, name))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return err
		}
		info, err := os.Stat(filepath.Join(top, name))
		if err != nil {
			return err
		}
		if err := write(filepath.Join(to, name), data, info.Mode()); err != nil {
			return err
		}
	}
	return nil
}

func write(path string, data []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, mode)
}

func output(dir, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	return string(out), err
}

// place says where a test's package is built: outside the workspace where its
// folder is a module of its own.
func place(top, dir string) (from, pkg string, env []string) {
	if _, err := os.Stat(filepath.Join(top, dir, "go.mod")); err == nil && !slices.Contains([]string{"", ".", "jose"}, dir) {
		return filepath.Join(top, dir), ".", []string{"GOWORK=off"}
	}
	return top, "./" + dir, nil
}
