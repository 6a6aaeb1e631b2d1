package token

import (
	"context"
	"errors"
	"slices"
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

	KindUserInfo = "userinfo"
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

// Minter signs with the ring's active token keys.
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

// Access signs an access token; the caller has set every claim but iss. No
// algorithm means the issuer's own. own is the purpose of the keys of one resource, "" for
// those of all: until its first key has been published for long enough, these sign. kid
// names the key that did.
func (m *Minter) Access(ctx context.Context, c Access, own string, alg jwk.Algorithm) (text, kid string, err error) {
	c.Issuer = m.Issuer
	purpose := keyring.PurposeToken
	if own != "" {
		if _, err := m.Ring.Active(ctx, own, ""); err == nil {
			purpose, alg = own, ""
		} else if !errors.Is(err, reason.New(reason.SigningAlgorithmUnavailable, nil)) {
			return "", "", err
		}
	}
	return m.signFor(ctx, purpose, alg, "at+jwt", Minted{Kind: KindAccess, ClientID: c.ClientID}, func(jwk.Algorithm) (any, error) { return joined(c, c.Extra) })
}

// joined is what is signed of claims: as they are where there are no more.
func joined(claims any, extra map[string]any) (any, error) {
	if len(extra) == 0 {
		return claims, nil
	}
	return Join(claims, extra)
}

// ID signs an ID token beside the access token whose hash it carries
// (OpenID Connect Core 3.1.3.6).
func (m *Minter) ID(ctx context.Context, c ID, access string, alg jwk.Algorithm) (string, error) {
	c.Issuer = m.Issuer
	return m.sign(ctx, alg, "JWT", Minted{Kind: KindID, ClientID: c.Audience}, func(alg jwk.Algorithm) (any, error) {
		var err error
		if c.ATHash, err = jwt.TokenHash(alg, access); err != nil {
			return nil, err
		}
		return joined(c, c.Extra)
	})
}

// UserInfo signs an answer about a person for a client (OpenID Connect Core
// 5.3.2). It has a typ of its own, so that it never passes for an ID token.
func (m *Minter) UserInfo(ctx context.Context, clientID string, claims any, alg jwk.Algorithm) (string, error) {
	return m.sign(ctx, alg, "userinfo+jwt", Minted{Kind: KindUserInfo, ClientID: clientID}, func(jwk.Algorithm) (any, error) { return claims, nil })
}

func (m *Minter) sign(ctx context.Context, alg jwk.Algorithm, typ string, what Minted, claims func(jwk.Algorithm) (any, error)) (string, error) {
	text, _, err := m.signFor(ctx, keyring.PurposeToken, alg, typ, what, claims)
	return text, err
}

// signFor signs what claims returns for the algorithm of the key.
func (m *Minter) signFor(ctx context.Context, purpose string, alg jwk.Algorithm, typ string, what Minted, claims func(jwk.Algorithm) (any, error)) (text, kid string, err error) {
	err = m.Ring.Use(ctx, purpose, alg, func(key *jwk.Key) error {
		c, err := claims(key.Algorithm())
		if err == nil {
			kid = key.KeyID()
			text, err = m.signWith(key, typ, what, c)
		}
		return err
	})
	return text, kid, err
}

func (m *Minter) signWith(key *jwk.Key, typ string, what Minted, claims any) (string, error) {
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
		return "", Oversize()
	}
	return text, nil
}

// Oversize refuses to issue what is over MaxSize. invalid_token, the list's word, is an
// answer to a bearer (RFC 6750 3.1), not to who asks for a token (RFC 6749 5.2).
func Oversize() error {
	return &reason.Error{Code: reason.TokenOversize, OAuth: "invalid_request",
		Cause: errors.New("token: over 8 KiB: give the account or client fewer roles and permissions")}
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
	if m.signers == nil || len(m.signers) >= 64 { // among them keys that were rotated away
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

// Trusts reports whether what a key signed still holds: it is published, and so it was not
// revoked. It is for tokens whose signature we cannot see, for they are encrypted.
func (m *Minter) Trusts(ctx context.Context, kid string) (bool, error) {
	set, err := m.Ring.Set(ctx, keyring.PurposeToken)
	return err == nil && slices.ContainsFunc(set.Keys(), func(k *jwk.Key) bool { return k.KeyID() == kid }), err
}

// OwnID returns the claims of an ID token that a client got here, expired or not, for
// an id_token_hint (OpenID Connect Core 3.1.2.1). It proves nothing but who is meant.
func (m *Minter) OwnID(ctx context.Context, text string) (ID, error) {
	v, err := known[ID](ctx, m, "JWT")
	if err != nil {
		return ID{}, err
	}
	t, err := v.Verify(ctx, text)
	if err != nil {
		return ID{}, err
	}
	return t.Claims, nil
}

// algorithms are those of our own keys: each is bound to its one.
func algorithms(set *jwk.Set) []jwk.Algorithm {
	list := []jwk.Algorithm{keyring.DefaultAlgorithm}
	for _, k := range set.Keys() {
		if !slices.Contains(list, k.Algorithm()) {
			list = append(list, k.Algorithm())
		}
	}
	return list
}

// verify keeps the verifier until the key set changes.
func (m *Minter) verify(set *jwk.Set) (*jwt.Verifier[Access], error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.verifier != nil && m.set == set {
		return m.verifier, nil
	}
	v, err := jwt.NewVerifier[Access](set, m.own(set, "at+jwt"))
	if err == nil {
		m.set, m.verifier = set, v
	}
	return v, err
}
