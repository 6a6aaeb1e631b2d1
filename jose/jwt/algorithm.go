package jwt

import "github.com/jotward/jotward/jose/jwk"

// An Algorithm is the name of one, as it stands in a header's alg: jwk.Algorithm by
// another path, so that a program which holds no keys itself need not import jwk.
type Algorithm = jwk.Algorithm

// The algorithms of signatures (RFC 7518 3.1, RFC 8037 3.1, RFC 9864 2.2, RFC 9964 6),
// those of package jwk.
const (
	HS256   = jwk.HS256
	HS384   = jwk.HS384
	HS512   = jwk.HS512
	RS256   = jwk.RS256
	RS384   = jwk.RS384
	RS512   = jwk.RS512
	PS256   = jwk.PS256
	PS384   = jwk.PS384
	PS512   = jwk.PS512
	ES256   = jwk.ES256
	ES384   = jwk.ES384
	ES512   = jwk.ES512
	EdDSA   = jwk.EdDSA
	Ed25519 = jwk.Ed25519
	MLDSA44 = jwk.MLDSA44
	MLDSA65 = jwk.MLDSA65
	MLDSA87 = jwk.MLDSA87
)
