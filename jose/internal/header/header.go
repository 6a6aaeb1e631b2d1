// Package header reads what the headers of signatures and of encryptions have in
// common (RFC 7515 4.1, RFC 7516 4.1), so that the two cannot come to differ. What
// belongs to one of them is read by jws and jwe.
package header

import (
	"strings"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/strictjson"
	"github.com/jotward/jotward/jose/jwk"
)

// MaxSize bounds an encoded header in bytes, whatever the bound on the whole is.
const MaxSize = 16 << 10

// Scan decodes a segment and checks that it is one strict JSON object. It fails
// with TokenMalformed or HeaderInvalid.
func Scan(d *strictjson.Doc, segment string) error {
	if len(segment) > MaxSize {
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

// Common says where the common members go.
type Common struct {
	Algorithm                *jwk.Algorithm
	KeyID, Type, ContentType *string
}

// Read takes a member that both kinds of header have, and reports whether it is
// one. Members that nobody reads are held to their form. It fails with
// HeaderInvalid or CriticalUnsupported.
func (c Common) Read(m strictjson.Member) (known bool, err error) {
	switch m.Name {
	case "alg":
		var name string
		name, err = Text(m)
		*c.Algorithm = jwk.Algorithm(name)
	case "kid":
		*c.KeyID, err = Text(m)
	case "typ":
		*c.Type, err = Text(m)
	case "cty":
		*c.ContentType, err = Text(m)
	case "jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256":
		err = reference(m)
	case "crit":
		// Whoever comes here implements no extension, so every list is either unknown,
		// empty or names registered parameters, each of them invalid (RFC 7515 4.1.11,
		// RFC 7516 4.1.13).
		err = fail(jose.CriticalUnsupported, "crit asks for an extension that is not implemented")
	default:
		return false, nil
	}
	return true, err
}

// Text returns a copy of a string. It fails with HeaderInvalid.
func Text(m strictjson.Member) (string, error) {
	if err := Want(m, strictjson.String); err != nil {
		return "", err
	}
	return strings.Clone(m.Text()), nil
}

// Want fails with HeaderInvalid for a member of another kind.
func Want(m strictjson.Member, kind strictjson.Kind) error {
	if m.Kind != kind {
		return fail(jose.HeaderInvalid, m.Name+" has the wrong type")
	}
	return nil
}

func fail(r jose.Reason, detail string) *jose.Error { return jose.NewError(r, detail, nil) }
