package jws

import (
	"context"
	"fmt"
	"slices"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/header"
	"github.com/jotward/jotward/jose/internal/strictjson"
	"github.com/jotward/jotward/jose/jwk"
)

// maxSignatures bounds the work that one general serialization can cause.
const maxSignatures = 16

// VerifyJSON checks a flattened or general JSON serialization (RFC 7515 7.2).
// Of several signatures one that holds is enough (RFC 7515 5.2); Message names
// its header and key. Every signature must be well-formed, and header names
// must be disjoint between its protected and unprotected part. It fails like
// Verify; with the first signature's reason when none holds. Of keys that
// answer to signatures without kid, 64 are tried for all of them together.
//
// What Message.Header holds may have stood in the unprotected header, where
// anybody can change it: the key is safe to believe, typ and cty are not.
func VerifyJSON(ctx context.Context, text []byte, keys KeySource, o Options) (*Message, error) {
	return verifyJSON(ctx, text, nil, false, keys, o)
}

// VerifyJSONDetached is VerifyJSON for a payload that travelled elsewhere: the
// message must have no payload member (RFC 7515 appendix F). It fails like Verify.
func VerifyJSONDetached(ctx context.Context, text, payload []byte, keys KeySource, o Options) (*Message, error) {
	return verifyJSON(ctx, text, payload, true, keys, o)
}

// part is one signature of a JSON serialization.
type part struct {
	header    Header
	err       error // why this header cannot be used, though it is well-formed
	protected string
	unencoded bool // RFC 7797
	signature []byte
}

func verifyJSON(ctx context.Context, text, detached []byte, isDetached bool, keys KeySource, o Options) (*Message, error) {
	if err := o.check(len(text)+len(detached), keys); err != nil {
		return nil, err
	}
	var d strictjson.Doc
	if err := d.Scan(string(text)); err != nil {
		return nil, fail(jose.TokenMalformed, err.Error())
	}
	if _, both := d.Find("ciphertext"); both {
		// What tells an encryption from a signature (RFC 7516 9): with it, one text would
		// be two messages.
		return nil, fail(jose.TokenMalformed, "ciphertext in a signed message")
	}
	parts, err := jsonParts(&d)
	if err != nil {
		return nil, err
	}
	unencoded := parts[0].unencoded
	if slices.ContainsFunc(parts, func(p part) bool { return p.unencoded != unencoded }) {
		// One payload would be read in two ways (RFC 7797 3: "MUST be the same for all").
		return nil, fail(jose.CriticalUnsupported, "b64 is not the same for all signatures")
	}
	signed, body, err := jsonPayload(&d, detached, isDetached, unencoded)
	if err != nil {
		return nil, err
	}
	var first error
	tries := maxTries
	for _, p := range parts {
		err := p.err
		if err == nil {
			var key *jwk.Key
			input := []byte(p.protected + "." + signed)
			if key, err = verifyOne(ctx, p.header, input, p.signature, keys, o, &tries); err == nil {
				return &Message{Header: p.header, Payload: body, Key: key}, nil
			}
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// jsonPayload returns the payload as it is signed and as it is meant.
func jsonPayload(d *strictjson.Doc, detached []byte, isDetached, unencoded bool) (signed string, body []byte, err error) {
	v, ok := d.Find("payload")
	switch {
	case isDetached && ok:
		return "", nil, fail(jose.TokenMalformed, "a payload inside a message whose payload is detached")
	case isDetached && unencoded:
		return string(detached), slices.Clone(detached), nil
	case isDetached:
		return b64.Encode(detached), slices.Clone(detached), nil
	case !ok || v.Kind != strictjson.String:
		return "", nil, fail(jose.TokenMalformed, "payload: missing or not a string")
	}
	signed = v.Text()
	if unencoded {
		return signed, []byte(signed), nil
	}
	if body, err = b64.Bytes(signed); err != nil {
		return "", nil, fail(jose.TokenMalformed, "payload: "+err.Error())
	}
	return signed, body, nil
}

// jsonParts lists the signatures: the message itself when it is flattened, the
// elements of signatures when it is general, never both (RFC 7515 7.2.2).
func jsonParts(d *strictjson.Doc) ([]part, error) {
	list, general := d.Find("signatures")
	if !general {
		p, err := jsonPart(d)
		return []part{p}, err
	}
	for _, name := range []string{"signature", "protected", "header"} {
		if _, both := d.Find(name); both {
			return nil, fail(jose.TokenMalformed, "flattened and general serialization in one")
		}
	}
	if list.Kind != strictjson.Array {
		return nil, fail(jose.TokenMalformed, "signatures: not an array")
	}
	var parts []part
	var inner strictjson.Doc
	for c := strictjson.Open(list); ; {
		m, more := c.Next()
		if !more {
			break
		}
		if len(parts) >= maxSignatures {
			return nil, fail(jose.TokenMalformed, fmt.Sprintf("more than %d signatures", maxSignatures))
		}
		if m.Kind != strictjson.Object || inner.Scan(m.Raw) != nil {
			return nil, fail(jose.TokenMalformed, "signatures: an element is not an object")
		}
		p, err := jsonPart(&inner)
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	if len(parts) == 0 {
		return nil, fail(jose.TokenMalformed, "signatures: empty")
	}
	return parts, nil
}

func jsonPart(d *strictjson.Doc) (p part, err error) {
	sig, ok := d.Find("signature")
	if !ok || sig.Kind != strictjson.String {
		return p, fail(jose.TokenMalformed, "signature: missing or not a string")
	}
	if p.signature, err = b64.Bytes(sig.Text()); err != nil {
		return p, fail(jose.TokenMalformed, "signature: "+err.Error())
	}
	var protected, unprotected strictjson.Doc
	if v, ok := d.Find("protected"); ok {
		if v.Kind != strictjson.String {
			return p, fail(jose.TokenMalformed, "protected: not a string")
		}
		p.protected = v.Text()
		if err := header.Scan(&protected, p.protected); err != nil {
			return p, err
		}
		// "It MUST be absent" when it is empty, and so must header (RFC 7515 7.2.1).
		if protected.Len() == 0 {
			return p, fail(jose.HeaderInvalid, "protected: empty")
		}
	}
	if v, ok := d.Find("header"); ok {
		if v.Kind != strictjson.Object || unprotected.Scan(v.Raw) != nil || unprotected.Len() == 0 {
			return p, fail(jose.HeaderInvalid, "header: empty or not an object")
		}
	}
	names := make(map[string]bool, protected.Len()) // looked up and not searched: a stranger decides how many there are
	for i := range protected.Len() {
		name, _ := protected.Member(i)
		names[name] = true
	}
	for _, m := range unprotected.Members() {
		if names[m.Name] {
			return p, fail(jose.HeaderInvalid, "a name stands in the protected and the unprotected header")
		}
	}
	h, unencoded, err := readMessageHeader(protected.Members(), unprotected.Members())
	p.unencoded = unencoded
	switch jose.ReasonOf(err) {
	case "":
		p.header, p.header.Protected = h, protected.Text()
	case jose.CriticalUnsupported:
		p.err = err // another signature may still hold
	default:
		return p, err
	}
	return p, nil
}
