package web

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/limit"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// Proofs checks the DPoP proofs (RFC 9449) of requests to the issuer itself. Each must
// hold a nonce of ours: what was used is remembered in memory only, and a proof of
// before a restart has a nonce of before it.
type Proofs struct {
	issuer   string
	alias    string // under which clients with certificates call (RFC 8705 5), "" for none
	verifier *jwt.DPoPVerifier
	nonces   *jwt.DPoPNonces
	budget   *Budget // of those who prove nothing but a key
	now      func() time.Time
}

const (
	proofAge    = time.Minute
	proofLeeway = 5 * time.Second
	nonceWindow = 2 * time.Minute
	// maxProofs bounds the memory of used proofs: about 20 MB, or 1,500 proofs a second.
	maxProofs = 100_000
)

// ProofRate is what one network may have us check and remember of proofs for clients that
// prove nothing but a key, which anybody can make, and for holders of tokens.
var ProofRate = limit.Rate{Every: 20 * time.Millisecond, Burst: 500}

// ProofAlgorithms are those that a proof may be signed with.
func ProofAlgorithms() []jwk.Algorithm {
	return []jwk.Algorithm{jwk.ES256, jwk.ES384, jwk.ES512, jwk.EdDSA, jwk.Ed25519, jwk.PS256, jwk.RS256}
}

// ProofNames lists them for a challenge (RFC 9449 7.1).
func ProofNames() string { return strings.Join(names(ProofAlgorithms()), " ") }

func names(list []jwk.Algorithm) (out []string) {
	for _, a := range list {
		out = append(out, string(a))
	}
	return out
}

// NewProofs returns what checks the proofs of requests to that issuer, and to the
// address under which clients with certificates call it, if it has one.
func NewProofs(issuer, alias string, now func() time.Time) (*Proofs, error) {
	nonces, err := jwt.NewDPoPNonces(nonceWindow)
	if err != nil {
		return nil, err
	}
	budget, err := NewBudget(ProofRate)
	if err != nil {
		return nil, err
	}
	v, err := jwt.NewDPoPVerifier(jwt.DPoPPolicy{Algorithms: ProofAlgorithms(), MaxAge: proofAge, Leeway: proofLeeway, Clock: now, Replay: newProofMemory(maxProofs, now)})
	return &Proofs{issuer: issuer, alias: alias, verifier: v, nonces: nonces, budget: budget, now: now}, err
}

// Key returns the thumbprint of the key that a request without an access token
// proves, and "" when it has no proof (RFC 9449 5). Call it when the client is known
// to Authenticated: a proof that holds fills memory.
func (p *Proofs) Key(w http.ResponseWriter, r *http.Request) (jkt string, err error) {
	if len(r.Header.Values("DPoP")) == 0 {
		return "", nil
	}
	return p.check(w, r, jwt.DPoPRequest{NoAccessToken: true})
}

// Holds checks the proof that came with an access token which is bound to that key
// (RFC 9449 7).
func (p *Proofs) Holds(w http.ResponseWriter, r *http.Request, token, jkt string) error {
	_, err := p.check(w, r, jwt.DPoPRequest{AccessToken: token, Thumbprint: jkt})
	return err
}

// check completes the question. The address is one of those that the issuer publishes,
// whatever else Host says.
func (p *Proofs) check(w http.ResponseWriter, r *http.Request, q jwt.DPoPRequest) (string, error) {
	now := p.now()
	w.Header().Set("DPoP-Nonce", p.nonces.Current(now))
	if !proved(r.Context()) {
		if err := p.budget.Take(r, now); err != nil {
			return "", err
		}
	}
	at := p.issuer
	if p.alias != "" && strings.EqualFold("https://"+r.Host, p.alias) {
		at = p.alias
	}
	q.Proofs, q.Method, q.URL, q.Nonces = r.Header.Values("DPoP"), r.Method, at+r.URL.Path, p.nonces.Accepted(now)
	proof, err := p.verifier.Verify(r.Context(), q)
	if err == nil {
		return proof.Thumbprint, nil
	}
	if errors.Is(err, errShare) {
		return "", &reason.Error{Code: reason.RateLimited, OAuth: "temporarily_unavailable", RetryAfter: proofAge, Cause: err}
	}
	code := jose.ReasonOf(err)
	refusal := &reason.Error{Code: reason.Code(code), Cause: err}
	if code != jose.NonceMismatch && code != jose.StoreUnavailable {
		refusal.OAuth = "invalid_dpop_proof"
	}
	return "", refusal
}
