package client

import (
	"context"
	"crypto/subtle"
	"crypto/x509"
	"errors"
	"time"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/secret"
	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// Credentials are what a request says of its client (RFC 6749 2.3).
type Credentials struct {
	ID, Secret string
	Assertion  string // RFC 7523 2.2; names the client itself, and must agree with an ID
	// Certificates came with the connection, the client's own first (RFC 8705 2).
	Certificates []*x509.Certificate
}

// Authenticate finds out who calls: a confidential client by its secret, its
// assertion or its certificate, a public one by its id alone, for requests that PKCE
// or a refresh token secures (RFC 6749 2.1, 3.2.1).
func (s *Service) Authenticate(ctx context.Context, c Credentials) (Client, error) {
	switch {
	case c.Assertion != "":
		return s.byAssertion(ctx, c)
	case c.Secret != "":
		return s.bySecret(ctx, c.ID, c.Secret)
	}
	return s.byID(ctx, c.ID, c.Certificates)
}

// find is the store's Client, with a zero Client for one that does not exist.
func (s *Service) find(ctx context.Context, id string) (Client, error) {
	c, err := s.Store.Client(ctx, id)
	if errors.Is(err, reason.New(reason.NotFound, nil)) {
		return Client{}, nil
	}
	return c, err
}

// bySecret checks a confidential client's secret. Unknown, public, disabled
// and wrong are one answer (RFC 6749 5.2) after equal work.
func (s *Service) bySecret(ctx context.Context, id, text string) (Client, error) {
	c, err := s.find(ctx, id)
	if err != nil {
		return Client{}, err
	}
	want, before := make([]byte, 32), make([]byte, 32)
	known := c.ID != "" && !c.Public && !c.Disabled && c.AuthMethod == AuthSecret && len(c.SecretHash) == 32
	overlap := known && len(c.PreviousSecretHash) == 32 && s.Now().Before(c.PreviousSecretExpires)
	if known {
		want = c.SecretHash
	}
	if overlap {
		before = c.PreviousSecretHash
	}
	got := secret.Hash(text)
	same, old := subtle.ConstantTimeCompare(want, got) == 1, subtle.ConstantTimeCompare(before, got) == 1
	if !known || !same && !(overlap && old) {
		return Client{}, refusal(c, "another secret than that of client "+c.ID)
	}
	return c, nil
}

// byID returns a client that says only who it is: a public one, or one whose
// certificate says that it is true.
func (s *Service) byID(ctx context.Context, id string, certificates []*x509.Certificate) (Client, error) {
	c, err := s.find(ctx, id)
	if err != nil {
		return Client{}, err
	}
	if c.ID != "" && !c.Disabled && (c.AuthMethod == AuthTLS || c.AuthMethod == AuthSelfSigned) {
		return s.byCertificate(c, certificates)
	}
	if c.ID == "" || !c.Public || c.Disabled {
		return Client{}, refusal(c, "nothing by which client "+c.ID+" authenticates")
	}
	return c, nil
}

// refusal says to the caller that the client could not be authenticated, and to the
// operator why. What nobody has registered is not repeated: it may be a secret.
func refusal(c Client, otherwise string) error {
	switch {
	case c.ID == "":
		otherwise = "no client has this id"
	case c.Disabled:
		otherwise = "client " + c.ID + " is disabled"
	}
	return reason.New(reason.ClientInvalid, errors.New(otherwise))
}

// assertionLife bounds how long an assertion may be good for: it is made for one request.
const assertionLife = 5 * time.Minute

// AssertionAlgorithms are those that a client may sign its assertions with.
func AssertionAlgorithms() []jwk.Algorithm {
	return []jwk.Algorithm{jwk.ES256, jwk.ES384, jwk.ES512, jwk.EdDSA, jwk.Ed25519, jwk.PS256, jwk.PS384, jwk.PS512, jwk.RS256, jwk.RS384, jwk.RS512}
}

// byAssertion checks a private_key_jwt (OpenID Connect Core 9, RFC 7523 3). Its
// audience is the issuer alone, as a string (draft-ietf-oauth-rfc7523bis), and it is
// taken once. Assertions have no typ that all clients write; the keys of a client
// sign nothing else here that has none.
func (s *Service) byAssertion(ctx context.Context, in Credentials) (Client, error) {
	id, err := jwt.UnverifiedClientID(in.Assertion)
	if err != nil || in.ID != "" && in.ID != id || in.Secret != "" {
		return Client{}, reason.New(reason.ClientInvalid, errors.New("client: the assertion cannot be read, or names another client, or came with a secret"))
	}
	c, err := s.find(ctx, id)
	if err != nil {
		return Client{}, err
	}
	if c.ID == "" || c.Disabled || c.AuthMethod != AuthPrivateKey {
		return Client{}, refusal(c, "an assertion, which is not how client "+c.ID+" authenticates")
	}
	keys, err := s.keys(c)
	if err != nil {
		return Client{}, err
	}
	v, err := jwt.NewClientAssertionVerifier(keys, jwt.ClientAssertionPolicy{Issuer: s.Issuer, ClientID: c.ID, Algorithms: AssertionAlgorithms(),
		MaxLifetime: assertionLife, Leeway: assertionLeeway, Clock: s.Now, Replay: s.Replay, AllowUntyped: true})
	if err != nil {
		return Client{}, err
	}
	if _, err = v.Verify(ctx, in.Assertion); jose.ReasonOf(err) == jose.StoreUnavailable {
		return Client{}, err
	} else if err != nil {
		return Client{}, reason.New(reason.ClientInvalid, err)
	}
	return c, nil
}

// keys are those that a client signs with: kept, or published.
func (s *Service) keys(c Client) (jwt.KeySource, error) {
	if c.JWKSURI == "" {
		return parseKeys(c.JWKS) // it was checked when it was saved
	}
	if s.Keys == nil {
		return nil, refusal(c, "no keys are fetched, and client "+c.ID+" has none here")
	}
	keys, err := s.Keys(c.JWKSURI)
	if err != nil {
		return nil, reason.New(reason.ClientInvalid, err)
	}
	return keys, nil
}

// assertionLeeway is what clocks of clients may be ahead of ours.
const assertionLeeway = 10 * time.Second

// maxKeys bounds a client's keys: a present one, a next one, and some room.
const maxKeys, maxJWKS = 16, 16 << 10

// parseKeys reads a client's JWK Set: public keys, all of them usable. Those that others
// encrypt with name their alg; what names none is bound to the one for its signatures.
func parseKeys(text string) (*jwk.Set, error) {
	if len(text) > maxJWKS {
		return nil, errors.New("jwks is longer than 16 KiB")
	}
	set, err := jwk.ParseSet([]byte(text), jwk.Options{Algorithms: AssertionAlgorithms(), PublicOnly: true})
	switch {
	case err != nil:
		return nil, errors.New("jwks: " + err.Error())
	case len(set.Skipped()) > 0:
		return nil, errors.New("jwks: " + set.Skipped()[0].Error())
	case set.Len() == 0 || set.Len() > maxKeys:
		return nil, errors.New("jwks has no key, or more than 16")
	}
	return set, nil
}

// noSecret is the hash of a secret that nobody knows, for clients that have none.
func noSecret() []byte { return secret.Hash(secret.New("")) }
