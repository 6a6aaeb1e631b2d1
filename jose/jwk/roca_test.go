package jwk_test

import (
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
)

// rocaPrime makes a prime of 1024 bits with the structure of the flawed
// generator (CVE-2017-15361): k times a primorial plus a power of 65537 modulo it.
func rocaPrime(t *testing.T) *big.Int {
	t.Helper()
	primorial := big.NewInt(1)
	for p, found := int64(2), 0; found < 126; p++ {
		if n := big.NewInt(p); n.ProbablyPrime(0) {
			primorial.Mul(primorial, n)
			found++
		}
	}
	number := func(bits int) *big.Int {
		n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), uint(bits)))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	k := number(1023 - primorial.BitLen())
	k.SetBit(k, 1023-primorial.BitLen(), 1)
	for {
		p := new(big.Int).Exp(big.NewInt(65537), number(256), primorial)
		p.Add(p, new(big.Int).Mul(k, primorial))
		if p.ProbablyPrime(8) {
			return p
		}
		k.Add(k, big.NewInt(1))
	}
}

func TestROCA(t *testing.T) {
	t.Parallel()
	weak := &rsa.PublicKey{N: new(big.Int).Mul(rocaPrime(t), rocaPrime(t)), E: 65537}
	if weak.N.BitLen() < 2046 {
		t.Fatalf("%d bits", weak.N.BitLen())
	}
	for weak.N.BitLen() < 2048 { // the length must not be what it is refused for
		weak.N.Mul(weak.N, rocaPrime(t))
	}
	_, err := jwk.New(weak, jwk.RS256, "")
	wants(t, err, jose.KeyWeak)

	// One sound modulus in 2^27 has the fingerprint by chance: none of these.
	for range 2000 {
		n := make([]byte, 256)
		if _, err := rand.Read(n); err != nil {
			t.Fatal(err)
		}
		n[0], n[255] = n[0]|0x80, n[255]|1
		if _, err := jwk.New(&rsa.PublicKey{N: new(big.Int).SetBytes(n), E: 65537}, jwk.RS256, ""); err != nil {
			t.Error(err)
		}
	}
}

// Numbers of a million bits are refused for their length, before anything is
// computed with them (CVE-2023-29409).
func TestHugeNumbers(t *testing.T) {
	t.Parallel()
	huge := new(big.Int).Lsh(big.NewInt(1), 1<<20)
	huge.SetBit(huge, 0, 1)
	sound, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, material := range map[string]any{
		"public":  &rsa.PublicKey{N: huge, E: 65537},
		"private": &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: huge, E: 65537}, D: huge, Primes: []*big.Int{huge, huge}},
		"d":       &rsa.PrivateKey{PublicKey: sound.PublicKey, D: huge, Primes: sound.Primes},
		"primes":  &rsa.PrivateKey{PublicKey: sound.PublicKey, D: sound.D, Primes: []*big.Int{huge, huge}},
	} {
		_, err := jwk.New(material, jwk.RS256, "")
		if jose.ReasonOf(err) != jose.KeyInvalid {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
