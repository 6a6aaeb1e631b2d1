package jws

import (
	"errors"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/alg"
	"github.com/jotward/jotward/jose/internal/keydata"
	"github.com/jotward/jotward/jose/jwk"
)

// VerifySignature checks a raw signature over input with the key's one
// algorithm. It is what Verify and package jwt stand on, for those who frame
// the input themselves; it looks at no header. It fails with KeyMisuse when the
// key may not verify, and with SignatureInvalid.
func VerifySignature(key *jwk.Key, input, signature []byte) error {
	d := key.Data(keydata.Inside())
	if !d.CanVerify {
		return fail(jose.KeyMisuse, "key_ops of the key do not allow verify")
	}
	var ok bool
	switch d.Row.Family {
	case alg.HMAC:
		ok = verifyHMAC(d, input, signature)
	case alg.RSAPKCS:
		ok = verifyPKCS(d, input, signature)
	case alg.RSAPSS:
		ok = verifyPSS(d, input, signature)
	case alg.ECDSA:
		ok = verifyECDSA(d, input, signature)
	case alg.Ed25519:
		ok = verifyEd25519(d, input, signature)
	case alg.MLDSA:
		ok = d.Outside != nil && d.Outside.Verify(input, signature)
	}
	if !ok {
		return fail(jose.SignatureInvalid, "the signature does not hold under the key")
	}
	return nil
}

// SignInput returns the raw signature over input with the key's one algorithm.
// It fails with KeyMisuse when the key is public or may not sign, and with
// KeyInvalid when a foreign crypto.Signer fails, or KeysUnavailable when that says so
// (see jwk.New); both wrap its error.
func SignInput(key *jwk.Key, input []byte) ([]byte, error) {
	d := key.Data(keydata.Inside())
	if !d.CanSign {
		return nil, fail(jose.KeyMisuse, "the key is public or its key_ops do not allow sign")
	}
	var sig []byte
	var err error
	switch d.Row.Family {
	case alg.HMAC:
		return signHMAC(d, input), nil
	case alg.RSAPKCS, alg.RSAPSS:
		sig, err = signRSA(d, input)
	case alg.ECDSA:
		sig, err = signECDSA(d, input)
	case alg.Ed25519:
		sig, err = signEd25519(d, input)
	case alg.MLDSA:
		sig, err = d.Outside.Sign(input)
	}
	if errors.Is(err, jose.KeysUnavailable) {
		return nil, jose.NewError(jose.KeysUnavailable, "the key cannot be reached", err)
	}
	if err != nil {
		return nil, jose.NewError(jose.KeyInvalid, "signing failed", err)
	}
	return sig, nil
}
