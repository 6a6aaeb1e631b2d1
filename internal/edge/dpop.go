package edge

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// proofs checks DPoP proofs (RFC 9449). What was used is remembered by the edge, and
// outlives every reload (RFC 9449 11.1).
type proofs struct {
	config   config.EdgeDPoP
	verifier *jwt.DPoPVerifier
	origins  map[string]bool // what clients call this edge; nil: the hosts of its routes
	nonces   *jwt.DPoPNonces // nil: none are given out
	algs     string          // for challenges
	held     held
}

// What a policy may accept at most.
const (
	longestMaxAge = 10 * time.Minute
	longestLeeway = time.Minute
)

// defaultProofs are two thousand a second, each remembered for two minutes; a full
// memory takes 50 MB.
const defaultProofs = 250_000

// nonceWindow is how long a nonce is given out; it is accepted as long again.
const nonceWindow = 2 * time.Minute

// compileProofs returns nil where no proofs are accepted.
func (e *Edge) compileProofs(c *config.EdgeDPoP, common *commonStore) (*proofs, error) {
	if c == nil {
		return nil, nil
	}
	p := &proofs{config: *c}
	p.config.Algorithms, p.config.Origins = slices.Clone(c.Algorithms), slices.Clone(c.Origins)
	if len(c.Algorithms) == 0 {
		p.config.Algorithms = []string{"ES256", "EdDSA", "Ed25519"}
	}
	for _, d := range []struct {
		value    *time.Duration
		standard time.Duration
	}{{&p.config.MaxAge, time.Minute}, {&p.config.Leeway, 5 * time.Second}} {
		if *d.value == 0 {
			*d.value = d.standard
		}
	}
	if p.config.Remember == 0 {
		p.config.Remember = defaultProofs
	}
	if p.config.MaxAge < 0 || p.config.MaxAge > longestMaxAge || p.config.Leeway < 0 || p.config.Leeway > longestLeeway {
		return nil, errors.New("max_age is not between 0s and 10m, or leeway not between 0s and 1m")
	}
	if p.config.Remember < 0 {
		return nil, errors.New("remember is negative")
	}
	var err error
	if p.origins, err = compileOrigins(c.Origins); err != nil {
		return nil, err
	}
	old := e.proven
	if p.hold(old, common != nil, e.options.Now()); old != nil && same(old.config, p.config) && old.held == p.held {
		return old, nil
	}
	var algorithms []jwk.Algorithm
	for _, a := range p.config.Algorithms {
		algorithms = append(algorithms, jwk.Algorithm(a))
	}
	p.algs = strings.Join(p.config.Algorithms, " ")
	if c.Nonces {
		if old != nil && old.nonces != nil {
			p.nonces = old.nonces
		} else if p.nonces, err = jwt.NewDPoPNonces(nonceWindow); err != nil {
			return nil, err
		}
	}
	p.verifier, err = jwt.NewDPoPVerifier(jwt.DPoPPolicy{Algorithms: algorithms, MaxAge: p.config.MaxAge, Leeway: p.config.Leeway, Clock: e.options.Now,
		Replay: &e.proofs, SkipNonce: !c.Nonces})
	return p, err
}

func same(a, b config.EdgeDPoP) bool {
	return slices.Equal(a.Algorithms, b.Algorithms) && slices.Equal(a.Origins, b.Origins) && a.MaxAge == b.MaxAge && a.Leeway == b.Leeway && a.Nonces == b.Nonces && a.Remember == b.Remember
}

// proveKey holds a token that is bound to a key against its proof. It needs the
// scheme DPoP; one that is not bound gains nothing by the scheme, and a client that
// thinks it does is told (RFC 9449 7.1).
func (s *state) proveKey(ctx context.Context, p *passage, rt *route, v *verified, path string, now time.Time) *refusal {
	bound := v.identity.bound.jkt
	switch {
	case bound == "" && !p.credential.dpop:
		return nil
	case bound == "":
		return &refusal{code: reason.SenderMismatch, detail: "the scheme is DPoP and the token is bound to no key"}
	case !p.credential.dpop: // a downgrade to Bearer (RFC 9449 7.2), or nobody asks for proofs here
		return &refusal{code: reason.SenderProofUnchecked}
	}
	origin, ours := s.proofs.called(rt, &p.way)
	if !ours {
		return &refusal{code: reason.ClaimMismatch, proof: true, detail: "htu: the request was sent to " + strconv.Quote(origin) + ", which is not what clients call this edge"}
	}
	q := jwt.DPoPRequest{Proofs: p.in.Header["Dpop"], Method: p.in.Method, URL: origin + path, AccessToken: v.token, Thumbprint: bound}
	if n := s.proofs.nonces; n != nil {
		q.Nonces = n.Accepted(now)
	}
	proof, err := s.proofs.verifier.Verify(ctx, q)
	if err == nil {
		return s.proofs.held.check(proof.IssuedAt, now)
	}
	no := refused(err)
	no.proof = true
	return no
}

// challenge returns what asks for a proof (RFC 9449 7.1). no is nil where the
// request did not try.
func (ps *proofs) challenge(no *refusal) string {
	out := `DPoP algs="` + ps.algs + `"`
	if no == nil {
		return out
	}
	code := "invalid_token"
	switch {
	case no.code == reason.NonceMismatch:
		code = "use_dpop_nonce"
	case no.proof:
		code = "invalid_dpop_proof"
	}
	return out + `, error="` + code + `", error_description="` + string(jose.Reason(no.code)) + `"`
}
