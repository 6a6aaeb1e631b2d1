package jwk_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"slices"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
)

// What crypto/rsa would take and the library does not: the exponent's bound is
// that of RSA elsewhere, and RFC 7518's oth is not written.
func TestRSAOutOfBounds(t *testing.T) {
	t.Parallel()
	whole, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for e, want := range map[int]jose.Reason{1<<31 - 1: "", 1<<31 + 1: jose.KeyInvalid, 1<<32 + 1: jose.KeyInvalid, 1<<62 + 1: jose.KeyInvalid, 1: jose.KeyWeak, -3: jose.KeyWeak, 65538: jose.KeyInvalid} {
		for _, a := range []jwk.Algorithm{jwk.RS256, jwk.PS256, jwk.RSAOAEP} {
			if _, err := jwk.New(&rsa.PublicKey{N: whole.N, E: e}, a, ""); jose.ReasonOf(err) != want {
				t.Errorf("%s, e = %d: %v", a, e, err)
			}
		}
	}
	// Numbers that are not there, or are no key's.
	long := new(big.Int).Add(whole.D, new(big.Int).Lsh(phi(whole), 16)) // for all that d does, the same
	for name, material := range map[string]any{
		"no modulus": &rsa.PublicKey{E: 65537}, "no key": (*rsa.PublicKey)(nil), "negative": &rsa.PublicKey{N: new(big.Int).Neg(whole.N), E: 65537},
		"private, no modulus": &rsa.PrivateKey{PublicKey: rsa.PublicKey{E: 65537}, D: whole.D}, "private, no d": &rsa.PrivateKey{PublicKey: whole.PublicKey},
		"d beyond n": &rsa.PrivateKey{PublicKey: whole.PublicKey, D: long, Primes: whole.Primes}, "d beyond n, alone": &rsa.PrivateKey{PublicKey: whole.PublicKey, D: long},
		"negative d": &rsa.PrivateKey{PublicKey: whole.PublicKey, D: new(big.Int).Neg(whole.D), Primes: whole.Primes},
	} {
		if k, err := jwk.New(material, jwk.RS256, ""); jose.ReasonOf(err) != jose.KeyInvalid {
			t.Errorf("%s: %v, %v", name, k, err)
		}
	}
	//lint:ignore SA1019 what is refused has to be made
	three, err := rsa.GenerateMultiPrimeKey(rand.Reader, 3, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, err = jwk.New(three, jwk.RS256, "")
	wants(t, err, jose.KeyInvalid)
}

func phi(key *rsa.PrivateKey) *big.Int {
	one := big.NewInt(1)
	return new(big.Int).Mul(new(big.Int).Sub(key.Primes[0], one), new(big.Int).Sub(key.Primes[1], one))
}

// An Ed25519 key of another length is refused and not cut.
func TestEd25519Lengths(t *testing.T) {
	t.Parallel()
	_, whole, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jwk.New(&whole, jwk.EdDSA, ""); err != nil {
		t.Error(err)
	}
	short, long := whole[:63], append(bytes.Clone(whole), 0)
	for name, material := range map[string]any{"nothing": ed25519.PrivateKey(nil), "a byte": ed25519.PrivateKey{1}, "a seed": whole[:32], "short": short, "long": ed25519.PrivateKey(long),
		"no pointer": (*ed25519.PrivateKey)(nil), "short, pointer": &short, "public, long": ed25519.PublicKey(append(bytes.Clone(whole[32:]), 0))} {
		if k, err := jwk.New(material, jwk.EdDSA, ""); jose.ReasonOf(err) != jose.KeyInvalid {
			t.Errorf("%s: %v, %v", name, k, err)
		}
	}
}

// Each coordinate has its own length: the same point, cut elsewhere, is no key
// (RFC 7518 6.2.1.2).
func TestCoordinatesCutElsewhere(t *testing.T) {
	t.Parallel()
	for _, a := range []jwk.Algorithm{jwk.ES256, jwk.ECDHES} {
		text, err := generate(t, a, "").MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		bytesOf := func(name string) []byte {
			b, err := base64.RawURLEncoding.DecodeString(m[name].(string))
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		point := slices.Concat(bytesOf("x"), bytesOf("y"))
		for at, want := range map[int]jose.Reason{32: "", 31: jose.KeyInvalid, 33: jose.KeyInvalid, 0: jose.KeyInvalid, 64: jose.KeyInvalid} {
			m["x"], m["y"] = base64.RawURLEncoding.EncodeToString(point[:at]), base64.RawURLEncoding.EncodeToString(point[at:])
			text, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := jwk.Parse(text, jwk.Options{}); jose.ReasonOf(err) != want {
				t.Errorf("%s cut at %d: %v", a, at, err)
			}
		}
	}
}

// Sizes are judged before anything is read.
func TestTextsOutOfBounds(t *testing.T) {
	t.Parallel()
	set := []byte(`{"keys":[` + rfc7517A2RSA + `]}`)
	const most = 2 << 20
	for size, want := range map[int]jose.Reason{most: "", most + 1: jose.KeySetInvalid} {
		text := append(bytes.Clone(set), bytes.Repeat([]byte(" "), size-len(set))...)
		if _, err := jwk.ParseSet(text, jwk.Options{}); jose.ReasonOf(err) != want {
			t.Errorf("a set of %d bytes: %v", size, err)
		}
	}

	// PKCS #8 has room for attributes (RFC 5958 2), which nobody reads.
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	var inside struct {
		Version    int
		Algorithm  pkix.AlgorithmIdentifier
		Key        []byte
		Attributes asn1.RawValue `asn1:"optional"`
	}
	if _, err := asn1.Unmarshal(der, &inside); err != nil {
		t.Fatal(err)
	}
	for size, want := range map[int]jose.Reason{100: "", 16 << 10: jose.KeyInvalid} {
		inside.Attributes = asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: append([]byte{4, 0x82, byte(size >> 8), byte(size)}, make([]byte, size)...)}
		long, err := asn1.Marshal(inside)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jwk.ParseDER(long, jwk.ES256, ""); jose.ReasonOf(err) != want {
			t.Errorf("a key with attributes of %d bytes: %v", size, err)
		}
	}
}

// RFC 7468 has no headers: what they say of a key, nobody would heed.
func TestPEMHeaders(t *testing.T) {
	t.Parallel()
	text, err := generate(t, jwk.ES256, "k").MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if _, err := jwk.ParsePEM(text, jwk.ES256, ""); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"Comment", "Proc-Type", "DEK-Info"} {
		block.Headers = map[string]string{name: "x"}
		_, err := jwk.ParsePEM(pem.EncodeToMemory(block), jwk.ES256, "")
		wants(t, err, jose.KeyInvalid)
	}
}
