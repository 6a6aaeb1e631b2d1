// Package keydata carries key material from jwk to jws and jwe through doors that
// open to the packages of this module alone.
package keydata

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"sync"

	"github.com/jotward/jotward/jose/internal/alg"
)

// Access is the ticket to a key's material, and to the few other doors that only the
// packages of this module may use. That nobody outside can name it is not enough: Go
// assigns a literal of the same underlying type, and a type parameter finds the type
// by itself, with its zero value. So each door asks Granted, and only Inside, which
// nobody outside can call, returns an Access that is.
type Access struct{ ticket *byte }

var ticket byte // its address counts

// Inside returns the Access that opens.
func Inside() Access { return Access{&ticket} }

// Granted reports whether a is from Inside.
func (a Access) Granted() bool { return a.ticket == &ticket }

// Data is the material of one key. All of it is read-only, but for MACs.
type Data struct {
	Row *alg.Row

	Secret []byte // oct
	RSA    *rsa.PublicKey
	ECDSA  *ecdsa.PublicKey
	Ed     ed25519.PublicKey
	ECDH   *ecdh.PublicKey
	// Outside is a key whose algorithm another module implements, and
	// OutsideSigns whether it has its private half.
	Outside      Outside
	OutsideSigns bool

	// The private half: one of these, by the row's family. All are nil for public
	// keys and secrets.
	Signer    crypto.Signer
	Decrypter crypto.Decrypter  // RSA-OAEP
	Exchanger ecdh.KeyExchanger // ECDH-ES

	CanSign, CanVerify     bool // what use and key_ops leave
	CanEncrypt, CanDecrypt bool

	MACs sync.Pool // keyed hash.Hash states, so that a secret is expanded once
}

// HasPrivate reports whether the private half of an asymmetric key is at hand.
func (d *Data) HasPrivate() bool {
	return d.Signer != nil || d.Decrypter != nil || d.Exchanger != nil || d.OutsideSigns
}

// Outside is a key of an algorithm whose code is not in this module, so that
// this module needs no other.
type Outside interface {
	Verify(input, signature []byte) bool
	Sign(input []byte) ([]byte, error) // only where the private half is there
	Public() Outside                   // without the private half
}

// An Extension reads keys of such an algorithm.
type Extension interface {
	// Names are the algorithms of the table that it implements.
	Names() []string
	// Read builds a key. private is nil for a public one. It fails where the two
	// do not belong together.
	Read(name string, public, private []byte) (Outside, error)
}
