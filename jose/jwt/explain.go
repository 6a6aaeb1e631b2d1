package jwt

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/strictjson"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// An Explanation is what Explain found, check by check, for people to read. It
// is no acceptance, whatever it says: it holds no claims, only texts about them,
// cut and quoted. Whoever lets somebody in calls Verify.
type Explanation struct {
	Checks []Check `json:"checks"`
}

// A Check is one check of a Verifier, and what came of it.
type Check struct {
	Name     string      `json:"name"`             // stable, such as "issuer"
	State    CheckState  `json:"state"`            // what came of it
	Reason   jose.Reason `json:"reason,omitempty"` // why it failed
	Expected string      `json:"expected"`         // what the policy wants
	Found    string      `json:"found"`            // what there is; never a secret, a signature or a whole token
	Remedy   string      `json:"remedy,omitempty"` // what to do when it failed
}

// A CheckState is what came of a check.
type CheckState string

// The states.
const (
	CheckOK         CheckState = "ok"
	CheckFailed     CheckState = "failed"
	CheckNotReached CheckState = "not_reached" // something that it needs failed before
)

// Failure returns the first failed check as an error: the reason for which Verify
// refuses the token. It is nil when Verify accepts it.
func (e *Explanation) Failure() error {
	for _, c := range e.Checks {
		if c.State == CheckFailed {
			return fail(c.Reason, c.Name+": "+c.Found)
		}
	}
	return nil
}

// Explain runs every check of Verify instead of stopping at the first that fails,
// in the order of Verify, and says of each what was expected, what was found and
// what to do. A check that cannot be run, because one before it failed that it
// stands on, is not reached; beyond the policy's size nothing is looked at.
//
// It accepts exactly what Verify accepts, and its first failure has Verify's
// reason, for the same keys and at the same time. It asks the key source as
// Verify does. It is for those who run the verifier, in consoles and on command
// lines, and not for who sent the token: it tells what the policy expects, and
// what claims say that no signature vouches for. See Explanation.
func (v *Verifier[C]) Explain(ctx context.Context, token string) *Explanation {
	return v.explain(ctx, token, nil)
}

func (v *Verifier[C]) explain(ctx context.Context, token string, more []rule) *Explanation {
	if v == nil || v.core.keys == nil {
		return unbuilt()
	}
	e := v.explainer(more)
	payload, signed, ok := e.message(ctx, &v.core, token)
	if !ok {
		return e.done()
	}
	f, ok := e.claims(payload)
	if !ok || !e.custom {
		return e.done()
	}
	if !signed {
		// The caller's own decoders see nothing that a stranger wrote.
		return e.done()
	}
	var claims C
	err := v.reader.plan.decodeClaims(reflect.ValueOf(&claims).Elem(), f.doc, payload)
	e.add("custom_claims", err, "claims that fit the verifier's type", "claims")
	return e.done()
}

// unbuilt is the explanation of a verifier that no constructor has built.
func unbuilt() *Explanation {
	e := &explainer{}
	e.add("policy", errUnbuilt(), "a policy", "a policy")
	return &Explanation{Checks: e.checks}
}

func (v *Verifier[C]) explainer(more []rule) *explainer {
	return &explainer{policy: &v.core.policy, rules: slices.Concat(v.core.policy.rules, more), custom: v.reader.plan != nil,
		wantKey: "a key of the source that answers to kid and alg"}
}

// explainer collects the checks.
type explainer struct {
	policy *policy
	rules  []rule
	custom bool // the caller's claims are read
	// wantKey is what a key has to be, in words.
	wantKey string
	header  jws.Header
	checks  []Check
}

// add notes a check that was run: found is what was found when it holds, and err
// says what when it does not.
func (e *explainer) add(name string, err error, expected, found string) {
	if typed, ok := err.(*jose.Error); ok {
		found = typed.Detail
	}
	e.addValue(name, err, expected, found)
}

// addValue notes a check of one value, which is what was found either way.
func (e *explainer) addValue(name string, err error, expected, found string) {
	c := Check{Name: name, State: CheckOK, Expected: expected, Found: found}
	if err != nil {
		c.State, c.Reason = CheckFailed, jose.ReasonOf(err)
		c.Remedy = remedyOf(c.Reason)
	}
	e.checks = append(e.checks, c)
}

