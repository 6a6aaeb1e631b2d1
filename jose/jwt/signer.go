package jwt

import (
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/claimset"
	"github.com/jotward/jotward/jose/internal/strictjson"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// SignerOptions say what a Signer writes beside the claims.
type SignerOptions struct {
	// Type is the typ of the header. Name the kind of token, such as "at+jwt"
	// (RFC 8725 3.11); empty means "JWT".
	Type string
	// Parameters are further members of the header, such as x5c: jws.SignOptions.Parameters.
	Parameters map[string]any
}

// A Signer signs claims with one key. It is safe for use by many goroutines.
type Signer struct {
	key    *jwk.Key
	header string
}

// NewSigner builds a Signer. It fails with PolicyInvalid for a nil key, with KeyMisuse
// for a key that cannot sign, and with HeaderInvalid for what jws.EncodeHeader refuses.
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
	header, err := jws.EncodeHeader(key, jws.SignOptions{Type: o.Type, Parameters: o.Parameters})
	if err != nil {
		return nil, err
	}
	return &Signer{key: key, header: header}, nil
}

// Sign returns a signed token. A []byte or json.RawMessage is signed byte for
// byte as it is; anything else is written by encoding/json. Either must be one
// strict JSON object, so that no Verifier of this library finds fault with its
// form. What was not given as bytes has registered claims that a Verifier reads: a
// time.Time in the place of a NumericDate is refused, for it is written as a text. The
// values are else the caller's affair. Registered alone is written as claims; a struct
// that embeds it can hold its texts, and needs NumericDate fields for its times. It fails
// with ClaimsInvalid, also for a string that is no UTF-8, and like jws.SignInput.
func (s *Signer) Sign(claims any) (string, error) {
	switch r := claims.(type) {
	case Registered:
		claims = r.written()
	case *Registered:
		if r != nil {
			claims = r.written()
		}
	}
	payload, verbatim, err := claimset.Marshal(claims)
	if err == nil {
		err = checkClaims(payload, verbatim)
	}
	if err != nil {
		return "", err
	}
	return jws.SignEncoded(s.header, payload, s.key)
}

// checkClaims finds fault where a Verifier would.
func checkClaims(payload []byte, verbatim bool) error {
	if verbatim {
		if err := strictjson.Check(string(payload)); err != nil {
			return fail(jose.ClaimsInvalid, err.Error())
		}
		return nil
	}
	s := borrowScratch()
	defer s.release()
	if err := s.doc.Scan(string(payload)); err != nil {
		return fail(jose.ClaimsInvalid, err.Error())
	}
	var r Registered
	var a aside
	if _, err := readRegistered(&r, &a, &s.doc, &s.lists); err != nil {
		return fail(jose.ClaimsInvalid, jose.DetailOf(err)+": times are written by NumericDate or as numbers, the others are strings")
	}
	return nil
}

// written is r as it stands in a token.
func (r *Registered) written() any {
	date := func(t time.Time) *NumericDate {
		if t.IsZero() {
			return nil
		}
		return &NumericDate{t}
	}
	return struct {
		Issuer    string       `json:"iss,omitempty"`
		Subject   string       `json:"sub,omitempty"`
		Audience  []string     `json:"aud,omitempty"`
		Expiry    *NumericDate `json:"exp,omitempty"`
		NotBefore *NumericDate `json:"nbf,omitempty"`
		IssuedAt  *NumericDate `json:"iat,omitempty"`
		ID        string       `json:"jti,omitempty"`
	}{r.Issuer, r.Subject, r.Audience, date(r.Expiry), date(r.NotBefore), date(r.IssuedAt), r.ID}
}

// Key returns the key's kid and algorithm: what a token's header says of it.
func (s *Signer) Key() (keyID string, alg jwk.Algorithm) { return s.key.KeyID(), s.key.Algorithm() }
