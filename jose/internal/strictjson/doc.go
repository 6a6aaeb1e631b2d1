// Package strictjson reads JSON in the strict way that tokens and keys need:
// every member name once at every depth (escaped spellings count as the same),
// names compared exactly, valid UTF-8, no lone surrogates, no byte order mark,
// nothing after the value, and bounds on nesting, members and numbers.
//
// encoding/json folds the case of names, keeps the last duplicate and repairs
// invalid UTF-8; each of these lets two readers see two different tokens
// (RFC 7515 4, RFC 7519 4, RFC 8725 3.7 and 2.6).
package strictjson

import "sync"

// Bounds. They are far above what a token or key holds, and keep the work that
// a hostile document causes linear in its size.
const (
	MaxDepth   = 64   // objects and arrays inside one another
	MaxMembers = 4096 // members of one object
	MaxNumber  = 64   // characters of one number
	MaxText    = 1<<31 - 1
)

// A Fault says what is wrong with a document. The list is closed.
type Fault string

// Error returns the fault's text.
func (f Fault) Error() string { return string(f) }

// The faults.
const (
	ErrEnd       Fault = "json: unexpected end"
	ErrSyntax    Fault = "json: syntax"
	ErrTrailing  Fault = "json: data after the value"
	ErrDuplicate Fault = "json: duplicate member name"
	ErrUTF8      Fault = "json: invalid utf-8"
	ErrSurrogate Fault = "json: lone surrogate"
	ErrBOM       Fault = "json: byte order mark"
	ErrControl   Fault = "json: control character in a string"
	ErrDepth     Fault = "json: nested too deeply"
	ErrMembers   Fault = "json: too many members"
	ErrNumber    Fault = "json: number too long or too large"
	ErrSize      Fault = "json: too long"
	ErrObject    Fault = "json: not an object"
)

// A Kind is the type of a value.
type Kind uint8

// The kinds.
const (
	Null Kind = iota + 1
	False
	True
	Number
	String
	Array
	Object
)

// A Value is one value of a scanned document, still in its spelling.
type Value struct {
	Kind    Kind
	Escaped bool // a String that holds escapes
	Raw     string
}

// Text returns the text of a String. It allocates only when there are escapes.
func (v Value) Text() string {
	if v.Escaped {
		return unescapeQuoted(v.Raw)
	}
	return v.Raw[1 : len(v.Raw)-1]
}

// A Member is a named value.
type Member struct {
	Name string
	Value
}

// A Doc is the result of scanning one object. It can be used again, which keeps
// its memory.
type Doc struct {
	p parser
}

// Scan checks the whole of text, which must be one object, and lists its members.
func (d *Doc) Scan(text string) error {
	p := &d.p
	p.text, p.depth, p.spans, p.tables = text, 0, p.spans[:0], p.tables[:0]
	if len(text) > MaxText {
		return ErrSize
	}
	if len(text) >= 3 && text[:3] == "\xef\xbb\xbf" {
		return ErrBOM
	}
	i := p.space(0)
	if i == len(text) {
		return ErrEnd
	}
	if text[i] != '{' {
		return ErrObject
	}
	i, err := p.object(i)
	if err != nil {
		p.spans = p.spans[:0]
		return err
	}
	if p.space(i) != len(text) {
		p.spans = p.spans[:0]
		return ErrTrailing
	}
	return nil
}

// Reset drops every reference to the document that was scanned.
func (d *Doc) Reset() { d.p.text, d.p.spans = "", d.p.spans[:0] }

// Text returns the text that was scanned.
func (d *Doc) Text() string { return d.p.text }

// Len returns how many members the object has.
func (d *Doc) Len() int { return len(d.p.spans) }

// Huge reports whether a document made the Doc's memory too much to be kept: more than
// 256 KiB for the members of the objects that were open at once, whose names then have at
// most three times that.
func (d *Doc) Huge() bool { return cap(d.p.spans) > 2*MaxMembers }

// Member returns one member; they are in the order of the document.
func (d *Doc) Member(i int) (name string, v Value) {
	return d.p.nameOf(&d.p.spans[i]), d.Value(i)
}

// Key returns the key of a member's name without looking at the name. A reader of
// few members asks it first and leaves most members unread.
func (d *Doc) Key(i int) Key { return d.p.spans[i].key }

// Value returns a member's value.
func (d *Doc) Value(i int) Value {
	s := &d.p.spans[i]
	return Value{Kind: s.kind, Escaped: s.escaped, Raw: d.p.text[s.value:s.end]}
}

// Is reports whether a member has that name, whose key is that.
func (d *Doc) Is(i int, key Key, name string) bool {
	s := &d.p.spans[i]
	return s.key == key && (key.Whole() || d.p.isNamed(s, name))
}

// Members lists the members in memory of their own.
func (d *Doc) Members() []Member {
	list := make([]Member, d.Len())
	for i := range list {
		list[i].Name, list[i].Value = d.Member(i)
	}
	return list
}

// Find returns the value of the member of that exact name.
func (d *Doc) Find(name string) (Value, bool) {
	key := KeyOf(name)
	for i := range d.p.spans {
		if d.Is(i, key, name) {
			return d.Value(i), true
		}
	}
	return Value{}, false
}

var docs = sync.Pool{New: func() any { return new(Doc) }}

// Check reports what is wrong with text, which must be one object.
func Check(text string) error {
	d := docs.Get().(*Doc)
	err := d.Scan(text)
	if d.Reset(); !d.Huge() {
		docs.Put(d)
	}
	return err
}
