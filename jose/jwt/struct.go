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
}

type structDecoder struct {
	fields []field
	byName map[string]int // nil for few fields
	first  [64]uint16     // by the slot of a name's key, 1 + the place of the first field that has it
}

// find returns the field of exactly that name: claims are case-sensitive (RFC 7519 10.1.1).
func (d *structDecoder) find(name string) *field {
	if d.byName != nil {
		if i, ok := d.byName[name]; ok {
			return &d.fields[i]
		}
		return nil
	}
	for i := range d.fields {
		if d.fields[i].name == name {
			return &d.fields[i]
		}
	}
	return nil
}

func (d *structDecoder) decode(dst reflect.Value, v strictjson.Value) error {
	if v.Kind != strictjson.Object {
		return errType(v, dst.Type())
	}
	for c := strictjson.Open(v); ; {
		m, more := c.Next()
		if !more {
			return nil
		}
		if f := d.find(m.Name); f != nil {
			if err := f.set(dst, m.Value); err != nil {
				return err
			}
		}
	}
}

func (d *structDecoder) decodeClaims(dst reflect.Value, doc *strictjson.Doc, _ string) error {
	for i := range doc.Len() {
		first := d.first[doc.Key(i).Slot()]
		if first == 0 {
			continue
		}
		f := &d.fields[first-1]
		if !doc.Is(i, f.key, f.name) {
			name, _ := doc.Member(i)
			f = d.find(name)
		}
		if f != nil {
			if err := f.set(dst, doc.Value(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *field) set(dst reflect.Value, v strictjson.Value) error {
	if len(f.index) == 1 {
		dst = dst.Field(f.index[0])
	} else {
		dst = dst.FieldByIndex(f.index)
	}
	err := f.elem.decode(dst, v)
	if err == nil {
		return nil
	}
	if e, ok := err.(*jose.Error); ok && e.Reason == jose.ClaimsInvalid {
		e.Detail = f.name + ": " + e.Detail
	}
	return err
}
