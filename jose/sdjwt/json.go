package sdjwt

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/strictjson"
	"github.com/jotward/jotward/jose/jws"
)

// FlattenedJSON returns an SD-JWT, or a presentation, in the flattened JSON
// serialization (RFC 9901 8.2). It checks the form and nothing else, and fails
// with TokenOversize and TokenMalformed, also for a token whose own header has a
// name that this form uses.
func FlattenedJSON(text string) ([]byte, error) {
	p, err := split(text, DefaultMaxSize, DefaultMaxDisclosures)
	if err != nil {
		return nil, err
	}
	header, payload, signature, err := jws.Split(p.jwt)
	if err != nil {
		return nil, err
	}
	if err := disjoint(header, "disclosures", "kb_jwt"); err != nil {
		return nil, err
	}
	type unprotected struct {
		Disclosures []string `json:"disclosures"`
		Binding     string   `json:"kb_jwt,omitempty"`
	}
	return json.Marshal(struct {
		Header    unprotected `json:"header"`
		Payload   string      `json:"payload"`
		Protected string      `json:"protected"`
		Signature string      `json:"signature"`
	}{unprotected{append([]string{}, p.disclosures...), p.binding}, payload, header, signature})
}

// Compact reads the flattened or general JSON serialization (RFC 9901 8) and
// returns the compact form, which a Verifier or Open then judges: it is also what
// sd_hash is taken over (RFC 9901 8.1). Of several signatures the first is taken,
// for disclosures belong to it. Other members of an unprotected header are left
// behind, for nobody vouches for them; none may be in the protected header too. It
// fails with TokenOversize and TokenMalformed.
func Compact(text []byte) (string, error) {
	if len(text) > DefaultMaxSize {
		return "", fail(jose.TokenOversize, fmt.Sprintf("%d bytes, at most %d are accepted", len(text), DefaultMaxSize))
	}
	var d strictjson.Doc
	if err := d.Scan(string(text)); err != nil {
		return "", fail(jose.TokenMalformed, err.Error())
	}
	payload, err := segment(&d, "payload")
	if err != nil {
		return "", err
	}
	first := &d
	if list, general := d.Find("signatures"); general {
		if first, err = firstSignature(&d, list); err != nil {
			return "", err
		}
	}
	protected, err := segment(first, "protected")
	if err != nil {
		return "", err
	}
	signature, err := segment(first, "signature")
	if err != nil {
		return "", err
	}
	p := parts{jwt: protected + "." + payload + "." + signature}
	if v, ok := first.Find("header"); ok {
		if err := p.unprotected(v, protected); err != nil {
			return "", err
		}
	}
	return p.join() + p.binding, nil
}

// unprotected takes what RFC 9901 puts into the unprotected header.
func (p *parts) unprotected(v strictjson.Value, protected string) error {
	var d strictjson.Doc
	if d.Scan(v.Raw) != nil || d.Len() == 0 { // "it MUST be absent" then (RFC 7515 7.2.1)
		return fail(jose.TokenMalformed, "header is empty or not an object")
	}
	names := make([]string, d.Len())
	for i := range names {
		names[i], _ = d.Member(i)
	}
	if err := disjoint(protected, names...); err != nil {
		return err
	}
	if v, ok := d.Find("disclosures"); ok {
		if p.disclosures, ok = strictjson.AppendStrings(nil, v); !ok {
			return fail(jose.TokenMalformed, "disclosures is not an array of strings")
		}
	}
	for _, text := range p.disclosures {
		if text == "" || strings.Contains(text, "~") {
			return fail(jose.TokenMalformed, "a disclosure that is none")
		}
	}
	if _, ok := d.Find("kb_jwt"); ok {
		var err error
		p.binding, err = segment(&d, "kb_jwt")
		return err
	}
	return nil
}

// disjoint refuses names of an unprotected header that the protected one has as well
// (RFC 7515 7.2.1), and crit, which must be protected (4.1.11): both are lost in the
// compact form. A protected header that cannot be read is left to whoever judges it.
func disjoint(protected string, names ...string) error {
	if slices.Contains(names, "crit") {
		return fail(jose.TokenMalformed, "crit is not protected")
	}
	text, err := b64.Bytes(protected)
	if err != nil {
		return nil
	}
	var d strictjson.Doc
	if d.Scan(string(text)) != nil {
		return nil
	}
	own := make(map[string]bool, d.Len())
	for i := range d.Len() {
		name, _ := d.Member(i)
		own[name] = true
	}
	if slices.ContainsFunc(names, func(name string) bool { return own[name] }) {
		return fail(jose.TokenMalformed, "a name stands in the protected and the unprotected header")
	}
	return nil
}

// firstSignature returns the first element of signatures. No other has
// disclosures or a key binding (RFC 9901 8.3), and the message itself has neither
// of the members that a flattened one has.
func firstSignature(d *strictjson.Doc, list strictjson.Value) (first *strictjson.Doc, err error) {
	for _, name := range []string{"signature", "protected", "header"} {
		if _, both := d.Find(name); both {
			return nil, fail(jose.TokenMalformed, "flattened and general serialization in one")
		}
	}
	if list.Kind != strictjson.Array {
		return nil, fail(jose.TokenMalformed, "signatures is not an array")
	}
	for c := strictjson.Open(list); ; {
		m, more := c.Next()
		if !more {
			break
		}
		one := new(strictjson.Doc)
		if one.Scan(m.Raw) != nil {
			return nil, fail(jose.TokenMalformed, "signatures: an element is not an object")
		}
		if first == nil {
			first = one
			continue
		}
		var header strictjson.Doc
		if v, ok := one.Find("header"); ok && header.Scan(v.Raw) != nil {
			return nil, fail(jose.TokenMalformed, "header is not an object")
		}
		for _, name := range []string{"disclosures", "kb_jwt"} {
			if _, ok := header.Find(name); ok {
				return nil, fail(jose.TokenMalformed, name+" behind the first signature")
			}
		}
	}
	if first == nil {
		return nil, fail(jose.TokenMalformed, "signatures is empty")
	}
	return first, nil
}

// segment returns a member that must be a string without the separators of the
// compact form, which it would otherwise bend.
func segment(d *strictjson.Doc, name string) (string, error) {
	v, ok := d.Find(name)
	if !ok || v.Kind != strictjson.String {
		return "", fail(jose.TokenMalformed, name+" is missing or not a string")
	}
	s := v.Text()
	if s == "" || strings.Contains(s, "~") || name != "kb_jwt" && strings.Contains(s, ".") {
		return "", fail(jose.TokenMalformed, name+" is empty or holds a separator")
	}
	return s, nil
}
