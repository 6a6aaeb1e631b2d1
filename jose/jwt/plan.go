package jwt

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/strictjson"
)

// A decoder reads one JSON value into a Go value of the type it was compiled
// for. Compiling happens once, in NewVerifier; encoding/json is not used for
// structs because it folds the case of names.
type decoder interface {
	// decode reads the value that c stands before, and leaves c behind it. Each value is
	// read once, however deep it lies.
	decode(dst reflect.Value, c *strictjson.Cursor) error
	// decodeClaims reads the whole claims set.
	decodeClaims(dst reflect.Value, doc *strictjson.Doc, payload string) error
}

var (
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	rawMessage      = reflect.TypeFor[json.RawMessage]()
	jsonNumber      = reflect.TypeFor[json.Number]()
	numericDate     = reflect.TypeFor[NumericDate]()
)

// compiler remembers structs, so that a type may hold pointers to itself, and how
// deep it is, so that a type T []T, with no struct in its circle, has an end.
type compiler struct {
	structs map[reflect.Type]*structDecoder
	depth   int
	foreign bool // some type reads itself
}

// compileClaims returns the decoder for a whole claims set, nil for struct{}, and
// whether methods of the caller's take part.
func compileClaims(t reflect.Type) (_ decoder, foreign bool, err error) {
	if t.Kind() == reflect.Struct && t.NumField() == 0 && !reflect.PointerTo(t).Implements(jsonUnmarshaler) {
		return nil, false, nil
	}
	c := compiler{structs: map[reflect.Type]*structDecoder{}}
	d, err := c.compile(t)
	if err != nil {
		return nil, false, fail(jose.PolicyInvalid, "claims type: "+err.Error())
	}
	switch d.(type) {
	case *structDecoder, *mapDecoder, anyDecoder, unmarshalDecoder, rawDecoder:
		return d, c.foreign, nil
	}
	return nil, false, fail(jose.PolicyInvalid, "claims type: "+t.String()+" cannot hold an object")
}

func (c *compiler) compile(t reflect.Type) (decoder, error) {
	switch {
	case t == rawMessage:
		return rawDecoder{}, nil
	case t == numericDate:
		return leaf(setDate), nil
	case t == jsonNumber:
		return leaf(setNumber), nil
	case reflect.PointerTo(t).Implements(jsonUnmarshaler) && t.Kind() != reflect.Pointer:
		c.foreign = true
		return unmarshalDecoder{}, nil
	case reflect.PointerTo(t).Implements(textUnmarshaler) && t.Kind() != reflect.Pointer:
		c.foreign = true
		return leaf(setText), nil
	}
	if c.depth++; c.depth > strictjson.MaxDepth {
		return nil, fmt.Errorf("%s is deeper than any document, or holds itself", t)
	}
	defer func() { c.depth-- }()
	switch t.Kind() {
	case reflect.Bool:
		return leaf(setBool), nil
	case reflect.String:
		return leaf(setString), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return leaf(setInt), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return leaf(setUint), nil
	case reflect.Float32, reflect.Float64:
		return leaf(setFloat), nil
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return anyDecoder{}, nil
		}
	case reflect.Pointer:
		return c.compilePointer(t)
	case reflect.Slice:
		return c.compileSlice(t)
	case reflect.Map:
		return c.compileMap(t)
	case reflect.Struct:
		return c.compileStruct(t)
	}
	return nil, fmt.Errorf("no JSON value fits %s", t)
}

func (c *compiler) compilePointer(t reflect.Type) (decoder, error) {
	elem, err := c.compile(t.Elem())
	if err != nil {
		return nil, err
	}
	return &pointerDecoder{elem: elem, typ: t.Elem()}, nil
}

func (c *compiler) compileSlice(t reflect.Type) (decoder, error) {
	if t.Elem().Kind() == reflect.Uint8 {
		return nil, fmt.Errorf("%s could be base64 or base64url: use a string", t)
	}
	elem, err := c.compile(t.Elem())
	if err != nil {
		return nil, err
	}
	if t.Elem().Kind() == reflect.String && t.Elem() == reflect.TypeFor[string]() {
		return leaf(setStrings), nil
	}
	return &sliceDecoder{elem: elem}, nil
}

func (c *compiler) compileMap(t reflect.Type) (decoder, error) {
	if t.Key().Kind() != reflect.String || reflect.PointerTo(t.Key()).Implements(textUnmarshaler) {
		return nil, fmt.Errorf("the keys of %s are not plain strings", t)
	}
	elem, err := c.compile(t.Elem())
	if err != nil {
		return nil, err
	}
	return &mapDecoder{elem: elem, typ: t}, nil
}

func (c *compiler) compileStruct(t reflect.Type) (decoder, error) {
	if t == reflect.TypeFor[Registered]() {
		return nil, errors.New("the registered claims stand in the Token itself, as Token.Subject and so on: leave jwt.Registered out, or name the claim")
	}
	if d := c.structs[t]; d != nil {
		return d, nil
	}
	d := &structDecoder{}
	c.structs[t] = d
	if err := c.addFields(d, t, nil); err != nil {
		return nil, err
	}
	if len(d.fields) > linearFields {
		d.byName = make(map[string]int, len(d.fields))
		for i, f := range d.fields {
			d.byName[f.name] = i
		}
	}
	return d, nil
}

// addFields lists the fields of t, and those of embedded structs as its own.
// What encoding/json settles by rules of precedence is refused here.
func (c *compiler) addFields(d *structDecoder, t reflect.Type, index []int) error {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if tag == "-" && options == "" && !strings.HasSuffix(f.Tag.Get("json"), ",") {
			continue
		}
		at := append(index[:len(index):len(index)], i)
		if f.Anonymous && tag == "" && f.Type.Kind() == reflect.Struct &&
			!reflect.PointerTo(f.Type).Implements(jsonUnmarshaler) {
			if f.Type == reflect.TypeFor[Registered]() {
				_, err := c.compileStruct(f.Type)
				return err
			}
			if err := c.addFields(d, f.Type, at); err != nil {
				return err
			}
			continue
		}
		if f.Anonymous && tag == "" && f.Type.Kind() == reflect.Pointer && f.Type.Elem().Kind() == reflect.Struct {
			// encoding/json reads its fields as the outer struct's. Not to read them would
			// leave claims empty that somebody decides by.
			return fmt.Errorf("field %s: an embedded pointer; embed the struct itself, or name it", f.Name)
		}
		if !f.IsExported() {
			continue
		}
		if strings.Contains(","+options+",", ",string,") {
			return fmt.Errorf("field %s: the option string is not supported", f.Name)
		}
		name := tag
		if name == "" {
			name = f.Name
		}
		if d.find(name) >= 0 {
			return fmt.Errorf("two fields are named %q", name)
		}
		elem, err := c.compile(f.Type)
		if err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
		key := strictjson.KeyOf(name)
		first := &d.first[key.Slot()]
		d.fields = append(d.fields, field{key: key, name: name, index: at, elem: elem, wrong: name + ": " + wantType(f.Type), next: *first})
		*first = len(d.fields)
	}
	return nil
}
