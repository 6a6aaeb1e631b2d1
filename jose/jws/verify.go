package jws

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/header"
	"github.com/jotward/jotward/jose/internal/strictjson"
	"github.com/jotward/jotward/jose/jwk"
)

// DefaultMaxSize is the bound on a message when Options.MaxSize is 0.
const DefaultMaxSize = 1 << 20

// MaxCandidates is how many keys are tried for a signature whose kid does not decide:
// as many as package jwe tries.
const MaxCandidates = 16

// maxTries bounds the keys that are tried for all signatures of one message.
const maxTries = 64

// A KeySource answers with the keys for a kid and an algorithm. jwk.Key,
// jwk.Set and jwks.Remote are sources. The kid comes from a stranger: a source
// compares it and does nothing else with it. The answer must not depend on ctx, which
// carries a deadline and a trace: give each tenant a source of its own.
type KeySource interface {
	Lookup(ctx context.Context, kid string, alg jwk.Algorithm) ([]*jwk.Key, error)
}

// Options say what Verify accepts. The zero value accepts nothing.
type Options struct {
	Algorithms []jwk.Algorithm // required; compared with the header exactly
	MaxSize    int             // in bytes; 0 means DefaultMaxSize
}

// A Message is a payload whose signature held.
type Message struct {
	Header  Header
	Payload []byte
	Key     *jwk.Key // the key under which it held
}

// Verify checks a compact serialization (RFC 7515 5.2, 7.1) in this order:
// size, shape, header, algorithm, key, signature. It fails with PolicyInvalid,
// TokenOversize, TokenMalformed, HeaderInvalid, CriticalUnsupported,
// AlgorithmNotAllowed, what the key source says, KeyAmbiguous, KeyMisuse or
// SignatureInvalid.
//
// A payload that the header, by b64 and crit, says is signed unencoded is read as
// it stands (RFC 7797); package jwt refuses such tokens.
func Verify(ctx context.Context, token string, keys KeySource, o Options) (*Message, error) {
	return verifyCompact(ctx, token, nil, false, keys, o)
}

// VerifyDetached is Verify for a message whose payload travelled elsewhere: its
// middle segment must be empty (RFC 7515 appendix F). It fails like Verify.
func VerifyDetached(ctx context.Context, token string, payload []byte, keys KeySource, o Options) (*Message, error) {
	return verifyCompact(ctx, token, payload, true, keys, o)
}

func verifyCompact(ctx context.Context, token string, detached []byte, isDetached bool, keys KeySource, o Options) (*Message, error) {
	if err := o.check(len(token)+len(detached), keys); err != nil {
		return nil, err
	}
	segment, payload, signature, err := Split(token)
	if err != nil {
		return nil, err
	}
	var d strictjson.Doc
	if err := header.Scan(&d, segment); err != nil {
		return nil, err
	}
	h, unencoded, err := readMessageHeader(d.Members(), nil)
	if err != nil {
		return nil, err
	}
	h.Protected = d.Text()
	if isDetached && payload != "" {
		return nil, fail(jose.TokenMalformed, "a payload inside a message whose payload is detached")
	}
	sig, err := b64.Bytes(signature)
	if err != nil {
		return nil, fail(jose.TokenMalformed, "signature: "+err.Error())
	}
	input := []byte(token[:len(segment)+1+len(payload)])
	body := slices.Clone(detached)
	switch {
	case isDetached && unencoded:
		input = append(input, detached...)
	case isDetached:
		input = b64.AppendEncode(input, detached)
	case unencoded:
		if body, err = plainPayload(payload); err != nil {
			return nil, err
		}
	default:
		if body, err = b64.Bytes(payload); err != nil {
			return nil, fail(jose.TokenMalformed, "payload: "+err.Error())
		}
	}
	tries := maxTries
	key, err := verifyOne(ctx, h, input, sig, keys, o, &tries)
	if err != nil {
		return nil, err
	}
	return &Message{Header: h, Payload: body, Key: key}, nil
}

