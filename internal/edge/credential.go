package edge

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwt"
)

// identity is what a verified token says, in the form that requests use.
type identity struct {
	issuer  string
	client  string
	scopes  []string
	roles   []string
	claims  map[string]any
	subject revoke.Subject
}

// refusal is why a request goes no further.
type refusal struct {
	code   reason.Code
	detail string // for the log
}

func refused(err error) *refusal {
	r := &refusal{code: reason.Code(jose.ReasonOf(err)), detail: err.Error()}
	if r.code == "" {
		r.code = reason.Internal
	}
	return r
}

// verify answers from the cache or verifies, and asks the revocation view.
func (e *Edge) verify(ctx context.Context, s *state, token string, now time.Time) (*verified, bool, *refusal) {
	v := e.cache.find(token, s.generation, now)
	hit := v != nil
	if !hit {
		var no *refusal
		if v, no = e.verifyAnew(ctx, s, token); no != nil {
			return nil, false, no
		}
	}
	if no := v.ask(hit); no != nil {
		return v, hit, no
	}
	if !hit {
		e.cache.add(v)
	}
	return v, hit, nil
}

// ask asks the view when it changed since it was last asked. The epoch is read
// first: an entry that arrives in between makes the next request ask again.
func (v *verified) ask(hit bool) *refusal {
	epoch := v.issuer.view.Epoch()
	if hit && v.epoch.Load() == epoch {
		return nil
	}
	if code, yes := v.issuer.view.Check(&v.identity.subject); yes {
		return &refusal{code: code}
	}
	v.epoch.Store(epoch)
	return nil
}

func (e *Edge) verifyAnew(ctx context.Context, s *state, token string) (*verified, *refusal) {
	i := s.issuerOf(token)
	if i == nil {
		return nil, &refusal{code: reason.IssuerMismatch, detail: "no configured issuer"}
	}
	generation := i.keys.Generation()
	t, err := i.verifier.Verify(ctx, token)
	if err != nil {
		return nil, refused(err)
	}
	id, err := identify(t)
	if err != nil {
		return nil, &refusal{code: reason.ClaimsInvalid, detail: err.Error()}
	}
	// Bound to a sender whose proof nobody checked here (RFC 9449, RFC 8705): as
	// a bearer token it would be worth to a thief what the binding prevents.
	if _, bound := t.Claims["cnf"]; bound {
		return nil, &refusal{code: reason.SenderProofUnchecked}
	}
	// net/http reuses no header memory, yet the token must not keep a larger
	// string alive.
	return &verified{token: strings.Clone(token), config: s.generation, keys: generation, expiry: t.Expiry, issuer: i, identity: id}, nil
}

// issuerOf reads the unverified iss to choose a verifier, which then insists on
// it with that issuer's keys alone (RFC 8725 3.8).
func (s *state) issuerOf(token string) *issuer {
	if len(s.issuers) == 1 {
		for _, i := range s.issuers {
			return i
		}
	}
	if len(token) > jwt.DefaultMaxSize {
		return nil
	}
	_, rest, _ := strings.Cut(token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	data, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return nil
	}
	var claims map[string]json.RawMessage
	var iss string
	if json.Unmarshal(data, &claims) != nil || json.Unmarshal(claims["iss"], &iss) != nil {
		return nil
	}
	return s.issuers[iss]
}

func identify(t *jwt.Token[map[string]any]) (*identity, error) {
	c := reader{claims: t.Claims}
	id := &identity{issuer: t.Issuer, client: c.text("client_id"), claims: t.Claims,
		scopes: strings.Fields(c.text("scope")), roles: c.list("roles")}
	id.subject = revoke.Subject{KeyID: t.Header.KeyID, TokenID: t.ID, GrantID: c.text("grant_id"), SessionID: c.text("sid"),
		Subject: t.Subject, SubjectVersion: c.number("sub_ver"), ClientID: id.client, ClientVersion: c.number("client_ver"), IssuedAt: t.IssuedAt}
	return id, c.err
}

// reader reads optional claims; one of the wrong type is an error, for it could
// hide a revocation.
type reader struct {
	claims map[string]any
	err    error
}

func (r *reader) text(name string) string {
	v, there := r.claims[name]
	s, ok := v.(string)
	if there && !ok {
		r.err = errors.New(name + " is no string")
	}
	return s
}

func (r *reader) number(name string) int64 {
	v, there := r.claims[name]
	f, ok := v.(float64)
	if there && (!ok || f < 0 || f > 1<<53 || f != float64(int64(f))) {
		r.err = errors.New(name + " is no whole number")
		return 0
	}
	return int64(f)
}

func (r *reader) list(name string) []string {
	v, there := r.claims[name]
	if !there {
		return nil
	}
	items, ok := v.([]any)
	out := make([]string, 0, len(items))
	for _, item := range items {
		s, isText := item.(string)
		ok = ok && isText
		out = append(out, s)
	}
	if !ok {
		r.err = errors.New(name + " is no list of strings")
	}
	return out
}
