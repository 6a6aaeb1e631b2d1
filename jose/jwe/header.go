package jwe

import (
	"strings"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/strictjson"
	"github.com/jotward/jotward/jose/jwk"
)

// MaxHeaderSize bounds an encoded header in bytes, whatever the message's own
// bound is.
const MaxHeaderSize = 16 << 10

// A Header is what the library reads of a JOSE header (RFC 7516 4.1). Members
// that it does not read are checked for their type where the RFC gives one.
type Header struct {
	Algorithm   jwk.Algorithm // alg, of key management
	Encryption  jwk.Algorithm // enc, of the content
	KeyID       string        // kid, an exact string and nothing more
	Type        string        // typ
	ContentType string        // cty
	Compressed  bool          // zip is DEF

	params params
}

// params are the members that belong to one key management algorithm.
type params struct {
	epk      string // the JWK as it stands (RFC 7518 4.6.1.1)
	apu, apv []byte // RFC 7518 4.6.1.2, 4.6.1.3
	iv, tag  []byte // RFC 7518 4.7.1
	p2s      []byte // RFC 7518 4.8.1.1
	p2c      int    // RFC 7518 4.8.1.2, 0 when absent
}

// ParseHeader reads the first segment of a compact serialization. It decrypts
// nothing: use it to show a message, never to trust one. It fails with
// TokenMalformed, HeaderInvalid or CriticalUnsupported.
func ParseHeader(segment string) (Header, error) {
	members, err := scanHeader(segment)
	if err != nil {
		return Header{}, err
	}
	return readHeader(members)
}

// scanHeader decodes a segment and checks that it is one strict JSON object.
func scanHeader(segment string) ([]strictjson.Member, error) {
	if len(segment) > MaxHeaderSize {
		return nil, fail(jose.HeaderInvalid, "header is too large")
	}
	text, err := b64.Bytes(segment)
	if err != nil {
		return nil, fail(jose.TokenMalformed, "header: "+err.Error())
	}
	var d strictjson.Doc
	if err := d.Scan(string(text)); err != nil {
		return nil, fail(jose.HeaderInvalid, err.Error())
	}
	return d.Members(), nil
}

func readHeader(members []strictjson.Member) (Header, error) {
	var h Header
	for _, m := range members {
		if err := h.read(m); err != nil {
			return Header{}, err
		}
	}
	if err := h.whole(); err != nil {
		return Header{}, err
	}
	return h, nil
}

// whole reports what every header has and this one lacks.
func (h *Header) whole() error {
	switch {
	case h.Algorithm == "":
		return fail(jose.HeaderInvalid, "alg is missing")
	case h.Encryption == "":
		return fail(jose.HeaderInvalid, "enc is missing")
	}
	return nil
}

func (h *Header) read(m strictjson.Member) (err error) {
	switch m.Name {
	case "alg":
		var name string
		name, err = text(m)
		h.Algorithm = jwk.Algorithm(name)
	case "enc":
		var name string
		name, err = text(m)
		h.Encryption = jwk.Algorithm(name)
	case "kid":
		h.KeyID, err = text(m)
	case "typ":
		h.Type, err = text(m)
	case "cty":
		h.ContentType, err = text(m)
	case "zip":
		var name string
		// "Use of any other value is not supported" (RFC 7516 4.1.3 knows DEF alone).
		if name, err = text(m); err == nil && name != "DEF" {
			err = fail(jose.HeaderInvalid, "zip is not DEF")
		}
		h.Compressed = true
	case "jku", "x5u", "x5t", "x5t#S256":
		_, err = text(m)
	case "jwk":
		err = want(m, strictjson.Object)
	case "x5c":
		err = want(m, strictjson.Array)
	case "crit":
		// No extension is implemented, so every list is either unknown, empty or
		// names registered parameters, and each of these is invalid (RFC 7516 4.1.13).
		err = fail(jose.CriticalUnsupported, "crit asks for an extension that is not implemented")
	case "b64":
		// RFC 7797 defines it for signatures only.
		err = fail(jose.HeaderInvalid, "b64 in the header of an encryption")
	default:
		err = h.params.read(m)
	}
	return err
}

func (p *params) read(m strictjson.Member) (err error) {
	switch m.Name {
	case "epk":
		if err = want(m, strictjson.Object); err == nil {
			p.epk = strings.Clone(m.Raw)
		}
	case "apu":
		p.apu, err = octets(m)
	case "apv":
		p.apv, err = octets(m)
	case "iv":
		p.iv, err = octets(m)
	case "tag":
		p.tag, err = octets(m)
	case "p2s":
		p.p2s, err = octets(m)
	case "p2c":
		p.p2c, err = count(m)
	}
	return err
}

func text(m strictjson.Member) (string, error) {
	if m.Kind != strictjson.String {
		return "", fail(jose.HeaderInvalid, m.Name+" is not a string")
	}
	return strings.Clone(m.Text()), nil
}

func octets(m strictjson.Member) ([]byte, error) {
	s, err := text(m)
	if err != nil {
		return nil, err
	}
	b, err := b64.Bytes(s)
	if err != nil {
		return nil, fail(jose.HeaderInvalid, m.Name+": "+err.Error())
	}
	return b, nil
}

// count reads a positive integer in its one spelling.
func count(m strictjson.Member) (int, error) {
	if m.Kind != strictjson.Number || len(m.Raw) > 9 {
		return 0, fail(jose.HeaderInvalid, m.Name+" is not a number of at most nine digits")
	}
	n := 0
	for _, c := range []byte(m.Raw) {
		if c < '0' || c > '9' {
			return 0, fail(jose.HeaderInvalid, m.Name+" is not a positive integer")
		}
		n = n*10 + int(c-'0')
	}
	if n == 0 {
		return 0, fail(jose.HeaderInvalid, m.Name+" is not a positive integer")
	}
	return n, nil
}

func want(m strictjson.Member, kind strictjson.Kind) error {
	if m.Kind != kind {
		return fail(jose.HeaderInvalid, m.Name+" has the wrong type")
	}
	return nil
}

func fail(r jose.Reason, detail string) *jose.Error { return jose.NewError(r, detail, nil) }
