package jws

import (
	"slices"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/header"
	"github.com/jotward/jotward/jose/internal/strictjson"
	"github.com/jotward/jotward/jose/jwk"
)

// MaxHeaderSize bounds the encoded header in bytes, whatever the token's own
// bound is. The largest honest headers carry a certificate chain.
const MaxHeaderSize = header.MaxSize

// A Header is what the library reads of a JOSE header (RFC 7515 4.1). Members
// that it does not read are held to the form that the RFC gives them.
type Header struct {
	Algorithm   jwk.Algorithm // alg
	KeyID       string        // kid, an exact string and nothing more
	Type        string        // typ
	ContentType string        // cty
	// Protected is the protected header as it stands, one JSON object in which no name
	// stands twice, for members that have no field here. A key or an address in it is its
	// writer's word, and so is all of it until a signature has held. It is "" for a
	// signature of a JSON serialization that has none.
	Protected string
}

// ParseHeader reads the first segment of a compact serialization. It verifies
// nothing: use it to show a token, never to trust one. It fails with
// TokenMalformed, HeaderInvalid or CriticalUnsupported: it understands no crit,
// as package jwt must not (RFC 7797 7).
func ParseHeader(segment string) (Header, error) {
	var d strictjson.Doc
	if err := header.Scan(&d, segment); err != nil {
		return Header{}, err
	}
	h, err := readHeader(d.Members())
	if err != nil {
		return Header{}, err
	}
	h.Protected = d.Text()
	return h, nil
}

// readHeader takes the known members; protected and unprotected ones together
// for a JSON serialization.
func readHeader(members []strictjson.Member) (Header, error) {
	var h Header
	common := header.Common{Algorithm: &h.Algorithm, KeyID: &h.KeyID, Type: &h.Type, ContentType: &h.ContentType}
	for _, m := range members {
		if known, err := common.Read(m); err != nil {
			return Header{}, err
		} else if known {
			continue
		}
		switch m.Name {
		case "enc":
			// Content that says it is encrypted is no JWS (RFC 7516 9); telling the
			// two apart by anything else is sign/encrypt confusion.
			return Header{}, fail(jose.HeaderInvalid, "enc in the header of a signature")
		case "b64":
			// Without crit, RFC 7797 6 forbids false; true changes nothing.
			if m.Kind != strictjson.True {
				return Header{}, fail(jose.CriticalUnsupported, "b64 is not true")
			}
		}
	}
	if h.Algorithm == "" {
		return Header{}, fail(jose.HeaderInvalid, "alg is missing")
	}
	return h, nil
}

// readMessageHeader is readHeader for a signature that is no JWT's: it knows the
// one extension b64 (RFC 7797), and says whether the payload is signed unencoded.
func readMessageHeader(protected, unprotected []strictjson.Member) (h Header, unencoded bool, err error) {
	var crit, b64 strictjson.Value
	for _, m := range protected {
		switch m.Name {
		case "crit":
			crit = m.Value
		case "b64":
			b64, unencoded = m.Value, m.Kind == strictjson.False
		}
	}
	for _, m := range unprotected {
		if m.Name == "crit" || m.Name == "b64" {
			// Both MUST be integrity protected (RFC 7515 4.1.11, RFC 7797 3).
			return Header{}, unencoded, fail(jose.HeaderInvalid, m.Name+" in an unprotected header")
		}
	}
	members := slices.Concat(protected, unprotected)
	if names, ok := strictjson.AppendStrings(nil, crit); ok && len(names) == 1 && names[0] == "b64" &&
		(b64.Kind == strictjson.True || b64.Kind == strictjson.False) {
		members = slices.DeleteFunc(members, func(m strictjson.Member) bool { return m.Name == "crit" || m.Name == "b64" })
	}
	h, err = readHeader(members)
	return h, unencoded, err
}

func fail(r jose.Reason, detail string) *jose.Error { return jose.NewError(r, detail, nil) }
