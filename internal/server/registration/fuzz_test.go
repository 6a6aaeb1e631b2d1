package registration

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// FuzzMetadata: whatever is read is what a reader of the same bytes by exact names finds,
// and nothing of it is what is refused.
func FuzzMetadata(f *testing.F) {
	for _, text := range []string{`{}`, `{"redirect_uris":["https://a.example/cb"],"scope":"a b"}`, `{"Scope":"a","scope":null}`, `{"scope":"a","scope":"b"}`, `{"a":{"b":[1,2]}} `,
		`{"jwks":{"keys":[]},"software_statement":null}`, `{"grant_types":[],"response_types":["code"]}`, `{"software_statement":"x"}`, `[`, `{"client_name":"\ud800"}`, `{"client_name":7}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r := httptest.NewRequest(http.MethodPost, "/register", bytes.NewReader(text))
		r.Header.Set("Content-Type", "application/json")
		d, err := read(r)
		if err != nil {
			return
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(text, &members); err != nil {
			t.Fatalf("accepted %q: %v", text, err)
		}
		for _, name := range []string{"software_statement", "sector_identifier_uri", "request_uris"} {
			if v := members[name]; v != nil && strings.TrimSpace(string(v)) != "null" {
				t.Fatalf("accepted %s", name)
			}
		}
		w := d.wanted()
		if _, ok := members["scope"]; !ok && len(w.Scopes) > 0 || w.AuthMethod == "" || len(w.GrantTypes) == 0 || slices.ContainsFunc(w.Scopes, func(s string) bool { return strings.ContainsAny(s, " \t\n") }) {
			t.Fatalf("%q became %+v", text, w)
		}
	})
}
