package jwk

import (
	"crypto"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"strings"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/strictjson"
)

// checkCertificate holds a key to its own certificate: "The key in the first
// certificate MUST match the public key represented by other members of the
// JWK" (RFC 7517 4.7), and the thumbprints to that certificate (4.8, 4.9).
// Nothing else is believed of a certificate, and x5u is never fetched.
func (k *Key) checkCertificate(r *reader) error {
	r.text("x5u")
	x5t, hasX5t := r.octets("x5t")
	s256, hasS256 := r.octets("x5t#S256")
	if hasX5t && len(x5t) != sha1.Size {
		r.wrong("x5t", "wrong length")
	}
	if hasS256 && len(s256) != sha256.Size {
		r.wrong("x5t#S256", "wrong length")
	}
	v, ok := r.doc.Find("x5c")
	if r.err != nil || !ok {
		return r.err
	}
	chain, ok := strictjson.AppendStrings(nil, v)
	if !ok || len(chain) == 0 {
		return fail(jose.KeyInvalid, "x5c: not an array of certificates")
	}
	// Here, and only here, it is base64 and not base64url.
	text := chain[0]
	der, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return fail(jose.KeyInvalid, "x5c: not base64")
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return fail(jose.KeyInvalid, "x5c: not a certificate")
	}
	type equaler interface{ Equal(crypto.PublicKey) bool }
	pub, ok := cert.PublicKey.(equaler)
	if !ok || !pub.Equal(k.PublicKey()) {
		return fail(jose.KeyInvalid, "x5c: the certificate holds another key")
	}
	sum1, sum256 := sha1.Sum(der), sha256.Sum256(der)
	if hasX5t && b64.Encode(x5t) != b64.Encode(sum1[:]) || hasS256 && b64.Encode(s256) != b64.Encode(sum256[:]) {
		return fail(jose.KeyInvalid, "x5t: the thumbprint is of another certificate")
	}
	return nil
}
