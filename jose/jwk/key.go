package jwk

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/alg"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/keydata"
)

// A Key is one immutable key bound to one algorithm. The zero Key is not
// usable; Parse, New, ParsePEM and Generate build Keys. Where nil or the zero Key is
// given as a source of keys, it answers to nothing.
type Key struct{ *held }

// held is what a Key is made of. Where fmt cannot call Format, as in a field that is
// not exported, it walks into a Key, and for a verb that suits no pointer, such as
// %s, through one pointer more. What is secret is two pointers away.
type held struct {
	data  *keydata.Data
	keyID string
	*spelling
	chain []*x509.Certificate // x5c, the key's own first
}

// none reports whether there is no key.
func (k *Key) none() bool { return k == nil || k.held == nil }

// whole is a key and all that it points to in one piece of memory: the collector
// marks each piece of a large set's keys anew in every cycle.
type whole struct {
	key      Key
	held     held
	data     keydata.Data
	spelling spelling
}

func newKey(row *alg.Row, keyID string) *Key {
	w := &whole{}
	w.key.held, w.held.data, w.held.spelling = &w.held, &w.data, &w.spelling
	w.data.Row, w.held.keyID = row, keyID
	return &w.key
}

// spelling is a key as its JWK has it.
type spelling struct {
	// members are the required members of the public half in the order of
	// RFC 7638 3.2, already spelled.
	members []member
	private []member // the private members, empty for public keys and secrets kept elsewhere
	ops     []string // key_ops as it was read, nil when there was none
	thumb   string
}

// member is a JWK member whose value needs no escaping.
type member struct{ name, value string }

// KeyID returns the kid, "" when the key has none.
func (k *Key) KeyID() string {
	if k.none() {
		return ""
	}
	return k.keyID
}

// WithKeyID returns the key under another kid, "" for none: an account of ACME signs its
// first request with its public key in the header and no kid, and all others with its
// address as the kid (RFC 8555 6.2). It fails with KeyInvalid for a kid of more than 1,024
// bytes, or that is no UTF-8.
func (k *Key) WithKeyID(kid string) (*Key, error) {
	if k.none() {
		return nil, fail(jose.KeyInvalid, "no key")
	}
	if err := checkKeyID(kid); err != nil {
		return nil, err
	}
	with := *k.held
	with.keyID = kid
	return &Key{&with}, nil
}

// Algorithm returns the one algorithm the key is bound to.
func (k *Key) Algorithm() Algorithm {
	if k.none() {
		return ""
	}
	return Algorithm(k.data.Row.Name)
}

// IsPrivate reports whether the key is a secret or has its private half.
func (k *Key) IsPrivate() bool { return k.data.HasPrivate() || k.data.Secret != nil }

// IsSymmetric reports whether the key is a shared secret.
func (k *Key) IsSymmetric() bool { return k.data.Row.KeyType == "oct" }

// Accepts reports whether the key may serve a header that names a: exactly its
// own algorithm, either name of Ed25519 (RFC 9864 2.2), and dir for a key bound
// to a content encryption (RFC 7518 4.5).
func (k *Key) Accepts(a Algorithm) bool {
	return !k.none() && (k.data.Row.Name == string(a) || k.data.Row.Serves(alg.Lookup(string(a))))
}

// Public returns the public half under the same kid. Its key_ops, if the key has any,
// are the counterparts: verify for sign, encrypt for decrypt, wrapKey for unwrapKey. It
// fails with KeyMisuse for a shared secret, which has none.
func (k *Key) Public() (*Key, error) {
	if k.none() {
		return nil, fail(jose.PolicyInvalid, "no key")
	}
	if k.IsSymmetric() {
		return nil, fail(jose.KeyMisuse, "a shared secret has no public half")
	}
	if !k.data.HasPrivate() {
		return k, nil
	}
	signs := k.data.Row.Family.Signs()
	public := newKey(k.data.Row, k.keyID)
	d := public.data
	d.RSA, d.ECDSA, d.Ed, d.ECDH, d.CanVerify, d.CanEncrypt = k.data.RSA, k.data.ECDSA, k.data.Ed, k.data.ECDH, signs, !signs
	if k.data.Outside != nil {
		d.Outside = k.data.Outside.Public()
	}
	public.members, public.thumb, public.ops, public.chain = k.members, k.thumb, publicOperations(k.ops), k.chain
	return public, nil
}

