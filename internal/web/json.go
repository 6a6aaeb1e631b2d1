package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jotward/jotward/internal/reason"
)

// ReadJSON reads one bounded JSON object into a struct: application/json,
// members by their exact names, each once, none unknown, nothing behind it.
// encoding/json alone folds the case of names and takes the last of two. A
// fault names the member and never its value, which may be a password.
func ReadJSON(r *http.Request, v any) error { return readObject(r, v, false) }

// ReadMetadata is ReadJSON for an object whose unknown members are ignored (RFC 7591 2),
// and those that are null as well (RFC 7592 2.2).
func ReadMetadata(r *http.Request, v any) error { return readObject(r, v, true) }

func readObject(r *http.Request, v any, ignore bool) error {
	if !media(r, "application/json") {
		return reason.New(reason.MediaTypeUnsupported, nil)
	}
	data, err := io.ReadAll(r.Body)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return err
	}
	if err != nil {
		return malformed("the body cannot be read")
	}
	if !utf8.Valid(data) {
		return malformed("the body is not UTF-8")
	}
	members, err := onlyMembers(data, memberNames(v), ignore)
	if err != nil {
		return err
	}
	if data, err = json.Marshal(members); err != nil { // by their exact names, and no others
		return malformed("the body is not one JSON object")
	}
	if err := json.Unmarshal(data, v); err != nil {
		if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return malformed(e.Field + " has a value of the wrong type")
		}
		return malformed("the body is not one JSON object")
	}
	return nil
}

func malformed(detail string) error {
	return &reason.Error{Code: reason.RequestInvalid, Detail: detail}
}

func memberNames(v any) (names []string) {
	for _, f := range reflect.VisibleFields(reflect.TypeOf(v).Elem()) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); !f.Anonymous {
			names = append(names, name)
		}
	}
	return names
}

// onlyMembers reads the outermost object, whose names it has; what is inside are
// texts, numbers and lists of them, or documents with a reader of their own. Others
// are left out, or refused.
func onlyMembers(data []byte, names []string, ignore bool) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, malformed("the body is not one JSON object")
	}
	seen, members := map[string]bool{}, map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, malformed("the body is not one JSON object")
		}
		known := slices.Contains(names, name)
		if !known && !ignore {
			return nil, malformed("no member is called " + strconv.QuoteToASCII(name[:min(len(name), 64)]))
		}
		if seen[name] {
			if !known {
				name = "a member that is not read here"
			}
			return nil, malformed(name + " is there twice")
		}
		seen[name] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, malformed("the body is not one JSON object")
		}
		if known && !(ignore && string(value) == "null") {
			members[name] = value
		}
	}
	if _, err := d.Token(); err != nil { // the closing brace
		return nil, malformed("the body is not one JSON object")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, malformed("the body is not one JSON object")
	}
	return members, nil
}
