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

// A leaf decodes a value that holds no others, or is taken whole.
type leaf func(dst reflect.Value, v strictjson.Value) error

func (f leaf) decode(dst reflect.Value, c *strictjson.Cursor) error { return f(dst, c.Value()) }

func (leaf) decodeClaims(dst reflect.Value, _ *strictjson.Doc, _ string) error {
	return scalar{}.decodeClaims(dst, nil, "")
}

// scalar is embedded by decoders that cannot hold a whole claims set.
type scalar struct{}

func (scalar) decodeClaims(dst reflect.Value, _ *strictjson.Doc, _ string) error {
	return fail(jose.ClaimsInvalid, dst.Type().String()+" cannot hold an object")
}

func setBool(dst reflect.Value, v strictjson.Value) error {
	if v.Kind != strictjson.True && v.Kind != strictjson.False {
		return errType(dst.Type())
	}
	dst.SetBool(v.Kind == strictjson.True)
	return nil
}

func setString(dst reflect.Value, v strictjson.Value) error {
	if v.Kind != strictjson.String {
		return errType(dst.Type())
	}
	dst.SetString(v.Text())
	return nil
}

func setInt(dst reflect.Value, v strictjson.Value) error {
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

func setUint(dst reflect.Value, v strictjson.Value) error {
	n, err := strconv.ParseUint(v.Raw, 10, 64)
	if v.Kind != strictjson.Number || err != nil || dst.OverflowUint(n) {
		return errType(dst.Type())
	}
	dst.SetUint(n)
	return nil
}

func setFloat(dst reflect.Value, v strictjson.Value) error {
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

func setNumber(dst reflect.Value, v strictjson.Value) error {
	if v.Kind != strictjson.Number {
		return errType(dst.Type())
	}
	dst.SetString(v.Raw)
	return nil
}

func setDate(dst reflect.Value, v strictjson.Value) error {
	t, ok := parseDate(v.Raw)
	if v.Kind != strictjson.Number || !ok {
		return errType(dst.Type())
	}
	*dst.Addr().Interface().(*NumericDate) = NumericDate{t}
	return nil
}

func setText(dst reflect.Value, v strictjson.Value) error {
	if v.Kind != strictjson.String {
		return errType(dst.Type())
	}
	if err := dst.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(v.Text())); err != nil {
		return jose.NewError(jose.ClaimsInvalid, dst.Type().String()+" refuses its claim", err)
	}
	return nil
}

type rawDecoder struct{}

func (rawDecoder) decode(dst reflect.Value, c *strictjson.Cursor) error {
	dst.SetBytes([]byte(c.Value().Raw))
	return nil
}

func (rawDecoder) decodeClaims(dst reflect.Value, _ *strictjson.Doc, payload string) error {
	dst.SetBytes([]byte(payload))
	return nil
}

type unmarshalDecoder struct{}

func (unmarshalDecoder) decode(dst reflect.Value, c *strictjson.Cursor) error {
	return unmarshal(dst, []byte(c.Value().Raw))
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

func (d *pointerDecoder) decode(dst reflect.Value, c *strictjson.Cursor) error {
	if c.Kind() == strictjson.Null {
		dst.SetZero()
		c.Value()
		return nil
	}
	p := reflect.New(d.typ)
	if err := d.elem.decode(p.Elem(), c); err != nil {
		return err
	}
	dst.Set(p)
	return nil
}

// setStrings reads the slice that claims hold most: scopes, roles, groups.
func setStrings(dst reflect.Value, v strictjson.Value) error {
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

func (d *sliceDecoder) decode(dst reflect.Value, c *strictjson.Cursor) error {
	if c.Kind() == strictjson.Null {
		dst.SetZero()
		c.Value()
		return nil
	}
	if c.Kind() != strictjson.Array {
		return errType(dst.Type())
	}
	list := reflect.MakeSlice(dst.Type(), 0, 4)
	zero := reflect.Zero(dst.Type().Elem())
	for c.Enter(); ; {
		if _, _, more := c.Step(); !more {
			break
		}
		list = reflect.Append(list, zero)
		if err := d.elem.decode(list.Index(list.Len()-1), c); err != nil {
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

func (d *mapDecoder) decode(dst reflect.Value, c *strictjson.Cursor) error {
	if c.Kind() == strictjson.Null {
		dst.SetZero()
		c.Value()
		return nil
	}
	if c.Kind() != strictjson.Object {
		return errType(dst.Type())
	}
	out := reflect.MakeMap(d.typ)
	for c.Enter(); ; {
		name, _, more := c.Step()
		if !more {
			break
		}
		if err := d.set(out, name, c); err != nil {
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
		c := strictjson.At(v)
		if err := d.set(out, name, &c); err != nil {
			return err
		}
	}
	dst.Set(out)
	return nil
}

func (d *mapDecoder) set(out reflect.Value, name string, c *strictjson.Cursor) error {
	value := reflect.New(d.typ.Elem()).Elem()
	if err := d.elem.decode(value, c); err != nil {
		return err
	}
	out.SetMapIndex(reflect.ValueOf(name).Convert(d.typ.Key()), value)
	return nil
}

type anyDecoder struct{}

func (anyDecoder) decode(dst reflect.Value, c *strictjson.Cursor) error {
	x, err := anyValue(c.Value())
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
