package token

import (
	"context"

	"github.com/jotward/jotward/internal/keyring"
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

// Logout signs a logout token.
func (m *Minter) Logout(ctx context.Context, c Logout) (string, error) {
	c.Issuer, c.Events = m.Issuer, map[string]struct{}{"http://schemas.openid.net/event/backchannel-logout": {}}
	key, err := m.Ring.Active(ctx, keyring.PurposeToken, keyring.DefaultAlgorithm)
	if err != nil {
		return "", err
	}
	return m.sign(key, "logout+jwt", Minted{Kind: KindLogout, ClientID: c.Audience}, c)
}
