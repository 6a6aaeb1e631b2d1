package jws

import (
	"strings"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/strictjson"
	"github.com/jotward/jotward/jose/jwk"
)

// MaxHeaderSize bounds the encoded header in bytes, whatever the token's own
// bound is. The largest honest headers carry a certificate chain.
const MaxHeaderSize = 16 << 10

// A Header is what the library reads of a JOSE header (RFC 7515 4.1). Members
// that it does not read are checked for their type where the RFC gives one.
type Header struct {
	Algorithm   jwk.Algorithm // alg
	KeyID       string        // kid, an exact string and nothing more
	Type        string        // typ
	ContentType string        // cty
}

// ParseHeader reads the first segment of a compact serialization. It verifies
// nothing: use it to show a token, never to trust one. It fails with
// TokenMalformed, HeaderInvalid or CriticalUnsupported.
func ParseHeader(segment string) (Header, error) {
	var d strictjson.Doc
	if err := scanHeader(&d, segment); err != nil {
		return Header{}, err
	}
	return readHeader(d.Members())
}

// scanHeader decodes a segment and checks that it is one strict JSON object.
func scanHeader(d *strictjson.Doc, segment string) error {
	if len(segment) > MaxHeaderSize {
		return fail(jose.HeaderInvalid, "header is too large")
	}
	text, err := b64.Bytes(segment)
	if err != nil {
		return fail(jose.TokenMalformed, "header: "+err.Error())
	}
	if err := d.Scan(string(text)); err != nil {
		return fail(jose.HeaderInvalid, err.Error())
	}
	return nil
}

// readHeader takes the known members; protected and unprotected ones together
// for a JSON serialization.
func readHeader(members []strictjson.Member) (Header, error) {
	var h Header
	for _, m := range members {
		var err error
		switch m.Name {
		case "alg":
			var name string
			name, err = text(m)
			h.Algorithm = jwk.Algorithm(name)
		case "kid":
			h.KeyID, err = text(m)
		case "typ":
			h.Type, err = text(m)
		case "cty":
			h.ContentType, err = text(m)
		case "jku", "x5u", "x5t", "x5t#S256":
			_, err = text(m)
		case "jwk":
			err = want(m, strictjson.Object)
		case "x5c":
			err = want(m, strictjson.Array)
		case "enc":
			// Content that says it is encrypted is no JWS (RFC 7516 9); telling the
			// two apart by anything else is sign/encrypt confusion.
			err = fail(jose.HeaderInvalid, "enc in the header of a signature")
		case "crit":
			// No extension is implemented, so every list is either unknown, empty
			// or names registered parameters, and each of these is invalid (RFC 7515 4.1.11).
			err = fail(jose.CriticalUnsupported, "crit asks for an extension that is not implemented")
		case "b64":
			// Without crit, RFC 7797 6 forbids false; true changes nothing.
			if m.Kind != strictjson.True {
				err = fail(jose.CriticalUnsupported, "b64 is not true")
			}
		}
		if err != nil {
			return Header{}, err
		}
	}
	if h.Algorithm == "" {
		return Header{}, fail(jose.HeaderInvalid, "alg is missing")
	}
	return h, nil
}

func text(m strictjson.Member) (string, error) {
	if m.Kind != strictjson.String {
		return "", fail(jose.HeaderInvalid, m.Name+" is not a string")
	}
	return strings.Clone(m.Text()), nil
}

func want(m strictjson.Member, kind strictjson.Kind) error {
	if m.Kind != kind {
		return fail(jose.HeaderInvalid, m.Name+" has the wrong type")
	}
	return nil
}

func fail(r jose.Reason, detail string) *jose.Error { return jose.NewError(r, detail, nil) }
