package jwe

import (
	"crypto"
	"crypto/pbkdf2"
	"fmt"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/alg"
)

// Bounds of PBES2 (RFC 7518 4.8.1).
const (
	// DefaultIterations is what Encrypt asks for when EncryptOptions.Iterations is 0.
	DefaultIterations = 100_000
	// DefaultMaxIterations is what Decrypt accepts when DecryptOptions.MaxIterations
	// is 0: about 40 ms of one core for SHA-256 and 100 for SHA-512. The sender of
	// a message chooses the work, and the time that it takes is ours.
	DefaultMaxIterations = 100_000
	// minIterations: "A minimum iteration count of 1000 is RECOMMENDED".
	minIterations = 1000
	minSalt       = 8 // "A Salt Input value containing 8 or more octets MUST be used"
)

// passwordKey derives the wrapping key: the salt is the algorithm's name, a zero
// byte and the salt input (RFC 7518 4.8.1.1).
func passwordKey(row *alg.Row, password, salt []byte, iterations int) ([]byte, error) {
	full := append(append([]byte(row.Name), 0), salt...)
	return pbkdf2.Key(crypto.Hash(row.Hash).New, string(password), full, iterations, row.Size)
}

// checkWork refuses before anything is hashed (CVE-2022-36083, CVE-2023-50967).
func (p *params) checkWork(limit int) error {
	switch {
	case len(p.p2s) < minSalt:
		return fail(jose.HeaderInvalid, "p2s is missing or shorter than 8 bytes")
	case p.p2c < minIterations:
		return fail(jose.HeaderInvalid, fmt.Sprintf("p2c is missing or below %d", minIterations))
	case p.p2c > limit:
		return fail(jose.WorkExceeded, fmt.Sprintf("p2c is %d, at most %d are accepted", p.p2c, limit))
	}
	return nil
}
