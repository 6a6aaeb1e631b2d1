package b64

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// RFC 7515 appendix C and A.1.1.
func TestDecodeOfTheRFC(t *testing.T) {
	for spelled, want := range map[string]string{
		"":                         "",
		"A-z_4ME":                  "\x03\xec\xff\xe0\xc1",
		"Zg":                       "f",
		"Zm8":                      "fo",
		"Zm9v":                     "foo",
		"Zm9vYmFyYmF6":             "foobarbaz",
		"eyJ0eXAiOiJKV1QiLA0KICJh": "{\"typ\":\"JWT\",\r\n \"a",
	} {
		got, err := Bytes(spelled)
		if err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", spelled, got, err)
		}
	}
}

// Every input in testdata/reject must fail with the fault that its name begins with.
func TestReject(t *testing.T) {
	faults := map[string]error{"length": ErrLength, "character": ErrCharacter, "bits": ErrBits}
	files, err := filepath.Glob("testdata/reject/*")
	if err != nil || len(files) < 10 {
		t.Fatal("the folder of rejects is missing", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fault, _, _ := strings.Cut(filepath.Base(file), "--")
		if _, err := Bytes(string(text)); err == nil || err != faults[fault] {
			t.Errorf("%s: got %v, want %s", file, err, fault)
		}
	}
}

// Every byte outside the alphabet is refused at every place of a group.
func TestEveryByteAtEveryPlace(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for _, length := range []int{2, 3, 4, 8, 22, 23, 24, 38, 39, 56} { // with and without rounds of sixteen, and a tail of two or three
		base := strings.Repeat("A", length)
		for place := range length {
			for c := range 256 {
				_, err := Bytes(base[:place] + string([]byte{byte(c)}) + base[place+1:])
				outside := strings.IndexByte(alphabet, byte(c)) < 0
				if outside != (err == ErrCharacter) || !outside && err != nil && err != ErrBits {
					t.Fatalf("byte %#x at %d of %d: %v", c, place, length, err)
				}
			}
		}
	}
}

func FuzzBytes(f *testing.F) {
	for _, seed := range []string{"", "AA", "AAA", "AAAA", "AB", "Zm9v\n", "Zm9v=", "-_-_", "Zm9vYmFyYmF6"} {
		f.Add(seed)
	}
	strict := base64.RawURLEncoding.Strict()
	f.Fuzz(func(t *testing.T, s string) {
		got, err := Bytes(s)
		want, stdErr := strict.DecodeString(s)
		good := stdErr == nil && !strings.ContainsAny(s, "\r\n")
		if good != (err == nil) || good && !bytes.Equal(got, want) {
			t.Fatalf("%q: %x, %v; encoding/base64: %x, %v", s, got, err, want, stdErr)
		}
		if err == nil && Encode(got) != s {
			t.Fatalf("%q has a second spelling", s)
		}
	})
}
