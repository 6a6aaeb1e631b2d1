package statuslist_test

import (
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/statuslist"
)

// FuzzParseList: what is read is within the bound, answers for each index, and
// comes back the same when it is written.
func FuzzParseList(f *testing.F) {
	for _, seed := range []string{`{"bits":1,"lst":"eNrbuRgAAhcBXQ"}`, `{"bits":2,"lst":"eNo76fITAAPfAgc"}`, `{"bits":8,"lst":""}`, `{}`, `{"bits":4,"lst":"eJwDAAAAAAE"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := statuslist.ParseList(text, 4096)
		if err != nil {
			if jose.ReasonOf(err) != jose.StatusUnknown {
				t.Fatal(err)
			}
			return
		}
		if l.Len() > 4096*8 {
			t.Fatalf("%d statuses in 4096 bytes", l.Len())
		}
		again, err := l.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		same, err := statuslist.ParseList(again, 4096)
		if err != nil || same.Len() != l.Len() {
			t.Fatalf("%s: %v", again, err)
		}
		for i := range uint64(l.Len()) {
			a, err := l.Status(i)
			if b, err2 := same.Status(i); a != b || err != nil || err2 != nil {
				t.Fatalf("status[%d] is %s and %s", i, a, b)
			}
		}
		if _, err := l.Status(uint64(l.Len())); err == nil {
			t.Fatal("a status behind the end")
		}
	})
}

// FuzzReadReference: a reference or one of three reasons.
func FuzzReadReference(f *testing.F) {
	for _, seed := range []string{`{"status":{"status_list":{"idx":0,"uri":"https://example.com/statuslists/1"}}}`, `{"status":{}}`, `{}`, `{"status":{"status_list":{"idx":1e9,"uri":"a:b"}}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		ref, err := statuslist.ReadReference(payload)
		switch jose.ReasonOf(err) {
		case "":
			if ref.URI == "" {
				t.Fatalf("%q: no address", payload)
			}
			if _, err := ref.MarshalJSON(); err != nil {
				t.Fatal(err)
			}
		case jose.ClaimMissing, jose.ClaimsInvalid, jose.StatusUnknown:
		default:
			t.Fatal(err)
		}
	})
}
