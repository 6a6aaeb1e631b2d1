// Package token mints access tokens (RFC 9068) and ID tokens (OpenID Connect
// Core 2), and verifies the issuer's own.
package token

import "encoding/json"

// Bounds of a minted token in bytes. Above LargeSize it is issued, and reported
// as large; above MaxSize it is refused: many servers take no longer header.
const (
	LargeSize = 4 << 10
	MaxSize   = 8 << 10
)

// Audience is one string on the wire when there is one (RFC 7519 4.1.3).
type Audience []string

// MarshalJSON writes a string or an array.
func (a Audience) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

// UnmarshalJSON reads a string or an array.
func (a *Audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = Audience{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}

// Access are the claims of an access token.
type Access struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  Audience `json:"aud"`
	ClientID  string   `json:"client_id"`
	Expiry    int64    `json:"exp"`
	IssuedAt  int64    `json:"iat"`
	ID        string   `json:"jti"`
	Scope     string   `json:"scope"`
	GrantID   string   `json:"grant_id,omitempty"`
	SessionID string   `json:"sid,omitempty"`
	AuthTime  int64    `json:"auth_time,omitempty"`
	// How the person signed in (RFC 9068 2.2.1), for a resource that demands more (RFC 9470).
	ACR            string   `json:"acr,omitempty"`
	AMR            []string `json:"amr,omitempty"`
	SubjectVersion int64    `json:"sub_ver,omitempty"`
	ClientVersion  int64    `json:"client_ver"`
	Roles          []string `json:"roles,omitempty"`
	Permissions    []string `json:"permissions,omitempty"`
	// Confirmation is the key and the certificate that the token is bound to (RFC 9449
	// 6.1, RFC 8705 3.1), nil for a bearer's.
	Confirmation *Confirmation `json:"cnf,omitempty"`
	// Actor is who acts for the subject, where that is another (RFC 8693 4.1).
	Actor *Actor `json:"act,omitempty"`
	// Extra are the claims that the client's expressions gave; nil for none.
	Extra map[string]any `json:"-"`
}

// Actor is a client that acts, and the one that it got the token from, if that acted
// as well.
type Actor struct {
	Subject string `json:"sub"`
	Actor   *Actor `json:"act,omitempty"`
}

// Depth counts the actors.
func (a *Actor) Depth() (n int) {
	for ; a != nil; a = a.Actor {
		n++
	}
	return n
}

// Confirmation names what the holder of a token must prove (RFC 7800 3.1): a key by
// its thumbprint (RFC 7638), a certificate by its own (RFC 8705 3.1), or both.
type Confirmation struct {
	JKT string `json:"jkt,omitempty"`
	X5T string `json:"x5t#S256,omitempty"`
}

// Claim is the cnf of a token that is bound to it; nil for the zero Confirmation.
func (c Confirmation) Claim() *Confirmation {
	if c == (Confirmation{}) {
		return nil
	}
	return &c
}

// Bound is what the token is bound to.
func (a Access) Bound() Confirmation {
	if a.Confirmation == nil {
		return Confirmation{}
	}
	return *a.Confirmation
}

// Type is the token_type (RFC 6749 7.1, RFC 9449 5).
func (a Access) Type() string {
	if a.Bound().JKT != "" {
		return "DPoP"
	}
	return "Bearer"
}

// ID are the claims of an ID token; aud is the client.
type ID struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  string   `json:"aud"`
	Expiry    int64    `json:"exp"`
	IssuedAt  int64    `json:"iat"`
	AuthTime  int64    `json:"auth_time"`
	Nonce     string   `json:"nonce,omitempty"`
	ATHash    string   `json:"at_hash"`
	SessionID string   `json:"sid"`
	ACR       string   `json:"acr,omitempty"`
	AMR       []string `json:"amr,omitempty"`
	Name      string   `json:"name,omitempty"`
	Username  string   `json:"preferred_username,omitempty"`
	Email     string   `json:"email,omitempty"`
	Verified  *bool    `json:"email_verified,omitempty"`
	// Extra are the claims that the client's expressions gave; nil for none.
	Extra map[string]any `json:"-"`
}
