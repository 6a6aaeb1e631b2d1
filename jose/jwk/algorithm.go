package jwk

import "github.com/jotward/jotward/jose/internal/alg"

// An Algorithm is the name of a signature algorithm as it stands in a header's
// or key's alg member (RFC 7518 3.1, RFC 8037 3.1, RFC 9864 2.2). There is no none.
type Algorithm string

// The algorithms that the library implements.
const (
	HS256   Algorithm = "HS256"   // HMAC with SHA-256
	HS384   Algorithm = "HS384"   // HMAC with SHA-384
	HS512   Algorithm = "HS512"   // HMAC with SHA-512
	RS256   Algorithm = "RS256"   // RSASSA-PKCS1-v1_5 with SHA-256
	RS384   Algorithm = "RS384"   // RSASSA-PKCS1-v1_5 with SHA-384
	RS512   Algorithm = "RS512"   // RSASSA-PKCS1-v1_5 with SHA-512
	ES256   Algorithm = "ES256"   // ECDSA on P-256 with SHA-256
	ES384   Algorithm = "ES384"   // ECDSA on P-384 with SHA-384
	ES512   Algorithm = "ES512"   // ECDSA on P-521 with SHA-512
	PS256   Algorithm = "PS256"   // RSASSA-PSS with SHA-256 and MGF1 of it
	PS384   Algorithm = "PS384"   // RSASSA-PSS with SHA-384 and MGF1 of it
	PS512   Algorithm = "PS512"   // RSASSA-PSS with SHA-512 and MGF1 of it
	EdDSA   Algorithm = "EdDSA"   // Ed25519 under its older, polymorphic name
	Ed25519 Algorithm = "Ed25519" // Ed25519 under its own name
)

// Known reports whether the library implements a.
func (a Algorithm) Known() bool { return alg.Lookup(string(a)) != nil }

// IsSymmetric reports whether a is an HMAC, whose verifiers can also sign.
func (a Algorithm) IsSymmetric() bool {
	row := alg.Lookup(string(a))
	return row != nil && row.Family == alg.HMAC
}

// Algorithms returns every algorithm that the library implements.
func Algorithms() []Algorithm {
	all := alg.All()
	names := make([]Algorithm, len(all))
	for i, row := range all {
		names[i] = Algorithm(row.Name)
	}
	return names
}
