package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
	"github.com/jotward/jotward/jose/jwt"
	"github.com/jotward/jotward/jose/mldsa"
)

// maxSize is the size limit of the interface; everything else is the library's default.
const maxSize = 1 << 20

// answer judges one line. A panic is a reject that says so.
func answer(ctx context.Context, line []byte) (v verdict) {
	start := time.Now()
	defer func() {
		if p := recover(); p != nil {
			v.Verdict, v.Error = "reject", "panic" // what was said in it may hold the token
		}
		v.MS = float64(time.Since(start).Microseconds()) / 1000
	}()
	var c testCase
	err := json.Unmarshal(line, &c)
	v.ID = c.ID // known also where another field has the wrong type
	if err != nil {
		v.Verdict, v.Error = "reject", "no case: "+err.Error()
		return v
	}
	start = time.Now()
	var payload []byte
	switch c.Kind {
	case "jws":
		payload, err = judgeJWS(ctx, &c)
	case "jwt":
		if payload, err = judgeJWT(ctx, &c); err == nil {
			v.Claims = payload
		}
	case "jwe":
		payload, err = judgeJWE(ctx, &c)
	case "jwe-jwt":
		if payload, err = judgeEncryptedJWT(ctx, &c); err == nil {
			v.Claims = payload
		}
	case "nested":
		if payload, err = judgeNested(ctx, &c); err == nil {
			v.Claims = payload
		}
	default:
		v.Verdict, v.Error = "unsupported", "kind "+c.Kind+" is not built yet"
		return v
	}
	if err != nil {
		v.Verdict, v.Error = "reject", code(err)
		if why := c.unsupported(); why != "" {
			v.Verdict, v.Error = "unsupported", why
		}
		return v
	}
	text := base64.RawURLEncoding.EncodeToString(payload)
	v.Verdict, v.Payload = "accept", &text
	return v
}

// code is the stable code of an error and no more: details name claims and kids,
// which are the token's.
func code(err error) string {
	if reason := jose.ReasonOf(err); reason != "" {
		return string(reason)
	}
	return err.Error()
}

// source is what both key types are.
type source interface {
	Lookup(ctx context.Context, kid string, alg jwk.Algorithm) ([]*jwk.Key, error)
}

// bound answers with the case's key, which often has no alg, bound to the
// algorithm that is asked for: a key of its own for each that the case allows,
// as a caller would who means that.
type bound struct {
	text  []byte
	isSet bool
	known map[jwk.Algorithm]source
}

func newBound(raw json.RawMessage) (*bound, error) {
	key, err := plain(raw)
	if err != nil {
		return nil, err
	}
	b := &bound{text: []byte(key), known: map[jwk.Algorithm]source{}}
	var shape map[string]json.RawMessage
	if json.Unmarshal(b.text, &shape) == nil {
		_, b.isSet = shape["keys"]
	}
	return b, nil
}

// Lookup is asked only for algorithms that the case allows.
func (b *bound) Lookup(ctx context.Context, kid string, a jwk.Algorithm) ([]*jwk.Key, error) {
	keys := b.known[a]
	if keys == nil {
		var err error
		o := jwk.Options{Algorithms: []jwk.Algorithm{a}, Extensions: []jwk.Extension{mldsa.Extension()}}
		if b.isSet {
			keys, err = jwk.ParseSet(b.text, o)
		} else {
			keys, err = jwk.Parse(b.text, o)
		}
		if err != nil {
			return nil, err
		}
		b.known[a] = keys
	}
	return keys.Lookup(ctx, kid, a)
}

// Generation is always the same: a case has its keys from the beginning.
func (b *bound) Generation() uint64 { return 0 }

func judgeJWS(ctx context.Context, c *testCase) ([]byte, error) {
	allowed, _ := c.algorithms()
	keys, err := newBound(c.Key)
	if err != nil {
		return nil, err
	}
	o := jws.Options{Algorithms: allowed, MaxSize: maxSize}
	token, err := plain(c.Token)
	if err != nil {
		return nil, err
	}
	isJSON := strings.HasPrefix(strings.TrimLeft(token, " \t\r\n"), "{")
	var m *jws.Message
	if c.isDetached(token) {
		detached, err := base64.RawURLEncoding.Strict().DecodeString(*c.Detached)
		if err != nil || strings.ContainsAny(*c.Detached, "\r\n") { // which encoding/base64 skips
			return nil, jose.NewError(jose.TokenMalformed, "detached payload: not base64url", nil)
		}
		if isJSON {
			m, err = jws.VerifyJSONDetached(ctx, []byte(token), detached, keys, o)
		} else {
			m, err = jws.VerifyDetached(ctx, token, detached, keys, o)
		}
		if err != nil {
			return nil, err
		}
		return m.Payload, nil
	}
	if isJSON {
		m, err = jws.VerifyJSON(ctx, []byte(token), keys, o)
	} else {
		m, err = jws.Verify(ctx, token, keys, o)
	}
	if err != nil {
		return nil, err
	}
	return m.Payload, nil
}

