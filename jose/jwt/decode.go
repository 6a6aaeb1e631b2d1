package jwt

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strconv"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/strictjson"
)

// errType is a claim whose value does not fit the caller's type.
func errType(t reflect.Type) error {
	return fail(jose.ClaimsInvalid, wantType(t))
}

func wantType(t reflect.Type) string {
	return "a value of another type where " + t.String() + " is expected"
}

// scalar is embedded by decoders that cannot hold a whole claims set.
type scalar struct{}

func (scalar) decodeClaims(dst reflect.Value, _ *strictjson.Doc, _ string) error {
	return fail(jose.ClaimsInvalid, dst.Type().String()+" cannot hold an object")
}

type boolDecoder struct{ scalar }

func (boolDecoder) decode(dst reflect.Value, v strictjson.Value) error {
	if v.Kind != strictjson.True && v.Kind != strictjson.False {
		return errType(dst.Type())
	}
	dst.SetBool(v.Kind == strictjson.True)
	return nil
}

type stringDecoder struct{ scalar }

func (stringDecoder) decode(dst reflect.Value, v strictjson.Value) error {
	if v.Kind != strictjson.String {
		return errType(dst.Type())
	}
	dst.SetString(v.Text())
	return nil
}

type intDecoder struct{ scalar }

func (intDecoder) decode(dst reflect.Value, v strictjson.Value) error {
	if v.Kind != strictjson.Number {
		return errType(dst.Type())
	}
	n, ok := strictjson.ShortInt(v.Raw)
	if !ok {
		var err error
		n, err = strconv.ParseInt(v.Raw, 10, 64)
		ok = err == nil
	}
	if !ok || dst.OverflowInt(n) {
		return errType(dst.Type())
	}
	dst.SetInt(n)
	return nil
}

type uintDecoder struct{ scalar }

func (uintDecoder) decode(dst reflect.Value, v strictjson.Value) error {
	n, err := strconv.ParseUint(v.Raw, 10, 64)
	if v.Kind != strictjson.Number || err != nil || dst.OverflowUint(n) {
		return errType(dst.Type())
	}
	dst.SetUint(n)
	return nil
}

type floatDecoder struct{ scalar }

func (floatDecoder) decode(dst reflect.Value, v strictjson.Value) error {
	if v.Kind != strictjson.Number {
		return errType(dst.Type())
	}
	f, err := strconv.ParseFloat(v.Raw, 64)
	if err != nil || dst.OverflowFloat(f) {
		return errType(dst.Type())
	}
	dst.SetFloat(f)
	return nil
}

type numberDecoder struct{ scalar }

func (numberDecoder) decode(dst reflect.Value, v strictjson.Value) error {
	if v.Kind != strictjson.Number {
		return errType(dst.Type())
	}
	dst.SetString(v.Raw)
	return nil
}

type dateDecoder struct{ scalar }

func (dateDecoder) decode(dst reflect.Value, v strictjson.Value) error {
	t, ok := parseDate(v.Raw)
	if v.Kind != strictjson.Number || !ok {
		return errType(dst.Type())
	}
	*dst.Addr().Interface().(*NumericDate) = NumericDate{t}
	return nil
}

type textDecoder struct{ scalar }

func (textDecoder) decode(dst reflect.Value, v strictjson.Value) error {
	if v.Kind != strictjson.String {
		return errType(dst.Type())
	}
	if err := dst.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(v.Text())); err != nil {
		return jose.NewError(jose.ClaimsInvalid, dst.Type().String()+" refuses its claim", err)
	}
	return nil
}

type rawDecoder struct{}

func (rawDecoder) decode(dst reflect.Value, v strictjson.Value) error {
	dst.SetBytes([]byte(v.Raw))
	return nil
}

func (rawDecoder) decodeClaims(dst reflect.Value, _ *strictjson.Doc, payload string) error {
	dst.SetBytes([]byte(payload))
	return nil
}

type unmarshalDecoder struct{}

func (unmarshalDecoder) decode(dst reflect.Value, v strictjson.Value) error {
	return unmarshal(dst, []byte(v.Raw))
}

func (unmarshalDecoder) decodeClaims(dst reflect.Value, _ *strictjson.Doc, payload string) error {
	return unmarshal(dst, []byte(payload))
}

func unmarshal(dst reflect.Value, text []byte) error {
	if err := dst.Addr().Interface().(json.Unmarshaler).UnmarshalJSON(text); err != nil {
		return jose.NewError(jose.ClaimsInvalid, dst.Type().String()+" refuses its claim", err)
	}
	return nil
}

