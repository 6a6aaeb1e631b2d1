// Package config reads what operators write: one strict YAML file, the
// environment over it, and references to secrets. All mistakes are reported at
// once, each with file and line. It decides about form; what a value means is
// decided where it is used.
package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// maxFile bounds a configuration file: 4 MiB.
const maxFile = 4 << 20

// File is one configuration file: an issuer, an edge, or both.
type File struct {
	// The issuer: run by `jotward serve`.
	Issuer *Issuer `yaml:"issuer"`
	// The edge: run by `jotward edge`.
	Edge *EdgeService `yaml:"edge"`

	source source
}

// EdgeService is the edge as a server, and what it decides by.
type EdgeService struct {
	Service `yaml:",inline"`
	Edge    `yaml:",inline"`
}

func (e *EdgeService) check(p *problems) {
	e.Service.check("edge", e.TrustedProxies, p)
	for n := range e.Issuers {
		e.Issuers[n].check(index("edge.issuers", n), p)
	}
}

// The sections of a file.
const (
	IssuerSection = "issuer"
	EdgeSection   = "edge"
)

// Load reads a file, lays the environment over it, reads the secrets that it
// refers to, and checks all of it. Who runs one section names it: of the other
// no secret is read and nothing is kept, so that no edge ever holds the issuer's
// master key, and an issuer starts before the clients of its edges exist.
func Load(path string, sections ...string) (*File, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s: is larger than %d bytes: is it the right file?", path, maxFile)
	}
	return Parse(path, data, os.Environ(), sections...)
}

// Parse is Load for a text that is at hand; name stands in its errors.
func Parse(name string, data []byte, environ []string, sections ...string) (*File, error) {
	f := &File{source: source{name: name, lines: map[string]int{}}}
	p := &problems{source: &f.source}
	if silent(data) {
		data = []byte("{}") // the parser calls this no document at all
	}
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		return nil, p.unreadable(err)
	}
	f.source.read("", &root)
	if err := yaml.Load(data, f, yaml.WithKnownFields()); err != nil {
		_ = p.unreadable(err)
		read := f.source
		*f = File{source: read}
		// What can be read is judged along with it: all of a section but the unknown keys, and
		// of doubled ones the last.
		_ = yaml.Load(data, f, yaml.WithUniqueKeys(false))
		if again := yaml.Load(data, &File{}, yaml.WithUniqueKeys(false), yaml.WithKnownFields()); again != nil {
			_ = p.unreadable(again)
		}
	}
	unread, unknown := p.unread(), len(p.list) > 0
	overlay(f, environ, p)
	if f.Issuer == nil && f.Edge == nil {
		p.add("", "holds neither issuer nor edge: see `jotward config init`")
	}
	f.keep(sections)
	resolve(f, p)
	f.check(p)
	if unread || unknown {
		// What could not be read, or has another name, would be reported again as missing.
		p.list = slices.DeleteFunc(p.list, func(l located) bool { return strings.Contains(l.text, ": is missing") })
	}
	err := p.err()
	if e, ok := err.(*Error); ok {
		e.unread = unread
	}
	return f, err
}

// Check checks a configuration that was made without a file.
func Check(f *File) (*File, error) {
	f.source = source{name: "flags"}
	p := &problems{source: &f.source}
	f.check(p)
	return f, p.err()
}

// keep forgets the sections that are not named; none named: both are kept.
func (f *File) keep(sections []string) {
	if len(sections) == 0 {
		return
	}
	if !slices.Contains(sections, IssuerSection) {
		f.Issuer = nil
	}
	if !slices.Contains(sections, EdgeSection) {
		f.Edge = nil
	}
}

func (f *File) check(p *problems) {
	if f.Issuer != nil {
		f.Issuer.defaults()
		f.Issuer.check(p)
	}
	if f.Edge != nil {
		f.Edge.check(p)
	}
}

// silent reports whether a text holds comments and blanks only.
func silent(data []byte) bool {
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return false
		}
	}
	return true
}

// A Problem is one mistake at one place of the configuration, such as
// edge.routes[2].upstream. Whoever compiles a part returns these.
type Problem struct{ Path, Text string }

func (p *Problem) Error() string {
	if p.Path == "" {
		return p.Text
	}
	return p.Path + ": " + p.Text
}

// Locate gives every Problem inside err its file and line.
func (f *File) Locate(err error) error {
	p := problems{source: &f.source}
	p.collect(err)
	return p.err()
}

// More adds to what Load found wrong what compiling found, so that all is said at
// once. compile is not asked when something could not be read, and what it says of
// the same place is left out: it follows from what was said.
func (f *File) More(err error, compile func(*File) error) error {
	before, ok := errors.AsType[*Error](err)
	if f == nil || ok && (before.unread || before.list == nil) || !ok && err != nil {
		return err
	}
	p := problems{source: &f.source}
	p.collect(compile(f))
	if before != nil {
		p.list = slices.DeleteFunc(p.list, func(l located) bool {
			return slices.ContainsFunc(before.list, func(b located) bool {
				return b.path != "" && (around(b.path, l.path) || around(l.path, b.path)) // "" is the parser's own
			})
		})
		p.list = append(before.list, p.list...)
	}
	return p.err()
}

