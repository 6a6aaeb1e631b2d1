// Package secret makes identifiers and secrets and hashes them for storage.
package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// ID returns prefix and at least 128 random bits in base32: an identifier that
// never begins with a dash, which a command line would read as a flag.
func ID(prefix string) string { return prefix + rand.Text() }

// New returns prefix and 256 random bits in base64url: a bearer secret.
func New(prefix string) string { return prefix + random(32) }

// Hash is what is stored of a secret of full entropy; guessing 256 bits gains
// nothing from a fast hash.
func Hash(s string) []byte {
	h := sha256.Sum256([]byte(s))
	return h[:]
}

func random(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}
