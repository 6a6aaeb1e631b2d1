package jwk

import (
	"crypto/ecdsa"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
)

func (k *Key) setECDSAPublic(pub *ecdsa.PublicKey) error {
	if err := k.family("EC"); err != nil {
		return err
	}
	//lint:ignore SA1019 only asked whether they are there: Bytes panics on a key without them
	if pub == nil || pub.Curve == nil || pub.X == nil || pub.Y == nil {
		return fail(jose.KeyInvalid, "nil key")
	}
	if pub.Curve != curveOf(k.data.Row) {
		return fail(jose.KeyMisuse, k.data.Row.Name+" needs a key on "+k.data.Row.Curve)
	}
	point, err := pub.Bytes()
	if err != nil {
		return fail(jose.KeyInvalid, "the point is not on the curve")
	}
	return k.setPoint(point)
}

// setPoint takes an uncompressed point (SEC 1 2.3.3). The standard library
// refuses points off the curve, unreduced coordinates and infinity.
func (k *Key) setPoint(point []byte) error {
	row := k.data.Row
	if len(point) != 1+2*row.Size {
		return fail(jose.KeyInvalid, "a coordinate has the wrong length")
	}
	pub, err := ecdsa.ParseUncompressedPublicKey(curveOf(row), point)
	if err != nil {
		return fail(jose.KeyInvalid, "the point is not on "+row.Curve)
	}
	k.data.ECDSA = pub
	// RFC 7638 3.2: crv, kty, x, y.
	k.members = []member{
		{"crv", row.Curve},
		{"kty", "EC"},
		{"x", b64.Encode(point[1 : 1+row.Size])},
		{"y", b64.Encode(point[1+row.Size:])},
	}
	return nil
}

func (k *Key) setECDSAPrivate(key *ecdsa.PrivateKey) error {
	//lint:ignore SA1019 only asked whether it is there: Bytes panics on a key without it
	if key == nil || key.D == nil {
		return fail(jose.KeyInvalid, "nil key")
	}
	if err := k.setECDSAPublic(&key.PublicKey); err != nil {
		return err
	}
	d, err := key.Bytes()
	if err != nil {
		return fail(jose.KeyInvalid, "d is out of range")
	}
	return k.setScalar(d)
}

// setScalar adds d to a key whose public half is set (RFC 7518 6.2.2.1: the
// octets of the order, no more and no fewer).
func (k *Key) setScalar(d []byte) error {
	row := k.data.Row
	if len(d) != row.Size {
		return fail(jose.KeyInvalid, "d has the wrong length")
	}
	key, err := ecdsa.ParseRawPrivateKey(curveOf(row), d)
	if err != nil {
		return fail(jose.KeyInvalid, "d is out of range")
	}
	if !key.PublicKey.Equal(k.data.ECDSA) {
		return fail(jose.KeyInvalid, "d does not belong to x and y")
	}
	k.data.Signer = key
	k.private = []member{{"d", b64.Encode(d)}}
	return nil
}

// cloneECDSA copies a public key that was checked when it was set, so that a
// caller who changes what it was given changes nothing here.
func cloneECDSA(pub *ecdsa.PublicKey) *ecdsa.PublicKey {
	point, err := pub.Bytes()
	if err != nil {
		return nil
	}
	clone, err := ecdsa.ParseUncompressedPublicKey(pub.Curve, point)
	if err != nil {
		return nil
	}
	return clone
}
