package strictjson

import "math/bits"

// parser walks one document. spans is a stack: the members so far of every
// object that is still open, so that duplicates are found at each depth in the
// same pass; what is left on it at the end is the outermost object's. It holds
// places in the text and no pointers: a Doc in a pool then costs the garbage
// collector nothing, and writing to it no barrier.
type parser struct {
	text   string
	depth  int
	spans  []span
	tables []uint32 // a stack: the tables of the names of every object that is still open
}

// span is one member by its places in the text, which MaxText lets fit. It is
// small, because a hostile document makes thousands.
type span struct {
	key           Key
	name, nameEnd int32 // between the quotes
	value, end    int32
	kind          Kind
	escaped       bool // the value is a String that holds escapes
	nameEscaped   bool
}

// nameOf returns a member's name. It allocates only when there are escapes.
func (p *parser) nameOf(s *span) string {
	if s.nameEscaped {
		return unescape(p.text[s.name:s.nameEnd])
	}
	return p.text[s.name:s.nameEnd]
}

// isNamed is nameOf and a comparison, without allocating.
func (p *parser) isNamed(s *span, name string) bool {
	spelled := p.text[s.name:s.nameEnd]
	if !s.nameEscaped {
		return spelled == name
	}
	var room [64]byte
	return len(spelled) > len(name) && string(appendUnescaped(room[:0], spelled)) == name
}

// space returns the index of the first byte from i on that is no blank. Tokens
// have none as a rule, so that is asked first.
func (p *parser) space(i int) int {
	if i < len(p.text) && p.text[i] <= ' ' {
		return p.blanks(i)
	}
	return i
}

func (p *parser) blanks(i int) int {
	for i < len(p.text) && (p.text[i] == ' ' || p.text[i] == '\t' || p.text[i] == '\n' || p.text[i] == '\r') {
		i++
	}
	return i
}

// wrong tells a text that ends at i from one that goes on in the wrong way.
func (p *parser) wrong(i int) error {
	if i >= len(p.text) {
		return ErrEnd
	}
	return ErrSyntax
}

// object reads from '{' to behind its '}' and leaves its members on the stack
// when it is the outermost.
func (p *parser) object(i int) (int, error) {
	if p.depth++; p.depth > MaxDepth {
		return i, ErrDepth
	}
	text := p.text
	if i = p.space(i + 1); i < len(text) && text[i] == '}' {
		p.depth--
		return i + 1, nil
	}
	names := nameSet{base: len(p.spans)}
	for more := true; more; {
		next, key := p.usualName(i)
		nameEnd, nameEscaped := next-2, false
		var err error
		if next == i {
			if next, nameEnd, nameEscaped, key, err = p.name(i); err != nil {
				return next, err
			}
		}
		n := len(p.spans) - names.base
		if bit := uint64(1) << key.Slot(); names.seen&bit == 0 && n < linear {
			names.seen |= bit // the usual name: no name before it has its slot
		} else if key.Whole() && names.entered == n && 2*n < len(names.table) {
			names.entered++ // the usual name of a long object, whose table has room: none has for more than MaxMembers
			if !p.putKey(key, n, &names) {
				return next, ErrDuplicate
			}
		} else if err := p.unique(&span{key: key, name: int32(i + 1), nameEnd: int32(nameEnd), nameEscaped: nameEscaped}, &names); err != nil {
			return next, err
		}
		end, kind := p.usual(next)
		escaped := false
		if end == next {
			if end, kind, escaped, err = p.value(next); err != nil {
				return end, err
			}
		}
		// The stack is as it was: an object inside has taken its members off.
		s := p.push()
		s.key, s.name, s.nameEnd, s.nameEscaped = key, int32(i+1), int32(nameEnd), nameEscaped
		s.value, s.end, s.kind, s.escaped = int32(next), int32(end), kind, escaped
		if len(text)-end > 1 && text[end] == ',' && text[end+1] == '"' { // the usual comma
			i = end + 1
			continue
		}
		if i, more, err = p.next(end, '}'); err != nil {
			return i, err
		}
	}
	if names.table != nil {
		p.tables = p.tables[:names.floor]
	}
	if p.depth--; p.depth > 0 {
		p.spans = p.spans[:names.base]
	}
	return i, nil
}

// push makes room for one member, which is then written field by field: a span
// that is copied there whole waits for its own parts to be written.
func (p *parser) push() *span {
	n := len(p.spans)
	if n == cap(p.spans) {
		p.spans = append(p.spans, span{})
	}
	p.spans = p.spans[:n+1]
	return &p.spans[n]
}

