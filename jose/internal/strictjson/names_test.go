package strictjson

import (
	"strconv"
	"strings"
	"testing"
)

// Long objects ask for memory once, and a Doc that is used again not at all: side by side,
// in one another, at every size at which a table grows, with short names and long ones.
func TestLongObjectsShareMemory(t *testing.T) {
	object := func(n int, prefix, rest string) string {
		var out strings.Builder
		for i := range n {
			out.WriteString(`,"` + prefix + strconv.Itoa(i) + `":0`)
		}
		return "{" + out.String()[1:] + rest + "}"
	}
	for _, prefix := range []string{"m", "a long name of number "} {
		for _, n := range []int{25, 32, 33, 100, 256, 257, 1024, 1025} {
			side := `{"x":[` + strings.Repeat(object(n, prefix, "")+",", 20) + `0]}`
			nested := "0"
			for range 20 {
				nested = object(n, prefix, `,"in":`+nested)
			}
			for how, text := range map[string]string{"side by side": side, "in one another": `{"x":[` + nested + "," + nested + `]}`} {
				var d Doc
				if got := testing.AllocsPerRun(5, func() {
					if err := d.Scan(text); err != nil {
						t.Fatal(err)
					}
				}); got != 0 {
					t.Errorf("%d names %q, %s: %v allocations", n, prefix, how, got)
				}
				if len(text) < 64<<10 && d.Huge() {
					t.Errorf("%d names %q, %s: its memory is not kept", n, prefix, how)
				}
				if len(d.p.tables) > 0 || !d.Huge() && cap(d.p.tables) > 3<<16 {
					t.Errorf("%d names %q, %s: %d of tables are left, of %d", n, prefix, how, len(d.p.tables), cap(d.p.tables))
				}
			}
		}
	}
}

// The tables of objects that are open stay theirs when others come and go above them.
func TestNamesAroundLongObjects(t *testing.T) {
	long := func(n int, rest string) string {
		var out strings.Builder
		for i := range n {
			out.WriteString(`"n` + strconv.Itoa(i) + `":0,`)
		}
		return "{" + out.String() + rest + "}"
	}
	for _, outer := range []int{26, 33, 257, 1025} {
		for _, inner := range []int{26, 33, 257, 1025, 4000} {
			in := `"in":[` + long(inner, `"z":0`) + "," + long(inner, `"z":0`) + "]"
			var d Doc
			if err := d.Scan(`{"x":` + long(outer, in+`,"y":0`) + "}"); err != nil {
				t.Errorf("%d around %d: %v", outer, inner, err)
			}
			for _, again := range []string{"n0", "n" + strconv.Itoa(outer-1), "in"} {
				if err := d.Scan(`{"x":` + long(outer, in+`,"`+again+`":0`) + "}"); err != ErrDuplicate {
					t.Errorf("%d around %d, %s again: %v", outer, inner, again, err)
				}
			}
			if err := d.Scan(`{"x":` + long(outer, `"in":`+long(inner, `"n0":0`)) + "}"); err != ErrDuplicate {
				t.Errorf("%d around %d, inside: %v", outer, inner, err)
			}
		}
	}
}

// A table that long names of one key brought early knows the short names that came after
// by their slots as well.
func TestTableThatCameEarly(t *testing.T) {
	var long strings.Builder
	for i := range 11 {
		long.WriteString(`"aaaaaaaa` + strconv.Itoa(10+i) + `bbbbbbbb":0,`)
	}
	var d Doc
	for _, short := range []string{"exp", "nbf", "m1", "a longer name", `\u0061`} {
		for _, between := range []string{"", `"nbg":2,`, `"nbg":2,"m2":3,"aaaaaaaa99bbbbbbbb":4,`} {
			once := "{" + long.String() + `"` + short + `":1,` + between + `"x":0}`
			if err := d.Scan(once); err != nil {
				t.Errorf("%s: %v", once, err)
			}
			twice := strings.Replace(once, `"x":0`, `"`+short+`":3,"x":0`, 1)
			if err := d.Scan(`{"o":` + twice + "}"); err != ErrDuplicate {
				t.Errorf("%s: %v", twice, err)
			}
		}
	}
}