// plainPayload reads an unencoded payload between dots: printable ASCII without
// a dot, so that nothing on its way can break or bend it (RFC 7797 5.2).
func plainPayload(segment string) ([]byte, error) {
	for _, c := range []byte(segment) {
		if c < ' ' || c > '~' {
			return nil, fail(jose.TokenMalformed, "payload: unencoded, and not printable ASCII")
		}
	}
	return []byte(segment), nil
}

// Split finds the three segments of a compact serialization without allocating,
// however many dots there are (CVE-2025-27144, CVE-2025-30204). It fails with
// TokenMalformed and says when the text is another serialization.
func Split(token string) (header, payload, signature string, err error) {
	first := strings.IndexByte(token, '.')
	if first < 0 {
		if strings.HasPrefix(strings.TrimLeft(token, " \t\r\n"), "{") {
			return "", "", "", fail(jose.TokenMalformed, "JSON serialization where the compact one is expected")
		}
		return "", "", "", fail(jose.TokenMalformed, "not three segments")
	}
	rest := token[first+1:]
	second := strings.IndexByte(rest, '.')
	if second < 0 || strings.IndexByte(rest[second+1:], '.') >= 0 {
		return "", "", "", fail(jose.TokenMalformed, "not three segments")
	}
	return token[:first], rest[:second], rest[second+1:], nil
}

func (o Options) check(size int, keys KeySource) error {
	if len(o.Algorithms) == 0 {
		return fail(jose.PolicyInvalid, "no algorithms are allowed")
	}
	for _, a := range o.Algorithms {
		if !a.IsSignature() {
			return fail(jose.PolicyInvalid, fmt.Sprintf("unknown algorithm %q", string(a)))
		}
	}
	if keys == nil {
		return fail(jose.PolicyInvalid, "no key source")
	}
	limit := o.MaxSize
	switch {
	case limit < 0:
		return fail(jose.PolicyInvalid, "a bound is negative")
	case limit == 0:
		limit = DefaultMaxSize
	}
	if size > limit {
		return fail(jose.TokenOversize, fmt.Sprintf("%d bytes, at most %d are accepted", size, limit))
	}
	return nil
}

// verifyOne takes one header and signature from the algorithm to the verdict. tries is
// how many keys may still be tried for the message.
func verifyOne(ctx context.Context, h Header, input, sig []byte, keys KeySource, o Options, tries *int) (*jwk.Key, error) {
	if !slices.Contains(o.Algorithms, h.Algorithm) {
		return nil, NotAllowed(h.Algorithm)
	}
	candidates, err := keys.Lookup(ctx, h.KeyID, h.Algorithm)
	if err != nil {
		return nil, jose.Reasoned(err, jose.KeysUnavailable, "the key source failed")
	}
	if *tries -= min(len(candidates), MaxCandidates); *tries < 0 {
		return nil, fail(jose.KeyAmbiguous, fmt.Sprintf("more than %d keys answer to the signatures", maxTries))
	}
	return TryKeys(candidates, h, input, sig)
}

// NotAllowed is the error for an alg that is not on the caller's list.
func NotAllowed(a jwk.Algorithm) error {
	name := string(a)
	if len(name) > 32 {
		name = name[:32]
	}
	return fail(jose.AlgorithmNotAllowed, fmt.Sprintf("alg %q is not on the list", name))
}

// TryKeys verifies a signature under the candidates that a key source answered
// with: several only where a kid does not decide, and never more than
// MaxCandidates. It checks once more that each key is bound to the header's
// algorithm. It fails with KeyNotFound, KeyAmbiguous, KeyMisuse or SignatureInvalid.
func TryKeys(candidates []*jwk.Key, h Header, input, sig []byte) (*jwk.Key, error) {
	switch {
	case len(candidates) == 0:
		return nil, fail(jose.KeyNotFound, "no key answers")
	case len(candidates) > MaxCandidates:
		return nil, fail(jose.KeyAmbiguous, fmt.Sprintf("%d keys answer", len(candidates)))
	}
	var err error
	for _, key := range candidates {
		if !key.Accepts(h.Algorithm) {
			err = fail(jose.KeyMisuse, "the key is bound to another algorithm")
			continue
		}
		if err = VerifySignature(key, input, sig); err == nil {
			return key, nil
		}
	}
	return nil, err
}
