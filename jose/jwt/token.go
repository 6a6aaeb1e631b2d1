package jwt

import (
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jws"
)

// Registered are the registered claims (RFC 7519 4.1), read strictly and once.
// An absent string is "", an absent time is the zero time. A Token has them: a type of
// claims must not, and NewVerifier refuses one that does.
type Registered struct {
	Issuer    string    `json:"iss,omitempty"`
	Subject   string    `json:"sub,omitempty"`
	Audience  []string  `json:"aud,omitempty"` // one string or an array of them on the wire
	Expiry    time.Time `json:"exp,omitzero"`
	NotBefore time.Time `json:"nbf,omitzero"`
	IssuedAt  time.Time `json:"iat,omitzero"`
	ID        string    `json:"jti,omitempty"`
}

// A Token is a token that a Verifier accepted. Its strings are parts of Payload.
type Token[C any] struct {
	Header     jws.Header
	Registered        // the registered claims
	Claims     C      // the caller's claims
	Payload    string // the claims set as it was signed

	aside aside
}

// aside is what was seen while the registered claims were read.
type aside struct {
	scope   string
	noScope bool // scope is there and no string
	bound   bool // cnf is there
}

// Bound reports whether the token has a cnf claim (RFC 7800 3.1): it is then
// worth nothing without a proof of what Confirmation names.
func (t *Token[C]) Bound() bool { return t.aside.bound }

// Scope returns the scope claim (RFC 8693 4.2), "" when there is none. It fails
// with ClaimsInvalid when it is no string.
func (t *Token[C]) Scope() (string, error) {
	if t.aside.noScope {
		return "", fail(jose.ClaimsInvalid, "scope is not a string")
	}
	return t.aside.scope, nil
}
