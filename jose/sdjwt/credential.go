package sdjwt

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
	"github.com/jotward/jotward/jose/jwt"
)

// A Credential is an SD-JWT in its holder's hands, with all that it can
// disclose. It never changes.
type Credential struct {
	parts  parts
	signed signed
	whole  string
	placed []placed
}

// Open takes apart an SD-JWT as its issuer sent it. It checks every disclosure
// against the digests, and no signature: the holder verifies what it receives with
// a Verifier (RFC 9901 7.2), and may keep it longer than it is valid. It fails with
// TokenOversize above DefaultMaxSize or DefaultMaxDisclosures, with TokenMalformed,
// also for a presentation with a key binding, ClaimsInvalid, DisclosureInvalid
// and AlgorithmNotAllowed.
func Open(text string) (*Credential, error) {
	parts, err := split(text, DefaultMaxSize, DefaultMaxDisclosures)
	if err != nil {
		return nil, err
	}
	if parts.binding != "" {
		return nil, fail(jose.TokenMalformed, "a key binding where none is expected")
	}
	header, segment, _, err := jws.Split(parts.jwt)
	if err != nil {
		return nil, err
	}
	if _, err := jws.ParseHeader(header); err != nil {
		return nil, err
	}
	payload, err := b64.Bytes(segment)
	if err != nil {
		return nil, fail(jose.TokenMalformed, "payload: "+err.Error())
	}
	whole, p, err := process(string(payload), parts.disclosures)
	if err != nil {
		return nil, err
	}
	return &Credential{parts: parts, signed: signed{string(payload), p.hash}, whole: whole, placed: p.used}, nil
}

// Payload returns the claims set with everything disclosed, for the holder's eyes.
func (c *Credential) Payload() string { return c.whole }

// Places lists what can be disclosed or not, as JSON Pointers into Payload. The
// slice is the caller's own.
func (c *Credential) Places() []string {
	list := make([]string, len(c.placed))
	for i, d := range c.placed {
		list[i] = d.pointer
	}
	return list
}

// Present returns the token with the disclosures of these places and of what
// they are inside of, and no others (RFC 9901 7.2). It fails with PolicyInvalid
// for a place that Places does not list: what was chosen would not be shown.
func (c *Credential) Present(places ...string) (string, error) {
	p, err := c.choose(places)
	if err != nil {
		return "", err
	}
	return p.join(), nil
}

func (c *Credential) choose(places []string) (parts, error) {
	chosen := map[string]bool{}
	for _, place := range places {
		i := slices.IndexFunc(c.placed, func(d placed) bool { return d.pointer == place })
		if i < 0 {
			return parts{}, fail(jose.PolicyInvalid, fmt.Sprintf("nothing to disclose at %.128q", place))
		}
		chosen[c.placed[i].text] = true
		for _, parent := range c.placed[i].parents {
			chosen[c.placed[parent].text] = true
		}
	}
	p := parts{jwt: c.parts.jwt}
	for _, text := range c.parts.disclosures {
		if chosen[text] {
			p.disclosures = append(p.disclosures, text)
		}
	}
	return p, nil
}

// A Binding proves to one verifier, in one transaction, that the holder has the
// key that the token names (RFC 9901 4.3). All fields are required.
type Binding struct {
	Key      *jwk.Key  // the private half of cnf's jwk
	Audience string    // the verifier, in the form that it expects
	Nonce    string    // from the verifier, for this transaction
	IssuedAt time.Time // now
}

// PresentBound is Present with a proof of the holder's key. It fails like Present,
// with PolicyInvalid for a Binding that lacks something, with KeyMisuse for a
// key that is not the one in cnf or cannot sign, and like jws.SignInput.
func (c *Credential) PresentBound(b Binding, places ...string) (string, error) {
	if b.Key == nil || b.Audience == "" || b.Nonce == "" || b.IssuedAt.IsZero() {
		return "", fail(jose.PolicyInvalid, "a key binding needs key, audience, nonce and time")
	}
	named, err := holderKey(c.signed.payload, []jwk.Algorithm{b.Key.Algorithm()})
	if err != nil {
		return "", err
	}
	if b.Key.IsSymmetric() || b.Key.Thumbprint() != named.Thumbprint() {
		return "", fail(jose.KeyMisuse, "this is not the key that the token names in cnf")
	}
	p, err := c.choose(places)
	if err != nil {
		return "", err
	}
	signer, err := jwt.NewSigner(b.Key, jwt.SignerOptions{Type: bindingType})
	if err != nil {
		return "", err
	}
	text := p.join()
	claims, err := json.Marshal(struct {
		Nonce    string          `json:"nonce"`
		Audience string          `json:"aud"`
		IssuedAt jwt.NumericDate `json:"iat"`
		Hash     string          `json:"sd_hash"`
	}{b.Nonce, b.Audience, jwt.NumericDate{Time: b.IssuedAt}, c.signed.hash.digest(text)})
	if err != nil {
		return "", jose.NewError(jose.ClaimsInvalid, "the claims cannot be written as JSON", err)
	}
	binding, err := signer.Sign(claims)
	if err != nil {
		return "", err
	}
	return text + binding, nil
}
