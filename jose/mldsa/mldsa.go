// Package mldsa adds the post-quantum signatures ML-DSA-44, ML-DSA-65 and
// ML-DSA-87 (FIPS 204, RFC 9964) to package jose. It is a module of its own,
// because its code is in no standard library yet; none of that code's types is
// in its interface, so that a standard library's can take its place.
//
// Keys are made and parsed here, or by jwk and jwks with this package's Extension
// among their options; signing and verifying is jws's and jwt's, as for every
// other algorithm.
package mldsa

import (
	"crypto/rand"
	"fmt"

	"filippo.io/mldsa"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/keydata"
	"github.com/jotward/jotward/jose/jwk"
)

// Extension reads keys of type AKP: for jwk.Options.Extensions,
// jwks.Config.Extensions and jwt.DPoPPolicy.Extensions.
func Extension() jwk.Extension { return jwk.NewExtension(keydata.Inside(), extension{}) }

// Generate makes a new key with crypto/rand. An empty keyID means the key's
// thumbprint (RFC 9964 6). It fails with AlgorithmNotAllowed for an algorithm
// that is not ML-DSA.
func Generate(a jwk.Algorithm, keyID string) (*jwk.Key, error) {
	seed := make([]byte, mldsa.PrivateKeySize)
	rand.Read(seed)
	return New(a, seed, keyID)
}

// New builds a private key from its seed of 32 bytes, which is what a JWK's priv
// holds (RFC 9964 3). An empty keyID means the key's thumbprint. It fails with
// AlgorithmNotAllowed and KeyInvalid.
func New(a jwk.Algorithm, seed []byte, keyID string) (*jwk.Key, error) {
	set, ok := parameters(string(a))
	if !ok {
		return nil, jose.NewError(jose.AlgorithmNotAllowed, fmt.Sprintf("%q is no ML-DSA", string(a)), nil)
	}
	private, err := mldsa.NewPrivateKey(set, seed)
	if err != nil {
		return nil, jose.NewError(jose.KeyInvalid, "the seed of ML-DSA has 32 bytes", nil)
	}
	return Extension().Key(a, private.PublicKey().Bytes(), seed, keyID)
}

// parameters returns the parameter set of an algorithm's name.
func parameters(name string) (mldsa.Parameters, bool) {
	for _, set := range []mldsa.Parameters{mldsa.MLDSA44(), mldsa.MLDSA65(), mldsa.MLDSA87()} {
		if set.String() == name {
			return set, true
		}
	}
	return mldsa.Parameters{}, false
}

// extension implements keydata.Extension.
type extension struct{}

// Names implements keydata.Extension.
func (extension) Names() []string { return []string{"ML-DSA-44", "ML-DSA-65", "ML-DSA-87"} }

// Read implements keydata.Extension.
func (extension) Read(name string, public, private []byte) (keydata.Outside, error) {
	set, ok := parameters(name)
	if !ok {
		return nil, fmt.Errorf("mldsa: no parameter set %q", name)
	}
	pub, err := mldsa.NewPublicKey(set, public)
	if err != nil || private == nil {
		return &key{public: pub}, err
	}
	priv, err := mldsa.NewPrivateKey(set, private)
	if err != nil {
		return nil, err
	}
	if !priv.PublicKey().Equal(pub) {
		return nil, fmt.Errorf("mldsa: priv does not belong to pub")
	}
	return &key{pub, priv}, nil
}

// key implements keydata.Outside.
type key struct {
	public  *mldsa.PublicKey
	private *mldsa.PrivateKey // nil for a public key
}

// Verify implements keydata.Outside. The context is empty (RFC 9964 4).
func (k *key) Verify(input, signature []byte) bool {
	return mldsa.Verify(k.public, input, signature, nil) == nil
}

// Sign implements keydata.Outside. It is hedged, not deterministic (FIPS 204 3.4).
func (k *key) Sign(input []byte) ([]byte, error) { return k.private.Sign(nil, input, nil) }

// Public implements keydata.Outside.
func (k *key) Public() keydata.Outside { return &key{public: k.public} }
