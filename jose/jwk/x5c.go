package jwk

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/alg"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/strictjson"
)

// maxChain bounds the certificates of one key.
const maxChain = 16

// Certificates returns the chain that came with the key, the key's own first
// (RFC 7517 4.7). Nothing of it is believed here but that the first holds the
// key: verify it before it means anything. The slice is the caller's own, the
// certificates are not to be changed.
func (k *Key) Certificates() []*x509.Certificate { return slices.Clone(k.chain) }

// WithCertificates returns the key with a chain that its JWK then shows as x5c,
// with x5t#S256 of the first. It fails with KeyInvalid when the first holds
// another key, and for more than 16, and with KeyMisuse for a shared secret.
func (k *Key) WithCertificates(chain ...*x509.Certificate) (*Key, error) {
	if k.none() {
		return nil, fail(jose.KeyInvalid, "no key")
	}
	if k.IsSymmetric() {
		return nil, fail(jose.KeyMisuse, "a shared secret has no certificate")
	}
	if len(chain) == 0 || len(chain) > maxChain || slices.Contains(chain, nil) {
		return nil, fail(jose.KeyInvalid, "x5c: 1 to 16 certificates")
	}
	if err := k.checkHolds(chain[0]); err != nil {
		return nil, err
	}
	with := *k.held
	with.chain = slices.Clone(chain)
	return &Key{&with}, nil
}

// checkHolds compares the keys by their thumbprints, so that a certificate's
// ECDSA key may be the key of an agreement.
func (k *Key) checkHolds(cert *x509.Certificate) error {
	other, err := New(cert.PublicKey, k.Algorithm(), "")
	if err != nil || other.thumb != thumbprint(k.members) {
		return fail(jose.KeyInvalid, "x5c: the certificate holds another key")
	}
	return nil
}

// readCertificates reads x5c and holds the key to it: "The key in the first
// certificate MUST match the public key represented by other members of the
// JWK" (RFC 7517 4.7), and the thumbprints to that certificate (4.8, 4.9).
// x5u is never fetched.
func (k *Key) readCertificates(r *reader) error {
	r.text("x5u")
	x5t, hasX5t := r.octets("x5t")
	s256, hasS256 := r.octets("x5t#S256")
	if x5t = alg.Digest(x5t); hasX5t && x5t == nil {
		r.wrong("x5t", "wrong length")
	}
	if s256 = alg.Digest(s256); hasS256 && len(s256) != sha256.Size {
		r.wrong("x5t#S256", "wrong length")
	}
	v, ok := r.doc.Find("x5c")
	if r.err != nil || !ok {
		return r.err
	}
	texts, ok := strictjson.AppendStrings(nil, v)
	if !ok || len(texts) == 0 || len(texts) > maxChain {
		return fail(jose.KeyInvalid, "x5c: not an array of 1 to 16 certificates")
	}
	for _, text := range texts {
		// Here, and only here, it is base64 and not base64url.
		der, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil || strings.ContainsAny(text, "\r\n") {
			return fail(jose.KeyInvalid, "x5c: not base64")
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return fail(jose.KeyInvalid, "x5c: not a certificate")
		}
		k.chain = append(k.chain, cert)
	}
	if err := k.checkHolds(k.chain[0]); err != nil {
		return err
	}
	sum1, sum256 := sha1.Sum(k.chain[0].Raw), sha256.Sum256(k.chain[0].Raw)
	if hasX5t && string(x5t) != string(sum1[:]) && string(x5t) != string(sum256[:]) || hasS256 && string(s256) != string(sum256[:]) {
		return fail(jose.KeyInvalid, "x5t: the thumbprint is of another certificate")
	}
	return nil
}

// appendChain writes x5c and x5t#S256.
func (k *Key) appendChain(out []byte) []byte {
	for i, cert := range k.chain {
		start := `","`
		if i == 0 {
			start = `,"x5c":["`
		}
		out = append(out, start...)
		out = base64.StdEncoding.AppendEncode(out, cert.Raw)
	}
	if len(k.chain) > 0 {
		sum := sha256.Sum256(k.chain[0].Raw)
		out = append(append(append(out, `"],"x5t#S256":"`...), b64.Encode(sum[:])...), '"')
	}
	return out
}
