package jwt

import (
	"reflect"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/strictjson"
)

// linearFields is how many fields are searched one by one.
const linearFields = 16

type field struct {
	key   strictjson.Key
	name  string
	index []int
	elem  decoder
	wrong string // what is said of a value of another type
	next  int    // 1 + the place of the next field whose key has the same slot
}

type structDecoder struct {
	fields []field
	byName map[string]int // nil for few fields
	first  [64]int        // by the slot of a name's key, 1 + the place of a field that has it
}

// find returns the place of the field of exactly that name, -1 for none: claims are
// case-sensitive (RFC 7519 10.1.1).
func (d *structDecoder) find(name string) int {
	if d.byName != nil {
		if i, ok := d.byName[name]; ok {
			return i
		}
		return -1
	}
	for i := range d.fields {
		if d.fields[i].name == name {
			return i
		}
	}
	return -1
}

func (d *structDecoder) decode(dst reflect.Value, c *strictjson.Cursor) error {
	if c.Kind() != strictjson.Object {
		return errType(dst.Type())
	}
	for c.Enter(); ; {
		name, _, more := c.Step()
		if !more {
			return nil
		}
		if n := d.find(name); n >= 0 {
			f := &d.fields[n]
			if err := f.named(f.elem.decode(f.of(dst), c)); err != nil {
				return err
			}
		}
	}
}

func (d *structDecoder) decodeClaims(dst reflect.Value, doc *strictjson.Doc, _ string) error {
	return d.decodeSlots(make([]slot, len(d.fields)), dst, doc, nil)
}

// decodeSlots is decodeClaims for a dst whose slots are known.
func (d *structDecoder) decodeSlots(slots []slot, dst reflect.Value, doc *strictjson.Doc, l *lists) error {
	for i := range doc.Len() {
		n := d.first[doc.Key(i).Slot()] - 1
		for n >= 0 && !doc.Is(i, d.fields[n].key, d.fields[n].name) {
			n = d.fields[n].next - 1
		}
		if n < 0 {
			continue
		}
		v := doc.Value(i)
		if slots[n].set(v, l) {
			continue
		}
		if slots[n].refuses(v) {
			return fail(jose.ClaimsInvalid, d.fields[n].wrong)
		}
		if err := d.fields[n].set(dst, v); err != nil {
			return err
		}
	}
	return nil
}

// A slot is the place of a field of a usual type. It takes a usual value in a
// third of the time that package reflect needs. The zero slot takes none.
type slot struct {
	text  *string
	whole *int64
	list  *[]string
}

// slots returns those of a struct, field by field.
func (d *structDecoder) slots(dst reflect.Value) []slot {
	list := make([]slot, len(d.fields))
	for i, f := range d.fields {
		switch p := dst.FieldByIndex(f.index).Addr().Interface().(type) {
		case *string:
			list[i].text = p
		case *int64:
			list[i].whole = p
		case *[]string:
			list[i].list = p
		}
	}
	return list
}

// refuses reports whether no decoder would take the value, whose text is then ready:
// a refusal must not cost more than an acceptance.
func (s *slot) refuses(v strictjson.Value) bool {
	return s.text != nil && v.Kind != strictjson.String || s.whole != nil && v.Kind != strictjson.Number
}

// set reports whether it took the value: the field's decoder takes the others, or
// says what is wrong with them.
func (s *slot) set(v strictjson.Value, l *lists) (ok bool) {
	switch {
	case s.text != nil && v.Kind == strictjson.String:
		*s.text, ok = v.Text(), true
	case s.whole != nil && v.Kind == strictjson.Number:
		*s.whole, ok = strictjson.ShortInt(v.Raw)
	case s.list != nil && v.Kind == strictjson.Array:
		*s.list, ok = l.read(v)
	}
	return ok
}

// of returns the field of a struct.
func (f *field) of(dst reflect.Value) reflect.Value {
	if len(f.index) == 1 {
		return dst.Field(f.index[0])
	}
	return dst.FieldByIndex(f.index)
}

// set decodes a claim, without a cursor where it is a leaf.
func (f *field) set(dst reflect.Value, v strictjson.Value) error {
	if l, ok := f.elem.(leaf); ok {
		return f.named(l(f.of(dst), v))
	}
	c := strictjson.At(v)
	return f.named(f.elem.decode(f.of(dst), &c))
}

// named says in an error which claim it is about.
func (f *field) named(err error) error {
	if e, ok := err.(*jose.Error); ok && e.Reason == jose.ClaimsInvalid {
		e.Detail = f.name + ": " + e.Detail
	}
	return err
}
