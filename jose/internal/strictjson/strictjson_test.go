package strictjson

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
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

// Where a float64 ends is decided without reading most numbers as one; the
// verdict must be strconv's.
func TestNumbersAtTheEndOfAFloat(t *testing.T) {
	for _, mantissa := range []string{"0", "0.0", "1", "9", "0.1", "0.00017976931348623157", "10", "1.7", "1.8", "17", "18", "1.7976931348623157", "1.7976931348623158",
		"1.79769313486231580793", "1.797693134862315807", "1.797693134862315808", "17976931348623157", "179769313486231570000", "17.97693134862315699999", "179769313486231580793.1",
		"1.79769313486231", "123456789012345678901234567890", "999999999999999999", "0.9999999999999999999", "1797", "1798", "0.000000001"} {
		for _, exponent := range []string{"0", "99", "280", "290", "291", "292", "300", "305", "306", "307", "308", "309", "310", "312", "313", "318", "400", "999", "99999999999999999999",
			"-308", "-400", "-99999999999999999999", "+308", "+309", "00308", "0000000309"} {
			for _, sign := range []string{"", "-"} {
				n := sign + mantissa + "e" + exponent
				if len(n) > MaxNumber {
					t.Fatal(n)
				}
				_, want := strconv.ParseFloat(n, 64)
				got := Check(`{"a":` + n + `}`)
				if (got == nil) != (want == nil) || got != nil && got != ErrNumber {
					t.Errorf("%s: %v, strconv says %v", n, got, want)
				}
			}
		}
	}
}

// Names are told apart however many they are, whatever their hashes, escaped or
// not, and a Doc that has read one object reads the next as well.
func TestNamesOfEveryKind(t *testing.T) {
	spell := func(name string, how int) string {
		if how%3 == 0 {
			return name
		}
		return fmt.Sprintf(`\u%04x%s`, name[0], name[1:])
	}
	kinds := map[string]func(i int) string{
		"numbered":  func(i int) string { return fmt.Sprintf("m%d", i) },
		"same hash": func(i int) string { return fmt.Sprintf("a%04dm%04dz", i, i) },
		"escaped":   func(i int) string { return spell(fmt.Sprintf("a%04dm%04dz", i, i), i) },
		"long":      func(i int) string { return spell(fmt.Sprintf("a%s%d", strings.Repeat("x", 80), i), i) },
	}
	var d Doc
	for kind, name := range kinds {
		for _, n := range []int{1, 2, 8, 9, 10, 23, 24, 25, 26, 31, 32, 33, 64, 130, 600, MaxMembers} {
			members := make([]string, n)
			for i := range members {
				members[i] = `"` + name(i) + `":` + strconv.Itoa(i)
			}
			list := strings.Join(members, ",")
			for _, text := range []string{"{" + list + "}", `{"o":{` + list + `},"p":{` + list + "}}"} {
				if err := d.Scan(text); err != nil {
					t.Fatalf("%d %s: %v", n, kind, err)
				}
			}
			if n == MaxMembers {
				continue // one more is too many, whatever its name
			}
			// Each of some names once more, at the end, in another spelling.
			for _, i := range []int{0, n / 2, n - 1} {
				var again string
				if err := json.Unmarshal([]byte(`"`+name(i)+`"`), &again); err != nil {
					t.Fatal(err)
				}
				for how := range 2 {
					if err := d.Scan(`{"o":{` + list + `,"` + spell(again, how) + `":0}}`); err != ErrDuplicate {
						t.Fatalf("%d %s, %d again: %v", n, kind, i, err)
					}
				}
			}
		}
	}
}
