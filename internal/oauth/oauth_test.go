package oauth_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jotward/jotward/internal/oauth"
)

// OpenID Connect Core 5.5, 5.5.1: the example of the specification, and what it leaves open.
func TestParseClaims(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]oauth.ClaimsRequest{
		`{}`: {},
		`{"userinfo":{"given_name":{"essential":true},"nickname":null,"email":{"essential":true}},"id_token":{"auth_time":{"essential":true},"acr":{"values":["urn:mace:incommon:iap:silver"]}}}`: {
			UserInfo: []string{"email", "given_name", "nickname"}, IDToken: []string{"acr", "auth_time"}, ACR: []string{"urn:mace:incommon:iap:silver"}},
		`{"id_token":{"sub":{"value":"a"},"acr":{"essential":true}}}`:                    {IDToken: []string{"acr", "sub"}, Subjects: []string{"a"}, EssentialACR: true},
		`{"id_token":{"sub":{"values":["a","b"]},"acr":{"essential":true,"value":"x"}}}`: {IDToken: []string{"acr", "sub"}, Subjects: []string{"a", "b"}, EssentialACR: true, ACR: []string{"x"}},
		`{"id_token":{"x":{"value":7,"other":[]}},"verified_claims":7}`:                  {IDToken: []string{"x"}}, // unknown members are ignored
		`{"userinfo":{"sub":{"value":"a"},"acr":{"essential":true,"value":"x"}}}`:        {UserInfo: []string{"acr", "sub"}},
	} {
		got, err := oauth.ParseClaims(text)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %+v %v, want %+v", text, got, err, want)
		}
	}
}

// Each file is the reason on a line of its own, and then the parameter.
func TestClaimsThatAreRefused(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/reject/*.txt")
	if err != nil || len(files) < 20 {
		t.Fatal(len(files), err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		why, text, _ := strings.Cut(string(data), "\n")
		if got, err := oauth.ParseClaims(text); err == nil || !strings.Contains(err.Error(), why) || fmt.Sprint(got) != fmt.Sprint(oauth.ClaimsRequest{}) {
			t.Errorf("%s: %+v %v, want %s", f, got, err, why)
		}
	}
}

func FuzzParseClaims(f *testing.F) {
	for _, s := range []string{`{}`, `{"id_token":{"sub":{"value":"a"},"acr":{"essential":true,"values":["x"]}}}`, `{"userinfo":{"email":null}}`, `{"id_token":[]}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := oauth.ParseClaims(text)
		if err != nil {
			return
		}
		var parts map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &parts); err != nil || len(text) > 4096 {
			t.Fatalf("%q was read: %v", text, err)
		}
		for place, names := range map[string][]string{"id_token": got.IDToken, "userinfo": got.UserInfo} {
			var want map[string]any
			if raw, there := parts[place]; there {
				if err := json.Unmarshal(raw, &want); err != nil {
					t.Fatal(err)
				}
			}
			for _, name := range names {
				if _, there := want[name]; !there {
					t.Fatalf("%q: nobody asked for %q", text, name)
				}
			}
			if len(names) != len(want) || !slices.IsSorted(names) {
				t.Fatalf("%q: %q", text, names)
			}
		}
	})
}

// Object reads what encoding/json reads, and less.
func FuzzObject(f *testing.F) {
	for _, s := range []string{`{"active":true}`, `{"a":[1,{"b":null}]}`, `{"a":1,"a":2}`, `{} {}`, `[`, "{\"\xff\":1}", `{"a":{"a":1}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := oauth.Object(data)
		if err != nil {
			return
		}
		var want map[string]any
		if err := json.Unmarshal(data, &want); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%q: %v, and %v by encoding/json: %v", data, got, want, err)
		}
	})
}
