package token

import (
	"testing"

	"github.com/jotward/jotward/jose/jwk"
)

// at_hash takes the hash of the signature's algorithm; one that is not known
// fails (CVE-2026-28498: fail-open on an unknown hash).
func TestThreatUnknownHash(t *testing.T) {
	t.Parallel()
	for alg, length := range map[jwk.Algorithm]int{jwk.ES256: 22, jwk.PS384: 32, jwk.ES512: 43, jwk.EdDSA: 43, jwk.Ed25519: 43} {
		if h, err := halfHash(alg, "x"); err != nil || len(h) != length {
			t.Errorf("%s: %q %v", alg, h, err)
		}
	}
	// The example of OpenID Connect Core A.4 is RS256.
	if h, err := halfHash(jwk.RS256, "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"); err != nil || h != "77QmUPtjPfzWtF2AnpK9RQ" {
		t.Errorf("A.4: %s %v", h, err)
	}
	for _, alg := range []jwk.Algorithm{"", "none", jwk.HS256, "ES999"} {
		if h, err := halfHash(alg, "x"); err == nil {
			t.Errorf("%q: %s", alg, h)
		}
	}
}
