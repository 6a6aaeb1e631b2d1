package jws

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/jwk"
)

// partJSON is one signature as it is written; everything it says is protected.
type partJSON struct {
	Protected string `json:"protected"`
	Signature string `json:"signature"`
}

// SignJSON returns a JSON serialization of payload, signed under each of the
// keys: flattened for one, general for several (RFC 7515 7.2). It fails with
// PolicyInvalid for no keys, more than 16, or a nil one, with TokenMalformed for
// an unencoded payload that is not UTF-8 and so is no JSON string, and like Sign.
func SignJSON(payload []byte, keys []*jwk.Key, o SignOptions) ([]byte, error) {
	if o.Unencoded && !utf8.Valid(payload) {
		return nil, fail(jose.TokenMalformed, "an unencoded payload that is not UTF-8: detach it")
	}
	text := string(payload)
	if !o.Unencoded {
		text = b64.Encode(payload)
	}
	return signJSON(payload, &text, keys, o)
}

// SignJSONDetached is SignJSON with the payload left out of the result
// (RFC 7515 appendix F). It fails like SignJSON.
func SignJSONDetached(payload []byte, keys []*jwk.Key, o SignOptions) ([]byte, error) {
	return signJSON(payload, nil, keys, o)
}

func signJSON(payload []byte, text *string, keys []*jwk.Key, o SignOptions) ([]byte, error) {
	if len(keys) == 0 || len(keys) > maxSignatures {
		return nil, fail(jose.PolicyInvalid, fmt.Sprintf("1 to %d keys, not %d", maxSignatures, len(keys)))
	}
	var parts []partJSON
	for _, key := range keys {
		header, err := EncodeHeader(key, o)
		if err != nil {
			return nil, err
		}
		sig, err := SignInput(key, inputOf(header, payload, o))
		if err != nil {
			return nil, err
		}
		parts = append(parts, partJSON{header, b64.Encode(sig)})
	}
	if len(parts) == 1 {
		return json.Marshal(struct {
			Payload *string `json:"payload,omitempty"`
			partJSON
		}{text, parts[0]})
	}
	return json.Marshal(struct {
		Payload    *string    `json:"payload,omitempty"`
		Signatures []partJSON `json:"signatures"`
	}{text, parts})
}
