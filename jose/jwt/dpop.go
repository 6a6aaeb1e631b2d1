package jwt

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/strictjson"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// A DPoPPolicy says which DPoP proofs a server accepts (RFC 9449 4.3). Its zero
// value is refused.
type DPoPPolicy struct {
	Algorithms []jwk.Algorithm // accepted values of alg; none of them symmetric
	// Extensions read keys of algorithms that are not in this module, as in
	// jwk.Options. Algorithms must name those, too.
	Extensions []jwk.Extension
	// MaxAge bounds how long ago iat is: seconds to minutes (RFC 9449 11.1).
	MaxAge  time.Duration
	MaxSize int           // in bytes; 0 means DefaultMaxSize
	Leeway  time.Duration // granted to the client's clock, both ways; 0 means none
	Clock   func() time.Time
	// Replay remembers the jti of accepted proofs: each is accepted once.
	Replay ReplayStore
	// SkipReplay accepts a proof again within MaxAge. Whoever sees a proof can then
	// use it, for the same method and address, until it is too old.
	SkipReplay bool
	// SkipNonce says that the server gives out no nonces (RFC 9449 8, 9). Without it
	// each DPoPRequest must name those it accepts.
	SkipNonce bool
}

// A DPoPRequest is the request that a proof came with.
type DPoPRequest struct {
	// Proofs are all values of the request's DPoP header field: exactly one is
	// accepted (RFC 9449 4.3, 1).
	Proofs []string
	// Method is the request's, compared exactly with htm: methods have case.
	Method string
	// URL is the address that the client called: as it is known to clients, not as
	// a proxy has rewritten it, and never from a Host header that nobody checked.
	// Query and fragment are left out of the comparison. A path that cannot be compared,
	// for it is longer than 4 KiB or holds what no path can, fits no proof.
	URL string
	// Nonces are those that the server accepts now, such as its present and its last.
	Nonces []string

	// AccessToken came with the request: ath must be its hash.
	AccessToken string
	// Thumbprint is the key that the access token is bound to: its cnf.jkt, from
	// Token.Confirmation of the verified token. The proof must be of that key.
	Thumbprint string
	// NoAccessToken says that the request carries none, as at a token endpoint. A
	// refresh token or a code that is bound to a key gives a Thumbprint here too.
	NoAccessToken bool
}

// A DPoPProof is a proof that was accepted. It says that the client holds the
// private half of Key, and nothing about who the client is: the access token, or
// the client's authentication, says that.
type DPoPProof struct {
	Token[struct{}]
	Key        *jwk.Key // public
	Thumbprint string   // of Key: the jkt to bind a token to (RFC 9449 6.1)
}

// A DPoPVerifier verifies DPoP proofs. It is safe for use by many goroutines.
//
// THIS IS THE ONE PLACE OF THE LIBRARY WHERE A KEY IS TAKEN OUT OF A TOKEN'S OWN
// HEADER. A proof is signed under a key that it brings along (RFC 9449 4.2), so a
// proof alone convinces nobody of anything: what counts is that the key is the one
// that an access token, verified elsewhere, is bound to. A Verifier cannot do
// this: the Header that it works with has no jwk (CVE-2018-0114, RFC 8725 3.10).
type DPoPVerifier struct {
	own    DPoPPolicy
	policy policy
}

// NewDPoPVerifier builds a DPoPVerifier. It fails with PolicyInvalid.
func NewDPoPVerifier(p DPoPPolicy) (*DPoPVerifier, error) {
	switch {
	case slices.ContainsFunc(p.Algorithms, jwk.Algorithm.IsSymmetric):
		// Whoever can check such a proof could make it (RFC 9449 4.3, 5).
		return nil, fail(jose.PolicyInvalid, "a symmetric algorithm proves nothing here")
	case p.MaxAge <= 0:
		return nil, fail(jose.PolicyInvalid, "no MaxAge is given")
	case (p.Replay == nil) != p.SkipReplay:
		return nil, fail(jose.PolicyInvalid, "give Replay, or SkipReplay to accept a proof again")
	}
	c, err := compilePolicy(Policy{
		Algorithms: p.Algorithms, Type: typeProof, Required: []string{"jti", "htm", "htu", "iat"},
		SkipIssuer: true, SkipAudience: true, SkipLifetime: true,
		MaxSize: p.MaxSize, Leeway: p.Leeway, Clock: p.Clock,
	})
	if err != nil {
		return nil, err
	}
	return &DPoPVerifier{own: p, policy: c}, nil
}

