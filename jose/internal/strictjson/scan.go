package strictjson

import (
	"hash/maphash"
	"strconv"
)

// parser walks one document. spans is a stack: the members so far of every
// object that is still open, so that duplicates are found at each depth in the
// same pass; what is left on it at the end is the outermost object's. It holds
// places in the text and no pointers: a Doc in a pool then costs the garbage
// collector nothing, and writing to it no barrier.
type parser struct {
	text  string
	depth int
	spans []span
}

// span is one member by its places in the text, which MaxText lets fit. It is
// small, because a hostile document makes thousands.
type span struct {
	name, nameEnd int32 // between the quotes
	value, end    int32
	kind          Kind
	escaped       bool // the value is a String that holds escapes
	nameEscaped   bool
	hash          uint8
}

// nameOf returns a member's name. It allocates only when there are escapes.
func (p *parser) nameOf(s *span) string {
	name := p.text[s.name:s.nameEnd]
	if s.nameEscaped {
		return unescape(name)
	}
	return name
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
	names := nameSet{base: len(p.spans)}
	if i = p.space(i + 1); i < len(p.text) && p.text[i] == '}' {
		p.depth--
		return i + 1, nil
	}
	for {
		n := len(p.spans)
		p.spans = append(p.spans, span{})
		next, err := p.name(i, &p.spans[n])
		if err != nil {
			return next, err
		}
		if bit := uint64(1) << (p.spans[n].hash & 63); names.seen&bit == 0 && n-names.base < linear {
			names.seen |= bit // the usual name: no name before it has its hash
		} else if err := p.unique(n, &names); err != nil {
			return next, err
		}
		end, kind, escaped, err := p.value(next)
		if err != nil {
			return end, err
		}
		s := &p.spans[n]
		s.value, s.end, s.kind, s.escaped = int32(next), int32(end), kind, escaped
		if len(p.text)-end > 1 && p.text[end] == ',' && p.text[end+1] == '"' { // the usual comma
			i = end + 1
			continue
		}
		more := false
		if i, more, err = p.next(end, '}'); err != nil {
			return i, err
		}
		if !more {
			break
		}
	}
	if p.depth--; p.depth > 0 {
		p.spans = p.spans[:names.base]
	}
	return i, nil
}

// name reads a member's name, its colon and the space around both, and returns
// where the value starts.
func (p *parser) name(i int, s *span) (int, error) {
	text := p.text
	if i < len(text) && text[i] == '"' { // the usual name: ASCII without escapes, its colon at once
		end := skipPlain(text, i+1)
		if len(text)-end > 1 && text[end] == '"' && text[end+1] == ':' {
			s.name, s.nameEnd, s.hash = int32(i+1), int32(end), hashOf(text[i+1:end])
			return p.space(end + 2), nil
		}
	}
	end, escaped, err := p.str(i)
	if err != nil {
		return end, err
	}
	s.name, s.nameEnd, s.nameEscaped = int32(i+1), int32(end-1), escaped
	s.hash = hashOf(p.nameOf(s))
	if end = p.space(end); end >= len(text) || text[end] != ':' {
		return end, p.wrong(end)
	}
	return p.space(end + 1), nil
}

// linear is how many names of one object are compared one by one before a table takes over.
const linear = 24

// nameSet is the names of one open object: p.spans from base on. seen holds a
// bit for each name's hash, so that most names are known to be new at once, and
// table takes over when there are many, so that an object costs linear time.
type nameSet struct {
	base  int
	seen  uint64
	table []uint32 // open addressing: 0, or bits of a hash and 1 + the place of a span behind base
}

// maxPlace holds every place, for there are no more than MaxMembers.
const maxPlace = 2*MaxMembers - 1

// seed keeps strangers from choosing names that meet in the table.
var seed = maphash.MakeSeed()

// unique refuses the name of span n when a span before it has it already.
func (p *parser) unique(n int, set *nameSet) error {
	before := p.spans[set.base:n]
	switch {
	case len(before) >= MaxMembers:
		return ErrMembers
	case len(before) >= linear:
		if 2*len(before) >= len(set.table) {
			set.table = make([]uint32, max(256, 4*len(set.table))) // powers of two
			for i := range before {
				p.enter(set.base+i, set)
			}
		}
		if !p.enter(n, set) {
			return ErrDuplicate
		}
	default:
		name := p.nameOf(&p.spans[n])
		for i := range before {
			if before[i].hash == p.spans[n].hash && p.nameOf(&before[i]) == name {
				return ErrDuplicate
			}
		}
	}
	return nil
}