// usualName reads a name that is ASCII without escapes and its colon, with no
// blank beside it, and returns i for every other one. A short name is read at
// once, as the number that is its key.
func (p *parser) usualName(i int) (next int, key Key) {
	text := p.text
	if len(text)-i < 12 || text[i] != '"' {
		return i, 0
	}
	x := word(text[i+1 : i+9])
	end := i + 9
	if found := special(x); found != 0 {
		end = i + 1 + bits.TrailingZeros64(found)/8
		key = shortKey(x, end-i-1)
	} else if end = skipPlain(text, end); len(text)-end >= 3 {
		key = KeyOf(text[i+1 : end])
	}
	if len(text)-end < 3 || text[end] != '"' || text[end+1] != ':' || text[end+2] <= ' ' {
		return i, 0
	}
	return end + 2, key
}

// name reads a member's name, its colon and the space around both, and returns
// where the value starts and the name ends.
func (p *parser) name(i int) (next, nameEnd int, escaped bool, key Key, err error) {
	end, key := p.escapedName(i)
	if escaped = end != i; !escaped {
		if end, escaped, err = p.str(i); err != nil {
			return end, end, false, 0, err
		}
		var room [64]byte
		if name := p.text[i+1 : end-1]; escaped {
			key = KeyOf(appendUnescaped(room[:0], name))
		} else {
			key = KeyOf(name)
		}
	}
	nameEnd = end - 1
	if end = p.space(end); !p.at(end, ':') {
		return end, nameEnd, escaped, key, p.wrong(end)
	}
	return p.space(end + 1), nameEnd, escaped, key, nil
}

// escapedName reads a name whose first character is \u00XX and whose others, seven
// in all at most, are that or plain, in one pass, and returns i for every other one:
// such names are the dearest text that a hostile document can be made of.
func (p *parser) escapedName(i int) (end int, key Key) {
	text := p.text
	if len(text)-i < 8 || text[i] != '"' || text[i+1] != '\\' {
		return i, 0
	}
	var x uint64
	for at, n := i+1, 0; n <= 7 && at < len(text); n++ {
		c := text[at]
		switch {
		case c == '"':
			return at + 1, shortKey(x, n)
		case plain[c]:
			at++
		case c == '\\' && len(text)-at >= 6 && text[at+1:at+4] == "u00" && hex[text[at+4]] < 8 && hex[text[at+5]] < 16:
			c = hex[text[at+4]]<<4 | hex[text[at+5]]
			at += 6
		default:
			return i, 0
		}
		x |= uint64(c) << (8 * n)
	}
	return i, 0
}

// value reads one value and says where it ends and what it is.
func (p *parser) value(i int) (end int, kind Kind, escaped bool, err error) {
	if i >= len(p.text) {
		return i, 0, false, ErrEnd
	}
	c := p.text[i]
	if c-'0' <= 9 || c == '-' {
		end, err = p.number(i)
		return end, Number, false, err
	}
	switch c {
	case '"':
		end, escaped, err = p.str(i)
		return end, String, escaped, err
	case '{':
		end, err = p.object(i)
		return end, Object, false, err
	case '[':
		end, err = p.array(i)
		return end, Array, false, err
	case 't':
		end, err = p.literal(i, "true")
		return end, True, false, err
	case 'f':
		end, err = p.literal(i, "false")
		return end, False, false, err
	case 'n':
		end, err = p.literal(i, "null")
		return end, Null, false, err
	}
	return i, 0, false, ErrSyntax
}

// usual reads the usual values, a string of ASCII without escapes and a short
// number, and returns i for every other one.
func (p *parser) usual(i int) (end int, kind Kind) {
	text := p.text
	if i >= len(text) {
		return i, 0
	}
	if text[i] != '"' {
		return p.shortNumber(i), Number
	}
	if end = skipPlain(text, i+1); end < len(text) && text[end] == '"' {
		return end + 1, String
	}
	return i, 0
}

func (p *parser) literal(i int, word string) (int, error) {
	if len(p.text)-i < len(word) || p.text[i:i+len(word)] != word {
		return i, ErrSyntax
	}
	return i + len(word), nil
}

func (p *parser) array(i int) (int, error) {
	if p.depth++; p.depth > MaxDepth {
		return i, ErrDepth
	}
	text := p.text
	if i = p.space(i + 1); i < len(text) && text[i] == ']' {
		p.depth--
		return i + 1, nil
	}
	for more := true; more; {
		end, _ := p.usual(i)
		if end == i {
			var err error
			if end, _, _, err = p.value(i); err != nil {
				return end, err
			}
		}
		if len(text)-end > 1 && text[end] == ',' && text[end+1] > ' ' { // the usual comma
			i = end + 1
			continue
		}
		var err error
		if i, more, err = p.next(end, ']'); err != nil {
			return i, err
		}
	}
	p.depth--
	return i, nil
}

// next reads the comma before another element and the space behind it, or the
// closing character.
func (p *parser) next(i int, closing byte) (after int, more bool, err error) {
	if i = p.space(i); i < len(p.text) {
		switch p.text[i] {
		case ',':
			return p.space(i + 1), true, nil
		case closing:
			return i + 1, false, nil
		}
	}
	return i, false, p.wrong(i)
}

func (p *parser) at(i int, c byte) bool { return i < len(p.text) && p.text[i] == c }
