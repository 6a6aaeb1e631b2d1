package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// description is openapi.json with what the tests of this package have seen of it.
type description struct {
	doc  map[string]any
	mu   sync.Mutex
	seen map[string]bool // "METHOD path status"
}

var api = sync.OnceValue(func() *description {
	d := &description{seen: map[string]bool{}}
	data, err := os.ReadFile("admin/openapi.json")
	if err == nil {
		err = json.Unmarshal(data, &d.doc)
	}
	if err != nil {
		panic(err)
	}
	return d
})

func at(v any, path ...string) any {
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

// conforms checks a value against the part of JSON Schema that openapi.json uses.
func (d *description) conforms(schema, v any, where string) error {
	s, _ := schema.(map[string]any)
	if ref, ok := s["$ref"].(string); ok {
		s, ok = at(d.doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...).(map[string]any)
		if !ok {
			return fmt.Errorf("%s: no %s", where, ref)
		}
	}
	for name := range s {
		if !slices.Contains([]string{"type", "properties", "required", "additionalProperties", "items", "enum", "format", "minimum", "maximum", "default", "description"}, name) {
			return fmt.Errorf("%s: the checker does not know %q", where, name)
		}
	}
	if enum, ok := s["enum"].([]any); ok && !slices.Contains(enum, v) {
		return fmt.Errorf("%s: %v is not in %v", where, v, enum)
	}
	switch kind, _ := s["type"].(string); kind {
	case "object":
		m, ok := v.(map[string]any)
		if !ok {
			return fmt.Errorf("%s: %T is no object", where, v)
		}
		required, _ := s["required"].([]any)
		for _, name := range required {
			if _, ok := m[name.(string)]; !ok {
				return fmt.Errorf("%s: %s is missing", where, name)
			}
		}
		for name, value := range m {
			inner := at(s, "properties", name)
			if more := s["additionalProperties"]; inner == nil && more == false {
				return fmt.Errorf("%s: %s is unknown", where, name)
			} else if inner == nil {
				inner = more
			}
			if inner != nil {
				if err := d.conforms(inner, value, where+"."+name); err != nil {
					return err
				}
			}
		}
	case "array":
		list, ok := v.([]any)
		if !ok {
			return fmt.Errorf("%s: %T is no array", where, v)
		}
		for i, item := range list {
			if err := d.conforms(s["items"], item, fmt.Sprintf("%s[%d]", where, i)); err != nil {
				return err
			}
		}
	case "string":
		text, ok := v.(string)
		if !ok {
			return fmt.Errorf("%s: %T is no string", where, v)
		}
		if _, err := time.Parse(time.RFC3339, text); s["format"] == "date-time" && err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
	case "integer":
		n, ok := v.(float64)
		if low, bounded := s["minimum"].(float64); !ok || n != float64(int64(n)) || bounded && n < low {
			return fmt.Errorf("%s: %v is no such integer", where, v)
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			return fmt.Errorf("%s: %T is no boolean", where, v)
		}
	default:
		return fmt.Errorf("%s: the checker does not know type %q", where, kind)
	}
	return nil
}

// operation finds what a request is in the document.
func (d *description) operation(method, path string) (name string, op any) {
	path, _, _ = strings.Cut(path, "?")
	best := ""
	for pattern := range at(d.doc, "paths").(map[string]any) {
		re := regexp.MustCompile("^" + regexp.MustCompile(`\\\{\w+\\\}`).ReplaceAllString(regexp.QuoteMeta(pattern), "[^/]+") + "$")
		if re.MatchString(path) && at(d.doc, "paths", pattern, strings.ToLower(method)) != nil {
			best = pattern
		}
	}
	return strings.ToUpper(method) + " " + best, at(d.doc, "paths", best, strings.ToLower(method))
}

// played tells whether a test has seen an operation succeed.
func (d *description) played(pattern string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.seen[pattern+" 200"] || d.seen[pattern+" 201"] || d.seen[pattern+" 204"]
}

// check holds an answer of the admin API, and what was sent to it, to the document.
func (d *description) check(t testing.TB, method, path string, in any, a answer) {
	t.Helper()
	name, op := d.operation(method, path)
	if op == nil {
		if a.status != http.StatusNotFound && a.status != http.StatusMethodNotAllowed {
			t.Errorf("%s %s is answered but not described", method, path)
		}
		return
	}
	responses := at(op, "responses")
	response, kind := at(responses, fmt.Sprint(a.status)), "application/json"
	if response == nil {
		if a.status < 400 {
			t.Errorf("%s: status %d is not described", name, a.status)
		}
		response, kind = at(responses, "default"), "application/problem+json"
	}
	d.mu.Lock()
	d.seen[fmt.Sprintf("%s %d", name, a.status)] = true
	d.mu.Unlock()
	schema := at(response, "content", kind, "schema")
	if schema == nil {
		if a.body != "" {
			t.Errorf("%s: a body that is not described: %s", name, a.body)
		}
		return
	}
	if a.header.Get("Content-Type") != kind {
		t.Errorf("%s: %s, want %s", name, a.header.Get("Content-Type"), kind)
	}
	if err := d.conforms(schema, map[string]any(a.json), name); err != nil {
		t.Errorf("%v: %s", err, a.body)
	}
	if body := at(op, "requestBody", "content", "application/json", "schema"); in != nil && a.status < 300 {
		data, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		var sent any
		if err := json.Unmarshal(data, &sent); err != nil {
			t.Fatal(err)
		}
		if err := d.conforms(body, sent, name+" request"); err != nil {
			t.Errorf("accepted, yet not as described: %v", err)
		}
	}
}

// The document has every mounted admin route, and no other.
func TestDescriptionHasEveryRoute(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	mounted := map[string]bool{}
	for _, r := range v.issuer.Admin.Routes() {
		mounted[r.Pattern] = true
	}
	described := map[string]bool{}
	ids := map[any]bool{}
	for path, ops := range at(api().doc, "paths").(map[string]any) {
		for method, op := range ops.(map[string]any) {
			name := strings.ToUpper(method) + " " + path
			described[name] = true
			if !mounted[name] {
				t.Errorf("%s is described and not mounted", name)
			}
			if id := at(op, "operationId"); id == nil || ids[id] {
				t.Errorf("%s: operationId %v", name, id)
			} else {
				ids[id] = true
			}
			for _, p := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
				if params, _ := json.Marshal(at(op, "parameters")); !strings.Contains(string(params), `"name":"`+p[1]+`"`) {
					t.Errorf("%s: parameter %s is not described", name, p[1])
				}
			}
		}
	}
	for name := range mounted {
		if !described[name] {
			t.Errorf("%s is mounted and not described", name)
		}
	}
	// Nothing of it is told without the token.
	for pattern := range mounted {
		method, path, _ := strings.Cut(pattern, " ")
		for name, token := range map[string][]string{"none": nil, "wrong": {"Bearer wrong"}, "Basic": {"Basic " + adminToken}, "twice": {"Bearer " + adminToken, "Bearer " + adminToken}, "longer": {"Bearer " + adminToken + "x"}} {
			a := v.admin(method, path, nil, func(r *http.Request) { r.Header["Authorization"] = token })
			if a.status != 401 || a.json["code"] != "admin_unauthorized" || a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s, token %s: %d %s", pattern, name, a.status, a.body)
			}
		}
	}
	if a := v.admin("GET", "/admin/v1/openapi.json", nil); a.status != 200 || a.json["openapi"] != "3.1.0" {
		t.Errorf("%d %s", a.status, a.body)
	}
}
