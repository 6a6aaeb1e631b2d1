package jwk

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/alg"
	"github.com/jotward/jotward/jose/internal/b64"
)

// New builds a Key from material of the standard library: []byte (a shared
// secret, or the password of PBES2), *rsa.PublicKey, *rsa.PrivateKey,
// *ecdsa.PublicKey, *ecdsa.PrivateKey, ed25519.PublicKey, ed25519.PrivateKey,
// *ecdh.PublicKey, *ecdh.PrivateKey, or a key that lives elsewhere (HSM, KMS,
// agent): any other crypto.Signer, crypto.Decrypter (RSA-OAEP; it is called with
// *rsa.OAEPOptions) or ecdh.KeyExchanger whose public half is one of the public
// types. keyID may be empty. The material is copied, except for keys that live
// elsewhere.
//
// A key that lives elsewhere and cannot be reached returns an error that wraps
// jose.KeysUnavailable: signing and decrypting then fail with that reason. It must not
// say so of anything that depends on what it is given. Every other error at
// decryption is the one DecryptionFailed of RFC 7516 11.5, without a cause: a token's
// maker must not learn what went wrong.
//
// It fails with AlgorithmNotAllowed, KeyMisuse (material of another family),
// KeyInvalid or KeyWeak.
func New(material any, a Algorithm, keyID string) (*Key, error) {
	row := alg.Lookup(string(a))
	if row == nil {
		return nil, fail(jose.AlgorithmNotAllowed, "unknown algorithm "+quote(string(a)))
	}
	if err := checkKeyID(keyID); err != nil {
		return nil, err
	}
	k := newKey(row, keyID)
	if err := k.set(material); err != nil {
		return nil, err
	}
	k.allow(permissions{sign: true, verify: true, encrypt: true, decrypt: true})
	k.thumb = thumbprint(k.members)
	return k, nil
}

func (k *Key) set(material any) error {
	switch m := material.(type) {
	case []byte:
		return k.setSecret(m)
	case *rsa.PrivateKey:
		return k.setRSAPrivate(m)
	case *ecdsa.PrivateKey:
		if k.data.Row.Family == alg.ECDHES {
			return k.setAgreementOf(m)
		}
		return k.setECDSAPrivate(m)
	case *ecdh.PrivateKey:
		return k.setAgreementPrivate(m)
	case ed25519.PrivateKey:
		return k.setEd25519Private(m)
	case *ed25519.PrivateKey:
		if m == nil {
			return fail(jose.KeyInvalid, "nil key")
		}
		return k.setEd25519Private(*m)
	case *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey, *ecdh.PublicKey:
		return k.setPublic(m)
	}
	return k.setElsewhere(material)
}

// setElsewhere takes a private key that only answers questions. One that can do
// several things is asked for what the algorithm needs.
func (k *Key) setElsewhere(material any) error {
	switch {
	case k.data.Row.Family.Signs():
		if m, ok := material.(crypto.Signer); ok {
			k.data.Signer = m
			return k.setPublic(m.Public())
		}
	case k.data.Row.Family == alg.RSAOAEP:
		if m, ok := material.(crypto.Decrypter); ok {
			k.data.Decrypter = m
			return k.setPublic(m.Public())
		}
	case k.data.Row.Family == alg.ECDHES:
		if m, ok := material.(ecdh.KeyExchanger); ok {
			k.data.Exchanger = m
			return k.setPublic(m.PublicKey())
		}
	}
	return fail(jose.KeyMisuse, fmt.Sprintf("no key for %s can be made of a %T", k.data.Row.Name, material))
}

// allow sets what the key can do: what p leaves of what its material can.
func (k *Key) allow(p permissions) {
	d, family := k.data, k.data.Row.Family
	d.CanSign = family.Signs() && p.sign && k.IsPrivate()
	d.CanVerify = family.Signs() && p.verify
	d.CanEncrypt = !family.Signs() && p.encrypt
	d.CanDecrypt = !family.Signs() && p.decrypt && k.IsPrivate()
}

func (k *Key) setPublic(material any) error {
	switch m := material.(type) {
	case *rsa.PublicKey:
		return k.setRSAPublic(m)
	case *ecdsa.PublicKey:
		if k.data.Row.Family != alg.ECDHES {
			return k.setECDSAPublic(m)
		}
		//lint:ignore SA1019 only asked whether they are there: ECDH panics on a key without them
		if m == nil || m.Curve == nil || m.X == nil || m.Y == nil {
			return fail(jose.KeyInvalid, "nil key")
		}
		pub, err := m.ECDH()
		if err != nil {
			return fail(jose.KeyInvalid, "the point is not on the curve")
		}
		return k.setAgreementPublic(pub)
	case ed25519.PublicKey:
		return k.setEd25519Public(m)
	case *ecdh.PublicKey:
		return k.setAgreementPublic(m)
	}
	return fail(jose.KeyMisuse, fmt.Sprintf("a private key whose public half is a %T cannot be used", material))
}

// family refuses material that the key's algorithm cannot use.
func (k *Key) family(kty string) error {
	if k.data.Row.KeyType != kty {
		return fail(jose.KeyMisuse, k.data.Row.Name+" cannot use a key of type "+kty)
	}
	return nil
}

// Generate makes a new key with crypto/rand: RSA keys of 3072 bits, keys for
// ECDH-ES on P-256, secrets as long as the hash or the cipher's key. It makes no
// keys for dir, whose length the content encryption decides (name that one), no
// passwords, and no keys of extensions, which make their own. An empty keyID
// means the key's thumbprint, or, for a shared secret, a random name, since a
// thumbprint would publish its hash (RFC 7638 7). It fails with AlgorithmNotAllowed for an algorithm that is unknown or one of these.
func Generate(a Algorithm, keyID string) (*Key, error) {
	row := alg.Lookup(string(a))
	if row == nil || row.Family == alg.Direct || row.Family == alg.PBES2 || row.Family == alg.MLDSA {
		return nil, fail(jose.AlgorithmNotAllowed, "no key is generated for "+quote(string(a)))
	}
	var material any
	var err error
	switch row.Family {
	case alg.HMAC, alg.AESKW, alg.AESGCMKW, alg.CBCHMAC, alg.AESGCM:
		secret := make([]byte, row.Size)
		_, err = rand.Read(secret)
		material = secret
	case alg.ECDHES:
		material, err = ecdh.P256().GenerateKey(rand.Reader)
	case alg.RSAPKCS, alg.RSAPSS, alg.RSAOAEP:
		material, err = rsa.GenerateKey(rand.Reader, 3072)
	case alg.ECDSA:
		material, err = ecdsa.GenerateKey(curveOf(row), rand.Reader)
	case alg.Ed25519:
		_, material, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		return nil, jose.NewError(jose.KeyInvalid, "generating failed", err)
	}
	k, err := New(material, a, keyID)
	if err != nil {
		return nil, err
	}
	if keyID == "" {
		k.keyID = k.thumb
		if k.IsSymmetric() {
			name := make([]byte, 16)
			if _, err := rand.Read(name); err != nil {
				return nil, jose.NewError(jose.KeyInvalid, "generating failed", err)
			}
			k.keyID = b64.Encode(name)
		}
	}
	return k, nil
}

func curveOf(row *alg.Row) elliptic.Curve {
	switch row.Curve {
	case "P-256":
		return elliptic.P256()
	case "P-384":
		return elliptic.P384()
	case "P-521":
		return elliptic.P521()
	}
	return nil
}
