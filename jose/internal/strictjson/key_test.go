package strictjson

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// However a name is read, its key is the same, and short names share none.
func TestKeys(t *testing.T) {
	var d Doc
	names := map[Key]string{}
	for n := range 24 {
		for _, letters := range []string{"abcdefghijklmnopqrstuvwxyz", "aaaaaaaaaaaaaaaaaaaaaaaaaa", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "éééééééééééé"} {
			name := letters[:n]
			if !utf8.ValidString(name) {
				continue
			}
			key := KeyOf(name)
			if other, taken := names[key]; taken && other != name {
				t.Errorf("%q and %q have one key", name, other)
			}
			names[key] = name
			var escaped strings.Builder
			for _, r := range name {
				fmt.Fprintf(&escaped, "\\u%04x", r)
			}
			texts := []string{`{"` + escaped.String() + `":"a value that is long enough"}`}
			if n > 1 && name[1] > ' ' && name[1] < utf8.RuneSelf { // only some characters escaped
				texts = append(texts, fmt.Sprintf(`{"\u%04X%s":0}`, name[0], name[1:]), fmt.Sprintf(`{"\u%04x%s\u%04X" :0}`, name[0], name[1:n-1], name[n-1]))
			}
			if name == "" || name[0] != 0 {
				texts = append(texts, `{"`+name+`":0}`, `{"`+name+`" : "a value that is long enough"}`, `{"`+name+`":"a value that is long enough"}`)
			}
			for _, text := range texts {
				if err := d.Scan(text); err != nil {
					t.Fatalf("%q: %v", text, err)
				}
				if d.Key(0) != key || !d.Is(0, key, name) {
					t.Errorf("%q: key %#x, want %#x", text, d.Key(0), key)
				}
			}
		}
	}
}

// Long names may share a key, and are then told apart all the same.
func TestOneKeyTwoNames(t *testing.T) {
	const a, b = "abcdefgh1ijklmnop", "abcdefgh2ijklmnop"
	if KeyOf(a) != KeyOf(b) {
		t.Fatal("these were to share a key")
	}
	var d Doc
	for _, text := range []string{`{"` + a + `":1,"` + b + `":2}`, `{"\u0061` + a[1:] + `":1,"\u0061` + b[1:] + `":2}`} {
		if err := d.Scan(text); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{a: "1", b: "2"} {
			if v, ok := d.Find(name); !ok || v.Raw != want {
				t.Errorf("%s: the other name was found for %s", text, name)
			}
		}
	}
}

// The usual claims have a slot each, so that none is looked for at another's place.
func TestSlots(t *testing.T) {
	seen := map[uint8]string{}
	for _, name := range []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf", "scope", "client_id", "sid", "auth_time",
		"roles", "permissions", "nonce", "acr", "amr", "azp", "at_hash", "email", "name", "groups", "act", "events"} {
		slot := KeyOf(name).Slot()
		if other, taken := seen[slot]; taken {
			t.Errorf("%s and %s share a slot", name, other)
		}
		seen[slot] = name
	}
}
