package edge

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"math"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jws"
	"github.com/jotward/jotward/jose/jwt"
)

// refusal is why a request goes no further.
type refusal struct {
	code   reason.Code
	detail string        // for the log
	demand string        // what a challenge asks for besides, in its parameters
	proof  bool          // it is the proof that does not hold, not the token
	wait   time.Duration // of a limit, until there is one again
}

func refused(err error) *refusal {
	r := &refusal{code: reason.Code(jose.ReasonOf(err)), detail: err.Error()}
	if r.code == "" {
		r.code = reason.Internal
	}
	return r
}

// verify answers from the cache or verifies, and asks the revocation view. A
// refusal after the token was verified comes with the token.
func (e *Edge) verify(ctx context.Context, p *passage, rt *route, token string, now time.Time) (*verified, bool, *refusal) {
	v := p.state.cache.find(token, p.state.generation, now).on(rt)
	if v != nil && v.introspected() && v.issuer.freshness(now) != FeedFresh {
		v = nil // the view cannot tell any more whether it was taken back
	}
	hit := v != nil
	if !hit {
		var no *refusal
		if v, no = e.verifyWithin(ctx, p, rt, token, now); no != nil {
			return nil, false, no
		}
	}
	no := v.ask(hit)
	// One that was taken back is remembered too, and asked about each time: its
	// signature would cost whoever sends it nothing, and us the same each time.
	if !hit && (!v.introspected() || now.Before(v.until)) {
		p.state.cache.add(v)
	} else if !hit && no != nil { // nor would a question
		e.refusals.add(&verified{token: v.token, config: v.config, keys: v.keys, issuer: v.issuer, route: v.route, no: no, expiry: now.Add(inactiveFor)})
	}
	return v, hit, no
}

// verifyWithin verifies a token that the cache does not know, and bounds what
// tokens that do not hold can cost: one that was refused for good is refused from
// memory, and a network that sent too many of them waits. A token that holds
// costs its network nothing.
func (e *Edge) verifyWithin(ctx context.Context, p *passage, rt *route, token string, now time.Time) (*verified, *refusal) {
	if known := e.refusals.find(token, p.state.generation, now).on(rt); known != nil {
		return nil, known.no
	}
	network := networkOf(p.way.client)
	if wait, ok := p.state.invalid.limiter.Take(now, network); !ok {
		return nil, &refusal{code: reason.RateLimited, detail: "tokens that do not hold", wait: wait}
	}
	v, no := e.verifyAnew(ctx, p, rt, token)
	switch {
	case no == nil, no.code == reason.KeysUnavailable, no.code == reason.KeySetInvalid, no.code == reason.IntrospectionUnavailable && ctx.Err() == nil: // not the token's fault
		p.state.invalid.limiter.Return(now, network)
	case ctx.Err() != nil: // who leaves has had the work done (CVE-2023-44487), and may be why it failed: paid, and not remembered
	case v != nil && final[no.code]:
		v.no, v.expiry, v.until = no, now.Add(refusedFor), time.Time{}
		if no.code == reason.TokenInactive {
			v.expiry = now.Add(inactiveFor)
		}
		e.refusals.add(v)
		v = nil
	}
	return v, no
}

// refusedFor is how long a refusal is remembered.
const refusedFor = time.Minute

// final are the reasons that cost a signature or a question, and that no passing of time and no
// message of the issuer but new keys can change.
var final = map[reason.Code]bool{reason.TokenInactive: true, reason.SignatureInvalid: true, reason.DecryptionFailed: true, reason.TokenExpired: true, reason.LifetimeExceeded: true, reason.AudienceMismatch: true,
	reason.IssuerMismatch: true, reason.ClaimMissing: true, reason.ClaimMismatch: true, reason.ClaimsInvalid: true}

// never is the epoch of a token that is asked about each time.
const never = math.MaxUint64

// ask asks the view when it changed since it was last asked. The epoch is read
// first: an entry that arrives in between makes the next request ask again.
func (v *verified) ask(hit bool) *refusal {
	epoch := v.issuer.source.view.Epoch()
	if hit && v.epoch.Load() == epoch {
		return nil
	}
	if code, yes := v.issuer.source.view.Check(&v.identity.subject); yes {
		v.epoch.Store(never)
		return &refusal{code: code}
	}
	v.epoch.Store(epoch)
	return nil
}

