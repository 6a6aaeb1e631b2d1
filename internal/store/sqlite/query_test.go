package sqlite

import (
	"database/sql"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func openTest(t testing.TB) *Store {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "jotward.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// queries returns every constant of the package whose text is a statement, by
// reading the source: nobody can forget to list one.
func queries(t *testing.T) map[string]string {
	t.Helper()
	fset := token.NewFileSet()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
		for _, d := range f.Decls { // the calls are of no interest, and their imports are not at hand
			if fn, ok := d.(*ast.FuncDecl); ok {
				fn.Body = nil
			}
		}
	}
	conf := types.Config{Error: func(error) {}, FakeImportC: true}
	pkg, _ := conf.Check("sqlite", fset, files, nil)
	out := map[string]string{}
	for _, name := range pkg.Scope().Names() {
		c, ok := pkg.Scope().Lookup(name).(*types.Const)
		if !ok {
			continue
		}
		q := strings.TrimSpace(regexp.MustCompile("^\"|\"$").ReplaceAllString(c.Val().ExactString(), ""))
		q = strings.ReplaceAll(q, `\"`, `"`)
		if regexp.MustCompile(`^(SELECT|INSERT|UPDATE|DELETE|WITH)\b`).MatchString(q) && !strings.HasSuffix(q, "WHERE") {
			out[name] = q
		}
	}
	if len(out) < 60 {
		t.Fatalf("only %d queries found: the search is broken", len(out))
	}
	return out
}

func TestEveryQueryIsPrepared(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	for name, q := range queries(t) {
		stmt, err := s.r.PrepareContext(t.Context(), q)
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, q)
			continue
		}
		stmt.Close()
		if strings.Contains(q, "SELECT *") || regexp.MustCompile(`INSERT INTO \w+ VALUES`).MatchString(q) {
			t.Errorf("%s does not name its columns: %s", name, q)
		}
	}
}

// No statement stands in the code but as a constant.
func TestQueriesAreConstants(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	call := regexp.MustCompile("(exec|must|row|get|list|QueryContext|ExecContext|PrepareContext)\\([^\n]*`")
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "_test.go") && call.Match(text) {
			t.Errorf("%s: a statement stands in a call: %s", name, call.Find(text))
		}
	}
}

// What is looked up or swept has an index: no statement reads a whole table
// that grows with use, but those that list it, and the count of what has a bound. A table
// that the statement itself makes is none.
func TestNoQueryScansWhatGrows(t *testing.T) {
	t.Parallel()
	s := openTest(t)
	lists := map[string]bool{"countRegistrations": true, "auditAll": true, "activeRevocations": true, "listKeys": true, "listPositions": true, "sweepKeys": true}
	scan := regexp.MustCompile(`^SCAN (\w+)( |$)`)
	for name, q := range queries(t) {
		if lists[name] || strings.HasPrefix(q, "INSERT INTO revocation_head") {
			continue
		}
		own := regexp.MustCompile(`^(?:WITH RECURSIVE (\w+))?`).FindStringSubmatch(q)[1]
		args := make([]any, strings.Count(q, "?"))
		for i := range args {
			args[i] = 1
		}
		rows, err := s.r.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+q, args...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			if m := scan.FindStringSubmatch(detail); m != nil && !strings.Contains(detail, "USING") && m[1] != own && m[1] != "CONSTANT" && m[1] != "json_each" && !strings.HasSuffix(m[1], "_head") && m[1] != "migrations" {
				t.Errorf("%s: %s", name, detail)
			}
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A later version's database, a changed migration: the start stops.
func TestMigrationsAreChecked(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"changed": `UPDATE migrations SET sum = 'x'`,
		"newer":   `INSERT INTO migrations (name, sum) VALUES ('9999_later.sql', 'x')`,
		"hole":    `UPDATE migrations SET name = '0000_other.sql' WHERE name = '0001_init.sql'`,
	} {
		path := filepath.Join(t.TempDir(), name)
		for range 2 { // opening twice applies once
			s, err := Open(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("others can read the database: %v %v", info.Mode(), err)
		}
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(t.Context(), change); err != nil {
			t.Fatal(err)
		}
		db.Close()
		if s, err := Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), "migration") {
			t.Errorf("%s: opened, %v", name, err)
			if s != nil {
				s.Close()
			}
		}
	}
}
