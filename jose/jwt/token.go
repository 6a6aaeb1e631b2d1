package jwt

import (
	"time"

	"github.com/jotward/jotward/jose/jws"
)

// Registered are the registered claims (RFC 7519 4.1), read strictly and once.
// An absent string is "", an absent time is the zero time.
type Registered struct {
	Issuer    string    // iss
	Subject   string    // sub
	Audience  []string  // aud, one string or an array of them on the wire
	Expiry    time.Time // exp
	NotBefore time.Time // nbf
	IssuedAt  time.Time // iat
	ID        string    // jti
}

// A Token is a token that a Verifier accepted. Its strings are parts of Payload.
type Token[C any] struct {
	Header     jws.Header
	Registered        // the registered claims
	Claims     C      // the caller's claims
	Payload    string // the claims set as it was signed

	oneAudience [1]string // room for the usual aud, so that it costs no allocation
}
