package jwt

import (
	"crypto/rand"
	"encoding/json"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// A DPoPSigner makes DPoP proofs for a client (RFC 9449 4.2). It is safe for use
// by many goroutines.
type DPoPSigner struct {
	key    *jwk.Key
	header string
	clock  func() time.Time
}

// A DPoPTarget is the request that a proof is for.
type DPoPTarget struct {
	Method      string // the request's method
	URL         string // the request's address; query and fragment are left out of the proof
	AccessToken string // what the request carries, "" at a token endpoint
	Nonce       string // the last DPoP-Nonce that the server sent, "" before the first
}

// NewDPoPSigner builds a DPoPSigner. Give each client instance a key of its own,
// that signs nothing else. It fails with PolicyInvalid for a nil key or clock and
// for a shared secret, and with KeyMisuse for a key that cannot sign.
func NewDPoPSigner(key *jwk.Key, clock func() time.Time) (*DPoPSigner, error) {
	switch {
	case key == nil || clock == nil:
		return nil, fail(jose.PolicyInvalid, "no key or no clock")
	case key.IsSymmetric():
		return nil, fail(jose.PolicyInvalid, "a shared secret proves nothing here")
	case !key.CanSign():
		return nil, fail(jose.KeyMisuse, "the key is public or its key_ops do not allow sign")
	}
	public, err := key.Public()
	if err != nil {
		return nil, err
	}
	header, err := json.Marshal(struct {
		Typ string        `json:"typ"`
		Alg jwk.Algorithm `json:"alg"`
		JWK *jwk.Key      `json:"jwk"` // prints its public half, and this has no other
	}{typeProof, key.Algorithm(), public})
	if err != nil {
		return nil, jose.NewError(jose.HeaderInvalid, "the header cannot be written", err)
	}
	return &DPoPSigner{key: key, header: b64.Encode(header), clock: clock}, nil
}

// Thumbprint returns the thumbprint of the key: dpop_jkt (RFC 9449 10), and the
// jkt that tokens will be bound to.
func (s *DPoPSigner) Thumbprint() string { return s.key.Thumbprint() }

// Proof returns a new proof, the value of the request's DPoP header field. Each
// request needs one of its own. It fails with PolicyInvalid for a target without
// method or with an address that is no http or https address, and like
// jws.SignInput.
func (s *DPoPSigner) Proof(t DPoPTarget) (string, error) {
	url, err := normalURI(t.URL)
	if err != nil {
		return "", fail(jose.PolicyInvalid, jose.DetailOf(err))
	}
	if t.Method == "" {
		return "", fail(jose.PolicyInvalid, "a proof needs a method")
	}
	claims := struct {
		ID     string      `json:"jti"`
		Method string      `json:"htm"`
		URL    string      `json:"htu"`
		Issued NumericDate `json:"iat"`
		Hash   string      `json:"ath,omitempty"`
		Nonce  string      `json:"nonce,omitempty"`
	}{ID: rand.Text(), Method: t.Method, URL: url, Issued: NumericDate{s.clock()}, Nonce: t.Nonce}
	if t.AccessToken != "" {
		claims.Hash = proofHash(t.AccessToken)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", jose.NewError(jose.ClaimsInvalid, "the claims cannot be written", err)
	}
	return jws.SignEncoded(s.header, payload, s.key)
}