// Verify accepts the proof of a request or says why not. It makes the twelve
// checks of RFC 9449 4.3; the proof is remembered as used when all others hold.
//
// It fails with CredentialMissing or CredentialRepeated for a request that has no
// proof or several; like Verifier.Verify; with KeyMisuse, KeyWeak or KeyInvalid for
// the key in the header; with ClaimMismatch for another method, address or access
// token; with TokenExpired for an iat too long ago; with NonceMismatch, which is
// answered by a nonce (use_dpop_nonce); with SenderMismatch for a proof of another
// key; with TokenReplayed or StoreUnavailable; and with PolicyInvalid for a
// DPoPRequest that leaves something unsaid.
func (v *DPoPVerifier) Verify(ctx context.Context, r DPoPRequest) (*DPoPProof, error) {
	rules, err := v.rules(r)
	if err != nil {
		return nil, err
	}
	if err := checkOneProof(r.Proofs); err != nil {
		return nil, err
	}
	proof, err := v.read(r.Proofs[0], rules)
	if err != nil {
		return nil, err
	}
	if err := checkSender(proof.Thumbprint, r.Thumbprint); err != nil {
		return nil, err
	}
	if v.own.SkipReplay {
		return proof, nil
	}
	// The last moment at which the same proof would pass the bound on its age.
	until := proof.IssuedAt.Add(v.own.MaxAge + v.own.Leeway)
	if err := spend(ctx, v.own.Replay, replayKey(typeProof, proof.Thumbprint, proof.ID), until); err != nil {
		return nil, err
	}
	return proof, nil
}

// read takes a proof from its bytes to claims that hold.
func (v *DPoPVerifier) read(token string, rules []rule) (*DPoPProof, error) {
	if len(token) > v.policy.MaxSize {
		return nil, fail(jose.TokenOversize, "the proof is larger than the policy allows")
	}
	segment, payload, signature, err := jws.Split(token)
	if err != nil {
		return nil, err
	}
	h, err := jws.ParseHeader(segment)
	if err != nil {
		return nil, err
	}
	if err := v.policy.checkAlgorithm(h); err != nil {
		return nil, err
	}
	if err := v.policy.checkType(h); err != nil {
		return nil, err
	}
	key, err := proofKey(h.Protected, h.Algorithm, v.own.Extensions)
	if err != nil {
		return nil, err
	}
	sig, err := b64.Bytes(signature)
	if err != nil {
		return nil, fail(jose.TokenMalformed, "signature: "+err.Error())
	}
	if _, err := jws.TryKeys([]*jwk.Key{key}, h, []byte(token[:len(segment)+1+len(payload)]), sig); err != nil {
		return nil, err
	}
	s := borrowScratch()
	defer s.release()
	if s.payload, err = b64.AppendDecode(s.payload[:0], payload); err != nil {
		return nil, fail(jose.TokenMalformed, "payload: "+err.Error())
	}
	p := &DPoPProof{Token: Token[struct{}]{Header: h}, Key: key, Thumbprint: key.Thumbprint()}
	if err := readClaims(&p.Token, &v.policy, rules, s); err != nil {
		return nil, err
	}
	return p, nil
}

// proofKey reads the jwk of a proof's header, which must be a public key for the
// proof's alg.
func proofKey(header string, a jwk.Algorithm, extensions []jwk.Extension) (*jwk.Key, error) {
	var d strictjson.Doc
	if err := d.Scan(header); err != nil {
		return nil, fail(jose.HeaderInvalid, err.Error())
	}
	member, ok := d.Find("jwk")
	if !ok || member.Kind != strictjson.Object {
		return nil, fail(jose.KeyNotFound, "no jwk in the header")
	}
	// PublicOnly: a client that publishes its private key has lost it (RFC 9449 4.3, 7).
	return jwk.Parse([]byte(member.Raw), jwk.Options{Algorithms: []jwk.Algorithm{a}, PublicOnly: true, Extensions: extensions})
}

