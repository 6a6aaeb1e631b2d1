// Package strictjson reads JSON in the strict way that tokens and keys need:
// every member name once at every depth (escaped spellings count as the same),
// names compared exactly, valid UTF-8, no lone surrogates, no byte order mark,
// nothing after the value, and bounds on nesting, members and numbers.
//
// encoding/json folds the case of names, keeps the last duplicate and repairs
// invalid UTF-8; each of these lets two readers see two different tokens
// (RFC 7515 4, RFC 7519 4, RFC 8725 3.7 and 2.6).
package strictjson

import (
	"math/bits"
	"strconv"
	"sync"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds. They are far above what a token or key holds, and keep the work that
// a hostile document causes linear in its size.
const (
	MaxDepth   = 64   // objects and arrays inside one another
	MaxMembers = 4096 // members of one object
	MaxNumber  = 64   // characters of one number
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
	inner := v.Raw[1 : len(v.Raw)-1]
	if !v.Escaped {
		return inner
	}
	return unescape(inner)
}

// A Member is a named value.
type Member struct {
	Name string
	Value
}

// A Doc is the result of scanning one object. It can be used again, which keeps
// its memory.
type Doc struct {
	Members []Member // of the outermost object, in order
	p       parser
}

// Scan checks the whole of text, which must be one object, and lists its members.
func (d *Doc) Scan(text string) error {
	clear(d.Members)
	d.Members = d.Members[:0]
	clear(d.p.names)
	d.p.text, d.p.pos, d.p.depth, d.p.names = text, 0, 0, d.p.names[:0]
	if len(text) >= 3 && text[:3] == "\xef\xbb\xbf" {
		return ErrBOM
	}
	d.p.space()
	if d.p.pos == len(text) {
		return ErrEnd
	}
	if text[d.p.pos] != '{' {
		return ErrObject
	}
	if err := d.p.object(&d.Members); err != nil {
		return err
	}
	d.p.space()
	if d.p.pos != len(text) {
		return ErrTrailing
	}
	return nil
}

// Reset drops every reference to the document that was scanned.
func (d *Doc) Reset() {
	clear(d.Members)
	d.Members = d.Members[:0]
	clear(d.p.names)
	d.p.text, d.p.names = "", d.p.names[:0]
}

// Find returns the member of that exact name.
func (d *Doc) Find(name string) (Value, bool) {
	for i := range d.Members {
		if d.Members[i].Name == name {
			return d.Members[i].Value, true
		}
	}
	return Value{}, false
}

var docs = sync.Pool{New: func() any { return new(Doc) }}

// Check reports what is wrong with text, which must be one object.
func Check(text string) error {
	d := docs.Get().(*Doc)
	err := d.Scan(text)
	if d.Reset(); cap(d.Members) <= MaxMembers/4 {
		docs.Put(d)
	}
	return err
}

// parser walks one document. names is a stack: the members of every object that
// is still open, so that duplicates are found at each depth in the same pass.
type parser struct {
	text  string
	pos   int
	depth int
	names []string
}

// space skips blanks. Tokens have none as a rule, so that is asked first.
func (p *parser) space() {
	if p.pos < len(p.text) && p.text[p.pos] <= ' ' {
		p.blanks()
	}
}

func (p *parser) blanks() {
	for p.at(' ') || p.at('\t') || p.at('\n') || p.at('\r') {
		p.pos++
	}
}

// value reads one value into v.
func (p *parser) value(v *Value) (err error) {
	start := p.pos
	if start >= len(p.text) {
		return ErrEnd
	}
	v.Escaped = false
	switch p.text[start] {
	case '"':
		v.Kind = String
		if i := skipPlain(p.text, start+1); i < len(p.text) && p.text[i] == '"' { // the usual string
			p.pos = i + 1
			break
		}
		v.Escaped, err = p.str()
	case '{':
		v.Kind, err = Object, p.object(nil)
	case '[':
		v.Kind, err = Array, p.array()
	case 't':
		v.Kind, err = True, p.literal("true")
	case 'f':
		v.Kind, err = False, p.literal("false")
	case 'n':
		v.Kind, err = Null, p.literal("null")
	default:
		v.Kind, err = Number, p.number()
	}
	if err != nil {
		return err
	}
	v.Raw = p.text[start:p.pos]
	return nil
}

func (p *parser) literal(word string) error {
	if len(p.text)-p.pos < len(word) || p.text[p.pos:p.pos+len(word)] != word {
		return ErrSyntax
	}
	p.pos += len(word)
	return nil
}

// linear is how many names of one object are compared one by one before a set takes over.
const linear = 24

// object reads from '{' to its '}'. It lists the members in into, if that is given.
func (p *parser) object(into *[]Member) error {
	if p.depth++; p.depth > MaxDepth {
		return ErrDepth
	}
	names := nameSet{base: len(p.names)}
	p.pos++
	p.space()
	if p.pos < len(p.text) && p.text[p.pos] == '}' {
		p.pos++
		p.depth--
		return nil
	}
	var unlisted Member
	for {
		m := &unlisted
		if into != nil {
			*into = append(*into, Member{})
			m = &(*into)[len(*into)-1]
		}
		var err error
		if m.Name, err = p.name(); err != nil {
			return err
		}
		if err = p.unique(m.Name, &names); err != nil {
			return err
		}
		if err = p.value(&m.Value); err != nil {
			return err
		}
		more, err := p.next('}')
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	clear(p.names[names.base:]) // a Doc that rests in a pool must not hold a token's text
	p.names = p.names[:names.base]
	p.depth--
	return nil
}

// name reads a member's name, its colon and the space around both.
func (p *parser) name() (string, error) {
	start := p.pos
	if p.at('"') { // the usual name: ASCII without escapes, its colon at once
		if i := skipPlain(p.text, start+1); len(p.text)-i > 1 && p.text[i:i+2] == `":` {
			if p.pos = i + 2; p.pos < len(p.text) && p.text[p.pos] <= ' ' {
				p.blanks()
			}
			return p.text[start+1 : i], nil
		}
	}
	escaped, err := p.str()
	if err != nil {
		return "", err
	}
	name := p.text[start+1 : p.pos-1]
	if escaped {
		name = unescape(name)
	}
	if !p.at(':') {
		p.space()
		if !p.at(':') {
			return "", p.unexpected()
		}
	}
	p.pos++
	p.space()
	return name, nil
}

// unexpected tells a text that ends from one that goes on in the wrong way.
func (p *parser) unexpected() error {
	if p.pos >= len(p.text) {
		return ErrEnd
	}
	return ErrSyntax
}

// nameSet is the names of one open object: p.names from base on. seen holds a
// bit for each name's hash, so that most names are known to be new at once, and
// all takes over when there are many, so that an object costs linear time.
type nameSet struct {
	base int
	seen uint64
	all  map[string]struct{}
}

// unique refuses a name that this object already has and remembers it otherwise.
func (p *parser) unique(name string, set *nameSet) error {
	bit := hashBit(name)
	mine := p.names[set.base:]
	switch {
	case len(mine) >= MaxMembers:
		return ErrMembers
	case len(mine) >= linear:
		if set.all == nil {
			set.all = make(map[string]struct{}, 2*linear)
			for _, n := range mine {
				set.all[n] = struct{}{}
			}
		}
		if _, twice := set.all[name]; twice {
			return ErrDuplicate
		}
		set.all[name] = struct{}{}
	case set.seen&bit != 0:
		for _, n := range mine {
			if n == name {
				return ErrDuplicate
			}
		}
	}
	set.seen |= bit
	p.names = append(p.names, name)
	return nil
}

// hashBit is one of 64 bits. It only has to tell the usual claims apart.
func hashBit(name string) uint64 {
	if name == "" {
		return 1
	}
	h := uint(len(name)) + 5*uint(name[0]) + 11*uint(name[len(name)-1]) + 3*uint(name[len(name)/2])
	return 1 << (h & 63)
}

func (p *parser) array() error {
	if p.depth++; p.depth > MaxDepth {
		return ErrDepth
	}
	p.pos++
	p.space()
	if p.pos < len(p.text) && p.text[p.pos] == ']' {
		p.pos++
		p.depth--
		return nil
	}
	var unlisted Value
	for {
		if err := p.value(&unlisted); err != nil {
			return err
		}
		more, err := p.next(']')
		if err != nil {
			return err
		}
		if !more {
			p.depth--
			return nil
		}
	}
}

// next reads the comma before another element, or the closing character.
func (p *parser) next(closing byte) (more bool, err error) {
	if !p.at(',') {
		p.space()
	}
	switch {
	case p.at(','):
		if p.pos++; !p.at('"') {
			p.space()
		}
		return true, nil
	case p.at(closing):
		p.pos++
		return false, nil
	}
	return false, p.unexpected()
}

// number follows RFC 8259 6, bounded in length and to what a float64 can hold,
// so that 1e400 is not infinity to one reader and an error to another.
func (p *parser) number() error {
	start := p.pos
	if p.at('-') {
		p.pos++
	}
	switch {
	case p.at('0'):
		p.pos++
	case p.digits() == 0:
		if p.pos >= len(p.text) {
			return ErrEnd
		}
		return ErrSyntax
	}
	if p.at('.') {
		p.pos++
		if p.digits() == 0 {
			return ErrSyntax
		}
	}
	exponent := p.at('e') || p.at('E')
	if exponent {
		p.pos++
		if p.at('+') || p.at('-') {
			p.pos++
		}
		if p.digits() == 0 {
			return ErrSyntax
		}
	}
	if p.pos-start > MaxNumber {
		return ErrNumber
	}
	if exponent {
		if _, err := strconv.ParseFloat(p.text[start:p.pos], 64); err != nil {
			return ErrNumber
		}
	}
	return nil
}

func (p *parser) at(c byte) bool { return p.pos < len(p.text) && p.text[p.pos] == c }

func (p *parser) digits() int {
	start := p.pos
	for p.pos < len(p.text) && p.text[p.pos]-'0' <= 9 {
		p.pos++
	}
	return p.pos - start
}

// plain marks the bytes that stand for themselves inside a string.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 0x80; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// skipPlain returns the index of the first byte from i on that is not plain. It
// looks at eight bytes at a time: ones and tops find, in each of the eight, a
// byte below 0x20, one that equals a quote or a backslash, or a set top bit.
// Borrows run upwards only, so the lowest byte that is found is a true one.
func skipPlain(text string, i int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for len(text)-i >= 8 {
		s := text[i : i+8]
		x := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		quote, slash := x^(ones*'"'), x^(ones*'\\')
		found := ((x-ones*0x20)|(quote-ones)|(slash-ones))&tops | x&tops
		if found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
		i += 8
	}
	for i < len(text) && plain[text[i]] {
		i++
	}
	return i
}

// str reads a string from its opening to its closing quote.
func (p *parser) str() (escaped bool, err error) {
	if !p.at('"') {
		return false, p.unexpected()
	}
	text := p.text
	for i := skipPlain(text, p.pos+1); i < len(text); i = skipPlain(text, i) {
		switch c := text[i]; {
		case c == '"':
			p.pos = i + 1
			return escaped, nil
		case c == '\\':
			escaped = true
			n, err := escape(text[i:])
			if err != nil {
				return false, err
			}
			i += n
		case c < 0x20:
			return false, ErrControl
		default:
			r, n := utf8.DecodeRuneInString(text[i:])
			if r == utf8.RuneError && n == 1 {
				return false, ErrUTF8
			}
			i += n
		}
	}
	return false, ErrEnd
}

// escape returns the length of the escape sequence at the start of s.
func escape(s string) (int, error) {
	if len(s) < 2 {
		return 0, ErrEnd
	}
	switch s[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, nil
	case 'u':
	default:
		return 0, ErrSyntax
	}
	r, err := hex4(s)
	if err != nil {
		return 0, err
	}
	if !utf16.IsSurrogate(r) {
		return 6, nil
	}
	// Half a pair has no meaning that two readers share (RFC 8259 8.2).
	if len(s) < 12 || s[6] != '\\' || s[7] != 'u' {
		return 0, ErrSurrogate
	}
	low, err := hex4(s[6:])
	if err != nil {
		return 0, err
	}
	if utf16.DecodeRune(r, low) == utf8.RuneError {
		return 0, ErrSurrogate
	}
	return 12, nil
}

// hex4 reads the four digits of a \uXXXX at the start of s.
func hex4(s string) (rune, error) {
	if len(s) < 6 {
		return 0, ErrEnd
	}
	var r rune
	for _, c := range []byte(s[2:6]) {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, ErrSyntax
		}
		r = r<<4 | rune(c)
	}
	return r, nil
}

// unescape resolves the escapes of a string that str has accepted.
func unescape(s string) string {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			out = append(out, s[i])
			i++
			continue
		}
		switch c := s[i+1]; c {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, _ := hex4(s[i:])
			if utf16.IsSurrogate(r) {
				low, _ := hex4(s[i+6:])
				r = utf16.DecodeRune(r, low)
				i += 6
			}
			out = utf8.AppendRune(out, r)
			i += 4
		default:
			out = append(out, c)
		}
		i += 2
	}
	return string(out)
}