// skip notes a check that could not be run.
func (e *explainer) skip(name, expected, found string) {
	e.checks = append(e.checks, Check{Name: name, State: CheckNotReached, Expected: expected, Found: found})
}

// done lists what was not reached at all, so that every explanation under one
// policy names the same checks in the same order.
func (e *explainer) done() *Explanation {
	names := []string{"size", "shape", "header", "algorithm", "type", "key", "signature", "claims", "claim_types", "required",
		"issuer", "audience", "expiry", "not_before", "issued_at", "lifetime"}
	for i := range e.rules {
		names = append(names, e.rules[i].name)
	}
	if e.custom {
		names = append(names, "custom_claims")
	}
	for _, name := range names[len(e.checks):] {
		e.skip(name, "", "a check before it failed")
	}
	return &Explanation{Checks: e.checks}
}

// message explains everything up to the signature. It returns the payload, when
// it can be decoded, and whether a signature vouches for it.
func (e *explainer) message(ctx context.Context, c *core, token string) (payload string, signed, ok bool) {
	var err error
	if len(token) > c.policy.MaxSize {
		err = fail(jose.TokenOversize, fmt.Sprintf("%d bytes", len(token)))
	}
	e.addValue("size", err, fmt.Sprintf("at most %d bytes", c.policy.MaxSize), fmt.Sprintf("%d bytes", len(token)))
	if err != nil {
		return "", false, false
	}
	header, segment, signature, err := jws.Split(token)
	e.add("shape", err, "three segments with a dot between two", "three segments")
	if err != nil {
		return "", false, false
	}
	seen := e.head(ctx, c, header)
	signed = e.signature(ctx, c, seen, header, token[:len(header)+1+len(segment)], signature)
	text, err := b64.Bytes(segment)
	if err != nil {
		e.add("claims", fail(jose.TokenMalformed, "payload: "+err.Error()), "base64url of one strict JSON object", "")
		return "", false, false
	}
	return string(text), signed, true
}

// head explains the header, and returns it with its keys when there are any.
func (e *explainer) head(ctx context.Context, c *core, segment string) *resolved {
	generation := c.keys.Generation()
	h, err := jws.ParseHeader(segment)
	e.add("header", err, "base64url of one strict JSON object without crit", fmt.Sprintf("a header of %d bytes", len(segment)))
	algorithms := algorithmNames(c.policy.Algorithms)
	wantType := show(c.policy.Type)
	switch {
	case c.policy.SkipType:
		wantType = "any (SkipType)"
	case c.policy.untyped:
		wantType += ", or no typ"
	}
	if err != nil {
		e.skip("algorithm", algorithms, "the header could not be read")
		e.skip("type", wantType, "the header could not be read")
		e.skip("key", e.wantKey, "the header could not be read")
		return nil
	}
	e.header = h
	err = c.policy.checkAlgorithm(h)
	e.addValue("algorithm", err, algorithms, show(string(h.Algorithm)))
	foundType := show(h.Type)
	if isNested(h.ContentType) {
		foundType += " around a token of its own, by its cty"
	}
	e.addValue("type", c.policy.checkType(h), wantType, foundType)
	if err != nil {
		e.skip("key", e.wantKey, "the algorithm is not allowed, so no key is asked for")
		return nil
	}
	keys, err := c.keys.Lookup(ctx, h.KeyID, h.Algorithm)
	if err != nil {
		err = jose.Reasoned(err, jose.KeysUnavailable, "the key source failed")
	} else if len(keys) == 0 {
		err = fail(jose.KeyNotFound, "no key answers")
	}
	e.add("key", err, e.wantKey, fmt.Sprintf("kid %s, %d to try", show(h.KeyID), len(keys)))
	if err != nil {
		return nil
	}
	return &resolved{header: h, keys: keys, generation: generation}
}

// signature explains the signature, and reports whether it holds.
func (e *explainer) signature(ctx context.Context, c *core, seen *resolved, header, input, signature string) bool {
	const want = "a signature that holds over header and claims"
	if seen == nil {
		e.skip("signature", want, "there is no key to try")
		return false
	}
	sig, err := b64.Bytes(signature)
	if err != nil {
		e.add("signature", fail(jose.TokenMalformed, "signature: "+err.Error()), want, "")
		return false
	}
	key, err := jws.TryKeys(seen.keys, seen.header, []byte(input), sig)
	if err != nil {
		if again := c.askAnew(ctx, header, seen, err); again != nil {
			key, err = jws.TryKeys(again.keys, again.header, []byte(input), sig)
		}
	}
	found := fmt.Sprintf("%d bytes", len(sig))
	if err == nil {
		found += " that hold under " + keyName(key)
	}
	e.add("signature", err, want, found)
	return err == nil
}

