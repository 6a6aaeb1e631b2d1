package jws

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"

	"github.com/jotward/jotward/jose/internal/alg"
	"github.com/jotward/jotward/jose/internal/keydata"
)

// verifyPKCS checks RSASSA-PKCS1-v1_5. The standard library builds the whole
// expected encoding and compares it (RFC 8017 8.2.2), which leaves no room for
// garbage (CVE-2006-4339), and wants exactly as many bytes as the modulus has.
func verifyPKCS(d *keydata.Data, input, signature []byte) bool {
	var room [64]byte
	sum := digest(d.Row.Hash, input, &room)
	return rsa.VerifyPKCS1v15(d.RSA, d.Row.Hash, sum, signature) == nil
}

// pssOptions fixes the salt: "The size of the salt value is the same size as
// the hash function output" (RFC 7518 3.5). crypto/rsa would take any.
func pssOptions(h crypto.Hash) *rsa.PSSOptions {
	switch h {
	case crypto.SHA256:
		return &pss256
	case crypto.SHA384:
		return &pss384
	default:
		return &pss512
	}
}

var (
	pss256 = rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	pss384 = rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA384}
	pss512 = rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA512}
)

// verifyPSS checks RSASSA-PSS with MGF1 over the same hash.
func verifyPSS(d *keydata.Data, input, signature []byte) bool {
	var room [64]byte
	sum := digest(d.Row.Hash, input, &room)
	return rsa.VerifyPSS(d.RSA, d.Row.Hash, sum, signature, pssOptions(d.Row.Hash)) == nil
}

func signRSA(d *keydata.Data, input []byte) ([]byte, error) {
	var room [64]byte
	sum := digest(d.Row.Hash, input, &room)
	if d.Row.Family == alg.RSAPSS {
		return d.Signer.Sign(rand.Reader, sum, pssOptions(d.Row.Hash))
	}
	return d.Signer.Sign(rand.Reader, sum, d.Row.Hash)
}
