package sdjwt

import (
	"fmt"
	"strings"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/strictjson"
)

// Defaults for bounds that are 0.
const (
	DefaultMaxSize        = 64 << 10
	DefaultMaxDisclosures = 256
)

// parts are an SD-JWT or SD-JWT+KB taken apart (RFC 9901 4).
type parts struct {
	jwt         string   // the issuer-signed JWT
	disclosures []string // each in base64url
	binding     string   // the key binding JWT, "" for none
}

// split takes the compact form apart. Counting comes before allocating.
func split(text string, maxSize, maxDisclosures int) (p parts, err error) {
	if len(text) > maxSize {
		return p, fail(jose.TokenOversize, fmt.Sprintf("%d bytes, at most %d are accepted", len(text), maxSize))
	}
	n := strings.Count(text, "~")
	if n == 0 {
		return p, fail(jose.TokenMalformed, "no tilde: a JWT, and no SD-JWT")
	}
	if n-1 > maxDisclosures {
		return p, fail(jose.TokenOversize, fmt.Sprintf("%d disclosures, at most %d are accepted", n-1, maxDisclosures))
	}
	list := strings.Split(text, "~")
	p = parts{jwt: list[0], disclosures: list[1:n], binding: list[n]}
	for _, d := range p.disclosures {
		if d == "" {
			return p, fail(jose.TokenMalformed, "an empty disclosure")
		}
	}
	return p, nil
}

// join is the compact form without a key binding, which is what sd_hash is taken
// over (RFC 9901 4.3.1).
func (p parts) join() string {
	var out strings.Builder
	out.WriteString(p.jwt)
	out.WriteByte('~')
	for _, d := range p.disclosures {
		out.WriteString(d)
		out.WriteByte('~')
	}
	return out.String()
}

// disclosure is what one disclosure holds.
type disclosure struct {
	text    string // as it travels
	element bool   // of an array: it has no name
	name    string
	value   strictjson.Value
}

// parseDisclosure reads a salt, a claim's name unless it is an array's element,
// and a value (RFC 9901 4.2.1, 4.2.2).
func parseDisclosure(text string, element bool) (disclosure, error) {
	out := disclosure{text: text, element: element}
	plain, err := b64.Bytes(text)
	if err != nil {
		return out, fail(jose.DisclosureInvalid, "a disclosure: "+err.Error())
	}
	var d strictjson.Doc
	if err := d.Scan(`{"d":` + string(plain) + `}`); err != nil {
		return out, fail(jose.DisclosureInvalid, "a disclosure: "+err.Error())
	}
	_, v := d.Member(0)
	if d.Len() != 1 || v.Kind != strictjson.Array {
		return out, fail(jose.DisclosureInvalid, "a disclosure is not an array")
	}
	var list []strictjson.Value
	for c := strictjson.Open(v); ; {
		m, more := c.Next()
		if !more {
			break
		}
		if len(list) == 3 {
			return out, fail(jose.DisclosureInvalid, "a disclosure of more than three elements")
		}
		list = append(list, m.Value)
	}
	want := 3
	if element {
		want = 2
	}
	switch {
	case len(list) != want:
		return out, fail(jose.DisclosureInvalid, fmt.Sprintf("a disclosure of %d elements where %d belong", len(list), want))
	case list[0].Kind != strictjson.String:
		return out, fail(jose.DisclosureInvalid, "a disclosure whose salt is not a string")
	case !element && list[1].Kind != strictjson.String:
		return out, fail(jose.DisclosureInvalid, "a disclosure whose claim name is not a string")
	}
	if !element {
		out.name = list[1].Text()
	}
	out.value = list[want-1]
	return out, nil
}
