// Package claimset turns what a caller gives as claims into the bytes that are
// signed: one strict JSON object, which says what the caller said.
package claimset

import (
	"bytes"
	"encoding/json"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/strictjson"
)

// Bytes returns a []byte or json.RawMessage as it is and anything else as
// encoding/json writes it. It fails with ClaimsInvalid for what is no strict JSON
// object, and for a string that is no UTF-8: encoding/json would write U+FFFD for
// what is none, so that two subjects became one.
func Bytes(claims any) ([]byte, error) {
	text, _, err := Marshal(claims)
	if err != nil {
		return nil, err
	}
	if err := strictjson.Check(string(text)); err != nil {
		return nil, jose.NewError(jose.ClaimsInvalid, err.Error(), nil)
	}
	return text, nil
}

// Marshal is Bytes that leaves to its caller whether the text is one strict JSON
// object. verbatim says that the caller's caller gave it.
func Marshal(claims any) (text []byte, verbatim bool, err error) {
	switch c := claims.(type) {
	case []byte:
		return c, true, nil
	case json.RawMessage:
		return c, true, nil
	}
	if text, err = json.Marshal(claims); err != nil {
		return nil, false, jose.NewError(jose.ClaimsInvalid, "the claims cannot be written as JSON", err)
	}
	if replaced(text) {
		return nil, false, jose.NewError(jose.ClaimsInvalid, "a string among the claims is not UTF-8", nil)
	}
	return text, false, nil
}

// replaced reports whether encoding/json has written \ufffd, which it does for what
// is no UTF-8 alone: the character itself it leaves as it is.
func replaced(text []byte) bool {
	for {
		i := bytes.Index(text, []byte(`\ufffd`))
		if i < 0 {
			return false
		}
		escapes := i // before it: an odd number of backslashes makes this one a plain character
		for escapes > 0 && text[escapes-1] == '\\' {
			escapes--
		}
		if (i-escapes)%2 == 0 {
			return true
		}
		text = text[i+1:]
	}
}
