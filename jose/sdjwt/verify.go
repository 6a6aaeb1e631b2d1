package sdjwt

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/keydata"
	"github.com/jotward/jotward/jose/internal/strictjson"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// bindingType is the typ of a key binding JWT (RFC 9901 4.3).
const bindingType = "kb+jwt"

// A Policy says what a Verifier accepts. Its zero value is refused.
type Policy struct {
	// Token is the policy for the issuer's signature and for the claims, disclosed
	// ones among them. Claims that must be there, and that a holder could leave
	// out, belong into its Required. Its Type names the kind of token, such as
	// "dc+sd-jwt" (RFC 9901 9.11); its MaxSize is MaxSize unless it is set.
	Token jwt.Policy
	// KeyBinding demands a proof of the holder's key. Without one the presentation
	// is refused: what the holder sends never decides that (RFC 9901 9.5).
	KeyBinding KeyBinding
	// MaxSize bounds the presentation in bytes. 0 means DefaultMaxSize.
	MaxSize int
	// MaxDisclosures bounds their number. 0 means DefaultMaxDisclosures.
	MaxDisclosures int

	// SkipKeyBinding is for tokens that anybody may present who has them, and for a
	// holder that checks what an issuer sent it. A presentation with a key binding
	// is then refused (RFC 9901 4, 7.2).
	SkipKeyBinding bool
}

// KeyBinding says which proof of the holder's key is accepted (RFC 9901 7.3).
type KeyBinding struct {
	// Audience is this verifier, as the proof must name it, and nobody else.
	Audience string
	// Algorithms are the accepted values of the proof's alg; no HMAC.
	Algorithms []jwk.Algorithm
	// MaxAge is how long after its iat a proof is accepted.
	MaxAge time.Duration
}

// A Verifier verifies presentations whose claims are read into a C. It is safe
// for use by many goroutines.
type Verifier[C any] struct {
	policy Policy
	token  *jwt.Verifier[C]
}

// NewVerifier builds a Verifier. keys are the issuer's. C is as for
// jwt.NewVerifier. It fails with PolicyInvalid when an expectation is missing or
// contradicts itself.
func NewVerifier[C any](keys jwt.KeySource, p Policy) (*Verifier[C], error) {
	k := &p.KeyBinding
	k.Algorithms = slices.Clone(k.Algorithms)
	given := k.Audience != "" || len(k.Algorithms) > 0 || k.MaxAge != 0
	switch {
	case p.SkipKeyBinding && given:
		return nil, fail(jose.PolicyInvalid, "key binding is described and SkipKeyBinding is set")
	case !p.SkipKeyBinding && (k.Audience == "" || len(k.Algorithms) == 0 || k.MaxAge == 0):
		return nil, fail(jose.PolicyInvalid, "key binding needs audience, algorithms and maximum age; SkipKeyBinding leaves the check out")
	case k.MaxAge < 0 || p.MaxSize < 0 || p.MaxDisclosures < 0:
		return nil, fail(jose.PolicyInvalid, "a bound is negative")
	}
	for _, a := range append(slices.Clone(p.Token.Algorithms), k.Algorithms...) {
		if !a.IsSignature() || a.IsSymmetric() {
			return nil, fail(jose.PolicyInvalid, fmt.Sprintf("algorithm %q is unknown, or its verifiers could sign too", string(a)))
		}
	}
	if p.MaxSize == 0 {
		p.MaxSize = DefaultMaxSize
	}
	if p.MaxDisclosures == 0 {
		p.MaxDisclosures = DefaultMaxDisclosures
	}
	if p.Token.MaxSize == 0 {
		p.Token.MaxSize = p.MaxSize
	}
	token, err := jwt.NewVerifier[C](keys, p.Token)
	if err != nil {
		return nil, err
	}
	return &Verifier[C]{policy: p, token: token}, nil
}

// A Token is a presentation that a Verifier accepted. Its Payload, Registered and
// Claims are those of the processed payload: disclosed claims stand in their
// places, and digests nowhere.
type Token[C any] struct {
	*jwt.Token[C]
	// HolderKey is the key of cnf whose possession was proven, nil when the policy
	// demands no proof.
	HolderKey *jwk.Key
}

