package token

import (
	"context"

	"github.com/jotward/jotward/jose/jwk"
)

// KindLogout is a logout token.
const KindLogout = "logout_token"

// Logout are the claims of a logout token (OpenID Connect Back-Channel Logout 2.4); aud is
// the client. Issuer and Events are set by the minter.
type Logout struct {
	Issuer    string              `json:"iss"`
	Subject   string              `json:"sub"`
	Audience  string              `json:"aud"`
	IssuedAt  int64               `json:"iat"`
	Expiry    int64               `json:"exp"`
	ID        string              `json:"jti"`
	SessionID string              `json:"sid"`
	Events    map[string]struct{} `json:"events"`
}

// Logout signs a logout token, as the client's ID tokens are (Back-Channel Logout 2.6).
func (m *Minter) Logout(ctx context.Context, c Logout, alg jwk.Algorithm) (string, error) {
	c.Issuer, c.Events = m.Issuer, map[string]struct{}{"http://schemas.openid.net/event/backchannel-logout": {}}
	return m.sign(ctx, alg, "logout+jwt", Minted{Kind: KindLogout, ClientID: c.Audience}, func(jwk.Algorithm) (any, error) { return c, nil })
}
