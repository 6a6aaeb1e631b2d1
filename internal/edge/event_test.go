package edge

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// What others had a hand in stays on one line and short, in any log format.
func TestClean(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a b-é": "a b-é", "a\nlevel=ERROR": "a?level=ERROR", "a\r\tb\x00": "a??b?", "\u2028\u0085\u202e": "???", "\x1b[31m": "?[31m", "\u200b": "?", "": "",
	} {
		if got := clean(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
	if long := clean(strings.Repeat("é", 5000)); len(long) > 300 || !utf8.ValidString(long) {
		t.Error(len(long), long)
	}
}

// A token's own claims and an upstream's words reach the log through clean alone.
func TestEventIsCleaned(t *testing.T) {
	t.Parallel()
	w := build(t)
	w.get("/api/x", w.bearer(map[string]any{"client_id": "c\u2028c" + strings.Repeat("x", 1000)}))
	w.get("/api/x", w.bearer(map[string]any{"iss": "i\u2028i" + strings.Repeat("x", 1000)}))
	for line := range strings.Lines(w.log.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"ms", "decision_ms", "upstream_ms"} {
			if _, ok := fields[name].(float64); !ok {
				t.Errorf("%s: %v is no number of milliseconds", name, fields[name])
			}
		}
		for name, v := range fields {
			if text, _ := v.(string); text != clean(text) || len(text) > 300 {
				t.Errorf("%s: %q", name, text)
			}
		}
	}
}
