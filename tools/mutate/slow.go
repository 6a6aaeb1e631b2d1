package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// oneByOne applies each mutant to a copy of the tree of its own worker's, and
// returns how many were killed.
func oneByOne(top, work string, mutants []*mutant) (int, error) {
	next := make(chan *mutant)
	var all sync.WaitGroup
	var mu sync.Mutex
	var failed error
	killed := 0
	for w := range min(builders, len(mutants)) {
		tree := filepath.Join(work, fmt.Sprint("copy", w))
		if err := copyTree(top, tree); err != nil {
			return 0, err
		}
		all.Go(func() {
			for m := range next {
				said, err := alone(top, tree, m)
				mu.Lock()
				switch {
				case err != nil:
					failed = err
				case said == "":
					killed++
				default:
					fmt.Println(said)
				}
				mu.Unlock()
			}
		})
	}
	for _, m := range mutants {
		next <- m
	}
	close(next)
	all.Wait()
	return killed, failed
}

// alone judges one mutant in a tree, which it leaves as it was. It returns "" for
// one that was killed.
func alone(top, tree string, m *mutant) (string, error) {
	defer func() {
		for file := range m.files {
			if data, err := os.ReadFile(filepath.Join(top, file)); err == nil {
				_ = os.WriteFile(filepath.Join(tree, file), data, 0o644)
			}
		}
	}()
	for file, text := range m.files {
		if err := os.WriteFile(filepath.Join(tree, file), []byte(text), 0o644); err != nil {
			return "", err
		}
	}
	from, pkg, env := place(tree, m.dir)
	args := append([]string{"test", "-vet=off", "-failfast", "-timeout", "30s", pkg}, m.flags...)
	cmd := exec.Command("go", append(args, "-count=1")...)
	cmd.Dir, cmd.Env = from, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	text := string(out)
	switch {
	case err == nil && strings.Contains(text, "no tests to run"):
		return "its test did not run: " + m.path, nil
	case err == nil:
		return "SURVIVED: " + m.path, nil
	case strings.Contains(text, "[build failed]") || strings.Contains(text, "[setup failed]") || strings.Contains(text, "no test files"):
		return "does not compile: " + m.path + "\n" + text, nil
	}
	return "", nil
}
