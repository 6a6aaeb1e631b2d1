package token

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// The kinds of minted tokens.
const (
	KindAccess = "access_token"
	KindID     = "id_token"
)

// Minted is what is known of a token that was signed, for metrics. It holds
// nothing of the token itself.
type Minted struct {
	Kind, ClientID                           string
	Algorithm                                jwk.Algorithm
	HeaderBytes, ClaimsBytes, SignatureBytes int // as sent: base64url
	SignDuration                             time.Duration
	Large                                    bool // above LargeSize
	Refused                                  bool // above MaxSize: it was thrown away
}

// Minter signs with the ring's active token key.
type Minter struct {
	Issuer string
	Ring   *keyring.Ring
	Now    func() time.Time
	Minted func(Minted) // called for every token that was signed; may be nil

	mu       sync.Mutex
	signers  map[signerKey]*jwt.Signer
	set      *jwk.Set
	verifier *jwt.Verifier[Access]
}

type signerKey struct {
	key *jwk.Key
	typ string
}

// Access signs an access token; the caller has set every claim but iss.
func (m *Minter) Access(ctx context.Context, c Access) (string, error) {
	c.Issuer = m.Issuer
	key, err := m.Ring.Active(ctx, keyring.PurposeToken, keyring.DefaultAlgorithm)
	if err != nil {
		return "", err
	}
	return m.sign(key, "at+jwt", Minted{Kind: KindAccess, ClientID: c.ClientID}, c)
}

// ID signs an ID token beside the access token whose hash it carries
// (OpenID Connect Core 3.1.3.6).
func (m *Minter) ID(ctx context.Context, c ID, access string) (string, error) {
	c.Issuer = m.Issuer
	key, err := m.Ring.Active(ctx, keyring.PurposeToken, keyring.DefaultAlgorithm)
	if err != nil {
		return "", err
	}
	if c.ATHash, err = jwt.TokenHash(key.Algorithm(), access); err != nil {
		return "", err
	}
	return m.sign(key, "JWT", Minted{Kind: KindID, ClientID: c.Audience}, c)
}

func (m *Minter) sign(key *jwk.Key, typ string, what Minted, claims any) (string, error) {
	signer, err := m.signer(key, typ)
	if err != nil {
		return "", err
	}
	began := m.Now()
	text, err := signer.Sign(claims)
	if err != nil {
		return "", err
	}
	what.SignDuration = m.Now().Sub(began)
	what.Algorithm, what.Large, what.Refused = key.Algorithm(), len(text) > LargeSize, len(text) > MaxSize
	what.HeaderBytes, what.SignatureBytes = strings.IndexByte(text, '.'), len(text)-strings.LastIndexByte(text, '.')-1
	what.ClaimsBytes = len(text) - what.HeaderBytes - what.SignatureBytes - 2
	if m.Minted != nil {
		m.Minted(what)
	}
	if what.Refused {
		// invalid_token, the list's word, is an answer to a bearer (RFC 6750 3.1),
		// not to who asks for a token (RFC 6749 5.2).
		return "", &reason.Error{Code: reason.TokenOversize, OAuth: "invalid_request",
			Cause: errors.New("token: over 8 KiB: give the account or client fewer roles and permissions")}
	}
	return text, nil
}

// signer keeps the signers of the keys in use: their header is encoded once.
func (m *Minter) signer(key *jwk.Key, typ string) (*jwt.Signer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.signers[signerKey{key, typ}]; s != nil {
		return s, nil
	}
	s, err := jwt.NewSigner(key, jwt.SignerOptions{Type: typ})
	if err != nil {
		return nil, err
	}
	if m.signers == nil || len(m.signers) >= 16 { // keys that were rotated away
		m.signers = map[signerKey]*jwt.Signer{}
	}
	m.signers[signerKey{key, typ}] = s
	return s, nil
}

// Verify accepts one of the issuer's own access tokens, for any audience: the
// caller introspects, it does not serve the resource.
func (m *Minter) Verify(ctx context.Context, text string) (Access, error) {
	set, err := m.Ring.Set(ctx, keyring.PurposeToken)
	if err != nil {
		return Access{}, err
	}
	v, err := m.verify(set)
	if err != nil {
		return Access{}, err
	}
	t, err := v.Verify(ctx, text)
	if err != nil {
		return Access{}, err
	}
	return t.Claims, nil
}

// OwnID returns the claims of an ID token that a client got here, expired or not, for
// an id_token_hint (OpenID Connect Core 3.1.2.1). It proves nothing but who is meant.
func (m *Minter) OwnID(ctx context.Context, text string) (ID, error) {
	p := m.own("JWT")
	p.MaxLifetime, p.SkipLifetime, p.SkipExpiry = 0, true, true
	v, err := verifierOf[ID](ctx, m, p)
	if err != nil {
		return ID{}, err
	}
	t, err := v.Verify(ctx, text)
	if err != nil {
		return ID{}, err
	}
	return t.Claims, nil
}

// verify keeps the verifier until the key set changes.
func (m *Minter) verify(set *jwk.Set) (*jwt.Verifier[Access], error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.verifier != nil && m.set == set {
		return m.verifier, nil
	}
	v, err := jwt.NewVerifier[Access](set, m.own("at+jwt"))
	if err == nil {
		m.set, m.verifier = set, v
	}
	return v, err
}
