package jwk

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/strictjson"
)

// maxSecret bounds a shared secret. HMAC hashes a longer one down anyway (RFC 2104 2).
const maxSecret = 8192

func (k *Key) setSecret(secret []byte) error {
	if err := k.family("oct"); err != nil {
		return err
	}
	// "A key of the same size as the hash output or larger MUST be used" (RFC 7518 3.2).
	if len(secret) < k.data.Row.Size {
		return fail(jose.KeyWeak, fmt.Sprintf("%s needs a secret of %d bytes or more, this one has %d", k.data.Row.Name, k.data.Row.Size, len(secret)))
	}
	if len(secret) > maxSecret {
		return fail(jose.KeyInvalid, fmt.Sprintf("a secret of more than %d bytes", maxSecret))
	}
	if isPublicText(secret) {
		return fail(jose.KeyMisuse, "the secret is the text of a public key or certificate, which anybody can know")
	}
	k.data.Secret = bytes.Clone(secret)
	// RFC 7638 3.2: k, kty.
	k.members = []member{{"k", b64.Encode(secret)}, {"kty", "oct"}}
	k.private = k.members[:1]
	return nil
}

// isPublicText finds the classic confusion at its root: a public key, in any of
// its usual texts, taken for an HMAC secret (CVE-2016-5431, CVE-2024-54150).
// Leading blanks do not hide it (CVE-2026-34950).
func isPublicText(secret []byte) bool {
	text := bytes.TrimSpace(bytes.TrimPrefix(secret, []byte("\xef\xbb\xbf")))
	if bytes.Contains(text, []byte("-----BEGIN ")) {
		return true
	}
	if block, _ := pem.Decode(text); block != nil {
		return true
	}
	if bytes.HasPrefix(text, []byte("ssh-")) || bytes.HasPrefix(text, []byte("ecdsa-sha2-")) {
		return true
	}
	if len(text) > 0 && text[0] == '{' {
		var d strictjson.Doc
		if d.Scan(string(text)) == nil {
			_, isKey := d.Find("kty")
			_, isSet := d.Find("keys")
			return isKey || isSet
		}
	}
	if len(secret) > 2 && secret[0] == 0x30 { // a DER SEQUENCE
		if _, err := x509.ParsePKIXPublicKey(secret); err == nil {
			return true
		}
		if _, err := x509.ParsePKCS1PublicKey(secret); err == nil {
			return true
		}
		if _, err := x509.ParseCertificate(secret); err == nil {
			return true
		}
	}
	return false
}
