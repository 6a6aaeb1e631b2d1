package rule_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/jotward/jotward/internal/rule"
)

func object(t testing.TB, text string) (out map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

const tenants = `{"type":"object","required":["tenant"],"properties":{"tenant":{"type":"string","pattern":"^[a-z]+$"},"limits":{"type":"array","items":{"$ref":"#/$defs/limit"}},"since":{"type":"string","format":"date"}},
	"$defs":{"limit":{"type":"integer","minimum":0}}}`

// What does not fit is said by place and keyword, and never by value.
func TestSchema(t *testing.T) {
	t.Parallel()
	s, err := rule.CompileSchema(object(t, tenants))
	if err != nil {
		t.Fatal(err)
	}
	for claims, want := range map[string]string{
		`{"tenant":"acme","sub":"x"}`:                 "",
		`{"tenant":"acme","limits":[1,2.0]}`:          "",
		`{"tenant":"acme","since":"2026-01-31"}`:      "",
		`{}`:                                          `"/" do not fit: required tenant`,
		`{"tenant":"SECRET-1"}`:                       `"/tenant" do not fit: pattern`,
		`{"tenant":null}`:                             `"/tenant" do not fit: type`,
		`{"tenant":"acme","limits":[1,-7]}`:           `"/limits/1" do not fit: minimum`,
		`{"tenant":"acme","limits":[0.5]}`:            `"/limits/0" do not fit: type`,
		`{"tenant":"acme","since":"2026-02-31"}`:      `"/since" do not fit: format`,
		`{"tenant":"acme","limits":{"SECRET-1":1}}`:   `"/limits" do not fit: type`,
		`{"tenant":["a","b"],"limits":"` + "x" + `"}`: `do not fit: type`,
	} {
		err := s.Check(object(t, claims))
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", claims, err, want)
		case err != nil && strings.Contains(err.Error(), "SECRET"):
			t.Errorf("%s: a value is told: %v", claims, err)
		}
	}
	if err := (*rule.Schema)(nil).Check(object(t, `{}`)); err != nil {
		t.Error(err)
	}
}

// A schema is whole in itself, and bounded.
func TestSchemaThatIsNone(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a type that is none": `{"type":"strin"}`, "a pattern that is none": `{"pattern":"("}`, "another document": `{"$ref":"https://evil.example/schema"}`, "a file": `{"$ref":"file:///etc/passwd"}`,
		"a keyword of another type": `{"required":"tenant"}`, "a reference to nothing": `{"$ref":"#/$defs/none"}`, "itself": `{"$schema":"https://evil.example/meta"}`, "too large": `{"description":"` + strings.Repeat("x", rule.MaxSchema) + `"}`,
	} {
		if s, err := rule.CompileSchema(object(t, text)); err == nil || s != nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// No claims and no schema make it fail otherwise than by an error.
func FuzzSchema(f *testing.F) {
	f.Add(tenants, `{"tenant":"acme","limits":[1]}`)
	f.Add(`{"$ref":"#"}`, `{}`)
	f.Add(`{"properties":{"a":{"$ref":"#"}},"not":{"required":["a"]}}`, `{"a":{"a":{}}}`)
	f.Fuzz(func(t *testing.T, schema, claims string) {
		var s, c map[string]any
		if json.Unmarshal([]byte(schema), &s) != nil || json.Unmarshal([]byte(claims), &c) != nil {
			return
		}
		if compiled, err := rule.CompileSchema(s); err == nil {
			_ = compiled.Check(c)
		}
	})
}
