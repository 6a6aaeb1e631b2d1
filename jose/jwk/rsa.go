package jwk

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"math/big"
	"slices"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
)

// Bounds of an RSA key. 2048 bits is RFC 7518 3.3's minimum. 8192 keeps a
// hostile key from costing more than a few milliseconds (CVE-2023-29409). The
// exponent must be odd and at least 3 (RFC 8017 3.1); the upper bound is the
// one of crypto/rsa, which keeps verification under 32 squarings. Real keys use
// 65537, some old ones 3 or 17; e=1 makes every message its own signature.
const (
	minRSA      = 2048
	maxRSA      = 8192
	maxExponent = 1<<31 - 1
	// Without its primes a private key is checked by an operation with d, which
	// costs seconds at 8192 bits.
	maxRSAWithoutPrimes = 4096
)

func (k *Key) setRSAPublic(pub *rsa.PublicKey) error {
	if err := k.family("RSA"); err != nil {
		return err
	}
	if pub == nil || pub.N == nil {
		return fail(jose.KeyInvalid, "nil key")
	}
	if err := checkRSA(pub); err != nil {
		return err
	}
	k.data.RSA = cloneRSA(pub)
	// RFC 7638 3.2: e, kty, n.
	k.members = []member{
		{"e", b64.Encode(big.NewInt(int64(pub.E)).Bytes())},
		{"kty", "RSA"},
		{"n", b64.Encode(pub.N.Bytes())},
	}
	return nil
}

func checkRSA(pub *rsa.PublicKey) error {
	bits := pub.N.BitLen()
	switch {
	case pub.N.Sign() <= 0:
		return fail(jose.KeyInvalid, "modulus is not positive")
	case bits < minRSA:
		return fail(jose.KeyWeak, fmt.Sprintf("modulus of %d bits, at least %d are needed", bits, minRSA))
	case bits > maxRSA:
		return fail(jose.KeyInvalid, fmt.Sprintf("modulus of %d bits, at most %d are accepted", bits, maxRSA))
	case pub.N.Bit(0) == 0:
		return fail(jose.KeyInvalid, "modulus is even")
	case pub.E < 3:
		return fail(jose.KeyWeak, "exponent is below 3")
	case pub.E&1 == 0:
		return fail(jose.KeyInvalid, "exponent is even")
	case pub.E > maxExponent:
		return fail(jose.KeyInvalid, "exponent is above 2^31-1")
	case isROCA(pub.N):
		return fail(jose.KeyWeak, "modulus has the ROCA fingerprint (CVE-2017-15361)")
	}
	return nil
}

func (k *Key) setRSAPrivate(key *rsa.PrivateKey) error {
	if key == nil || key.D == nil {
		return fail(jose.KeyInvalid, "nil key")
	}
	if err := k.setRSAPublic(&key.PublicKey); err != nil {
		return err
	}
	if len(key.Primes) != 2 && len(key.Primes) != 0 {
		return fail(jose.KeyInvalid, "more than two primes")
	}
	crt := []*big.Int{key.Precomputed.Dp, key.Precomputed.Dq, key.Precomputed.Qinv}
	if slices.Contains(crt, nil) {
		crt = nil
	}
	return k.setRSAParts(key.D, key.Primes, crt)
}

// setRSAParts adds the private half to a key whose public half is set, and
// checks that all of it belongs together. crt is dp, dq and qi, or nil: they are
// then computed, which costs far more than checking them.
func (k *Key) setRSAParts(d *big.Int, primes, crt []*big.Int) error {
	if d.Sign() <= 0 || d.Cmp(k.data.RSA.N) >= 0 {
		return fail(jose.KeyInvalid, "d is out of range")
	}
	key := &rsa.PrivateKey{PublicKey: *cloneRSA(k.data.RSA), D: new(big.Int).Set(d)}
	for _, p := range slices.Concat(primes, crt) {
		// Before anything is computed with it: a huge factor costs minutes.
		if p == nil || p.Sign() <= 0 || p.Cmp(k.data.RSA.N) >= 0 {
			return fail(jose.KeyInvalid, "a prime or what is computed from it is out of range")
		}
	}
	k.private = []member{{"d", b64.Encode(key.D.Bytes())}}
	if len(primes) == 0 {
		return k.setRSAWithoutPrimes(key)
	}
	for _, p := range primes {
		key.Primes = append(key.Primes, new(big.Int).Set(p))
	}
	if len(crt) == 3 {
		key.Precomputed.Dp, key.Precomputed.Dq, key.Precomputed.Qinv = new(big.Int).Set(crt[0]), new(big.Int).Set(crt[1]), new(big.Int).Set(crt[2])
	}
	// The standard library holds each of the eight numbers to the others (RFC 8017
	// 3.2); Validate is cheap where Precompute went well, and says why where not.
	key.Precompute()
	if err := key.Validate(); err != nil {
		return fail(jose.KeyInvalid, "private members do not agree with n and e, or with each other")
	}
	k.private = append(k.private,
		member{"p", b64.Encode(key.Primes[0].Bytes())},
		member{"q", b64.Encode(key.Primes[1].Bytes())},
		member{"dp", b64.Encode(key.Precomputed.Dp.Bytes())},
		member{"dq", b64.Encode(key.Precomputed.Dq.Bytes())},
		member{"qi", b64.Encode(key.Precomputed.Qinv.Bytes())})
	k.data.Signer = key
	return nil
}

// setRSAWithoutPrimes accepts a private key of n, e and d alone, which
// RFC 7518 6.3.2 permits, if a signature made with d holds under e.
func (k *Key) setRSAWithoutPrimes(key *rsa.PrivateKey) error {
	if bits := key.N.BitLen(); bits > maxRSAWithoutPrimes {
		return fail(jose.KeyInvalid, fmt.Sprintf("a private key of %d bits without its primes, at most %d are accepted", bits, maxRSAWithoutPrimes))
	}
	sum := sha256.Sum256([]byte("pairwise consistency"))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil || rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], sig) != nil {
		return fail(jose.KeyInvalid, "d does not agree with n and e")
	}
	k.data.Signer = key
	return nil
}

func cloneRSA(pub *rsa.PublicKey) *rsa.PublicKey {
	return &rsa.PublicKey{N: new(big.Int).Set(pub.N), E: pub.E}
}

// isROCA applies the public fingerprint test of CVE-2017-15361: primes of the
// flawed generator are powers of 65537 modulo a primorial, so the modulus is in
// the subgroup that 65537 generates modulo each small prime. A sound modulus
// passes for one by chance about once in 2^27.
func isROCA(n *big.Int) bool {
	r := new(big.Int)
	for _, p := range rocaPrimes {
		rest := r.Mod(n, big.NewInt(p)).Int64()
		power, found := int64(1), false
		for range p {
			if power == rest {
				found = true
				break
			}
			power = power * 65537 % p
		}
		if !found {
			return false
		}
	}
	return true
}

// rocaPrimes are the primes up to 167 at which the test can tell something.
var rocaPrimes = [...]int64{11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157}

func rsaPublic(n *big.Int, e int) *rsa.PublicKey { return &rsa.PublicKey{N: n, E: e} }
