package jwk

import (
	"bytes"
	"crypto/ed25519"
	"math/big"
	"slices"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
)

func (k *Key) setEd25519Public(pub ed25519.PublicKey) error {
	if err := k.family("OKP"); err != nil {
		return err
	}
	if len(pub) != ed25519.PublicKeySize {
		return fail(jose.KeyInvalid, "x has the wrong length")
	}
	if err := checkEdwards(pub); err != nil {
		return err
	}
	k.data.Ed = bytes.Clone(pub)
	// RFC 8037 2: crv, kty, x.
	k.members = []member{{"crv", "Ed25519"}, {"kty", "OKP"}, {"x", b64.Encode(pub)}}
	return nil
}

func (k *Key) setEd25519Private(key ed25519.PrivateKey) error {
	if len(key) != ed25519.PrivateKeySize {
		return fail(jose.KeyInvalid, "an Ed25519 private key has the wrong length")
	}
	if err := k.setEd25519Public(ed25519.PublicKey(key[ed25519.SeedSize:])); err != nil {
		return err
	}
	return k.setSeed(key.Seed())
}

// setSeed adds d to a key whose public half is set (RFC 8037 2).
func (k *Key) setSeed(seed []byte) error {
	if len(seed) != ed25519.SeedSize {
		return fail(jose.KeyInvalid, "d has the wrong length")
	}
	key := ed25519.NewKeyFromSeed(seed)
	if !bytes.Equal(key[ed25519.SeedSize:], k.data.Ed) {
		return fail(jose.KeyInvalid, "d does not belong to x")
	}
	k.data.Signer = key
	k.private = []member{{"d", b64.Encode(seed)}}
	return nil
}

// Edwards25519 (RFC 8032 5.1): the field's prime and the constant d of the curve.
var (
	edP = func() *big.Int {
		p := new(big.Int).Lsh(big.NewInt(1), 255)
		return p.Sub(p, big.NewInt(19))
	}()
	edD, _ = new(big.Int).SetString("37095705934669439343138083508754565189542113879843219016388785533085940283555", 10)
	// The y of the two points of order 8; one is the other's negative.
	edOrder8, _ = new(big.Int).SetString("55188659117513257062467267217118295137698188065244968500265048394206261417927", 10)
)

// checkEdwards refuses what RFC 8032 5.1.3 does not decode (y not below p, or
// no x for it) and the eight points of small order, under which one signature
// holds for many messages. Only public data is computed with.
func checkEdwards(pub []byte) error {
	le := bytes.Clone(pub)
	le[31] &= 0x7f // the sign of x
	slices.Reverse(le)
	y := new(big.Int).SetBytes(le)
	if y.Cmp(edP) >= 0 {
		return fail(jose.KeyInvalid, "x is not canonical")
	}
	one := big.NewInt(1)
	yy := new(big.Int).Mul(y, y)
	// x^2 = (y^2 - 1) / (d y^2 + 1) has a root if and only if numerator times denominator has one.
	u := new(big.Int).Sub(yy, one)
	v := new(big.Int).Mul(yy, edD)
	v.Add(v, one)
	if big.Jacobi(new(big.Int).Mod(u.Mul(u, v), edP), edP) < 0 {
		return fail(jose.KeyInvalid, "the point is not on Ed25519")
	}
	minus := func(a *big.Int) *big.Int { return new(big.Int).Sub(edP, a) }
	for _, small := range []*big.Int{new(big.Int), one, minus(one), edOrder8, minus(edOrder8)} {
		if y.Cmp(small) == 0 {
			return fail(jose.KeyWeak, "the point has small order")
		}
	}
	return nil
}
