package edge

import (
	"slices"
	"strconv"

	"github.com/jotward/jotward/internal/reason"
)

// authorize holds a route's scopes, roles and claims against an identity.
func (r *route) authorize(id *identity) *refusal {
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
	for name, want := range r.Claims {
		if got, ok := scalar(id.claims[name]); !ok || got != want {
			return &refusal{code: reason.RuleDenied, detail: name}
		}
	}
	return nil
}

// scalar writes a claim as text; an object or a list has no one text.
func scalar(v any) (string, bool) {
	switch x := v.(type) {
	case string:
		return x, true
	case bool:
		return strconv.FormatBool(x), true
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64), true
	}
	return "", false
}
