package token

import (
	"slices"

	"github.com/jotward/jotward/internal/account"
)

// Profile is what a client is told of a person (OpenID Connect Core 5.1).
type Profile struct {
	Name, Username, Email string
	Verified              *bool // nil where there is no address
}

// scopeOf names, for each claim of a person, the scope that asks for it among others
// (OpenID Connect Core 5.4).
var scopeOf = map[string]string{"name": "profile", "preferred_username": "profile", "email": "email", "email_verified": "email"}

// OfPerson reports whether a scope asks about a person (OpenID Connect Core 3.1.2.1, 5.4): a
// client that acts for itself has none.
func OfPerson(scope string) bool { return scope == "openid" || scope == "profile" || scope == "email" }

// Single returns those claims of a person which a client may ask for one by one: it is
// allowed the scope that stands for them. Others are none of ours, or are told anyway.
func Single(claims, scopes []string) (out []string) {
	for _, name := range claims {
		if scope, ok := scopeOf[name]; ok && slices.Contains(scopes, scope) {
			out = append(out, name)
		}
	}
	return out
}

// Beside returns the claims that the scopes do not ask for already.
func Beside(claims, scopes []string) []string {
	return slices.DeleteFunc(slices.Clone(claims), func(name string) bool { return slices.Contains(scopes, scopeOf[name]) })
}

// Tell returns what scopes and single claims allow of a person.
func Tell(a account.Account, scopes, claims []string) (p Profile) {
	told := func(name string) bool { return slices.Contains(scopes, scopeOf[name]) || slices.Contains(claims, name) }
	if told("name") {
		p.Name = a.Name
	}
	if told("preferred_username") {
		p.Username = a.Username
	}
	if told("email") {
		p.Email = a.Email
	}
	if told("email_verified") && a.Email != "" {
		p.Verified = new(bool) // nothing verifies addresses yet
	}
	return p
}
