package jws

import (
	"crypto/hmac"
	"hash"

	"github.com/jotward/jotward/jose/internal/keydata"
)

// mac is a keyed state with room for its result, so that neither is allocated
// again for the next token.
type mac struct {
	hash.Hash
	sum [64]byte
}

func borrowMAC(d *keydata.Data) *mac {
	if m, ok := d.MACs.Get().(*mac); ok {
		return m
	}
	return &mac{Hash: hmac.New(d.Row.Hash.New, d.Secret)}
}

// verifyHMAC compares in constant time (RFC 7518 3.2). A truncated MAC has
// another length and never compares equal.
func verifyHMAC(d *keydata.Data, input, signature []byte) bool {
	m := borrowMAC(d)
	m.Write(input)
	ok := hmac.Equal(m.Sum(m.sum[:0]), signature)
	m.Reset()
	d.MACs.Put(m)
	return ok
}

func signHMAC(d *keydata.Data, input []byte) []byte {
	m := borrowMAC(d)
	m.Write(input)
	sum := m.Sum(nil)
	m.Reset()
	d.MACs.Put(m)
	return sum
}