// rules are what a request demands of its proof.
func (v *DPoPVerifier) rules(r DPoPRequest) ([]rule, error) {
	switch {
	case v.policy.Clock == nil:
		return nil, errUnbuilt()
	case r.Method == "" || r.URL == "":
		return nil, fail(jose.PolicyInvalid, "no Method or no URL is given")
	case r.NoAccessToken == (r.AccessToken != ""):
		return nil, fail(jose.PolicyInvalid, "give AccessToken, or NoAccessToken when the request has none")
	case r.AccessToken != "" && r.Thumbprint == "":
		return nil, fail(jose.PolicyInvalid, "no Thumbprint is given: a token that is bound to no key needs no proof, and gains nothing by one")
	case v.own.SkipNonce == (len(r.Nonces) > 0) || slices.Contains(r.Nonces, ""):
		return nil, fail(jose.PolicyInvalid, "give Nonces, none of them empty, or SkipNonce in the policy")
	}
	url, wrong, err := requestURI(r.URL)
	if err != nil {
		return nil, fail(jose.PolicyInvalid, "URL is no address: "+jose.DetailOf(err))
	}
	rules := []rule{
		methodRule(r.Method), addressRule(url, wrong), fresh(v.own.MaxAge, v.own.Leeway),
	}
	if !v.own.SkipNonce {
		rules = append(rules, nonceOfRule(r.Nonces))
	}
	if r.AccessToken != "" {
		rules = append(rules, tokenHashRule(r.AccessToken))
	}
	return rules, nil
}

func methodRule(method string) rule {
	return rule{name: "htm", claim: "htm", expected: show(method), check: func(f *facts) error {
		got, err := f.text("htm")
		if err == nil && got != method {
			err = fail(jose.ClaimMismatch, "htm is "+show(got))
		}
		return err
	}}
}

// addressRule compares htu with an address that is normal already, or that cannot be
// and is wrong. The text is not shown as it stands: a client may have left a query in
// it, with a token.
func addressRule(url string, wrong error) rule {
	return rule{name: "htu", claim: "htu", hidden: true, expected: show(url), check: func(f *facts) error {
		if wrong != nil {
			return wrong
		}
		text, err := f.text("htu")
		if err != nil {
			return err
		}
		got, err := normalURI(text)
		if err != nil {
			return err
		}
		if got != url {
			return fail(jose.ClaimMismatch, "htu is "+show(got))
		}
		return nil
	}}
}

func nonceOfRule(nonces []string) rule {
	return rule{name: "nonce", claim: "nonce", hidden: true, expected: fmt.Sprintf("one of the %d that are accepted", len(nonces)), check: func(f *facts) error {
		got, err := f.text("nonce")
		if err != nil {
			return err
		}
		for _, n := range nonces {
			if hmac.Equal([]byte(got), []byte(n)) {
				return nil
			}
		}
		return fail(jose.NonceMismatch, "nonce is missing or not one that is accepted now")
	}}
}

func tokenHashRule(accessToken string) rule {
	return rule{name: "ath", claim: "ath", hidden: true, expected: "the hash of the access token", check: func(f *facts) error {
		got, err := f.text("ath")
		switch {
		case err != nil:
			return err
		case got == "":
			return fail(jose.ClaimMissing, "ath is required with an access token")
		case !hmac.Equal([]byte(got), []byte(proofHash(accessToken))):
			return fail(jose.ClaimMismatch, "ath is the hash of another access token")
		}
		return nil
	}}
}

// proofHash is ath (RFC 9449 4.2): always SHA-256.
func proofHash(accessToken string) string {
	sum := sha256.Sum256([]byte(accessToken))
	return b64.Encode(sum[:])
}
