package sdjwt_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/jotward/jotward/jose/sdjwt"
)

// Opening takes memory of the order of the text, also where a long name stands
// around many values.
func TestLongNames(t *testing.T) {
	h := newHouse(t)
	text := h.sign(`{"`+strings.Repeat("n", 20000)+`":[`+strings.Repeat("[1],", 3000)+`1]}`) + "~"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := sdjwt.Open(text); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
		t.Errorf("%d bytes for a text of %d", used, len(text))
	}
}
