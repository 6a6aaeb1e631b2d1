package strictjson

import "strconv"

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
		if start, m.Name, err = c.p.named(start); err != nil {
			return Member{}, false
		}
		closing = '}'
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

// named reads a name and what is between it and its value.
func (p *parser) named(i int) (next int, name string, err error) {
	next, nameEnd, escaped, _, err := p.name(i)
	if err != nil {
		return next, "", err
	}
	return next, p.nameOf(&span{name: int32(i + 1), nameEnd: int32(nameEnd), nameEscaped: escaped}), nil
}

// AppendStrings appends the elements of an Array of strings to list. ok is false
// for a value of another type and for an element that is none. It is what a
// Cursor would do, for the arrays that tokens hold most.
func AppendStrings(list []string, v Value) (_ []string, ok bool) {
	if v.Kind != Array {
		return list, false
	}
	text := v.Raw
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case ' ', '\t', '\n', '\r', ',':
			continue
		case ']':
			return list, true
		case '"':
		default:
			return list, false
		}
		// Scan has accepted the array, so every string has its end.
		start := i + 1
		if i = skipPlain(text, start); text[i] == '"' {
			list = append(list, text[start:i])
			continue
		}
		for ; text[i] != '"'; i = skipPlain(text, i+1) {
			if text[i] == '\\' {
				i++
			}
		}
		list = append(list, unescape(text[start:i]))
	}
	return list, false
}

// Any returns the value as encoding/json would give it to an any. v must be
// taken from a scanned document. It reads each byte once: Cursors inside Cursors
// read the innermost value as often as it is deep.
func Any(v Value) (any, error) {
	p := parser{text: v.Raw}
	_, x, err := p.any(0)
	return x, err
}

func (p *parser) any(i int) (end int, x any, err error) {
	switch {
	case p.at(i, '{'):
		return p.anyObject(i)
	case p.at(i, '['):
		return p.anyArray(i)
	}
	end, kind, escaped, err := p.value(i)
	if err != nil {
		return end, nil, err
	}
	switch v := (Value{Kind: kind, Escaped: escaped, Raw: p.text[i:end]}); kind {
	case True, False:
		x = kind == True
	case String:
		x = v.Text()
	case Number:
		x, err = strconv.ParseFloat(v.Raw, 64)
	}
	return end, x, err
}

func (p *parser) anyObject(i int) (end int, x any, err error) {
	out := map[string]any{}
	if i = p.space(i + 1); p.at(i, '}') {
		return i + 1, out, nil
	}
	for more := true; more; {
		var name string
		if i, name, err = p.named(i); err != nil {
			return i, nil, err
		}
		if i, x, err = p.any(i); err != nil {
			return i, nil, err
		}
		out[name] = x
		if i, more, err = p.next(i, '}'); err != nil {
			return i, nil, err
		}
	}
	return i, out, nil
}

func (p *parser) anyArray(i int) (end int, x any, err error) {
	list := []any{}
	if i = p.space(i + 1); p.at(i, ']') {
		return i + 1, list, nil
	}
	for more := true; more; {
		if i, x, err = p.any(i); err != nil {
			return i, nil, err
		}
		list = append(list, x)
		if i, more, err = p.next(i, ']'); err != nil {
			return i, nil, err
		}
	}
	return i, list, nil
}
