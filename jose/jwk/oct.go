package jwk

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/alg"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/strictjson"
)

// maxSecret bounds a shared secret. HMAC hashes a longer one down anyway (RFC 2104 2).
const maxSecret = 8192

func (k *Key) setSecret(secret []byte) error {
	if err := k.family("oct"); err != nil {
		return err
	}
	if err := checkSecretSize(k.data.Row, len(secret)); err != nil {
		return err
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

// minPassword bounds a password of PBES2 from below. It is no judgement of its
// strength, only a floor below which nothing can be strong (RFC 7518 8.8).
const minPassword = 8

func checkSecretSize(row *alg.Row, size int) error {
	switch row.Family {
	case alg.HMAC:
		// "A key of the same size as the hash output or larger MUST be used" (RFC 7518 3.2).
		if size < row.Size {
			return fail(jose.KeyWeak, fmt.Sprintf("%s needs a secret of %d bytes or more, this one has %d", row.Name, row.Size, size))
		}
	case alg.PBES2:
		if size < minPassword {
			return fail(jose.KeyWeak, fmt.Sprintf("%s needs a password of %d bytes or more", row.Name, minPassword))
		}
	case alg.Direct:
		for _, other := range alg.All() {
			if other.Family.EncryptsContent() && other.Size == size {
				return nil
			}
		}
		return fail(jose.KeyInvalid, fmt.Sprintf("no content encryption takes a key of %d bytes", size))
	default:
		if size != row.Size {
			return fail(jose.KeyInvalid, fmt.Sprintf("%s needs a key of %d bytes, this one has %d", row.Name, row.Size, size))
		}
	}
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
