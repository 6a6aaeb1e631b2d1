package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strings"
)

// A parsed file, with its functions by receiver and name.
type parsed struct {
	text  string
	file  *ast.File
	set   *token.FileSet
	funcs map[string]*ast.FuncDecl
}

func parse(text string) (*parsed, error) {
	p := &parsed{text: text, set: token.NewFileSet(), funcs: map[string]*ast.FuncDecl{}}
	var err error
	if p.file, err = parser.ParseFile(p.set, "x.go", text, parser.ParseComments|parser.SkipObjectResolution); err != nil {
		return nil, err
	}
	for _, d := range p.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			p.funcs[p.key(f)] = f
		}
	}
	return p, nil
}

// key names a function within its package.
func (p *parsed) key(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return f.Name.Name
	}
	return p.slice(f.Recv.List[0].Type.Pos(), f.Recv.List[0].Type.End()) + "." + f.Name.Name
}

func (p *parsed) at(pos token.Pos) int { return p.set.Position(pos).Offset }

func (p *parsed) slice(from, to token.Pos) string { return p.text[p.at(from):p.at(to)] }

// outside is the file without its functions' bodies.
func (p *parsed) outside() string {
	var out strings.Builder
	last := 0
	for _, d := range p.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
			out.WriteString(p.text[last:p.at(f.Body.Pos())])
			last = p.at(f.Body.End())
		}
	}
	return out.String() + p.text[last:]
}

// bodies returns the keys of the functions whose bodies alone a mutant changes in a
// file; ok is false when it changes anything else.
func bodies(before, after *parsed) (keys []string, ok bool) {
	if before.outside() != after.outside() {
		return nil, false
	}
	for key, f := range before.funcs {
		g := after.funcs[key]
		if g == nil || f.Body == nil || f.Name.Name == "init" || f.Name.Name == "_" || before.file.Name.Name == "main" && key == "main" {
			if g == nil || f.Body != nil && before.slice(f.Pos(), f.End()) != after.slice(g.Pos(), g.End()) {
				return nil, false
			}
			continue
		}
		if before.slice(f.Pos(), f.End()) != after.slice(g.Pos(), g.End()) {
			keys = append(keys, key)
		}
	}
	return keys, len(keys) > 0
}

// An edit replaces text[from:to].
type edit struct {
	from, to int
	text     string
}

func apply(text string, edits []edit) string {
	slices.SortStableFunc(edits, func(a, b edit) int { return b.from - a.from })
	for _, e := range edits {
		text = text[:e.from] + e.text + text[e.to:]
	}
	return text
}

// naming gives names to a function's receiver and parameters that have none, and
// returns what calls its twin: receiver, type arguments, arguments.
func (p *parsed) naming(f *ast.FuncDecl) (edits []edit, receiver, types, args string) {
	n := 0
	name := func(list *ast.FieldList) (names []string) {
		for _, field := range list.List {
			if len(field.Names) == 0 {
				n++
				fresh := fmt.Sprintf("mutantArg%d", n)
				edits = append(edits, edit{p.at(field.Type.Pos()), p.at(field.Type.Pos()), fresh + " "})
				names = append(names, fresh)
			}
			for _, id := range field.Names {
				text := id.Name
				if text == "_" {
					n++
					text = fmt.Sprintf("mutantArg%d", n)
					edits = append(edits, edit{p.at(id.Pos()), p.at(id.End()), text})
				}
				names = append(names, text)
			}
			if _, variadic := field.Type.(*ast.Ellipsis); variadic {
				names[len(names)-1] += "..."
			}
		}
		return names
	}
	if f.Recv != nil {
		receiver = name(f.Recv)[0] + "."
	}
	if f.Type.TypeParams != nil {
		var list []string
		for _, field := range f.Type.TypeParams.List {
			for _, id := range field.Names {
				list = append(list, id.Name)
			}
		}
		types = "[" + strings.Join(list, ", ") + "]"
	}
	return edits, receiver, types, strings.Join(name(f.Type.Params), ", ")
}

// weave returns a file in which every mutant of it waits for its number. after holds
// the file as each mutant has it. lines says which mutant each added line is of.
func weave(before *parsed, after map[int]*parsed) (text string, lines map[int]int) {
	var edits []edit
	var twins strings.Builder
	lines = map[int]int{}
	line := strings.Count(before.text, "\n") + 1
	cases := map[string]string{}
	for _, n := range slices.Sorted(maps.Keys(after)) {
		keys, _ := bodies(before, after[n])
		for _, key := range keys {
			f, g := before.funcs[key], after[n].funcs[key]
			twin := fmt.Sprintf("%s__m%d", f.Name.Name, n)
			whole := after[n].slice(g.Pos(), g.End())
			at := after[n].at(g.Name.Pos()) - after[n].at(g.Pos())
			whole = whole[:at] + twin + whole[at+len(g.Name.Name):] + "\n"
			for range strings.Count(whole, "\n") {
				line++
				lines[line] = n
			}
			twins.WriteString(whole)
			_, receiver, types, args := before.naming(f)
			call := receiver + twin + types + "(" + args + ")"
			if f.Type.Results == nil || len(f.Type.Results.List) == 0 {
				cases[key] += fmt.Sprintf(" case %d: %s; return;", n, call)
			} else {
				cases[key] += fmt.Sprintf(" case %d: return %s;", n, call)
			}
		}
	}
	for key, text := range cases {
		f := before.funcs[key]
		named, _, _, _ := before.naming(f)
		edits = append(edits, named...)
		open := before.at(f.Body.Lbrace) + 1
		edits = append(edits, edit{open, open, " switch mutantOn {" + text + " };"})
	}
	// The first twin stands on the line behind the file's last.
	return apply(before.text, edits) + "\n" + twins.String(), lines
}
