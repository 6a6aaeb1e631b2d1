package jwt

import (
	"context"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/strictjson"
	"github.com/jotward/jotward/jose/jwk"
)

// The types that tell the kinds of tokens apart (RFC 8725 3.11).
const (
	typeAccess        = "at+jwt"
	typeID            = "JWT"
	typeLogout        = "logout+jwt"
	typeSecurityEvent = "secevent+jwt"
	typeProof         = "dpop+jwt"
	typeAssertion     = "client-authentication+jwt"
	typeIntrospection = "token-introspection+jwt"
)

// A rule is one check that a profile adds to a policy's. It runs after them, on
// claims whose signature held.
type rule struct {
	name     string // stable, for Explain
	claim    string // the claim it is about, which Explain shows
	hidden   bool   // the claim's text is nothing to show
	expected string
	check    func(*facts) error
}

// facts are what a rule may look at.
type facts struct {
	alg  jwk.Algorithm
	reg  *Registered
	have claimSet
	doc  *strictjson.Doc
	now  time.Time
}

// follow runs the rules and returns the first refusal.
func (f *facts) follow(lists ...[]rule) error {
	for _, list := range lists {
		for i := range list {
			if err := list[i].check(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// text returns a claim that is a string with something in it, "" for one that
// is absent. It fails with ClaimsInvalid for any other value: null and "" say
// nothing, and a profile that reads the claim must not take that for absence.
func (f *facts) text(name string) (string, error) {
	v, ok := f.doc.Find(name)
	if !ok {
		return "", nil
	}
	if v.Kind != strictjson.String || v.Raw == `""` {
		return "", fail(jose.ClaimsInvalid, name+" is not a string, or is empty")
	}
	return v.Text(), nil
}

// date returns a claim that is a NumericDate, the zero time for one that is absent.
func (f *facts) date(name string) (time.Time, error) {
	v, ok := f.doc.Find(name)
	if !ok {
		return time.Time{}, nil
	}
	t, ok := dateClaim(v)
	if !ok {
		return time.Time{}, fail(jose.ClaimsInvalid, name+" has the wrong type or is out of range")
	}
	return t, nil
}

// forbid refuses a claim that tells of another kind of token.
func forbid(name, why string) rule {
	return rule{name: "no_" + name, claim: name, expected: "absent: " + why, check: func(f *facts) error {
		if _, ok := f.doc.Find(name); ok {
			return fail(jose.TypeMismatch, name+" is there: "+why)
		}
		return nil
	}}
}

// demand wants a claim that is a string with something in it.
func demand(name string) rule {
	return rule{name: name, claim: name, expected: "a string", check: func(f *facts) error {
		text, err := f.text(name)
		if err == nil && text == "" {
			err = fail(jose.ClaimMissing, name+" is required")
		}
		return err
	}}
}

// optionalText wants a claim to be a string with something in it when it is there.
func optionalText(name string) rule {
	return rule{name: name, claim: name, expected: "a string, or absent", check: func(f *facts) error {
		_, err := f.text(name)
		return err
	}}
}

// optionalDate wants a claim to be a date when it is there.
func optionalDate(name string) rule {
	return rule{name: name, claim: name, expected: "a NumericDate, or absent", check: func(f *facts) error {
		_, err := f.date(name)
		return err
	}}
}

// fresh bounds the age of a token that has no life of its own to bound: iat,
// which the policy requires, is not longer ago than age.
func fresh(age, leeway time.Duration) rule {
	return rule{name: "age", claim: "iat", expected: "at most " + age.String() + " ago", check: func(f *facts) error {
		if f.reg.IssuedAt.Add(age + leeway).Before(f.now) {
			return fail(jose.TokenExpired, "iat was "+stamp(f.reg.IssuedAt)+", now is "+stamp(f.now)+", at most "+age.String()+" are accepted")
		}
		return nil
	}}
}

// eventsOf returns the members of the events claim, which must be an object with
// at least one member, each an object (RFC 8417 2.2).
func eventsOf(doc *strictjson.Doc) ([]strictjson.Member, error) {
	v, ok := doc.Find("events")
	if !ok {
		return nil, fail(jose.ClaimMissing, "events is required")
	}
	if v.Kind != strictjson.Object {
		return nil, fail(jose.ClaimsInvalid, "events is not an object")
	}
	var list []strictjson.Member
	for c := strictjson.Open(v); ; {
		m, more := c.Next()
		if !more {
			break
		}
		if m.Name == "" || m.Kind != strictjson.Object {
			return nil, fail(jose.ClaimsInvalid, "events holds a member that has no name or is no object")
		}
		list = append(list, m)
	}
	if len(list) == 0 {
		return nil, fail(jose.ClaimsInvalid, "events is empty")
	}
	return list, nil
}

// newProfile builds the Verifier beneath a profile.
func newProfile[C any](keys KeySource, p Policy, untyped bool, rules []rule) (*Verifier[C], error) {
	v, err := NewVerifier[C](keys, p)
	if err != nil {
		return nil, err
	}
	v.core.policy.untyped, v.core.policy.rules = untyped, rules
	return v, nil
}

// whom is the part of a profile's policy that names one issuer and one audience.
func whom(issuer, audience string) (issuers, audiences []string) {
	if issuer != "" {
		issuers = []string{issuer}
	}
	if audience != "" {
		audiences = []string{audience}
	}
	return issuers, audiences
}

// findMember looks in the members of a JSON object for a name.
func findMember(v strictjson.Value, name string) (strictjson.Value, bool) {
	for c := strictjson.Open(v); ; {
		m, more := c.Next()
		if !more {
			return strictjson.Value{}, false
		}
		if m.Name == name {
			return m.Value, true
		}
	}
}

// spentLonger is how long a token is remembered past the last moment at which it is
// accepted here. Of two that came before that moment one may reach the store after it,
// and then be the only one there; and a machine that shares the store may grant
// its clock more.
const spentLonger = time.Minute

// spend asks a store about a token that may be used once, and is accepted until a
// moment. A store that fails refuses: an answer that is not known is not "no".
func spend(ctx context.Context, store ReplayStore, key string, until time.Time) error {
	seen, err := store.Seen(ctx, key, until.Add(spentLonger))
	switch {
	case err != nil:
		return jose.NewError(jose.StoreUnavailable, "the store of used tokens does not answer", err)
	case seen:
		return fail(jose.TokenReplayed, "its jti was used before")
	}
	return nil
}
