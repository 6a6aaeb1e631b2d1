// Package alg is the one table of signature algorithms. Code above it receives
// a row and never switches on a string from a token.
package alg

import (
	"crypto"
	// The hashes of the table are linked here, so that crypto.Hash.New never panics.
	_ "crypto/sha256"
	_ "crypto/sha512"
)

// A Family is the set of algorithms that one file of package jws implements.
type Family uint8

// The families.
const (
	HMAC    Family = iota + 1 // RFC 7518 3.2
	RSAPKCS                   // RFC 7518 3.3
	RSAPSS                    // RFC 7518 3.5
	ECDSA                     // RFC 7518 3.4
	Ed25519                   // RFC 8037 3.1, RFC 9864 2.2
)

// A Row is everything there is to know about one algorithm.
type Row struct {
	Name    string
	Family  Family
	KeyType string      // kty
	Curve   string      // crv, "" where the key has none
	Hash    crypto.Hash // 0 where the algorithm hashes by itself
	Size    int         // HMAC: bytes of the MAC and least bytes of the secret; EC and OKP: bytes of one coordinate
}

// rows is the table, in the order of RFC 7518 3.1; RFC 8037 and RFC 9864 follow.
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

// Same reports whether a key bound to r may serve a header that names other.
// The two names of Ed25519 are one algorithm (RFC 9864 2.2); nothing else is.
func (r *Row) Same(other *Row) bool {
	return r == other || r != nil && other != nil && r.Family == Ed25519 && other.Family == Ed25519
}
