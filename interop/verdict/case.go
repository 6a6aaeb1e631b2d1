package main

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
)

// A testCase is one line of input.
type testCase struct {
	ID         json.RawMessage `json:"id"`
	Kind       string          `json:"kind"`
	Token      json.RawMessage `json:"token"`     // compact or JSON text in a string, or a JSON serialization as it is
	Key        json.RawMessage `json:"key"`       // a JWK or a JWK Set
	InnerKey   json.RawMessage `json:"inner_key"` // nested: of the signature inside
	AlgAllowed *[]string       `json:"alg_allowed"`
	EncAllowed *[]string       `json:"enc_allowed"`
	InnerAlgs  *[]string       `json:"inner_alg_allowed"`
	Now        *float64        `json:"now"`
	Iss        oneOrMany       `json:"iss"`
	Aud        oneOrMany       `json:"aud"`
	Typ        *string         `json:"typ"`
	Require    *[]string       `json:"require"`
	Detached   *string         `json:"detached_payload_b64"`
}

// A verdict is one line of output.
type verdict struct {
	ID      json.RawMessage `json:"id"`
	Verdict string          `json:"verdict"`
	Payload *string         `json:"payload_b64,omitempty"`
	Claims  json.RawMessage `json:"payload_claims,omitempty"`
	MS      float64         `json:"ms"`
	Error   string          `json:"error,omitempty"`
}

// oneOrMany is a string or a list of strings; absent, null and empty are no value.
type oneOrMany []string

func (o *oneOrMany) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		if one != "" { // null, or a writer's word for none
			*o = oneOrMany{one}
		}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(o))
}

// plain returns the text of a value that is a string, or the value as it stands.
// encoding/json writes U+FFFD for what is no character; a token in which it did
// so is not the one that was sent, and is refused.
func plain(raw json.RawMessage) (string, error) {
	var s string
	if len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		return string(raw), nil
	}
	if strings.ContainsRune(s, utf8.RuneError) && repaired(string(raw), s) {
		return "", jose.NewError(jose.TokenMalformed, "the case spells a character that is none", nil)
	}
	return s, nil
}

// repaired reports whether text has more U+FFFD than its spelling says.
func repaired(raw, text string) bool {
	said := strings.Count(strings.ToLower(raw), `\ufffd`)
	if utf8.ValidString(raw) {
		said += strings.Count(raw, "\uFFFD")
	}
	return strings.Count(text, "\uFFFD") > said
}

// algorithms returns the list of the case and what of it the library lacks.
func (c *testCase) algorithms() (known []jwk.Algorithm, unknown []string) {
	if c.Kind == "jws" || c.Kind == "jwt" {
		return choose(c.AlgAllowed, signatures())
	}
	return choose(c.AlgAllowed, jwk.KeyManagementAlgorithms())
}

// signatures are all that the library and its extension have.
func signatures() []jwk.Algorithm {
	return append(jwk.SignatureAlgorithms(), jwk.MLDSA44, jwk.MLDSA65, jwk.MLDSA87)
}

// choose returns those of a list that the library has. A case without a list
// names no algorithms to skip, so all of them count.
func choose(names *[]string, all []jwk.Algorithm) (known []jwk.Algorithm, unknown []string) {
	if names == nil {
		return all, nil
	}
	for _, name := range *names {
		if a := jwk.Algorithm(name); slices.Contains(all, a) {
			known = append(known, a)
		} else {
			unknown = append(unknown, name)
		}
	}
	return known, unknown
}

// clock stands still at the case's time.
func (c *testCase) clock() (func() time.Time, error) {
	if c.Now == nil {
		return time.Now, nil
	}
	if math.IsNaN(*c.Now) || math.Abs(*c.Now) > 1e12 {
		return nil, fmt.Errorf("now is out of range")
	}
	sec, fraction := math.Modf(*c.Now)
	t := time.Unix(int64(sec), int64(fraction*1e9))
	return func() time.Time { return t }, nil
}
