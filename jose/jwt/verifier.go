package jwt

import (
	"context"
	"slices"
	"sync"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/strictjson"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// A KeySource answers with the keys for a kid and an algorithm. jwk.Key,
// jwk.Set and jwks.Remote are sources. Both methods are called by many
// goroutines at once.
type KeySource interface {
	// Lookup returns the keys for a kid, which a stranger wrote and which may be
	// empty, and an algorithm that the policy allows. The answer is remembered for other
	// calls, so it must not depend on ctx, which carries a deadline and a trace: a
	// program with several tenants has a Verifier for each.
	Lookup(ctx context.Context, kid string, alg jwk.Algorithm) ([]*jwk.Key, error)
	// Generation changes whenever Lookup could answer differently. It is asked
	// for every token and must be cheap.
	Generation() uint64
	// A source that also has Refresh(context.Context) error is asked to look for
	// newer keys when a signature fails under keys that have no kid. It must bound
	// how often it does so, for strangers can write such tokens.
}

// A Verifier verifies tokens whose claims are read into a C. It is safe for use
// by many goroutines.
type Verifier[C any] struct {
	core   core
	reader reader[C]
}

// NewVerifier builds a Verifier. How C is read is decided here, once: C is a
// struct with json tags, a map with string keys, any, or a json.Unmarshaler;
// struct{} reads nothing. Names are compared exactly, at every depth.
//
// It fails with PolicyInvalid when an expectation is missing or contradicts
// itself, or when C has fields that no JSON value fits.
func NewVerifier[C any](keys KeySource, p Policy) (*Verifier[C], error) {
	if keys == nil {
		return nil, fail(jose.PolicyInvalid, "no key source")
	}
	c, err := compilePolicy(p)
	if err != nil {
		return nil, err
	}
	v := &Verifier[C]{core: core{policy: c, keys: keys}}
	if err := v.reader.compile(); err != nil {
		return nil, err
	}
	return v, nil
}

// Verify accepts a token or says why not, in this order: size, shape, header,
// algorithm, type, key, signature, claims. The error is a *jose.Error.
//
// A Token that its caller does not keep costs no allocation: Verify is written to
// be small enough for the compiler to inline, so that the Token can live on its
// caller's stack (TestAllocations).
func (v *Verifier[C]) Verify(ctx context.Context, token string) (t *Token[C], err error) {
	t, err = v.verify(ctx, new(Token[C]), token, nil)
	return
}

// verify is Verify with what one call demands beside the policy. It returns t, and
// must not let it escape otherwise.
func (v *Verifier[C]) verify(ctx context.Context, t *Token[C], token string, more []rule) (*Token[C], error) {
	if v == nil || v.core.keys == nil {
		return nil, errUnbuilt()
	}
	m := v.reader.borrow()
	defer v.reader.release(m)
	seen, segment, err := v.core.authenticate(ctx, token, &m.scratch)
	if err != nil {
		return nil, err
	}
	t.Header = seen.header
	if m.payload, err = b64.AppendDecode(m.payload[:0], segment); err != nil {
		return nil, fail(jose.TokenMalformed, "payload: "+err.Error())
	}
	if err := v.reader.read(t, &v.core.policy, more, m); err != nil {
		return nil, err
	}
	return t, nil
}

// errUnbuilt is what a verifier says that no constructor has built: its zero value
// knows no policy, and refuses.
func errUnbuilt() error { return fail(jose.PolicyInvalid, "no constructor has built this verifier") }

// readClaims reads the registered claims of the claims set in s.payload, and
// judges them and it.
func readClaims[C any](t *Token[C], p *policy, more []rule, s *scratch) error {
	// Every string of the token is a part of this one copy.
	t.Payload = string(s.payload)
	if err := s.doc.Scan(t.Payload); err != nil {
		return fail(jose.ClaimsInvalid, err.Error())
	}
	have, err := readRegistered(&t.Registered, &t.aside, &s.doc, &s.lists)
	if err != nil {
		return err
	}
	now := p.Clock()
	if err := p.judge(&t.Registered, have, &s.doc, now); err != nil {
		return err
	}
	if len(p.rules)+len(more) > 0 {
		reg := t.Registered // a copy, for a rule may let it escape
		f := facts{alg: t.Header.Algorithm, reg: &reg, have: have, doc: &s.doc, now: now}
		return f.follow(p.rules, more)
	}
	return nil
}

// core is the part of a Verifier that does not depend on C.
type core struct {
	policy  policy
	keys    KeySource
	headers headerCache
}

// scratch is memory that one verification needs and gives back.
type scratch struct {
	doc     strictjson.Doc
	input   []byte
	sig     []byte
	payload []byte
	lists   lists
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

func borrowScratch() *scratch { return scratches.Get().(*scratch) }

// release gives the memory back, unless a huge token made it huge.
func (s *scratch) release() {
	if s.empty() {
		scratches.Put(s)
	}
}

// empty forgets the token, and reports whether the memory is worth keeping.
func (s *scratch) empty() bool {
	s.doc.Reset()
	s.lists = lists{}
	return cap(s.input) <= 64<<10 && cap(s.sig) <= 64<<10 && !s.doc.Huge()
}

// authenticate checks everything up to the signature, and returns what became
// of the header, and the payload's segment.
func (c *core) authenticate(ctx context.Context, token string, s *scratch) (seen *resolved, payload string, err error) {
	if len(token) > c.policy.MaxSize {
		return nil, "", fail(jose.TokenOversize, "the token is larger than the policy allows")
	}
	segment, payload, signature, err := jws.Split(token)
	if err != nil {
		return nil, "", err
	}
	generation := c.keys.Generation()
	seen = c.headers.find(segment, generation)
	if seen == nil {
		if seen, err = c.resolve(ctx, segment, generation); err != nil {
			return nil, "", err
		}
	}
	if s.sig, err = b64.AppendDecode(s.sig[:0], signature); err != nil {
		return nil, "", fail(jose.TokenMalformed, "signature: "+err.Error())
	}
	s.input = append(s.input[:0], token[:len(segment)+1+len(payload)]...)
	if _, err = jws.TryKeys(seen.keys, seen.header, s.input, s.sig); err != nil {
		if seen = c.askAnew(ctx, segment, seen, err); seen == nil {
			return nil, "", err
		}
		if _, err = jws.TryKeys(seen.keys, seen.header, s.input, s.sig); err != nil {
			return nil, "", err
		}
	}
	// Only a header that a signature has vouched for is worth remembering, so
	// strangers cannot fill the cache.
	if !seen.cached {
		c.headers.add(segment, seen)
	}
	return seen, payload, nil
}

// A refresher is a KeySource that can be asked to look for newer keys, bounded
// as it sees fit. jwks.Remote is one.
type refresher interface{ Refresh(context.Context) error }

// askAnew resolves a header again when its signature failed under keys without
// kid and the source has newer ones. Such keys, which RFC 7517 4.5 allows,
// rotate without an unknown kid to show it: without this, tokens would be
// refused until the source's next refresh. It returns nil when nothing changed.
func (c *core) askAnew(ctx context.Context, segment string, seen *resolved, why error) *resolved {
	source, ok := c.keys.(refresher)
	if !ok || jose.ReasonOf(why) != jose.SignatureInvalid || !slices.ContainsFunc(seen.keys, nameless) || source.Refresh(ctx) != nil {
		return nil
	}
	generation := c.keys.Generation()
	if generation == seen.generation {
		return nil
	}
	next, err := c.resolve(ctx, segment, generation)
	if err != nil {
		return nil
	}
	return next
}

func nameless(k *jwk.Key) bool { return k.KeyID() == "" }

// resolve takes a header that is not in the cache from its bytes to its keys.
func (c *core) resolve(ctx context.Context, segment string, generation uint64) (*resolved, error) {
	h, err := jws.ParseHeader(segment)
	if err != nil {
		return nil, err
	}
	if err := c.policy.checkAlgorithm(h); err != nil {
		return nil, err
	}
	if err := c.policy.checkType(h); err != nil {
		return nil, err
	}
	keys, err := c.keys.Lookup(ctx, h.KeyID, h.Algorithm)
	if err != nil {
		return nil, jose.Reasoned(err, jose.KeysUnavailable, "the key source failed")
	}
	return &resolved{header: h, keys: keys, generation: generation}, nil
}
