package strictjson

import "strconv"

// A Cursor steps through a value that Scan has already accepted, and through those
// inside it, in one pass: what is entered is not read again from without.
type Cursor struct {
	p       parser
	at      int    // where the value that Step named begins, or the next one
	pending bool   // that value was neither taken nor entered
	ended   bool   // nothing is left in the container at level
	object  bool   // that container is an Object
	level   int    // 0 is what the cursor began with
	outer   uint64 // bit n: the container at level n is an Object
}

// Open returns a cursor before the first element of v, which must be an Array
// or an Object taken from a scanned document.
func Open(v Value) Cursor {
	c := At(v)
	c.Enter()
	c.level = 0 // its end is the end of all
	return c
}

// At returns a cursor that stands before v itself, as if Step had named it.
func At(v Value) Cursor { return Cursor{p: parser{text: v.Raw}, pending: true} }

// Next returns the next element, and its name inside an object. ok is false at
// the end.
func (c *Cursor) Next() (m Member, ok bool) {
	if m.Name, _, ok = c.Step(); ok {
		m.Value = c.Value()
	}
	return m, ok
}

// Step goes on to the next element of the container, and says its name inside an object
// and its kind. Value takes it, Enter steps into it, and otherwise it is passed over. ok is
// false at the end, and the cursor then stands behind the container, in the one around it.
func (c *Cursor) Step() (name string, kind Kind, ok bool) {
	if c.pending {
		c.passed(c.p.behind(c.at))
	}
	if c.ended {
		c.leave()
		return "", 0, false
	}
	if c.object {
		start, name, err := c.p.named(c.at)
		if err != nil {
			c.stop()
			return "", 0, false
		}
		c.at, c.pending = start, true
		return name, c.Kind(), true
	}
	c.pending = true
	return "", c.Kind(), true
}

// Kind returns the kind of the value that the cursor stands before.
func (c *Cursor) Kind() Kind {
	if c.at >= len(c.p.text) {
		return 0
	}
	switch c.p.text[c.at] {
	case '{':
		return Object
	case '[':
		return Array
	case '"':
		return String
	case 't':
		return True
	case 'f':
		return False
	case 'n':
		return Null
	}
	return Number
}

// Value takes the value that the cursor stands before.
func (c *Cursor) Value() Value {
	start := c.at
	c.p.depth, c.p.spans = 1, c.p.spans[:0]
	end, kind, escaped, err := c.p.value(start)
	if err != nil {
		c.stop()
		return Value{}
	}
	c.passed(end)
	return Value{Kind: kind, Escaped: escaped, Raw: c.p.text[start:end]}
}

// Enter steps into the Object or Array that the cursor stands before.
func (c *Cursor) Enter() {
	kind := c.Kind()
	if !c.pending || kind != Object && kind != Array {
		c.stop()
		return
	}
	c.outer = c.outer &^ (1 << c.level)
	if c.object {
		c.outer |= 1 << c.level
	}
	c.level++
	c.object, c.pending = kind == Object, false
	c.at = c.p.space(c.at + 1)
	if c.ended = c.p.at(c.at, '}') || c.p.at(c.at, ']'); c.ended {
		c.at++
	}
}

// leave goes back to the container around one that has ended.
func (c *Cursor) leave() {
	if c.level == 0 {
		return
	}
	c.level--
	c.object, c.ended = c.outer>>c.level&1 == 1, false
	c.passed(c.at)
}

// passed goes on behind a value that ends there.
func (c *Cursor) passed(end int) {
	c.at, c.pending = end, false
	if c.p.space(end) == len(c.p.text) { // behind the value of At
		c.ended = true
		return
	}
	closing := byte(']')
	if c.object {
		closing = '}'
	}
	at, more, err := c.p.next(end, closing)
	if err != nil {
		c.stop()
		return
	}
	c.at, c.ended = at, !more
}

// behind returns where a value ends that Scan has accepted, by its brackets and quotes.
func (p *parser) behind(i int) int {
	text := p.text
	for depth := 0; i < len(text); {
		switch text[i] {
		case '"':
			for i = skipPlain(text, i+1); i < len(text) && text[i] != '"'; i = skipPlain(text, i+1) {
				if text[i] == '\\' {
					i++
				}
			}
			i++
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		default:
			if i++; depth > 0 {
				continue
			}
			for i < len(text) && text[i] > ' ' && text[i] != ',' && text[i] != '}' && text[i] != ']' {
				i++
			}
		}
		if depth <= 0 {
			return min(i, len(text))
		}
	}
	return len(text)
}

// stop ends a cursor over what Scan has not accepted.
func (c *Cursor) stop() { c.at, c.level, c.ended, c.pending = len(c.p.text), 0, true, false }

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
// taken from a scanned document. It reads each byte once.
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