// isDetached reports whether the payload is to be taken from the case. An empty
// field is what a writer without optional fields writes for none: it counts only
// for a token that has no payload of its own.
func (c *testCase) isDetached(token string) bool {
	if c.Detached == nil || *c.Detached != "" {
		return c.Detached != nil
	}
	if _, payload, _, err := jws.Split(token); err == nil {
		return payload == ""
	}
	var outer map[string]json.RawMessage
	return json.Unmarshal([]byte(token), &outer) != nil || outer["payload"] == nil
}

func judgeJWT(ctx context.Context, c *testCase) ([]byte, error) {
	allowed, _ := c.algorithms()
	v, err := c.verifier(c.Key, allowed)
	if err != nil {
		return nil, err
	}
	token, err := plain(c.Token)
	if err != nil {
		return nil, err
	}
	t, err := v.Verify(ctx, token)
	if err != nil {
		return nil, err
	}
	return []byte(t.Payload), nil
}

// verifier checks the claims of a case under a signature.
func (c *testCase) verifier(key json.RawMessage, allowed []jwk.Algorithm) (*jwt.Verifier[map[string]any], error) {
	keys, err := newBound(key)
	if err != nil {
		return nil, err
	}
	p, err := c.policy()
	if err != nil {
		return nil, err
	}
	p.Algorithms = allowed
	return jwt.NewVerifier[map[string]any](keys, p)
}

// policy is what the case says of claims; what it does not say is skipped.
func (c *testCase) policy() (jwt.Policy, error) {
	clock, err := c.clock()
	if err != nil {
		return jwt.Policy{}, err
	}
	p := jwt.Policy{
		Issuers: c.Iss, SkipIssuer: len(c.Iss) == 0,
		Audiences: c.Aud, SkipAudience: len(c.Aud) == 0,
		SkipType:     c.Typ == nil || *c.Typ == "",
		SkipLifetime: true, MaxSize: maxSize, Clock: clock,
	}
	if !p.SkipType {
		p.Type = *c.Typ
	}
	if c.Require != nil {
		p.Required = append([]string{}, *c.Require...)
	}
	return p, nil
}

// unsupported names what the library would need to judge a case that it
// refused, "" when the refusal is its verdict: an algorithm, or a curve of one,
// that the case allows and a signature of the token uses.
func (c *testCase) unsupported() string {
	allowed, lacking := c.algorithms()
	for _, alg := range c.named() {
		if slices.Contains(lacking, alg) && isRegistered(alg) {
			return "alg " + alg + " is not built yet"
		}
		if strings.HasPrefix(alg, "ECDH-ES") && c.onlyCurve("X448", "X25519", "P-256", "P-384", "P-521") {
			return "curve X448 is not built yet"
		}
		if alg == "EdDSA" && slices.Contains(allowed, jwk.EdDSA) && c.onlyCurve("Ed448", "Ed25519") { // RFC 8037 2
			return "curve Ed448 is not built yet"
		}
	}
	return ""
}

// onlyCurve reports whether the case's keys are on that curve and on none of ours.
func (c *testCase) onlyCurve(curve string, ours ...string) bool {
	type key struct{ Crv string }
	var k struct {
		key
		Keys []key
	}
	text, err := plain(c.Key)
	if err != nil || json.Unmarshal([]byte(text), &k) != nil {
		return false
	}
	keys := append(k.Keys, k.key)
	return slices.Contains(keys, key{curve}) &&
		!slices.ContainsFunc(ours, func(name string) bool { return slices.Contains(keys, key{name}) })
}

// isRegistered tells algorithms of the registry that are not built, or never
// will be (RSA1_5), from names that nobody should accept.
func isRegistered(alg string) bool {
	return slices.Contains([]string{"ES256K", "Ed448", "RSA1_5"}, alg)
}

// named lists the algorithms in the protected headers, read loosely: they only
// explain a refusal.
func (c *testCase) named() (algs []string) {
	token, _ := plain(c.Token)
	segment, _, _ := strings.Cut(token, ".")
	segments := []string{segment}
	var outer struct {
		Protected  string
		Signatures []struct{ Protected string }
	}
	if json.Unmarshal([]byte(token), &outer) == nil {
		segments = []string{outer.Protected}
		for _, s := range outer.Signatures {
			segments = append(segments, s.Protected)
		}
	}
	for _, segment := range segments {
		var header struct{ Alg string }
		if text, err := base64.RawURLEncoding.DecodeString(segment); err == nil && json.Unmarshal(text, &header) == nil {
			algs = append(algs, header.Alg)
		}
	}
	return algs
}
