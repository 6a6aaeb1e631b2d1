package alg

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
)

// IsPrivateMember reports whether a JWK's member of that name is private or secret
// (RFC 7518 6.2.2, 6.3.2, 6.4.1; RFC 9964 3), whatever its kty.
func IsPrivateMember(name string) bool {
	switch name {
	case "d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv":
		return true
	}
	return false
}

// Digest returns the digest that an x5t or x5t#S256 says once its base64url is decoded, by
// its size of SHA-1 or SHA-256 (RFC 7517 4.8, 4.9), nil for none. Auth0 and WSO2 encoded the
// digest's hexadecimal digits, WSO2 those of SHA-256 as x5t; a thumbprint decides nothing
// here, and their keys are not worth losing for it.
func Digest(decoded []byte) []byte {
	if n := len(decoded); n == 2*sha1.Size || n == 2*sha256.Size {
		var err error
		if decoded, err = hex.DecodeString(string(decoded)); err != nil {
			return nil
		}
	}
	if n := len(decoded); n != sha1.Size && n != sha256.Size {
		return nil
	}
	return decoded
}
