package sdjwt

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/strictjson"
)

// The names that RFC 9901 gives a meaning, which nothing else may have.
const (
	digestsName = "_sd"
	elementName = "..."
	hashName    = "_sd_alg"
)

// open are the claims that decide about validity. A holder must not be able to
// leave them out, so nobody may hide them or a part of them, and no disclosure is
// believed there (RFC 9901 9.7).
var open = []string{"iss", "aud", "exp", "nbf", "cnf", "status"}

// mustBeOpen reports whether a place is one of those claims or inside of one.
// "Issuers MAY allow individual entries" of aud to be disclosed (RFC 9901 9.7).
func mustBeOpen(pointer string) bool {
	name, inside, deeper := strings.Cut(strings.TrimPrefix(pointer, "/"), "/")
	return slices.Contains(open, name) && (name != "aud" || !deeper || inside == "")
}

// A processor puts disclosures where their digests stand (RFC 9901 7.1, step 3)
// and writes the payload that results, with every number and string as it was
// signed.
type processor struct {
	hash     Hash
	byDigest map[string]string // of the disclosures that came along
	seen     map[string]bool   // digests that were met
	used     []placed
	out      []byte
	at       []byte // JSON Pointer to the current place: grown and cut, so that long names are not copied for each of many values
	depth    int
	inside   []int // the places in used of the disclosures around the current one
}

// placed is a disclosure in its place.
type placed struct {
	disclosure
	pointer string // JSON Pointer (RFC 6901) into the whole payload
	parents []int  // the disclosures without which this one has no place
}

// process checks all disclosures against a payload, and returns the processed
// payload. Only a payload whose signature holds is worth believing afterwards.
func process(payload string, disclosures []string) (string, *processor, error) {
	var d strictjson.Doc
	if err := d.Scan(payload); err != nil {
		return "", nil, fail(jose.ClaimsInvalid, err.Error())
	}
	hash, err := hashOf(&d)
	if err != nil {
		return "", nil, err
	}
	p := &processor{hash: hash, byDigest: make(map[string]string, len(disclosures)), seen: map[string]bool{}}
	for _, text := range disclosures {
		digest := hash.digest(text)
		if _, twice := p.byDigest[digest]; twice {
			return "", nil, fail(jose.DisclosureInvalid, "a disclosure is sent twice")
		}
		p.byDigest[digest] = text
	}
	c := strictjson.At(strictjson.Value{Kind: strictjson.Object, Raw: strings.Trim(payload, " \t\r\n")})
	if err := p.object(&c); err != nil {
		return "", nil, err
	}
	if len(p.used) != len(disclosures) {
		return "", nil, fail(jose.DisclosureInvalid, "a disclosure whose digest nobody signed")
	}
	return string(p.out), p, nil
}

// enter goes to a place inside the current one, and returns the way back.
func (p *processor) enter(step string) (back int) {
	back = len(p.at)
	p.at = append(append(p.at, '/'), escapePointer(step)...)
	return back
}

// find returns the disclosure of a digest, nil when none came along: of an element
// that stands at the current place, or of a member of the object there. Every
// digest, decoys too, stands in the whole payload once (step 4).
func (p *processor) find(digest string, element bool) (*placed, error) {
	if p.seen[digest] {
		return nil, fail(jose.DisclosureInvalid, "a digest stands twice")
	}
	p.seen[digest] = true
	text, ok := p.byDigest[digest]
	if !ok {
		return nil, nil
	}
	d, err := parseDisclosure(text, element)
	if err != nil {
		return nil, err
	}
	at := string(p.at)
	if !element {
		at += "/" + escapePointer(d.name)
	}
	if mustBeOpen(at) {
		return nil, fail(jose.DisclosureInvalid, fmt.Sprintf("%.64q is disclosed: it belongs into the signed payload", at))
	}
	p.used = append(p.used, placed{disclosure: d, pointer: at, parents: slices.Clone(p.inside)})
	return &p.used[len(p.used)-1], nil
}

// hidden writes the value of a disclosure, whose own digests come next.
func (p *processor) hidden(d *placed) error {
	c := strictjson.At(d.value)
	p.inside = append(p.inside, len(p.used)-1)
	err := p.value(&c)
	p.inside = p.inside[:len(p.inside)-1]
	return err
}

// value writes the value that c stands before. Each is read once, however deep it lies.
func (p *processor) value(c *strictjson.Cursor) error {
	switch c.Kind() {
	case strictjson.Object:
		return p.object(c)
	case strictjson.Array:
		return p.array(c)
	}
	p.out = append(p.out, c.Value().Raw...)
	return nil
}

