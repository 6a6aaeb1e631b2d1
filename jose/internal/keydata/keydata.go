// Package keydata carries key material from jwk to jws without an exported
// door: nobody outside the module can name Access, so nobody can ask.
package keydata

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"sync"

	"github.com/jotward/jotward/jose/internal/alg"
)

// Access is the ticket to a key's material.
type Access struct{}

// Data is the material of one key. All of it is read-only, but for MACs.
type Data struct {
	Row *alg.Row

	Secret []byte // HMAC
	RSA    *rsa.PublicKey
	ECDSA  *ecdsa.PublicKey
	Ed     ed25519.PublicKey

	Signer crypto.Signer // the private half, nil for public keys and secrets

	CanSign, CanVerify bool // what use and key_ops leave

	MACs sync.Pool // keyed hash.Hash states, so that a secret is expanded once
}
