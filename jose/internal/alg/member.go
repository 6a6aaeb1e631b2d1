package alg

import (
	"crypto/sha1"
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

// SHA1Thumbprint returns the digest that an x5t says once its base64url is decoded
// (RFC 7515 4.1.7), nil for none. Auth0 and WSO2 encoded the digest's hexadecimal digits;
// x5t decides nothing here, and their keys and tokens are not worth losing for it.
func SHA1Thumbprint(decoded []byte) []byte {
	switch len(decoded) {
	case sha1.Size:
		return decoded
	case 2 * sha1.Size:
		if sum, err := hex.DecodeString(string(decoded)); err == nil {
			return sum
		}
	}
	return nil
}
