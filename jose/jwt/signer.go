package jwt

import (
	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/claimset"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// SignerOptions say what a Signer writes beside the claims.
type SignerOptions struct {
	// Type is the typ of the header. Name the kind of token, such as "at+jwt"
	// (RFC 8725 3.11); empty means "JWT".
	Type string
}

// A Signer signs claims with one key. It is safe for use by many goroutines.
type Signer struct {
	key    *jwk.Key
	header string
}

// NewSigner builds a Signer. It fails with PolicyInvalid for a nil key and with
// KeyMisuse for a key that cannot sign.
func NewSigner(key *jwk.Key, o SignerOptions) (*Signer, error) {
	if key.Algorithm() == "" { // nil or zero
		return nil, fail(jose.PolicyInvalid, "no key")
	}
	if !key.CanSign() {
		return nil, fail(jose.KeyMisuse, "the key is public or its key_ops do not allow sign")
	}
	if o.Type == "" {
		o.Type = "JWT"
	}
	header, err := jws.EncodeHeader(key, jws.SignOptions{Type: o.Type})
	if err != nil {
		return nil, err
	}
	return &Signer{key: key, header: header}, nil
}

// Sign returns a signed token. A []byte or json.RawMessage is signed byte for
// byte as it is; anything else is written by encoding/json. Either must be one
// strict JSON object, so that no Verifier of this library finds fault with its
// form; the values of claims are the caller's affair. It fails with
// ClaimsInvalid, also for a string that is no UTF-8, and like jws.SignInput.
func (s *Signer) Sign(claims any) (string, error) {
	payload, err := claimset.Bytes(claims)
	if err != nil {
		return "", err
	}
	return jws.SignEncoded(s.header, payload, s.key)
}

// Key returns the key's kid and algorithm: what a token's header says of it.
func (s *Signer) Key() (keyID string, alg jwk.Algorithm) { return s.key.KeyID(), s.key.Algorithm() }
