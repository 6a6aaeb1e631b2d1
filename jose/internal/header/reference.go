package header

import (
	"encoding/base64"
	"strings"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/alg"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/strictjson"
)

// reference holds a member that names or brings a key to its form (RFC 7515 4.1.2 to
// 4.1.8). None of them decides anything here.
func reference(m strictjson.Member) error {
	switch m.Name {
	case "jwk":
		return publicKey(m)
	case "x5c":
		return certificates(m)
	}
	text, err := Text(m)
	if err != nil {
		return err
	}
	if m.Name == "jku" || m.Name == "x5u" {
		if !isURI(text) {
			return fail(jose.HeaderInvalid, m.Name+" is not a URI")
		}
		return nil
	}
	// What a thumbprint is of is not asked: WSO2 encodes the hexadecimal digits of a
	// digest, of SHA-1 once and of SHA-256 since, and other issuers the digits alone.
	if _, err := b64.Bytes(text); err != nil {
		return fail(jose.HeaderInvalid, m.Name+" is not base64url")
	}
	return nil
}

// publicKey fails for a jwk that is no public key by its members' names: "the public
// key that corresponds to the key used to digitally sign" (RFC 7515 4.1.3).
func publicKey(m strictjson.Member) error {
	if err := Want(m, strictjson.Object); err != nil {
		return err
	}
	typed := false
	for c := strictjson.Open(m.Value); ; {
		e, more := c.Next()
		switch {
		case !more && !typed:
			return fail(jose.HeaderInvalid, "jwk has no kty")
		case !more:
			return nil
		case alg.IsPrivateMember(e.Name) || e.Name == "kty" && e.Raw == `"oct"`:
			return fail(jose.HeaderInvalid, "jwk holds a private or secret member, or is of a shared secret")
		case e.Name == "kty":
			typed = e.Kind == strictjson.String
		}
	}
}

// certificates fails for an x5c that is no "array of certificate value strings", each
// of them base64 and not base64url (RFC 7515 4.1.6). The certificates are not read.
func certificates(m strictjson.Member) error {
	if err := Want(m, strictjson.Array); err != nil {
		return err
	}
	c := strictjson.Open(m.Value)
	for n := 0; ; n++ {
		e, more := c.Next()
		switch {
		case !more && n == 0:
			return fail(jose.HeaderInvalid, "x5c is empty")
		case !more:
			return nil
		case e.Kind != strictjson.String:
			return fail(jose.HeaderInvalid, "x5c holds something that is no string")
		}
		text := e.Text()
		if der, err := base64.StdEncoding.Strict().DecodeString(text); err != nil || len(der) == 0 || strings.ContainsAny(text, "\r\n") {
			return fail(jose.HeaderInvalid, "x5c holds something that is no base64")
		}
	}
}

// isURI reports whether a text has the form of a URI: a scheme, a colon, and the
// characters that may stand in one (RFC 3986 2, 3.1).
func isURI(text string) bool {
	scheme, rest, found := strings.Cut(text, ":")
	if !found || scheme == "" || rest == "" {
		return false
	}
	for i, c := range []byte(scheme) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || (c < '0' || c > '9') && strings.IndexByte("+-.", c) < 0) {
			return false
		}
	}
	for _, c := range []byte(rest) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			return false
		}
	}
	return true
}
