package jwt_test

import (
	"slices"
	"testing"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// Package jwt names each algorithm of signatures, and by the same name.
func TestAlgorithmsAreTheKeys(t *testing.T) {
	t.Parallel()
	here := []jwt.Algorithm{jwt.HS256, jwt.HS384, jwt.HS512, jwt.RS256, jwt.RS384, jwt.RS512, jwt.PS256, jwt.PS384, jwt.PS512,
		jwt.ES256, jwt.ES384, jwt.ES512, jwt.EdDSA, jwt.Ed25519, jwt.MLDSA44, jwt.MLDSA65, jwt.MLDSA87}
	there := append(jwk.SignatureAlgorithms(), jwk.MLDSA44, jwk.MLDSA65, jwk.MLDSA87) // whose keys need the module mldsa
	slices.Sort(here)
	slices.Sort(there)
	if !slices.Equal(here, there) {
		t.Errorf("got  %v\nwant %v", here, there)
	}
}
