package jws

import (
	"context"
	"fmt"
	"slices"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/strictjson"
	"github.com/jotward/jotward/jose/jwk"
)

// maxSignatures bounds the work that one general serialization can cause.
const maxSignatures = 16

// VerifyJSON checks a flattened or general JSON serialization (RFC 7515 7.2).
// Of several signatures one that holds is enough (RFC 7515 5.2); Message names
// its header and key. Every signature must be well-formed, and header names
// must be disjoint between its protected and unprotected part. It fails like
// Verify; with the first signature's reason when none holds.
func VerifyJSON(ctx context.Context, text []byte, keys KeySource, o Options) (*Message, error) {
	return verifyJSON(ctx, text, nil, false, keys, o)
}

// VerifyJSONDetached is VerifyJSON for a payload that travelled elsewhere: the
// message must have no payload member (RFC 7515 appendix F).
func VerifyJSONDetached(ctx context.Context, text, payload []byte, keys KeySource, o Options) (*Message, error) {
	return verifyJSON(ctx, text, payload, true, keys, o)
}

// part is one signature of a JSON serialization.
type part struct {
	header    Header
	err       error // why this header cannot be used, though it is well-formed
	protected string
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
	encoded, body, err := jsonPayload(&d, detached, isDetached)
	if err != nil {
		return nil, err
	}
	parts, err := jsonParts(&d)
	if err != nil {
		return nil, err
	}
	var first error
	for _, p := range parts {
		err := p.err
		if err == nil {
			var key *jwk.Key
			input := []byte(p.protected + "." + encoded)
			if key, err = verifyOne(ctx, p.header, input, p.signature, keys, o); err == nil {
				return &Message{Header: p.header, Payload: body, Key: key}, nil
			}
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

func jsonPayload(d *strictjson.Doc, detached []byte, isDetached bool) (encoded string, body []byte, err error) {
	v, ok := d.Find("payload")
	switch {
	case isDetached && ok:
		return "", nil, fail(jose.TokenMalformed, "a payload inside a message whose payload is detached")
	case isDetached:
		return b64.Encode(detached), slices.Clone(detached), nil
	case !ok || v.Kind != strictjson.String:
		return "", nil, fail(jose.TokenMalformed, "payload: missing or not a string")
	}
	encoded = v.Text()
	if body, err = b64.Bytes(encoded); err != nil {
		return "", nil, fail(jose.TokenMalformed, "payload: "+err.Error())
	}
	return encoded, body, nil
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
	var members []strictjson.Member
	if v, ok := d.Find("protected"); ok {
		if v.Kind != strictjson.String || v.Text() == "" {
			return p, fail(jose.TokenMalformed, "protected: empty or not a string")
		}
		p.protected = v.Text()
		var inner strictjson.Doc
		if err := scanHeader(&inner, p.protected); err != nil {
			return p, err
		}
		members = inner.Members()
	}
	if v, ok := d.Find("header"); ok {
		var inner strictjson.Doc
		if v.Kind != strictjson.Object || inner.Scan(v.Raw) != nil {
			return p, fail(jose.HeaderInvalid, "header: not an object")
		}
		unprotected := inner.Members()
		for _, m := range unprotected {
			if slices.ContainsFunc(members, func(other strictjson.Member) bool { return other.Name == m.Name }) {
				return p, fail(jose.HeaderInvalid, "a name stands in the protected and the unprotected header")
			}
			// "crit" and "b64" are worth something only under the signature
			// (RFC 7515 4.1.11); readHeader refuses them wherever they stand.
		}
		members = append(slices.Clip(members), unprotected...)
	}
	h, err := readHeader(members)
	switch jose.ReasonOf(err) {
	case "":
		p.header = h
	case jose.CriticalUnsupported:
		p.err = err // another signature may still hold
	default:
		return p, err
	}
	return p, nil
}
