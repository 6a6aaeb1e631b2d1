package strictjson

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// ShortInt agrees with the standard library on what is nothing but digits, and
// takes nothing else, wherever in the text the wrong byte stands.
func TestShortInt(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := 1; n <= 18; n++ {
		for range 200 {
			var b strings.Builder
			for range n {
				b.WriteByte(byte('0' + r.IntN(10)))
			}
			text := b.String()
			want, err := strconv.ParseInt(text, 10, 64)
			if got, ok := ShortInt(text); !ok || err != nil || got != want {
				t.Fatalf("%s: %d, %v", text, got, ok)
			}
			at := r.IntN(n)
			for c := range 256 {
				bent := text[:at] + string([]byte{byte(c)}) + text[at+1:]
				if _, ok := ShortInt(bent); ok != (c >= '0' && c <= '9') {
					t.Fatalf("%q: %v", bent, ok)
				}
			}
		}
	}
	for _, text := range []string{"", "-1", "+1", "1e5", "1.5", " 1", "1 ", strings.Repeat("9", 19), "-9999999", "1234567."} {
		if n, ok := ShortInt(text); ok {
			t.Errorf("%q: %d", text, n)
		}
	}
	for _, text := range []string{"0", "00000000", "99999999", "100000000", strings.Repeat("9", 18), "000000000000000001"} {
		want, _ := strconv.ParseInt(text, 10, 64)
		if n, ok := ShortInt(text); !ok || n != want {
			t.Errorf("%q: %d, %v", text, n, ok)
		}
	}
}

// Numbers of one digit and a short exponent are finite exactly where the standard
// library says so.
func TestFinite(t *testing.T) {
	for m := range 10 {
		for e := range 1000 {
			for _, form := range []string{"%de%d", "%de%03d", "%de+%d", "%de+%03d", "-%de%d", "%d.5e%d", "%d00e%d"} {
				text := fmt.Sprintf(form, m, e)
				_, err := strconv.ParseFloat(text, 64)
				if got := Check(`{"n":` + text + `}`); (got == nil) != (err == nil) {
					t.Fatalf("%s: %v, want %v", text, got, err)
				}
			}
		}
	}
}