type pointerDecoder struct {
	scalar
	elem decoder
	typ  reflect.Type
}

func (d *pointerDecoder) decode(dst reflect.Value, v strictjson.Value) error {
	if v.Kind == strictjson.Null {
		dst.SetZero()
		return nil
	}
	p := reflect.New(d.typ)
	if err := d.elem.decode(p.Elem(), v); err != nil {
		return err
	}
	dst.Set(p)
	return nil
}

// stringsDecoder is the slice that claims hold most: scopes, roles, groups.
type stringsDecoder struct{ scalar }

func (stringsDecoder) decode(dst reflect.Value, v strictjson.Value) error {
	if v.Kind == strictjson.Null {
		dst.SetZero()
		return nil
	}
	list, ok := new(lists).read(v)
	if !ok {
		return errType(dst.Type())
	}
	if p, ok := dst.Addr().Interface().(*[]string); ok { // saves a conversion's allocation
		*p = list
		return nil
	}
	dst.Set(reflect.ValueOf(list).Convert(dst.Type()))
	return nil
}

type sliceDecoder struct {
	scalar
	elem decoder
}

func (d *sliceDecoder) decode(dst reflect.Value, v strictjson.Value) error {
	if v.Kind == strictjson.Null {
		dst.SetZero()
		return nil
	}
	if v.Kind != strictjson.Array {
		return errType(dst.Type())
	}
	list := reflect.MakeSlice(dst.Type(), 0, 4)
	zero := reflect.Zero(dst.Type().Elem())
	for c := strictjson.Open(v); ; {
		m, more := c.Next()
		if !more {
			break
		}
		list = reflect.Append(list, zero)
		if err := d.elem.decode(list.Index(list.Len()-1), m.Value); err != nil {
			return err
		}
	}
	dst.Set(list)
	return nil
}

type mapDecoder struct {
	elem decoder
	typ  reflect.Type
}

func (d *mapDecoder) decode(dst reflect.Value, v strictjson.Value) error {
	if v.Kind == strictjson.Null {
		dst.SetZero()
		return nil
	}
	if v.Kind != strictjson.Object {
		return errType(dst.Type())
	}
	out := reflect.MakeMap(d.typ)
	for c := strictjson.Open(v); ; {
		m, more := c.Next()
		if !more {
			break
		}
		if err := d.set(out, m.Name, m.Value); err != nil {
			return err
		}
	}
	dst.Set(out)
	return nil
}

func (d *mapDecoder) decodeClaims(dst reflect.Value, doc *strictjson.Doc, payload string) error {
	if d.typ == reflect.TypeFor[map[string]any]() { // as most gateways read them: two allocations less for each claim
		return anyDecoder{}.decodeClaims(dst, doc, payload)
	}
	out := reflect.MakeMapWithSize(d.typ, doc.Len())
	for i := range doc.Len() {
		name, v := doc.Member(i)
		if err := d.set(out, name, v); err != nil {
			return err
		}
	}
	dst.Set(out)
	return nil
}

func (d *mapDecoder) set(out reflect.Value, name string, v strictjson.Value) error {
	value := reflect.New(d.typ.Elem()).Elem()
	if err := d.elem.decode(value, v); err != nil {
		return err
	}
	out.SetMapIndex(reflect.ValueOf(name).Convert(d.typ.Key()), value)
	return nil
}

type anyDecoder struct{}

func (anyDecoder) decode(dst reflect.Value, v strictjson.Value) error {
	x, err := anyValue(v)
	if err != nil {
		return err
	}
	if x == nil {
		dst.SetZero()
		return nil
	}
	dst.Set(reflect.ValueOf(x))
	return nil
}

func (anyDecoder) decodeClaims(dst reflect.Value, doc *strictjson.Doc, _ string) error {
	out := make(map[string]any, doc.Len())
	for i := range doc.Len() {
		name, v := doc.Member(i)
		x, err := anyValue(v)
		if err != nil {
			return err
		}
		out[name] = x
	}
	dst.Set(reflect.ValueOf(out))
	return nil
}

// anyValue gives a value the type that encoding/json would give it.
func anyValue(v strictjson.Value) (any, error) {
	x, err := strictjson.Any(v)
	if err != nil {
		return nil, fail(jose.ClaimsInvalid, err.Error())
	}
	return x, nil
}
