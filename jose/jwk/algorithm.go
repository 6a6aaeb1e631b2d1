package jwk

import "github.com/jotward/jotward/jose/internal/alg"

// An Algorithm is a name of the registry of JSON Web Signature and Encryption
// Algorithms (RFC 7518 7.1), as it stands in a header's alg or enc and in a
// key's alg. There is no none, and no RSA1_5.
type Algorithm string

// The signature algorithms (RFC 7518 3.1, RFC 8037 3.1, RFC 9864 2.2).
const (
	HS256   Algorithm = "HS256"     // HMAC with SHA-256
	HS384   Algorithm = "HS384"     // HMAC with SHA-384
	HS512   Algorithm = "HS512"     // HMAC with SHA-512
	RS256   Algorithm = "RS256"     // RSASSA-PKCS1-v1_5 with SHA-256
	RS384   Algorithm = "RS384"     // RSASSA-PKCS1-v1_5 with SHA-384
	RS512   Algorithm = "RS512"     // RSASSA-PKCS1-v1_5 with SHA-512
	ES256   Algorithm = "ES256"     // ECDSA on P-256 with SHA-256
	ES384   Algorithm = "ES384"     // ECDSA on P-384 with SHA-384
	ES512   Algorithm = "ES512"     // ECDSA on P-521 with SHA-512
	PS256   Algorithm = "PS256"     // RSASSA-PSS with SHA-256 and MGF1 of it
	PS384   Algorithm = "PS384"     // RSASSA-PSS with SHA-384 and MGF1 of it
	PS512   Algorithm = "PS512"     // RSASSA-PSS with SHA-512 and MGF1 of it
	EdDSA   Algorithm = "EdDSA"     // Ed25519 under its older, polymorphic name
	Ed25519 Algorithm = "Ed25519"   // Ed25519 under its own name
	MLDSA44 Algorithm = "ML-DSA-44" // post-quantum (RFC 9964); keys need the module jose/mldsa
	MLDSA65 Algorithm = "ML-DSA-65" // the same, category 3
	MLDSA87 Algorithm = "ML-DSA-87" // the same, category 5
)

// The key management algorithms (RFC 7518 4.1, RFC 8037 3.2).
const (
	RSAOAEP          Algorithm = "RSA-OAEP"           // RSAES-OAEP with SHA-1 and MGF1 of it
	RSAOAEP256       Algorithm = "RSA-OAEP-256"       // RSAES-OAEP with SHA-256 and MGF1 of it
	RSAOAEP384       Algorithm = "RSA-OAEP-384"       // RSAES-OAEP with SHA-384 and MGF1 of it
	RSAOAEP512       Algorithm = "RSA-OAEP-512"       // RSAES-OAEP with SHA-512 and MGF1 of it
	A128KW           Algorithm = "A128KW"             // AES Key Wrap, 128 bits
	A192KW           Algorithm = "A192KW"             // AES Key Wrap, 192 bits
	A256KW           Algorithm = "A256KW"             // AES Key Wrap, 256 bits
	Direct           Algorithm = "dir"                // the shared key encrypts the content itself
	ECDHES           Algorithm = "ECDH-ES"            // ephemeral-static agreement on the content's key
	ECDHESA128KW     Algorithm = "ECDH-ES+A128KW"     // agreement on a key for AES Key Wrap
	ECDHESA192KW     Algorithm = "ECDH-ES+A192KW"     // the same, 192 bits
	ECDHESA256KW     Algorithm = "ECDH-ES+A256KW"     // the same, 256 bits
	A128GCMKW        Algorithm = "A128GCMKW"          // AES-GCM as a key wrap, 128 bits
	A192GCMKW        Algorithm = "A192GCMKW"          // AES-GCM as a key wrap, 192 bits
	A256GCMKW        Algorithm = "A256GCMKW"          // AES-GCM as a key wrap, 256 bits
	PBES2HS256A128KW Algorithm = "PBES2-HS256+A128KW" // a password, PBKDF2 and AES Key Wrap
	PBES2HS384A192KW Algorithm = "PBES2-HS384+A192KW" // the same with SHA-384, 192 bits
	PBES2HS512A256KW Algorithm = "PBES2-HS512+A256KW" // the same with SHA-512, 256 bits
)

// The content encryption algorithms (RFC 7518 5.1).
const (
	A128CBCHS256 Algorithm = "A128CBC-HS256" // AES-CBC, then HMAC with SHA-256
	A192CBCHS384 Algorithm = "A192CBC-HS384" // AES-CBC, then HMAC with SHA-384
	A256CBCHS512 Algorithm = "A256CBC-HS512" // AES-CBC, then HMAC with SHA-512
	A128GCM      Algorithm = "A128GCM"       // AES-GCM, 128 bits
	A192GCM      Algorithm = "A192GCM"       // AES-GCM, 192 bits
	A256GCM      Algorithm = "A256GCM"       // AES-GCM, 256 bits
)

// Known reports whether the library implements a.
func (a Algorithm) Known() bool { return alg.Lookup(string(a)) != nil }

// IsSymmetric reports whether both sides of a hold the same key: for an HMAC,
// whoever can verify can also sign.
func (a Algorithm) IsSymmetric() bool {
	row := alg.Lookup(string(a))
	return row != nil && row.KeyType == "oct"
}

// IsSignature reports whether a makes signatures or MACs.
func (a Algorithm) IsSignature() bool { return a.is(alg.Family.Signs) }

// IsKeyManagement reports whether a may stand in the alg of a JWE.
func (a Algorithm) IsKeyManagement() bool { return a.is(alg.Family.ManagesKeys) }

// IsContentEncryption reports whether a may stand in the enc of a JWE.
func (a Algorithm) IsContentEncryption() bool { return a.is(alg.Family.EncryptsContent) }

func (a Algorithm) is(of func(alg.Family) bool) bool {
	row := alg.Lookup(string(a))
	return row != nil && of(row.Family)
}

// SignatureAlgorithms returns every signature algorithm that this module
// implements by itself: all but ML-DSA.
func SignatureAlgorithms() []Algorithm {
	return names(func(f alg.Family) bool { return f.Signs() && f != alg.MLDSA })
}

// KeyManagementAlgorithms returns every key management algorithm of the library.
func KeyManagementAlgorithms() []Algorithm { return names(alg.Family.ManagesKeys) }

// ContentEncryptionAlgorithms returns every content encryption algorithm of the library.
func ContentEncryptionAlgorithms() []Algorithm { return names(alg.Family.EncryptsContent) }

func names(of func(alg.Family) bool) (list []Algorithm) {
	for _, row := range alg.All() {
		if of(row.Family) {
			list = append(list, Algorithm(row.Name))
		}
	}
	return list
}
