package jws

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"

	"github.com/jotward/jotward/jose/internal/keydata"
)

// verifyEd25519 checks RFC 8032 5.1.7. The standard library refuses S not below
// the order; keys of small order never become a jwk.Key.
func verifyEd25519(d *keydata.Data, input, signature []byte) bool {
	return len(signature) == ed25519.SignatureSize && ed25519.Verify(d.Ed, input, signature)
}

// signEd25519 signs the input itself: Ed25519 hashes on its own.
func signEd25519(d *keydata.Data, input []byte) ([]byte, error) {
	return d.Signer.Sign(rand.Reader, input, crypto.Hash(0))
}
