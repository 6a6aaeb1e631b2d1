package jwe

import (
	"strings"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/header"
	"github.com/jotward/jotward/jose/internal/strictjson"
	"github.com/jotward/jotward/jose/jwk"
)

// MaxHeaderSize bounds an encoded header in bytes, whatever the message's own
// bound is.
const MaxHeaderSize = header.MaxSize

// A Header is what the library reads of a JOSE header (RFC 7516 4.1). Members
// that it does not read are held to the form that the RFC gives them.
type Header struct {
	Algorithm   jwk.Algorithm // alg, of key management
	Encryption  jwk.Algorithm // enc, of the content
	KeyID       string        // kid, an exact string and nothing more
	Type        string        // typ
	ContentType string        // cty
	Compressed  bool          // zip is DEF
	// Protected is the protected header as it stands, one JSON object in which no name
	// stands twice, for members that have no field here. Nobody vouches for it before the
	// message is opened. It is "" for a JSON serialization that has none.
	Protected string

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

func (h *Header) read(m strictjson.Member) error {
	common := header.Common{Algorithm: &h.Algorithm, KeyID: &h.KeyID, Type: &h.Type, ContentType: &h.ContentType}
	known, err := common.Read(m)
	if known {
		return err
	}
	switch m.Name {
	case "enc":
		var name string
		name, err = header.Text(m)
		h.Encryption = jwk.Algorithm(name)
	case "zip":
		var name string
		// "Use of any other value is not supported" (RFC 7516 4.1.3 knows DEF alone).
		if name, err = header.Text(m); err == nil && name != "DEF" {
			err = fail(jose.HeaderInvalid, "zip is not DEF")
		}
		h.Compressed = true
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
		if err = header.Want(m, strictjson.Object); err == nil {
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

func octets(m strictjson.Member) ([]byte, error) {
	s, err := header.Text(m)
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

func fail(r jose.Reason, detail string) *jose.Error { return jose.NewError(r, detail, nil) }