// deeper bounds the recursion: disclosures inside disclosures can be as deep as
// they are many.
func (p *processor) deeper() error {
	if p.depth++; p.depth > strictjson.MaxDepth {
		return fail(jose.DisclosureInvalid, "nested too deeply")
	}
	return nil
}

func (p *processor) object(c *strictjson.Cursor) error {
	if err := p.deeper(); err != nil {
		return err
	}
	names := map[string]bool{}
	var digests *strictjson.Value
	p.out = append(p.out, '{')
	for c.Enter(); ; {
		name, _, more := c.Step()
		if !more {
			break
		}
		switch {
		case name == digestsName:
			list := c.Value()
			digests = &list
			continue
		case name == hashName && p.depth == 1:
			continue
		}
		if err := p.member(names, name, func() error { return p.value(c) }); err != nil {
			return err
		}
	}
	if digests != nil {
		if err := p.insert(names, *digests); err != nil {
			return err
		}
	}
	p.out = append(p.out, '}')
	p.depth--
	return nil
}

// insert writes the claims whose digests stand in an _sd.
func (p *processor) insert(names map[string]bool, v strictjson.Value) error {
	digests, ok := strictjson.AppendStrings(nil, v)
	if !ok {
		return fail(jose.DisclosureInvalid, "_sd is not an array of strings")
	}
	for _, digest := range digests {
		d, err := p.find(digest, false)
		if err != nil {
			return err
		}
		if d == nil {
			continue
		}
		if err := p.member(names, d.name, func() error { return p.hidden(d) }); err != nil {
			return err
		}
	}
	return nil
}

// member writes one member of an object, whose name must be new and unreserved.
func (p *processor) member(names map[string]bool, name string, value func() error) error {
	switch {
	case name == digestsName || name == elementName || name == hashName:
		return fail(jose.DisclosureInvalid, name+" is no name for a claim here")
	case names[name]:
		return fail(jose.DisclosureInvalid, fmt.Sprintf("claim %.64q exists already", name))
	}
	if len(names) > 0 {
		p.out = append(p.out, ',')
	}
	names[name] = true
	p.out = append(quote(p.out, name), ':')
	back := p.enter(name)
	err := value()
	p.at = p.at[:back]
	return err
}

func (p *processor) array(c *strictjson.Cursor) error {
	if err := p.deeper(); err != nil {
		return err
	}
	p.out = append(p.out, '[')
	n := 0
	for c.Enter(); ; {
		if _, _, more := c.Step(); !more {
			break
		}
		back := p.enter(strconv.Itoa(n))
		written, err := p.element(c, n > 0)
		if err != nil {
			return err
		}
		p.at = p.at[:back]
		if written {
			n++
		}
	}
	p.out = append(p.out, ']')
	p.depth--
	return nil
}

// element writes the element at the current place, after a comma or not. A digest
// without a disclosure is left out.
func (p *processor) element(c *strictjson.Cursor, comma bool) (written bool, err error) {
	digest, hides, err := hiddenElement(*c)
	if err != nil {
		return false, err
	}
	var d *placed
	if hides {
		if d, err = p.find(digest, true); d == nil || err != nil {
			return false, err
		}
	}
	if comma {
		p.out = append(p.out, ',')
	}
	if d != nil {
		return true, p.hidden(d)
	}
	return true, p.value(c)
}

// hiddenElement reads {"...": digest}, which has no other members (RFC 9901 4.2.4.2), from
// a cursor of its own: where it is none, whoever reads the object finds that name to be
// reserved.
func hiddenElement(c strictjson.Cursor) (digest string, hides bool, err error) {
	if c.Kind() != strictjson.Object {
		return "", false, nil
	}
	c.Enter()
	name, kind, more := c.Step()
	if !more || name != elementName {
		return "", false, nil
	}
	if kind != strictjson.String {
		return "", true, fail(jose.DisclosureInvalid, "... is not a string")
	}
	v := c.Value()
	if _, _, more = c.Step(); more {
		return "", true, fail(jose.DisclosureInvalid, "... stands beside other names")
	}
	return v.Text(), true, nil
}

// quote appends s as a JSON string.
func quote(out []byte, s string) []byte {
	text, err := json.Marshal(s)
	if err != nil { // a string has no value that cannot be written
		panic(err)
	}
	return append(out, text...)
}

// escapePointer spells a name inside a JSON Pointer (RFC 6901 3).
func escapePointer(name string) string {
	if !strings.ContainsAny(name, "~/") {
		return name
	}
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}
