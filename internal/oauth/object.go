package oauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// Object reads a JSON object that has one reading: no name twice at any depth, nothing
// after it (RFC 8259 4), and no U+FFFD, which is what encoding/json makes of bytes that
// are no UTF-8 and of half a surrogate pair: two subjects would be one (RFC 8259 8.1, 8.2). Numbers are float64.
func Object(data []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	first, err := d.Token()
	if err != nil || first != json.Delim('{') {
		return nil, errors.New("is no JSON object")
	}
	out, err := members(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows the object")
	}
	return out, nil
}

// deepest bounds how far values are nested.
const deepest = 16

func members(d *json.Decoder, depth int) (map[string]any, error) {
	out := map[string]any{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, errors.New("is no JSON")
		}
		name := t.(string) // the decoder allows nothing else
		if _, twice := out[name]; twice || replaced(name) {
			return nil, errors.New("a member occurs twice, or its name is no text")
		}
		if out[name], err = value(d, depth); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return out, err
}

func value(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil || depth > deepest {
		return nil, errors.New("is no JSON, or nested too deeply")
	}
	switch t {
	case json.Delim('{'):
		return members(d, depth+1)
	case json.Delim('['):
		list := []any{}
		for d.More() {
			item, err := value(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		_, err := d.Token()
		return list, err
	}
	if text, is := t.(string); is && replaced(text) {
		return nil, errors.New("has a text that is none")
	}
	return t, nil
}

func replaced(text string) bool { return strings.ContainsRune(text, utf8.RuneError) }