// Verify accepts a presentation in its compact form or says why not. nonce is
// what this verifier gave the holder for this one transaction; it is empty when
// the policy demands no key binding, and only then.
//
// It fails with PolicyInvalid for a nonce that is missing or useless; with
// TokenOversize and TokenMalformed; like jwt.Verifier.Verify; with
// DisclosureInvalid when disclosures and digests break a rule of RFC 9901 7.1;
// with AlgorithmNotAllowed for an unknown _sd_alg; with KeyBindingMissing; and,
// the detail beginning with "key binding", like jwt.Verifier.Verify for the
// proof, with ClaimMismatch when nonce or sd_hash is another, TokenExpired when
// it is too old.
func (v *Verifier[C]) Verify(ctx context.Context, text, nonce string) (*Token[C], error) {
	if (nonce == "") != v.policy.SkipKeyBinding {
		return nil, fail(jose.PolicyInvalid, "a nonce belongs to a key binding, and a key binding needs one")
	}
	parts, err := split(text, v.policy.MaxSize, v.policy.MaxDisclosures)
	if err != nil {
		return nil, err
	}
	switch {
	case v.policy.SkipKeyBinding && parts.binding != "":
		return nil, fail(jose.TokenMalformed, "a key binding where none is expected")
	case !v.policy.SkipKeyBinding && parts.binding == "":
		return nil, fail(jose.KeyBindingMissing, "the presentation has no key binding")
	}
	var by signed
	token, err := v.token.Processed(ctx, parts.jwt, func(payload string) (string, error) {
		out, p, err := process(payload, parts.disclosures)
		if err == nil {
			by = signed{payload, p.hash}
		}
		return out, err
	}, keydata.Inside())
	if err != nil {
		return nil, err
	}
	t := &Token[C]{Token: token}
	if !v.policy.SkipKeyBinding {
		if t.HolderKey, err = v.checkBinding(ctx, parts, by, nonce); err != nil {
			return nil, jose.NewError(jose.ReasonOf(err), "key binding: "+jose.DetailOf(err), nil)
		}
	}
	return t, nil
}

// signed is what the issuer signed openly.
type signed struct {
	payload string
	hash    Hash
}

// bindingClaims are what a key binding JWT holds beside iat.
type bindingClaims struct {
	Audience json.RawMessage `json:"aud"`
	Nonce    string          `json:"nonce"`
	Hash     string          `json:"sd_hash"`
}

// checkBinding checks the key binding JWT by the steps of RFC 9901 7.3 (5.1 to 5.8)
// and returns the key that it proves.
func (v *Verifier[C]) checkBinding(ctx context.Context, p parts, signed signed, nonce string) (*jwk.Key, error) {
	k := v.policy.KeyBinding
	key, err := holderKey(signed.payload, k.Algorithms)
	if err != nil {
		return nil, err
	}
	verifier, err := jwt.NewVerifier[bindingClaims](key, jwt.Policy{
		Audiences: []string{k.Audience}, Algorithms: k.Algorithms, Type: bindingType, Required: []string{"iat", "aud", "nonce", "sd_hash"},
		MaxSize: v.policy.MaxSize, Leeway: v.policy.Token.Leeway, Clock: v.policy.Token.Clock, SkipIssuer: true, SkipLifetime: true,
	})
	if err != nil {
		return nil, err
	}
	t, err := verifier.Verify(ctx, p.binding)
	if err != nil {
		return nil, err
	}
	now := v.policy.Token.Clock()
	switch {
	case t.Claims.Audience[0] != '"':
		return nil, fail(jose.ClaimsInvalid, "aud is not a single string")
	case now.Add(-v.policy.Token.Leeway).Sub(t.IssuedAt) > k.MaxAge:
		return nil, fail(jose.TokenExpired, fmt.Sprintf("iat was %s, at most %s ago is accepted", t.IssuedAt.Format(time.RFC3339), k.MaxAge))
	case subtle.ConstantTimeCompare([]byte(t.Claims.Nonce), []byte(nonce)) != 1:
		return nil, fail(jose.ClaimMismatch, "nonce is not this transaction's")
	case t.Claims.Hash != signed.hash.digest(p.join()):
		return nil, fail(jose.ClaimMismatch, "sd_hash is not of this token with these disclosures")
	}
	return key, nil
}

// holderKey reads the key in cnf (RFC 7800 3.2) from the payload as it was signed.
func holderKey(payload string, algorithms []jwk.Algorithm) (*jwk.Key, error) {
	var d, cnf strictjson.Doc
	if err := d.Scan(payload); err != nil {
		return nil, fail(jose.ClaimsInvalid, err.Error())
	}
	v, ok := d.Find("cnf")
	if !ok {
		return nil, fail(jose.ClaimMissing, "the token names no key of its holder: cnf is missing")
	}
	if cnf.Scan(v.Raw) != nil {
		return nil, fail(jose.ClaimsInvalid, "cnf is not an object")
	}
	if v, ok = cnf.Find("jwk"); !ok {
		return nil, fail(jose.KeyNotFound, "cnf has no jwk")
	}
	return jwk.Parse([]byte(v.Raw), jwk.Options{Algorithms: algorithms, PublicOnly: true})
}
