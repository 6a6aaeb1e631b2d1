package strictjson

import "strings"

// A Cursor steps through the elements of an Array or the members of an Object
// that Scan has already accepted.
type Cursor struct {
	p      parser
	object bool
	done   bool
}

// Open returns a cursor before the first element of v, which must be an Array
// or an Object taken from a scanned document.
func Open(v Value) Cursor {
	c := Cursor{p: parser{text: v.Raw, pos: 1}, object: v.Kind == Object}
	c.p.space()
	c.done = c.p.at('}') || c.p.at(']')
	return c
}

// Next returns the next element, and its name inside an object. ok is false at
// the end.
func (c *Cursor) Next() (m Member, ok bool) {
	if c.done {
		return Member{}, false
	}
	var err error
	if c.object {
		if m.Name, err = c.p.name(); err != nil {
			c.done = true
			return Member{}, false
		}
	}
	if err = c.p.value(&m.Value); err != nil {
		c.done = true
		return Member{}, false
	}
	closing := byte(']')
	if c.object {
		closing = '}'
	}
	more, err := c.p.next(closing)
	c.done = !more || err != nil
	return m, err == nil
}

// AppendStrings appends the elements of an Array of strings to list. ok is false
// for a value of another type and for an element that is none. It is what a
// Cursor would do, for the arrays that tokens hold most.
func AppendStrings(list []string, v Value) (_ []string, ok bool) {
	if v.Kind != Array {
		return list, false
	}
	text := v.Raw[1:]
	for {
		start := strings.IndexByte(text, '"')
		// Scan has accepted the array, so what is not a string shows before the
		// next quote: anything but blanks, commas and the closing bracket.
		before := text
		if start >= 0 {
			before = text[:start]
		}
		for i := range len(before) {
			switch before[i] {
			case ' ', '\t', '\n', '\r', ',', ']':
			default:
				return list, false
			}
		}
		if start < 0 {
			return list, true
		}
		end := start + 1
		escaped := false
		for {
			end = skipPlain(text, end)
			if text[end] == '"' {
				break
			}
			if text[end] == '\\' {
				escaped = true
				end++
			}
			end++
		}
		list = append(list, Value{Kind: String, Escaped: escaped, Raw: text[start : end+1]}.Text())
		text = text[end+1:]
	}
}
