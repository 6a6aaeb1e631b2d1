// Package alg is the one table of algorithms: signatures, key management and
// content encryption. Code above it receives a row and never switches on a
// string from a token.
package alg

import (
	"crypto"
	// The hashes of the table are linked here, so that crypto.Hash.New never panics.
	_ "crypto/sha1"
	_ "crypto/sha256"
	_ "crypto/sha512"
)

// A Family is the set of algorithms that one file of package jws or jwe implements.
type Family uint8

// The families: signatures, then key management, then content encryption.
const (
	HMAC     Family = iota + 1 // RFC 7518 3.2
	RSAPKCS                    // RFC 7518 3.3
	RSAPSS                     // RFC 7518 3.5
	ECDSA                      // RFC 7518 3.4
	Ed25519                    // RFC 8037 3.1, RFC 9864 2.2
	MLDSA                      // RFC 9964; its code is in a module of its own
	RSAOAEP                    // RFC 7518 4.3
	AESKW                      // RFC 7518 4.4
	Direct                     // RFC 7518 4.5
	ECDHES                     // RFC 7518 4.6, RFC 8037 3.2
	AESGCMKW                   // RFC 7518 4.7
	PBES2                      // RFC 7518 4.8
	CBCHMAC                    // RFC 7518 5.2
	AESGCM                     // RFC 7518 5.3
)

// Signs reports whether the family makes signatures or MACs.
func (f Family) Signs() bool { return f <= MLDSA }

// ManagesKeys reports whether the family's names stand in the alg of a JWE.
func (f Family) ManagesKeys() bool { return RSAOAEP <= f && f <= PBES2 }

// EncryptsContent reports whether the family's names stand in the enc of a JWE.
func (f Family) EncryptsContent() bool { return f >= CBCHMAC }

// A Row is everything there is to know about one algorithm.
type Row struct {
	Name    string
	Family  Family
	KeyType string      // kty, "" where several fit
	Curve   string      // crv, "" where the key has none or several fit
	Hash    crypto.Hash // 0 where the algorithm hashes by itself
	// Size in bytes. HMAC: of the MAC, and least of the secret. ECDSA and Ed25519:
	// of one coordinate. ML-DSA: of the public key. Key wrapping and content encryption: of their key, 0 for
	// direct agreement and dir, which take the content's.
	Size int
}

// rows is the table, in the order of RFC 7518; RFC 8037 and RFC 9864 stand among
// the signatures.
var rows = [...]Row{
	{"HS256", HMAC, "oct", "", crypto.SHA256, 32},
	{"HS384", HMAC, "oct", "", crypto.SHA384, 48},
	{"HS512", HMAC, "oct", "", crypto.SHA512, 64},
	{"RS256", RSAPKCS, "RSA", "", crypto.SHA256, 0},
	{"RS384", RSAPKCS, "RSA", "", crypto.SHA384, 0},
	{"RS512", RSAPKCS, "RSA", "", crypto.SHA512, 0},
	{"ES256", ECDSA, "EC", "P-256", crypto.SHA256, 32},
	{"ES384", ECDSA, "EC", "P-384", crypto.SHA384, 48},
	{"ES512", ECDSA, "EC", "P-521", crypto.SHA512, 66},
	{"PS256", RSAPSS, "RSA", "", crypto.SHA256, 0},
	{"PS384", RSAPSS, "RSA", "", crypto.SHA384, 0},
	{"PS512", RSAPSS, "RSA", "", crypto.SHA512, 0},
	{"EdDSA", Ed25519, "OKP", "Ed25519", 0, 32},
	{"Ed25519", Ed25519, "OKP", "Ed25519", 0, 32},
	// Size is that of the public key (FIPS 204 4).
	{"ML-DSA-44", MLDSA, "AKP", "", 0, 1312},
	{"ML-DSA-65", MLDSA, "AKP", "", 0, 1952},
	{"ML-DSA-87", MLDSA, "AKP", "", 0, 2592},
	// RFC 7518 4.1, with the hashes that the registry added to RSA-OAEP. RSA1_5 is
	// not there to be switched on (RFC 8725 3.2).
	{"RSA-OAEP", RSAOAEP, "RSA", "", crypto.SHA1, 0},
	{"RSA-OAEP-256", RSAOAEP, "RSA", "", crypto.SHA256, 0},
	{"RSA-OAEP-384", RSAOAEP, "RSA", "", crypto.SHA384, 0},
	{"RSA-OAEP-512", RSAOAEP, "RSA", "", crypto.SHA512, 0},
	{"A128KW", AESKW, "oct", "", 0, 16},
	{"A192KW", AESKW, "oct", "", 0, 24},
	{"A256KW", AESKW, "oct", "", 0, 32},
	{"dir", Direct, "oct", "", 0, 0},
	{"ECDH-ES", ECDHES, "", "", crypto.SHA256, 0},
	{"ECDH-ES+A128KW", ECDHES, "", "", crypto.SHA256, 16},
	{"ECDH-ES+A192KW", ECDHES, "", "", crypto.SHA256, 24},
	{"ECDH-ES+A256KW", ECDHES, "", "", crypto.SHA256, 32},
	{"A128GCMKW", AESGCMKW, "oct", "", 0, 16},
	{"A192GCMKW", AESGCMKW, "oct", "", 0, 24},
	{"A256GCMKW", AESGCMKW, "oct", "", 0, 32},
	{"PBES2-HS256+A128KW", PBES2, "oct", "", crypto.SHA256, 16},
	{"PBES2-HS384+A192KW", PBES2, "oct", "", crypto.SHA384, 24},
	{"PBES2-HS512+A256KW", PBES2, "oct", "", crypto.SHA512, 32},
	// RFC 7518 5.1. A key that is used directly may be bound to one of these.
	{"A128CBC-HS256", CBCHMAC, "oct", "", crypto.SHA256, 32},
	{"A192CBC-HS384", CBCHMAC, "oct", "", crypto.SHA384, 48},
	{"A256CBC-HS512", CBCHMAC, "oct", "", crypto.SHA512, 64},
	{"A128GCM", AESGCM, "oct", "", 0, 16},
	{"A192GCM", AESGCM, "oct", "", 0, 24},
	{"A256GCM", AESGCM, "oct", "", 0, 32},
}

// Lookup returns the row of a name, compared exactly (RFC 7515 4.1.1), or nil.
func Lookup(name string) *Row {
	for i := range rows {
		if rows[i].Name == name {
			return &rows[i]
		}
	}
	return nil
}

// All returns the rows in order.
func All() []*Row {
	all := make([]*Row, len(rows))
	for i := range rows {
		all[i] = &rows[i]
	}
	return all
}

// Fits reports whether a key of that type, on that curve if it has one, can be
// bound to the row.
func (r *Row) Fits(kty, crv string) bool {
	if r.Family == ECDHES {
		c := LookupCurve(crv)
		return c != nil && c.KeyType == kty
	}
	return r.KeyType == kty && (r.Curve == "" || r.Curve == crv)
}

// Same reports whether r and other name one algorithm. The two names of Ed25519
// do (RFC 9864 2.2); nothing else does.
func (r *Row) Same(other *Row) bool {
	return r == other || r != nil && other != nil && r.Family == Ed25519 && other.Family == Ed25519
}

// Serves reports whether a key bound to r may serve a header that names other:
// its own algorithm, and dir where the key is bound to a content encryption
// (RFC 7518 4.5).
func (r *Row) Serves(other *Row) bool {
	return r.Same(other) || other != nil && other.Family == Direct && r.Family.EncryptsContent()
}
