package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// variable is the name in the environment that says which mutant lives.
const variable = "JOTWARD_MUTANT"

// A loom is the woven tree.
type loom struct {
	top, tree string
	before    map[string]*parsed         // the files that mutants change
	after     map[string]map[int]*parsed // by file and mutant
	lines     map[string]map[int]int     // by file and line, the mutant
}

// fast judges the mutants that change nothing but functions' bodies. It returns how
// many were killed, and those that have to be judged alone: each one that is not
// seen to be killed is among them.
func fast(top, tree string, mutants []*mutant) (killed int, slow []*mutant, err error) {
	l := &loom{top: top, tree: tree, before: map[string]*parsed{}, after: map[string]map[int]*parsed{}, lines: map[string]map[int]int{}}
	var woven []*mutant
	for _, m := range mutants {
		if l.add(m) {
			woven = append(woven, m)
		} else {
			slow = append(slow, m)
		}
	}
	if len(woven) == 0 {
		return 0, slow, nil
	}
	if err := copyTree(top, tree); err != nil {
		return 0, nil, err
	}
	var dirs []string
	for _, m := range woven {
		if !slices.Contains(dirs, m.dir) {
			dirs = append(dirs, m.dir)
		}
	}
	dropped, unbuilt, err := l.compile(dirs)
	if err != nil {
		return 0, nil, err
	}
	var list []*mutant
	for _, m := range woven {
		if dropped[m.number] || unbuilt[m.dir] {
			slow = append(slow, m)
		} else {
			list = append(list, m)
		}
	}
	killed, left := l.judge(list)
	return killed, append(slow, left...), nil
}

// add takes a mutant in when it changes the bodies of functions alone.
func (l *loom) add(m *mutant) bool {
	changed := map[string]*parsed{}
	for file, text := range m.files {
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return false
		}
		if l.before[file] == nil {
			now, err := os.ReadFile(filepath.Join(l.top, file))
			if err != nil {
				return false
			}
			if l.before[file], err = parse(string(now)); err != nil {
				return false
			}
		}
		p, err := parse(text)
		if err != nil {
			return false
		}
		if _, ok := bodies(l.before[file], p); !ok {
			return false
		}
		changed[file] = p
	}
	for file, p := range changed {
		if l.after[file] == nil {
			l.after[file] = map[int]*parsed{}
		}
		l.after[file][m.number] = p
	}
	return true
}

// lay writes the woven files.
func (l *loom) lay() error {
	for file, after := range l.after {
		text, lines := weave(l.before[file], after)
		l.lines[file] = lines
		if err := write(filepath.Join(l.tree, file), []byte(text), 0o644); err != nil {
			return err
		}
		on := fmt.Sprintf("package %s\n\nimport (\n\t\"os\"\n\t\"strconv\"\n)\n\nvar mutantOn = func() int { n, _ := strconv.Atoi(os.Getenv(%q)); return n }()\n", l.before[file].file.Name.Name, variable)
		if err := write(filepath.Join(l.tree, filepath.Dir(file), "mutant_on.go"), []byte(on), 0o644); err != nil {
			return err
		}
	}
	return nil
}

var complaint = regexp.MustCompile(`(?m)^(?:vet: )?(\S+\.go):(\d+):\d+: `)

// compile lays the woven tree and builds every test. It leaves out the mutants that
// the compiler complains about, and the tests that it cannot build without them
// either: those are judged alone, where it is said what is wrong.
func (l *loom) compile(dirs []string) (dropped map[int]bool, unbuilt map[string]bool, err error) {
	dropped, unbuilt = map[int]bool{}, map[string]bool{}
	for again := true; again; {
		if err := l.lay(); err != nil {
			return nil, nil, err
		}
		again = false
		for _, dir := range dirs {
			out, err := l.build(dir)
			if err == nil || unbuilt[dir] {
				continue
			}
			bad := l.blamed(dir, out)
			for _, n := range bad {
				dropped[n] = true
				for file := range l.after {
					delete(l.after[file], n)
				}
			}
			unbuilt[dir] = len(bad) == 0
			again = true
			break
		}
	}
	return dropped, unbuilt, nil
}

// blamed returns the mutants whose lines the compiler names.
func (l *loom) blamed(dir, said string) (bad []int) {
	from, _, _ := place(l.tree, dir)
	for _, c := range complaint.FindAllStringSubmatch(said, -1) {
		file, err := filepath.Rel(l.tree, filepath.Join(from, c[1]))
		line, _ := strconv.Atoi(c[2])
		if n := l.lines[file][line]; err == nil && n != 0 {
			bad = append(bad, n)
		}
	}
	return bad
}

func (l *loom) binary(dir string) string {
	return filepath.Join(l.tree, "bin", strings.ReplaceAll(dir, "/", "-")+".test")
}

func (l *loom) build(dir string) (string, error) {
	from, pkg, env := place(l.tree, dir)
	cmd := exec.Command("go", "test", "-c", "-vet=off", "-gcflags=-e", "-ldflags=-s -w", "-o", l.binary(dir), pkg)
	cmd.Dir, cmd.Env = from, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// judge runs the tests of the mutants, some at a time: first each test without any
// mutant, which it has to pass.
func (l *loom) judge(list []*mutant) (killed int, slow []*mutant) {
	var mu sync.Mutex
	sound, tests := map[string]bool{}, map[string]*mutant{}
	for _, m := range list {
		tests[m.test()] = m
	}
	each(slices.Collect(maps.Values(tests)), func(m *mutant) {
		passed, ran := l.run(m, 0)
		mu.Lock()
		defer mu.Unlock()
		sound[m.test()] = passed && ran
	})
	each(list, func(m *mutant) {
		dead := false
		if sound[m.test()] {
			passed, ran := l.run(m, m.number)
			dead = !passed && ran
		}
		mu.Lock()
		defer mu.Unlock()
		if dead {
			killed++
		} else {
			slow = append(slow, m)
		}
	})
	return killed, slow
}

// test names a mutant's test with its flags.
func (m *mutant) test() string { return m.dir + " " + strings.Join(m.flags, " ") }

// run runs a mutant's test with the mutant of that number alive.
func (l *loom) run(m *mutant, number int) (passed, ran bool) {
	timeout := "30s"
	var flags []string
	for i := 0; i+1 < len(m.flags); i += 2 {
		switch m.flags[i] {
		case "-run":
			flags = append(flags, "-test.run", m.flags[i+1])
		case "-timeout":
			timeout = m.flags[i+1]
		default:
			return false, false
		}
	}
	limit, err := time.ParseDuration(timeout)
	if err != nil {
		return false, false
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit+10*time.Second) // a test that hangs beyond its own timeout
	defer cancel()
	cmd := exec.CommandContext(ctx, l.binary(m.dir), append(flags, "-test.timeout", timeout, "-test.count=1", "-test.failfast")...)
	cmd.WaitDelay = time.Second
	cmd.Dir = filepath.Join(l.tree, m.dir)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", variable, number))
	out, err := cmd.CombinedOutput()
	if _, exited := err.(*exec.ExitError); err != nil && !exited && ctx.Err() == nil {
		return false, false
	}
	return err == nil, !strings.Contains(string(out), "no tests to run")
}

// each calls f for all of a list, some at a time.
func each(list []*mutant, f func(*mutant)) {
	next := make(chan *mutant)
	var all sync.WaitGroup
	for range runners {
		all.Go(func() {
			for m := range next {
				f(m)
			}
		})
	}
	for _, m := range list {
		next <- m
	}
	close(next)
	all.Wait()
}
