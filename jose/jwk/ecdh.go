package jwk

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/alg"
	"github.com/jotward/jotward/jose/internal/b64"
)

// setAgreement sets a key of ECDH-ES from what a JWK holds: point is an
// uncompressed point (SEC 1 2.3.3), or the u-coordinate for X25519.
func (k *Key) setAgreement(curve *alg.Curve, point, d []byte, private bool) error {
	if curve.KeyType == "OKP" && len(point) != curve.Size {
		return fail(jose.KeyInvalid, "x has the wrong length")
	}
	pub, err := curve.Group.NewPublicKey(point)
	if err != nil {
		return fail(jose.KeyInvalid, "the point is not on "+curve.Name)
	}
	if err := k.setAgreementPublic(pub); err != nil || !private {
		return err
	}
	// RFC 7518 6.2.2.1: the octets of the order, no more and no fewer.
	if len(d) != curve.Size {
		return fail(jose.KeyInvalid, "d has the wrong length")
	}
	key, err := curve.Group.NewPrivateKey(d)
	if err != nil {
		return fail(jose.KeyInvalid, "d is out of range")
	}
	if !key.PublicKey().Equal(pub) {
		return fail(jose.KeyInvalid, "d does not belong to the public members")
	}
	k.data.Exchanger = key
	k.private = []member{{"d", b64.Encode(d)}}
	return nil
}

func (k *Key) setAgreementPublic(pub *ecdh.PublicKey) error {
	if pub == nil {
		return fail(jose.KeyInvalid, "nil key")
	}
	curve := alg.CurveOf(pub.Curve())
	if curve == nil || k.data.Row.Family != alg.ECDHES {
		return fail(jose.KeyMisuse, k.data.Row.Name+" cannot use a key for agreement")
	}
	point := pub.Bytes()
	if curve.KeyType == "OKP" && isLowOrder(pub) {
		return fail(jose.KeyWeak, "the point has small order")
	}
	k.data.ECDH = pub
	if curve.KeyType == "OKP" {
		k.members = []member{{"crv", curve.Name}, {"kty", "OKP"}, {"x", b64.Encode(point)}}
		return nil
	}
	k.members = []member{
		{"crv", curve.Name},
		{"kty", "EC"},
		{"x", b64.Encode(point[1 : 1+curve.Size])},
		{"y", b64.Encode(point[1+curve.Size:])},
	}
	return nil
}

func (k *Key) setAgreementPrivate(key *ecdh.PrivateKey) error {
	if key == nil {
		return fail(jose.KeyInvalid, "nil key")
	}
	curve := alg.CurveOf(key.Curve())
	if curve == nil {
		return fail(jose.KeyMisuse, "no algorithm of this library agrees on that curve")
	}
	return k.setAgreement(curve, key.PublicKey().Bytes(), key.Bytes(), true)
}

// setAgreementOf takes a private key on a NIST curve as an agreement key.
func (k *Key) setAgreementOf(key *ecdsa.PrivateKey) error {
	//lint:ignore SA1019 only asked whether they are there: ECDH panics on a key without them
	if key == nil || key.Curve == nil || key.X == nil || key.Y == nil || key.D == nil {
		return fail(jose.KeyInvalid, "nil key")
	}
	private, err := key.ECDH()
	if err != nil {
		return fail(jose.KeyInvalid, "d is out of range")
	}
	return k.setAgreementPrivate(private)
}

// isLowOrder finds the points under which every agreement gives zero
// (RFC 7748 6.1). crypto/ecdh refuses such a result, whoever's key it is made
// with, so any key will do to ask.
func isLowOrder(pub *ecdh.PublicKey) bool {
	probe, err := ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		return true
	}
	_, err = probe.ECDH(pub)
	return err != nil
}