// around reports whether a path is another one or holds it.
func around(outer, path string) bool {
	rest, ok := strings.CutPrefix(path, outer)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[' || outer == "")
}

// source remembers the line of each path.
type source struct {
	name  string
	lines map[string]int
}

func (s *source) read(path string, n *yaml.Node) {
	if n.Line > 0 && s.lines[path] == 0 {
		s.lines[path] = n.Line
	}
	switch n.Kind {
	case yaml.DocumentNode:
		for _, c := range n.Content {
			s.read(path, c)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := strings.TrimPrefix(path+"."+n.Content[i].Value, ".")
			s.lines[key] = n.Content[i].Line
			s.read(key, n.Content[i+1])
		}
	case yaml.SequenceNode:
		for i, c := range n.Content {
			s.read(index(path, i), c)
		}
	}
}

// line returns the line of a path, or of the nearest parent that is written.
func (s *source) line(path string) int {
	for {
		if n := s.lines[path]; n > 0 {
			return n
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return max(s.lines[""], 1)
		}
		path = path[:cut]
	}
}

func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// problems gathers what is wrong.
type problems struct {
	source *source
	list   []located
}

type located struct {
	line       int
	path, text string
}

func (p *problems) add(path, text string) {
	p.list = append(p.list, located{p.source.line(path), path, (&Problem{path, text}).Error()})
}

func (p *problems) collect(err error) {
	if err == nil {
		return
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			p.collect(e)
		}
		return
	}
	if one, ok := errors.AsType[*Problem](err); ok {
		p.add(one.Path, one.Text)
		return
	}
	p.add("", err.Error())
}

// unreadable reports what the parser found; it names lines itself.
func (p *problems) unreadable(err error) error {
	if many, ok := errors.AsType[*yaml.LoadErrors](err); ok {
		for _, e := range many.Errors {
			p.list = append(p.list, located{max(e.Mark.Line, 1), "", plain(e.Message)})
		}
		return p.err()
	}
	if one, ok := errors.AsType[*yaml.LoadError](err); ok {
		p.list = append(p.list, located{max(one.Mark.Line, 1), "", one.Message + ": correct the YAML"})
		return p.err()
	}
	return &Error{Problems: []string{p.source.name + ": " + err.Error()}}
}

// unread says each mistake once, and reports whether one hides what stands in its place.
func (p *problems) unread() (hidden bool) {
	seen := map[located]bool{}
	p.list = slices.DeleteFunc(p.list, func(l located) bool {
		twice := seen[l]
		seen[l] = true
		hidden = hidden || !strings.HasSuffix(l.text, noKey) && !strings.HasSuffix(l.text, doubled) && l.text != openSecret
		return twice
	})
	return hidden
}

const (
	noKey   = ": is no key here: see docs/reference/config.md"
	doubled = ": write it once"

	openSecret = "a secret in the file is read by everyone who reads the file: write env:NAME or file:PATH"
)

// plain turns the parser's words about Go types into words about the file.
func plain(message string) string {
	if name, _, ok := strings.Cut(strings.TrimPrefix(message, "field "), " not found in type "); ok {
		return name + noKey
	}
	if what, target, ok := strings.Cut(strings.TrimPrefix(message, "cannot construct "), " into "); ok {
		// The value is left out: it may be a secret that stands in the wrong place.
		tag, _, _ := strings.Cut(what, " ")
		return kindOf(tag) + " stands where " + wanted(target) + " belongs: see docs/reference/config.md"
	}
	if strings.HasPrefix(message, "mapping key ") {
		return message + doubled
	}
	return message
}

func kindOf(tag string) string {
	switch tag {
	case "!!map":
		return "a section"
	case "!!seq":
		return "a list"
	}
	return "a single value"
}

func wanted(goType string) string {
	switch {
	case goType == "time.Duration":
		return "a duration such as 30s"
	case goType == "bool":
		return "true or false"
	case goType == "string":
		return "a text"
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	case strings.HasPrefix(goType, "int"), strings.HasPrefix(goType, "uint"):
		return "a whole number"
	}
	return "a section"
}

func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortStableFunc(p.list, func(a, b located) int { return a.line - b.line })
	e := &Error{list: p.list}
	for _, l := range p.list {
		at := fmt.Sprintf("%s:%d", p.source.name, l.line)
		if p.source.lines == nil { // flags are on no line
			at = p.source.name
		}
		e.Problems = append(e.Problems, at+": "+l.text)
	}
	return e
}

// Error is everything that is wrong with one configuration.
type Error struct {
	Problems []string
	list     []located
	unread   bool // some of it could not be read: what is missing elsewhere may be there
}

func (e *Error) Error() string { return strings.Join(e.Problems, "\n") }
