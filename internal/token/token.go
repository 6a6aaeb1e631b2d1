// Package token mints access tokens (RFC 9068) and ID tokens (OpenID Connect
// Core 2), and verifies the issuer's own.
package token

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// MaxSize bounds a minted token: what fits a request header.
const MaxSize = 8 << 10

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
	Issuer        string   `json:"iss"`
	Subject       string   `json:"sub"`
	Audience      Audience `json:"aud"`
	ClientID      string   `json:"client_id"`
	Expiry        int64    `json:"exp"`
	IssuedAt      int64    `json:"iat"`
	ID            string   `json:"jti"`
	Scope         string   `json:"scope"`
	GrantID       string   `json:"grant_id,omitempty"`
	SessionID     string   `json:"sid,omitempty"`
	AuthTime      int64    `json:"auth_time,omitempty"`
	SubjectVer    int64    `json:"sub_ver,omitempty"`
	ClientVersion int64    `json:"client_ver"`
	Roles         []string `json:"roles,omitempty"`
	Permissions   []string `json:"permissions,omitempty"`
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
	AMR       []string `json:"amr,omitempty"`
	Name      string   `json:"name,omitempty"`
	Username  string   `json:"preferred_username,omitempty"`
	Email     string   `json:"email,omitempty"`
	Verified  *bool    `json:"email_verified,omitempty"`
}

// Minter signs with the ring's active token key.
type Minter struct {
	Issuer string
	Ring   *keyring.Ring
	Now    func() time.Time
}

// Access signs an access token; the caller has set every claim but iss.
func (m *Minter) Access(ctx context.Context, c Access) (string, error) {
	c.Issuer = m.Issuer
	return m.sign(ctx, "at+jwt", c)
}

// ID signs an ID token beside the access token whose hash it carries
// (OpenID Connect Core 3.1.3.6: the left half of SHA-256 for ES256).
func (m *Minter) ID(ctx context.Context, c ID, access string) (string, error) {
	c.Issuer = m.Issuer
	sum := sha256.Sum256([]byte(access))
	c.ATHash = base64.RawURLEncoding.EncodeToString(sum[:16])
	return m.sign(ctx, "JWT", c)
}

func (m *Minter) sign(ctx context.Context, typ string, claims any) (string, error) {
	key, err := m.Ring.Active(ctx, keyring.PurposeToken)
	if err != nil {
		return "", err
	}
	signer, err := jwt.NewSigner(key, jwt.SignerOptions{Type: typ})
	if err != nil {
		return "", err
	}
	text, err := signer.Sign(claims)
	if err == nil && len(text) > MaxSize {
		return "", reason.New(reason.TokenOversize, nil)
	}
	return text, err
}

// Verify accepts one of the issuer's own access tokens, for any audience: the
// caller introspects, it does not serve the resource.
func (m *Minter) Verify(ctx context.Context, text string) (Access, error) {
	set, err := m.Ring.Set(ctx, keyring.PurposeToken)
	if err != nil {
		return Access{}, err
	}
	v, err := jwt.NewVerifier[Access](set, jwt.Policy{Issuers: []string{m.Issuer}, SkipAudience: true,
		Algorithms: []jwk.Algorithm{jwk.ES256}, Type: "at+jwt", MaxLifetime: time.Hour, Clock: m.Now})
	if err != nil {
		return Access{}, err
	}
	t, err := v.Verify(ctx, text)
	if err != nil {
		return Access{}, err
	}
	return t.Claims, nil
}
