package edge

import (
	"errors"
	"slices"
	"strings"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/internal/rule"
	"github.com/jotward/jotward/jose/jwt"
)

// identity is what a verified token says, in the form that requests use. The
// cache shares it: it is never changed.
type identity struct {
	issuer    string
	client    string
	audiences []string
	scopes    []string
	roles     []string
	// permissions that are no list of strings are none: they are no field of RFC 9068,
	// and foreign issuers write what they like there.
	permissions []string
	claims      map[string]any
	subject     revoke.Subject
	bound       binding // what it is bound to; empty for a bearer's
}

func identify(t *jwt.Token[map[string]any]) (*identity, error) {
	c := reader{claims: t.Claims}
	id := &identity{issuer: t.Issuer, client: c.text("client_id"), audiences: t.Audience, claims: t.Claims,
		scopes: strings.Split(c.text("scope"), " "), roles: c.list("roles")} // RFC 6749 3.3: space, and nothing else
	lenient := reader{claims: t.Claims}
	if list := lenient.list("permissions"); lenient.err == nil {
		id.permissions = list
	}
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
	if there && (!ok || f < 0 || f >= 1<<53 || f != float64(int64(f))) {
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

// authorize holds a route's issuers, audience, scopes, roles and claims against
// an identity. The first two say whether the token is meant for this route at
// all: 401. The others say what it lacks: 403.
func (r *route) authorize(v *verified) *refusal {
	id := v.identity
	if len(r.Issuers) > 0 && !slices.Contains(r.Issuers, id.issuer) {
		return &refusal{code: reason.IssuerMismatch, detail: "the route takes no tokens of this issuer"}
	}
	audience := r.Audience
	if audience == "" {
		audience = v.issuer.audience
	}
	if !slices.Contains(id.audiences, audience) {
		return &refusal{code: reason.AudienceMismatch, detail: "the route is another audience"}
	}
	if no := v.fit(r.schema); no != nil {
		return no
	}
	for _, s := range r.Scopes {
		if !slices.Contains(id.scopes, s) {
			return &refusal{code: reason.ScopeMissing, detail: s}
		}
	}
	for _, role := range r.Roles {
		if !slices.Contains(id.roles, role) {
			return &refusal{code: reason.RoleMissing, detail: role}
		}
	}
	for name, want := range r.claims {
		if got, ok := scalar(id.claims[name]); !ok || got != want {
			return &refusal{code: reason.RuleDenied, detail: name}
		}
	}
	return nil
}

// fit holds the claims against a schema, once while it is the same.
func (v *verified) fit(s *rule.Schema) *refusal {
	if s == nil || v.fitted.Load() == s {
		return nil
	}
	if err := s.Check(v.identity.claims); err != nil {
		return &refusal{code: reason.ClaimMismatch, detail: err.Error()}
	}
	v.fitted.Store(s)
	return nil
}

// A header is one that the edge sets.
type header struct{ name, value string }

// headers writes the claims that a route passes on. A claim that is not there
// sets nothing. One that a header cannot carry unchanged refuses the request: an
// origin must not take one identity for another, nor for nobody's.
func (r *route) headers(id *identity) ([]header, *refusal) {
	if len(r.Headers) == 0 {
		return nil, nil
	}
	out := make([]header, 0, len(r.Headers))
	for name, claim := range r.Headers {
		v, there := id.claims[claim]
		if !there || v == nil || v == "" {
			continue
		}
		text, ok := headerValue(v)
		if !ok {
			return nil, &refusal{code: reason.ClaimsInvalid, detail: "claim " + claim + " does not fit into a header"}
		}
		out = append(out, header{name, text})
	}
	return out, nil
}

// headerValue writes a claim into a header: printable ASCII without blanks at
// the ends, which readers trim. A list is joined by commas; its items have none,
// and none is empty.
func headerValue(v any) (string, bool) {
	if list, isList := v.([]any); isList {
		parts := make([]string, 0, len(list))
		for _, item := range list {
			s, isText := item.(string)
			if !isText || s == "" || strings.Contains(s, ",") || strings.Trim(s, " ") != s {
				return "", false
			}
			parts = append(parts, s)
		}
		v = strings.Join(parts, ",")
	}
	typed, ok := scalar(v)
	if !ok {
		return "", false
	}
	text := typed[1:] // without the mark of its type
	if strings.Trim(text, " ") != text {
		return "", false
	}
	for i := range len(text) {
		if text[i] < 0x20 || text[i] > 0x7e {
			return "", false
		}
	}
	return text, true
}
