package jwt

import (
	"context"
	"crypto/hmac"
	"slices"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// Explain says of each check of Verify but the last what came of it; see
// Verifier.Explain. Whether the proof was used before is not asked, for asking
// uses it. The expected nonces, the access token and what the proof says of both are
// compared and never shown. It fails with PolicyInvalid for a DPoPRequest that
// leaves something unsaid.
func (v *DPoPVerifier) Explain(ctx context.Context, r DPoPRequest) (*Explanation, error) {
	rules, err := v.rules(r)
	if err != nil {
		return nil, err
	}
	front := &explainer{}
	front.add("proof", checkOneProof(r.Proofs), "one DPoP header field", "one")
	e := &explainer{policy: &v.policy, rules: slices.Concat(v.policy.rules, rules), wantKey: "a public key as the jwk of the header, for the alg"}
	source := &proofSource{extensions: v.own.Extensions}
	if len(r.Proofs) == 1 {
		segment, _, _, _ := jws.Split(r.Proofs[0]) // "shape" says when this fails, and "header" the next
		h, _ := jws.ParseHeader(segment)
		source.header = h.Protected
		if payload, _, ok := e.message(ctx, &core{policy: v.policy, keys: source}, r.Proofs[0]); ok {
			e.claims(payload)
		}
	}
	return &Explanation{Checks: slices.Concat(front.checks, e.done().Checks, explainSender(r, source.key))}, nil
}

// proofSource is a KeySource with the key of one proof's own header. It is for
// Explain alone, whose result lets nobody in: a Verifier never gets one.
type proofSource struct {
	header     string
	extensions []jwk.Extension
	key        *jwk.Key
}

// Lookup implements KeySource.
func (s *proofSource) Lookup(_ context.Context, _ string, a jwk.Algorithm) (_ []*jwk.Key, err error) {
	if s.key, err = proofKey(s.header, a, s.extensions); err != nil {
		return nil, err
	}
	return []*jwk.Key{s.key}, nil
}

// Generation implements KeySource.
func (s *proofSource) Generation() uint64 { return 0 }

// explainSender explains whether the proof is of the key that the token is bound
// to. A thumbprint is of a public key, and may be shown.
func explainSender(r DPoPRequest, key *jwk.Key) []Check {
	e := &explainer{}
	if key == nil {
		e.skip("sender", wantSender(r), "the proof's key could not be read")
	} else {
		e.addValue("sender", checkSender(key.Thumbprint(), r.Thumbprint), wantSender(r), "a proof of the key "+show(key.Thumbprint()))
	}
	return e.checks
}

func wantSender(r DPoPRequest) string {
	if r.Thumbprint == "" {
		return "any key: no Thumbprint is given"
	}
	return "a proof of the key " + show(r.Thumbprint)
}

// checkOneProof: "There is not more than one DPoP HTTP request header field" (RFC
// 9449 4.3, 1).
func checkOneProof(proofs []string) error {
	switch len(proofs) {
	case 0:
		return fail(jose.CredentialMissing, "the request has no DPoP header field")
	case 1:
		return nil
	}
	return fail(jose.CredentialRepeated, "the request has several DPoP header fields")
}

// checkSender compares a proof's key with the one that a token is bound to, if it
// is bound to one (RFC 9449 4.3, 12).
func checkSender(got, want string) error {
	if want != "" && !hmac.Equal([]byte(got), []byte(want)) {
		return fail(jose.SenderMismatch, "the token is bound to another key than the proof's")
	}
	return nil
}