// PublicKey returns a copy of the public half as the standard library's type,
// nil for a shared secret and for an algorithm that the standard library lacks.
func (k *Key) PublicKey() crypto.PublicKey {
	switch k.data.Row.Family {
	case alg.RSAPKCS, alg.RSAPSS, alg.RSAOAEP:
		return cloneRSA(k.data.RSA)
	case alg.ECDSA:
		return cloneECDSA(k.data.ECDSA)
	case alg.Ed25519:
		return append(k.data.Ed[:0:0], k.data.Ed...)
	case alg.ECDHES:
		return k.data.ECDH // immutable
	}
	return nil
}

// Thumbprint returns the RFC 7638 thumbprint with SHA-256 in base64url. A
// shared secret's thumbprint is a hash of the secret: do not publish it
// (RFC 7638 7).
func (k *Key) Thumbprint() string {
	if k.none() {
		return ""
	}
	return k.thumb
}

// ThumbprintURI returns the thumbprint as a URI (RFC 9278), under the warning of
// Thumbprint.
func (k *Key) ThumbprintURI() string {
	return "urn:ietf:params:oauth:jwk-thumbprint:sha-256:" + k.Thumbprint()
}

func thumbprint(members []member) string {
	sum := sha256.Sum256(spell(members))
	return b64.Encode(sum[:])
}

// Lookup returns the key itself if it answers to kid and alg. A token without
// kid, or a key without one, matches; two that differ do not. It fails with
// KeyNotFound, or with KeyMisuse when the key is bound to another algorithm.
func (k *Key) Lookup(_ context.Context, kid string, a Algorithm) ([]*Key, error) {
	if k.none() {
		return nil, fail(jose.KeyNotFound, "there is no key")
	}
	if kid != "" && k.keyID != "" && kid != k.keyID {
		return nil, fail(jose.KeyNotFound, "the key has another kid")
	}
	if !k.Accepts(a) {
		return nil, boundElsewhere(k, a)
	}
	return []*Key{k}, nil
}

// Generation returns 0: a key never changes.
func (k *Key) Generation() uint64 { return 0 }

// keyType returns the kty, which the algorithm alone does not always decide.
func (k *Key) keyType() string {
	for _, m := range k.members {
		if m.name == "kty" {
			return m.value
		}
	}
	return k.data.Row.KeyType
}

// Data is for the packages of this module: it returns nil to everybody else.
func (k *Key) Data(a keydata.Access) *keydata.Data {
	if !a.Granted() {
		return nil
	}
	if k.none() { // it can nothing
		return &keydata.Data{}
	}
	return k.data
}

func boundElsewhere(k *Key, a Algorithm) error {
	return fail(jose.KeyMisuse, "the key is bound to "+k.data.Row.Name+", the token names "+string(a))
}

func fail(r jose.Reason, detail string) *jose.Error { return jose.NewError(r, detail, nil) }

// CanSign reports whether the key has a private half and its use and key_ops allow signing.
func (k *Key) CanSign() bool { return !k.none() && k.data.CanSign }

// CanVerify reports whether the key's use and key_ops allow verifying.
func (k *Key) CanVerify() bool { return !k.none() && k.data.CanVerify }

// CanEncrypt reports whether the key's algorithm, use and key_ops allow encrypting to it.
func (k *Key) CanEncrypt() bool { return !k.none() && k.data.CanEncrypt }

// CanDecrypt reports whether the key has a private half and its algorithm, use
// and key_ops allow decrypting.
func (k *Key) CanDecrypt() bool { return !k.none() && k.data.CanDecrypt }
