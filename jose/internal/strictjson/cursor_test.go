package strictjson

import (
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// walked is Any by a cursor that enters every container.
func walked(c *Cursor) any {
	switch kind := c.Kind(); kind {
	case Object:
		out := map[string]any{}
		for c.Enter(); ; {
			name, _, more := c.Step()
			if !more {
				return out
			}
			out[name] = walked(c)
		}
	case Array:
		list := []any{}
		for c.Enter(); ; {
			if _, _, more := c.Step(); !more {
				return list
			}
			list = append(list, walked(c))
		}
	case String:
		return c.Value().Text()
	case Number:
		f, _ := strconv.ParseFloat(c.Value().Raw, 64)
		return f
	case Null:
		c.Value()
		return nil
	default:
		return c.Value().Kind == True
	}
}

var walks = []string{
	`{}`, `{"a":{}}`, `{"a":[]}`, `{"a":[[],{},[{}]],"b":1}`, ` { "a" : [ 1 , { "b" : null } , [ ] ] , "c" : { "d" : true } } `,
	`{"a":"x","\u0062":{"c\"":[-1e5,"\n",false]},"d":[{"e":1},{"f":[2,[3,[4]]]}],"g":""}`,
	`{"x":` + strings.Repeat(`{"a":[`, 31) + `1` + strings.Repeat(`],"b":2}`, 31) + `}`,
}

// A cursor that enters all, takes all, or passes over all sees the document that it is.
func TestCursor(t *testing.T) {
	for _, text := range walks {
		var d Doc
		if err := d.Scan(text); err != nil {
			t.Fatal(text, err)
		}
		v := Value{Kind: Object, Raw: strings.TrimSpace(text)}
		want, err := Any(v)
		if err != nil {
			t.Fatal(err)
		}
		c := At(v)
		if got := walked(&c); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v", text, got)
		}
		if name, kind, more := c.Step(); more || name != "" || kind != 0 {
			t.Errorf("%s: something is left behind its end", text)
		}
		taken := map[string]any{}
		for c := Open(v); ; {
			m, more := c.Next()
			if !more {
				break
			}
			if taken[m.Name], err = Any(m.Value); err != nil {
				t.Fatal(err)
			}
		}
		if !reflect.DeepEqual(taken, want) {
			t.Errorf("%s taken: %v", text, taken)
		}
		n := 0
		for c := Open(v); ; n++ {
			if _, _, more := c.Step(); !more {
				break
			}
		}
		if n != len(taken) {
			t.Errorf("%s passed over: %d members", text, n)
		}
	}
}

// What Scan has not accepted, and what is no container, ends a cursor and nothing else.
func TestCursorOverAnything(t *testing.T) {
	for _, text := range []string{"", "{", "[", `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `[1`, `[1,`, `[1 2]`, `{1:2}`, `1`, `"x"`, "null", "]", `[[`, `{"a":{`, `[1]]`} {
		for _, enter := range []bool{true, false} {
			c := At(Value{Raw: text})
			c.Enter()
			for range 100 {
				if _, _, more := c.Step(); more && enter {
					c.Enter()
				}
				c.Value()
			}
		}
		c := At(Value{Raw: text})
		walked(&c)
	}
}
