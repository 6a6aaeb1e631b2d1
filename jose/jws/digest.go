package jws

import (
	"crypto"
	"crypto/sha256"
	"crypto/sha512"
)

// digest hashes input into the given array. The three hashes of the table are
// called by name because their one-shot functions allocate nothing.
func digest(h crypto.Hash, input []byte, into *[64]byte) []byte {
	switch h {
	case crypto.SHA256:
		sum := sha256.Sum256(input)
		return into[:copy(into[:], sum[:])]
	case crypto.SHA384:
		sum := sha512.Sum384(input)
		return into[:copy(into[:], sum[:])]
	default:
		sum := sha512.Sum512(input)
		return into[:copy(into[:], sum[:])]
	}
}
