package token

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/jotward/jotward/internal/client"
)

// Join writes a JSON object with more members, none of which it has.
func Join(object any, extra map[string]any) ([]byte, error) {
	text, err := json.Marshal(object)
	if err != nil || len(extra) == 0 {
		return text, err
	}
	more, err := json.Marshal(extra)
	if err != nil {
		return nil, err
	}
	return bytes.Join([][]byte{text[:len(text)-1], more[1:]}, []byte(",")), nil
}

// Split reads the claims of an access token that the issuer wrote. What it did not set
// itself is Extra.
func Split(text []byte) (a Access, err error) {
	if err = json.Unmarshal(text, &a); err == nil {
		a.Extra = extra(text)
	}
	return a, err
}

// WithExtra adds the claims of Extra from the text of a token that was verified.
func (a Access) WithExtra(text string) Access {
	parts := strings.Split(text, ".")
	if payload, err := base64.RawURLEncoding.DecodeString(parts[len(parts)/2]); err == nil {
		a.Extra = extra(payload)
	}
	return a
}

func extra(text []byte) map[string]any {
	var all, out map[string]any
	if json.Unmarshal(text, &all) != nil {
		return nil
	}
	for name, v := range all {
		if client.Reserved(name) {
			continue
		}
		if out == nil {
			out = map[string]any{}
		}
		out[name] = v
	}
	return out
}
