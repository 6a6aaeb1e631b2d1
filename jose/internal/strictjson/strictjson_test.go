package strictjson

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

var faults = map[string]Fault{
	"end": ErrEnd, "syntax": ErrSyntax, "trailing": ErrTrailing, "duplicate": ErrDuplicate, "utf8": ErrUTF8,
	"surrogate": ErrSurrogate, "bom": ErrBOM, "control": ErrControl, "depth": ErrDepth, "members": ErrMembers,
	"number": ErrNumber, "object": ErrObject,
}

// Every input in testdata/reject must fail with the fault that its name begins with.
func TestReject(t *testing.T) {
	files, err := filepath.Glob("testdata/reject/*")
	if err != nil || len(files) < 50 {
		t.Fatal("the folder of rejects is missing", err)
	}
	seen := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name, _, _ := strings.Cut(filepath.Base(file), "--")
		seen[name] = true
		if err := Check(string(text)); err != faults[name] {
			t.Errorf("%s: got %v, want %v", file, err, faults[name])
		}
	}
	for name := range faults {
		if !seen[name] {
			t.Errorf("no input fails with %s", name)
		}
	}
}

func TestScanListsMembers(t *testing.T) {
	var d Doc
	text := " {\"a\" : \"x\" ,\r\n\t\"\\u0062\":[ \"1\" , \"\\\"2,]\" ,\"\" ],\"c\":{\"d\":null},\"e\":-1.5e+3,\"f\":true,\"g\":false,\"\":0} "
	for range 2 { // a Doc can be used again
		if err := d.Scan(text); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, m := range d.Members() {
			names = append(names, m.Name)
		}
		if want := []string{"a", "b", "c", "e", "f", "g", ""}; !slices.Equal(names, want) {
			t.Fatalf("names %q", names)
		}
		v, _ := d.Find("b")
		list, ok := AppendStrings(nil, v)
		if !ok || !slices.Equal(list, []string{"1", "\"2,]", ""}) {
			t.Fatalf("list %q, %v", list, ok)
		}
		if v, ok := d.Find("e"); !ok || v.Kind != Number || v.Raw != "-1.5e+3" {
			t.Fatalf("number %+v", v)
		}
		if _, ok := d.Find("B"); ok {
			t.Fatal("names are folded")
		}
	}
	d.Reset()
	if d.Len() != 0 || d.p.text != "" {
		t.Fatal("Reset holds on to the document")
	}
}

func TestAppendStringsWantsStrings(t *testing.T) {
	for _, text := range []string{`{"a":["x",1]}`, `{"a":[null]}`, `{"a":[["x"]]}`, `{"a":[{"x":"y"}]}`, `{"a":["x",true,"y"]}`, `{"a":"x"}`, `{"a":{}}`} {
		var d Doc
		if err := d.Scan(text); err != nil {
			t.Fatal(err)
		}
		if list, ok := AppendStrings(nil, d.Members()[0].Value); ok {
			t.Errorf("%s: %q", text, list)
		}
	}
}

// The eight-byte step must find each kind of byte at each place.
func TestSpecialBytesAtEveryPlace(t *testing.T) {
	for place := range 24 {
		for _, c := range []struct {
			put  string
			want error
		}{{"\x00", ErrControl}, {"\x1f", ErrControl}, {"\x7f", nil}, {"\x80", ErrUTF8}, {"é", nil}, {"\\u0041", nil}, {"\\q", ErrSyntax}, {"\xff", ErrUTF8}, {"!", nil}, {"#", nil}, {"[", nil}, {"]", nil}} {
			text := `{"a":"` + strings.Repeat("x", place) + c.put + strings.Repeat("y", 24-place) + `"}`
			if err := Check(text); err != c.want {
				t.Errorf("%q at %d: %v", c.put, place, err)
			}
		}
	}
}

// FuzzScan holds the scanner to encoding/json: what we accept it accepts, with
// the same meaning, and what it accepts we refuse for one of our reasons only.
func FuzzScan(f *testing.F) {
	files, _ := filepath.Glob("testdata/reject/*")
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && len(text) < 4096 {
			f.Add(string(text))
		}
	}
	f.Add(`{"iss":"joe","exp":1300819380,"http://example.com/is_root":true,"a":[1,"x",{"b":null}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		var d Doc
		err := d.Scan(text)
		var want map[string]any
		stdErr := json.Unmarshal([]byte(text), &want)
		if err != nil {
			if stdErr == nil && want != nil {
				switch err {
				case ErrDuplicate, ErrUTF8, ErrSurrogate, ErrDepth, ErrMembers, ErrNumber:
				default:
					t.Fatalf("%q: refused with %v, encoding/json accepts it", text, err)
				}
			}
			return
		}
		if stdErr != nil || !utf8.ValidString(text) {
			t.Fatalf("%q: accepted, encoding/json says %v", text, stdErr)
		}
		got := map[string]any{}
		for _, m := range d.Members() {
			got[m.Name] = plainValue(t, m.Value)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: read as %v, encoding/json reads %v", text, got, want)
		}
		if x, err := Any(Value{Kind: Object, Raw: strings.TrimLeft(text, " \t\r\n")}); err != nil || !reflect.DeepEqual(x, any(want)) {
			t.Fatalf("%q: read in one go as %v (%v), encoding/json reads %v", text, x, err, want)
		}
	})
}

// plainValue walks with Cursors, so that they are held to encoding/json as well.
func plainValue(t *testing.T, v Value) any {
	switch v.Kind {
	case Array:
		list := []any{}
		for c := Open(v); ; {
			m, ok := c.Next()
			if !ok {
				return list
			}
			list = append(list, plainValue(t, m.Value))
		}
	case Object:
		out := map[string]any{}
		for c := Open(v); ; {
			m, ok := c.Next()
			if !ok {
				return out
			}
			out[m.Name] = plainValue(t, m.Value)
		}
	case String:
		return v.Text()
	}
	var x any
	if err := json.Unmarshal([]byte(v.Raw), &x); err != nil {
		t.Fatalf("%q: %v", v.Raw, err)
	}
	return x
}
