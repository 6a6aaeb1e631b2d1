package jwk

import (
	"bytes"
	"fmt"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/alg"
	"github.com/jotward/jotward/jose/internal/b64"
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
