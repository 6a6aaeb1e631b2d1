package jwt

import (
	"strings"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/strictjson"
	"github.com/jotward/jotward/jose/jwk"
)

// An AccessTokenPolicy says which access tokens a resource server accepts (RFC
// 9068). Its zero value is refused. typ is at+jwt and nothing else, so that an
// ID token never passes (RFC 9068 4).
type AccessTokenPolicy struct {
	Issuers     []string        // accepted values of iss, compared exactly
	Audiences   []string        // aud must name at least one of them: this resource server
	Algorithms  []jwk.Algorithm // accepted values of alg
	MaxLifetime time.Duration   // bounds exp minus iat
	MaxSize     int             // in bytes; 0 means DefaultMaxSize
	Leeway      time.Duration   // granted to other clocks; 0 means none
	Clock       func() time.Time
}

// NewAccessTokenVerifier builds a Verifier of access tokens. Beside what a
// Policy checks, it requires exp, iat, iss, aud, sub, jti and client_id (RFC
// 9068 2.2), and wants scope, acr and auth_time to have their types when they
// are there. Which scopes a request needs, and whether a token with cnf comes
// with its proof, is the caller's to ask: Token.Scope, Token.Bound.
//
// It fails with PolicyInvalid.
func NewAccessTokenVerifier[C any](keys KeySource, p AccessTokenPolicy) (*Verifier[C], error) {
	return newProfile[C](keys, Policy{
		Issuers: p.Issuers, Audiences: p.Audiences, Algorithms: p.Algorithms, Type: typeAccess,
		Required:    []string{"iss", "exp", "aud", "sub", "client_id", "iat", "jti"},
		MaxLifetime: p.MaxLifetime, MaxSize: p.MaxSize, Leeway: p.Leeway, Clock: p.Clock,
	}, false, []rule{demand("client_id"), scopeRule, optionalText("acr"), optionalDate("auth_time")})
}

// scopeRule holds scope to the grammar of RFC 6749 3.3, to which RFC 8693 4.2
// refers: names of printable ASCII but quote and backslash, one blank between two.
var scopeRule = rule{name: "scope", claim: "scope", expected: "names with one blank between two, or absent", check: func(f *facts) error {
	v, ok := f.doc.Find("scope")
	if !ok {
		return nil
	}
	if v.Kind != strictjson.String {
		return fail(jose.ClaimsInvalid, "scope is not a string")
	}
	if text := v.Text(); text != "" {
		for name := range strings.SplitSeq(text, " ") {
			if !scopeName(name) {
				return fail(jose.ClaimsInvalid, "scope is not a list of names with one blank between two")
			}
		}
	}
	return nil
}}

func scopeName(name string) bool {
	for _, c := range []byte(name) {
		if c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return name != ""
}
