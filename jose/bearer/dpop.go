package bearer

import (
	"net/http"
	"strings"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// DPoP is how Middleware takes tokens that are bound to a key: under the scheme DPoP,
// each with a proof of that key for the very request (RFC 9449 7.1). Its zero value is
// refused.
type DPoP struct {
	// Verifier checks the proofs. Nonces and its SkipNonce exclude each other.
	Verifier *jwt.DPoPVerifier
	// Origin is what clients call this server, such as https://api.example: proofs name
	// addresses under it. It is never taken from the Host header, which nobody checked.
	Origin string
	// Algorithms are those of the Verifier, named in challenges (RFC 9449 7.1).
	Algorithms []jwk.Algorithm
	// Nonces are given out with every answer and demanded of every proof (RFC 9449 9);
	// nil for none. Answers are then no-store: a handler that sets another Cache-Control
	// should delete DPoP-Nonce, or caches hand out old nonces (RFC 9449 8.2).
	Nonces *jwt.DPoPNonces
	Clock  func() time.Time // for Nonces
}

func (d *DPoP) complete() bool {
	return d == nil || d.Verifier != nil && strings.Contains(d.Origin, "://") && !strings.HasSuffix(d.Origin, "/") && len(d.Algorithms) > 0 && (d.Nonces == nil) == (d.Clock == nil)
}

// asked reports whether a request's credential is one of the scheme DPoP.
func (d *DPoP) asked(r *http.Request) bool {
	if d == nil || len(r.Header["Authorization"]) != 1 {
		return false
	}
	scheme, _, _ := strings.Cut(r.Header["Authorization"][0], " ")
	return strings.EqualFold(scheme, "DPoP")
}

// offer gives out the present nonce, on an answer that nobody is to keep (RFC 9449 8.2).
func (d *DPoP) offer(w http.ResponseWriter) {
	if d != nil && d.Nonces != nil {
		w.Header().Set("DPoP-Nonce", d.Nonces.Current(d.Clock()))
		w.Header().Set("Cache-Control", "no-store") // a kept answer would hand out a nonce of the past
	}
}

// errProof is told apart from other refusals: it is about the proof, not the token.
type errProof struct{ error }

func (e errProof) Unwrap() error { return e.error }

// prove holds a token against its proof. A token that is bound to no key gains nothing
// by the scheme, and a client that thinks it does is told.
func (d *DPoP) prove(b jwt.Confirmation, token string, r *http.Request) error {
	if b.Key == "" {
		return fail(jose.SenderMismatch, "the scheme is DPoP and the token is bound to no key")
	}
	path := r.URL.EscapedPath()
	if path != "" && path[0] != '/' { // OPTIONS *, which would run into the Origin
		return errProof{fail(jose.ClaimMismatch, "htu: the request has no address")}
	}
	q := jwt.DPoPRequest{Proofs: r.Header["Dpop"], Method: r.Method, URL: d.Origin + path, AccessToken: token, Thumbprint: b.Key}
	if d.Nonces != nil {
		q.Nonces = d.Nonces.Accepted(d.Clock())
	}
	if _, err := d.Verifier.Verify(r.Context(), q); err != nil {
		return errProof{err}
	}
	return nil
}

// challenge is what asks for a proof (RFC 9449 7.1).
func (d *DPoP) challenge(code string, err error) string {
	names := make([]string, len(d.Algorithms))
	for i, a := range d.Algorithms {
		names[i] = string(a)
	}
	out := "DPoP algs=" + quoted(strings.Join(names, " "))
	if code != "" {
		out += ", error=" + quoted(code) + ", error_description=" + quoted(string(jose.ReasonOf(err)))
	}
	return out
}