func keyName(k *jwk.Key) string {
	if k.KeyID() == "" {
		return "a key without kid, for " + string(k.Algorithm())
	}
	return "the key " + show(k.KeyID()) + ", for " + string(k.Algorithm())
}

// claims explains the claims set, whether or not a signature vouches for it.
func (e *explainer) claims(payload string) (*facts, bool) {
	doc := &strictjson.Doc{}
	var err error
	if scan := doc.Scan(payload); scan != nil {
		err = fail(jose.ClaimsInvalid, scan.Error())
	}
	e.add("claims", err, "base64url of one strict JSON object", fmt.Sprintf("%d claims, %d bytes", doc.Len(), len(payload)))
	if err != nil {
		return nil, false
	}
	f := &facts{alg: e.header.Algorithm, reg: &Registered{}, doc: doc, now: e.policy.Clock()}
	wrong, err := f.readEach()
	e.add("claim_types", err, "registered claims of their types", "registered claims of their types")
	e.judge(f, wrong)
	for i := range e.rules {
		r := &e.rules[i]
		if wrong != 0 {
			e.skip(r.name, r.expected, "a registered claim could not be read")
			continue
		}
		e.add(r.name, r.check(f), r.expected, r.found(f))
	}
	return f, wrong == 0
}

// readEach is readRegistered that goes on after a claim of the wrong type. It
// returns those, and the error for the first.
func (f *facts) readEach() (wrong claimSet, first error) {
	for i := range f.doc.Len() {
		name, v := f.doc.Member(i)
		bit := claimBit(name)
		if bit == 0 {
			continue
		}
		// A claims set of this one claim, so that it is read by the same code.
		var one strictjson.Doc
		var a aside
		err := one.Scan(`{"` + name + `":` + v.Raw + `}`)
		if err == nil {
			_, err = readRegistered(f.reg, &a, &one, new(lists))
		}
		if err == nil {
			f.have |= bit
			continue
		}
		wrong |= bit
		if first == nil {
			first = err
		}
	}
	return wrong, first
}

// judge is policy.judge, every check of it that no claim of the wrong type is in
// the way of.
func (e *explainer) judge(f *facts, wrong claimSet) {
	p, r, now := e.policy, f.reg, stamp(f.now)
	life := "no exp"
	if f.have&claimExp != 0 {
		from := f.now
		if f.have&claimIat != 0 {
			from = r.IssuedAt
		}
		life = r.Expiry.Sub(from).String()
	}
	for _, c := range []struct {
		name            string
		needs           claimSet
		err             error
		expected, found string
	}{
		{"required", p.required, p.checkRequired(r, f.have, f.doc), strings.Join(p.requiredNames(), ", "), namesOf(f.doc)},
		{"issuer", claimIss, p.checkIssuer(r), orAny(p.SkipIssuer, "SkipIssuer", showList(p.Issuers)), show(r.Issuer)},
		{"audience", claimAud, p.checkAudience(r), orAny(p.SkipAudience, "SkipAudience", "one of "+showList(p.Audiences)), showList(r.Audience)},
		{"expiry", claimExp, p.checkExpiry(r, f.have, f.now), orAny(p.SkipExpiry, "SkipExpiry", "after "+now), f.time(claimExp)},
		{"not_before", claimNbf, p.checkNotBefore(r, f.have, f.now), "not after " + now + ", or absent", f.time(claimNbf)},
		{"issued_at", claimIat, p.checkIssuedAt(r, f.have, f.now), "not after " + now + ", or absent", f.time(claimIat)},
		{"lifetime", claimExp | claimIat, p.checkLifetime(r, f.have, f.now), orAny(p.SkipLifetime, "SkipLifetime", "at most "+p.MaxLifetime.String()), life},
	} {
		if wrong&c.needs != 0 {
			e.skip(c.name, c.expected, "a claim that it needs could not be read")
			continue
		}
		note := e.addValue
		if c.name == "required" || c.name == "lifetime" {
			note = e.add // their errors say which claim is missing
		}
		note(c.name, c.err, c.expected, c.found)
	}
}