// verifyAnew verifies a token. A refusal comes with the token where its issuer is
// one of ours.
func (e *Edge) verifyAnew(ctx context.Context, p *passage, rt *route, token string) (*verified, *refusal) {
	start, s := e.options.Now(), p.state
	chosen, no := s.issuerOf(token, rt)
	if no != nil {
		return nil, no
	}
	i := chosen.issuer
	if i.source.introspector != nil && opaque(token) {
		return e.introspect(ctx, p, chosen, token)
	}
	verify := i.verifier.Verify
	if i.nested != nil && segments(token) == 5 {
		verify = i.nested.Verify
	} else if i.encryptedOnly {
		return nil, &refusal{code: reason.EncryptionRequired}
	}
	// Read before the keys are: a set that changes meanwhile makes the answer
	// one of the old generation, which the cache does not keep.
	generation := i.source.keys.Generation()
	t, err := verify(ctx, token)
	if e.metrics != nil {
		e.metrics.verified(e.options.Now().Sub(start), err)
	}
	// net/http reuses no header memory, yet the token must not keep a larger
	// string alive.
	v := &verified{token: strings.Clone(token), config: s.generation, keys: generation, issuer: i, route: chosen.route}
	if err != nil {
		return v, i.why(refused(err), token)
	}
	if v.identity, err = identify(t); err != nil {
		return v, &refusal{code: reason.ClaimsInvalid, detail: err.Error()}
	}
	// A revoked key is told by its kid: without one, whoever stole it would only
	// have to leave the name out.
	if log, _ := i.source.view.Position(); t.Header.KeyID == "" && (log != "" || i.source.follower != nil) {
		return nil, &refusal{code: reason.KeyNotFound, detail: "no kid: whether the key was revoked cannot be told"}
	}
	if no := v.bind(t); no != nil {
		return nil, no
	}
	v.expiry, v.would = t.Expiry, i.next.would(t)
	return v, nil
}

// why says of a token whose key is not there that the key was revoked, if it was: a key set
// that was fetched since has it no more. Nothing of the token is verified, and nothing let in.
func (i *issuer) why(no *refusal, token string) *refusal {
	header, _, _ := strings.Cut(token, ".")
	if h, err := jws.ParseHeader(header); no.code == reason.KeyNotFound && err == nil && h.KeyID != "" {
		if code, yes := i.source.view.Check(&revoke.Subject{KeyID: h.KeyID}); yes {
			return &refusal{code: code}
		}
	}
	return no
}

// bind reads what a token is bound to. A sender whose proof nobody can check here is
// refused: as a bearer token it would be worth to a thief what the binding prevents.
// What can be checked is, each time (see prove).
func (v *verified) bind(t *jwt.Token[map[string]any]) *refusal {
	if cnf, bound := t.Claims["cnf"]; bound {
		var ok bool
		if v.identity.bound, ok = bindingOf(cnf); !ok {
			return &refusal{code: reason.SenderProofUnchecked}
		}
	}
	return nil
}

// issuerOf reads the unverified iss to choose a verifier among the configured
// ones, which then insists on it with that issuer's keys alone (RFC 8725 3.8).
func (s *state) issuerOf(token string, rt *route) (choice, *refusal) {
	if len(s.issuers) == 1 {
		for _, i := range s.issuers {
			return choice{issuer: i}, nil
		}
	}
	if segments(token) == 5 {
		return s.issuerOfEncrypted(token, rt)
	}
	if len(token) > jwt.DefaultMaxSize {
		return choice{}, &refusal{code: reason.TokenOversize}
	}
	if opaque(token) {
		return s.oneOf(rt, func(i *issuer) bool { return i.source != nil && i.source.introspector != nil }, "no issuer here is asked about tokens")
	}
	_, rest, _ := strings.Cut(token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	data, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return choice{}, &refusal{code: reason.TokenMalformed}
	}
	var claims map[string]json.RawMessage
	var iss string
	if json.Unmarshal(data, &claims) != nil || json.Unmarshal(claims["iss"], &iss) != nil {
		return choice{}, &refusal{code: reason.ClaimsInvalid, detail: "no issuer can be read"}
	}
	i := s.issuers[iss]
	if i == nil {
		return choice{}, &refusal{code: reason.IssuerMismatch, detail: "no configured issuer"}
	}
	return choice{issuer: i}, nil
}
