package strictjson

// A Cursor steps through the elements of an Array or the members of an Object
// that Scan has already accepted.
type Cursor struct {
	p      parser
	at     int
	object bool
	done   bool
}

// Open returns a cursor before the first element of v, which must be an Array
// or an Object taken from a scanned document.
func Open(v Value) Cursor {
	c := Cursor{p: parser{text: v.Raw}, object: v.Kind == Object}
	c.at = c.p.space(1)
	c.done = c.p.at(c.at, '}') || c.p.at(c.at, ']')
	return c
}

// Next returns the next element, and its name inside an object. ok is false at
// the end.
func (c *Cursor) Next() (m Member, ok bool) {
	if c.done {
		return Member{}, false
	}
	c.done = true // unless all goes well
	closing, start := byte(']'), c.at
	var err error
	if c.object {
		var s span
		if start, err = c.p.name(start, &s); err != nil {
			return Member{}, false
		}
		m.Name, closing = c.p.nameOf(&s), '}'
	}
	c.p.depth, c.p.spans = 1, c.p.spans[:0]
	end, kind, escaped, err := c.p.value(start)
	if err != nil {
		return Member{}, false
	}
	m.Value = Value{Kind: kind, Escaped: escaped, Raw: c.p.text[start:end]}
	at, more, err := c.p.next(end, closing)
	c.at, c.done = at, !more || err != nil
	return m, err == nil
}

// AppendStrings appends the elements of an Array of strings to list. ok is false
// for a value of another type and for an element that is none. It is what a
// Cursor would do, for the arrays that tokens hold most.
func AppendStrings(list []string, v Value) (_ []string, ok bool) {
	if v.Kind != Array {
		return list, false
	}
	text := v.Raw
	for i := 1; i < len(text); {
		switch text[i] {
		case ' ', '\t', '\n', '\r', ',':
			i++
			continue
		case ']':
			return list, true
		case '"':
		default:
			return list, false
		}
		// Scan has accepted the array, so every string has its end.
		end, escaped := skipPlain(text, i+1), false
		for text[end] != '"' {
			if text[end] == '\\' {
				escaped = true
				end++
			}
			end = skipPlain(text, end+1)
		}
		list = append(list, Value{Kind: String, Escaped: escaped, Raw: text[i : end+1]}.Text())
		i = end + 1
	}
	return list, false
}