// enter puts the name of span n into the table, unless it is there.
func (p *parser) enter(n int, set *nameSet) bool {
	name := p.nameOf(&p.spans[n])
	hash := maphash.String(seed, name)
	entry := uint32(hash>>32)&^maxPlace | uint32(n-set.base+1)
	mask := uint64(len(set.table) - 1)
	for slot := hash; ; slot++ {
		at := &set.table[slot&mask]
		if *at == 0 {
			*at = entry
			return true
		}
		if (*at^entry)&^maxPlace == 0 && p.nameOf(&p.spans[set.base+int(*at&maxPlace)-1]) == name {
			return false
		}
	}
}

// hashOf only has to tell the usual claims apart: its factors were chosen so
// that no two of the registered ones share their lowest six bits. Equal names
// have equal hashes.
func hashOf(name string) uint8 {
	if name == "" {
		return 0
	}
	return 7*uint8(len(name)) + 2*name[0] + 10*name[len(name)-1] + 9*name[len(name)/2]
}

// value reads one value and says where it ends and what it is.
func (p *parser) value(i int) (end int, kind Kind, escaped bool, err error) {
	if i >= len(p.text) {
		return i, 0, false, ErrEnd
	}
	switch p.text[i] {
	case '"':
		if end = skipPlain(p.text, i+1); end < len(p.text) && p.text[end] == '"' { // the usual string
			return end + 1, String, false, nil
		}
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
	end, err = p.number(i)
	return end, Number, false, err
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
	if i = p.space(i + 1); i < len(p.text) && p.text[i] == ']' {
		p.depth--
		return i + 1, nil
	}
	for {
		end := p.shortNumber(i)
		if end == i {
			var err error
			if end, _, _, err = p.value(i); err != nil {
				return end, err
			}
		}
		if len(p.text)-end > 1 && p.text[end] == ',' && p.text[end+1] > ' ' { // the usual comma
			i = end + 1
			continue
		}
		var err error
		more := false
		if i, more, err = p.next(end, ']'); err != nil {
			return i, err
		}
		if !more {
			p.depth--
			return i, nil
		}
	}
}

// shortNumber reads the element that long arrays are made of, a few digits
// before a comma, and returns i for every other one.
func (p *parser) shortNumber(i int) int {
	text := p.text
	if len(text)-i < 9 || text[i]-'0' > 9 {
		return i
	}
	if text[i] == '0' {
		if text[i+1] == ',' {
			return i + 1
		}
		return i
	}
	for end := i + 1; end < i+9; end++ {
		if c := text[end]; c-'0' > 9 {
			if c == ',' {
				return end
			}
			return i
		}
	}
	return i
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

// number follows RFC 8259 6, bounded in length and to what a float64 can hold,
// so that 1e400 is not infinity to one reader and an error to another.
func (p *parser) number(start int) (int, error) {
	i := start
	if p.at(i, '-') {
		i++
	}
	whole := p.digits(i)
	switch {
	case whole == i:
		return i, p.wrong(i)
	case p.text[i] == '0':
		i++ // a digit behind a leading zero is no part of the number
	default:
		i = whole
	}
	if p.at(i, '.') {
		fraction := p.digits(i + 1)
		if fraction == i+1 {
			return fraction, ErrSyntax
		}
		i = fraction
	}
	exponent := p.at(i, 'e') || p.at(i, 'E')
	if exponent {
		if i++; p.at(i, '+') || p.at(i, '-') {
			i++
		}
		end := p.digits(i)
		if end == i {
			return i, ErrSyntax
		}
		i = end
	}
	if i-start > MaxNumber {
		return i, ErrNumber
	}
	if exponent {
		if _, err := strconv.ParseFloat(p.text[start:i], 64); err != nil {
			return i, ErrNumber
		}
	}
	return i, nil
}

func (p *parser) at(i int, c byte) bool { return i < len(p.text) && p.text[i] == c }

// digits returns the index of the first byte from i on that is no digit.
func (p *parser) digits(i int) int {
	for i < len(p.text) && p.text[i]-'0' <= 9 {
		i++
	}
	return i
}
