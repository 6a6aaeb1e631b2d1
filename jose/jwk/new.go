package jwk

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/alg"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/keydata"
)

// New builds a Key from material of the standard library: []byte (a shared
// secret), *rsa.PublicKey, *rsa.PrivateKey, *ecdsa.PublicKey,
// *ecdsa.PrivateKey, ed25519.PublicKey, ed25519.PrivateKey, or any other
// crypto.Signer whose Public method returns one of the public types (a key that
// lives in an HSM or a KMS). keyID may be empty. The material is copied, except
// for a foreign crypto.Signer.
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
	k := &Key{data: &keydata.Data{Row: row, CanSign: true, CanVerify: true}, keyID: keyID}
	var err error
	switch m := material.(type) {
	case []byte:
		err = k.setSecret(m)
	case *rsa.PrivateKey:
		err = k.setRSAPrivate(m)
	case *ecdsa.PrivateKey:
		err = k.setECDSAPrivate(m)
	case ed25519.PrivateKey:
		err = k.setEd25519Private(m)
	case *ed25519.PrivateKey:
		if m == nil {
			return nil, fail(jose.KeyInvalid, "nil key")
		}
		err = k.setEd25519Private(*m)
	case *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey:
		err = k.setPublic(m)
	case crypto.Signer:
		if err = k.setPublic(m.Public()); err == nil {
			k.data.Signer = m
		}
	default:
		err = fail(jose.KeyMisuse, fmt.Sprintf("no key can be made of a %T", material))
	}
	if err != nil {
		return nil, err
	}
	k.data.CanSign = k.IsPrivate()
	k.thumb = thumbprint(k.members)
	return k, nil
}

func (k *Key) setPublic(material any) error {
	switch m := material.(type) {
	case *rsa.PublicKey:
		return k.setRSAPublic(m)
	case *ecdsa.PublicKey:
		return k.setECDSAPublic(m)
	case ed25519.PublicKey:
		return k.setEd25519Public(m)
	}
	return fail(jose.KeyMisuse, fmt.Sprintf("a signer whose public key is a %T cannot be used", material))
}

// family refuses material that the key's algorithm cannot use.
func (k *Key) family(kty string) error {
	if k.data.Row.KeyType != kty {
		return fail(jose.KeyMisuse, k.data.Row.Name+" cannot use a key of type "+kty)
	}
	return nil
}

// Generate makes a new key with crypto/rand: RSA keys of 3072 bits, secrets as
// long as the hash. An empty keyID means the key's thumbprint, or, for a shared
// secret, a random name, since a thumbprint would publish its hash (RFC 7638 7).
// It fails with AlgorithmNotAllowed for an unknown algorithm.
func Generate(a Algorithm, keyID string) (*Key, error) {
	row := alg.Lookup(string(a))
	if row == nil {
		return nil, fail(jose.AlgorithmNotAllowed, "unknown algorithm "+quote(string(a)))
	}
	var material any
	var err error
	switch row.Family {
	case alg.HMAC:
		secret := make([]byte, row.Size)
		_, err = rand.Read(secret)
		material = secret
	case alg.RSAPKCS, alg.RSAPSS:
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
		if row.Family == alg.HMAC {
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
