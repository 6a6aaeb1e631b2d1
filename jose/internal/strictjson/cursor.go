package strictjson

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
	if m.Value, err = c.p.value(); err != nil {
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
