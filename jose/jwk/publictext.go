package jwk

import (
	"bytes"
	"crypto/ecdh"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"github.com/jotward/jotward/jose/internal/strictjson"
)

// isPublicText finds the classic confusion at its root: a public key, in any of
// its usual texts, taken for an HMAC secret (CVE-2016-5431, CVE-2024-54150). What a
// text encodes is judged once more: dashboards and environment variables show a
// key as the body of its PEM, on one line, or as the base64 of the whole file.
//
// What no secret can be told from is not looked for, because honest secrets would
// be refused: a modulus alone, an Ed25519 or X25519 key alone, and a compressed
// point, for of the random texts of that length which begin with 2 or 3 every
// second one is a point of the curve.
func isPublicText(secret []byte) bool {
	text := plainText(secret)
	if isPublicForm(text) {
		return true
	}
	for _, decode := range []func([]byte) []byte{fromBase64, fromHex} {
		if inner := decode(text); inner != nil && isPublicForm(plainText(inner)) {
			return true
		}
	}
	return false
}

// plainText leaves out the blanks before a text (CVE-2026-34950), a mark of its
// encoding, and the zeros between its letters that UTF-16 has.
func plainText(b []byte) []byte {
	if len(b) >= 4 && len(b)%2 == 0 && (bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff")) || isZeroed(b, 0) || isZeroed(b, 1)) {
		b = bytes.ReplaceAll(b, []byte{0}, nil)
		b = bytes.TrimPrefix(bytes.TrimPrefix(b, []byte("\xff\xfe")), []byte("\xfe\xff"))
	}
	return bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), blanks)
}

const blanks = " \t\r\n\v\f"

// isZeroed reports whether every second byte, from the given one on, is zero.
func isZeroed(b []byte, from int) bool {
	for i := from; i < len(b); i += 2 {
		if b[i] != 0 {
			return false
		}
	}
	return true
}

// fromBase64 decodes either alphabet, padded or not, whatever lines it stands on;
// nil for what is none.
func fromBase64(text []byte) []byte {
	one := make([]byte, 0, len(text))
	for _, c := range text {
		switch {
		case bytes.IndexByte([]byte(blanks), c) >= 0:
		case c == '-':
			one = append(one, '+')
		case c == '_':
			one = append(one, '/')
		default:
			one = append(one, c)
		}
	}
	out, err := base64.RawStdEncoding.AppendDecode(nil, bytes.TrimRight(one, "="))
	if err != nil {
		return nil
	}
	return out
}

// fromHex decodes hexadecimal digits, also those of pairs with colons between them;
// nil for what is none.
func fromHex(text []byte) []byte {
	one := make([]byte, 0, len(text))
	for _, c := range text {
		if c != ':' && bytes.IndexByte([]byte(blanks), c) < 0 {
			one = append(one, c)
		}
	}
	out, err := hex.AppendDecode(nil, one)
	if err != nil {
		return nil
	}
	return out
}

func isPublicForm(text []byte) bool {
	if bytes.Contains(text, []byte("-----BEGIN ")) || bytes.Contains(text, []byte("---- BEGIN SSH2 ")) {
		return true
	}
	return isSSH(text) || isJWK(text) || isDER(text) || isPoint(text)
}

// isSSH knows a line of an authorized_keys file, and what is the base64 in it: the
// type's name after its length (RFC 4253 6.6).
func isSSH(text []byte) bool {
	if len(text) > 4 && binary.BigEndian.Uint32(text) < 64 {
		text = text[4:]
	}
	for _, name := range []string{"ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-sha2-"} {
		if bytes.HasPrefix(text, []byte(name)) {
			return true
		}
	}
	return false
}

func isJWK(text []byte) bool {
	if len(text) == 0 || text[0] != '{' && text[0] != '[' {
		return false
	}
	whole := string(bytes.TrimRight(text, blanks))
	if text[0] == '[' { // the keys of a set alone
		if !strings.Contains(whole, `"kty"`) {
			return false
		}
		whole = `{"keys":` + whole + "}"
	}
	var d strictjson.Doc
	if d.Scan(whole) != nil {
		return false
	}
	_, isKey := d.Find("kty")
	_, isSet := d.Find("keys")
	return isKey || isSet
}

// isDER looks at one SEQUENCE with nothing but blanks behind it, such as the line
// break of an editor. A SubjectPublicKeyInfo is known by its form (RFC 5280 4.1),
// so that it may be of an algorithm that the standard library does not know.
func isDER(text []byte) bool {
	var whole asn1.RawValue
	rest, err := asn1.Unmarshal(text, &whole)
	if err != nil || whole.Tag != asn1.TagSequence || !whole.IsCompound || len(bytes.TrimLeft(rest, blanks)) > 0 {
		return false
	}
	var spki struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(whole.FullBytes, &spki); err == nil {
		return true
	}
	if _, err := x509.ParsePKCS1PublicKey(whole.FullBytes); err == nil {
		return true
	}
	_, err = x509.ParseCertificate(whole.FullBytes)
	return err == nil
}

// isPoint looks for an uncompressed point (SEC 1 2.3.3).
func isPoint(text []byte) bool {
	for size, curve := range map[int]ecdh.Curve{65: ecdh.P256(), 97: ecdh.P384(), 133: ecdh.P521()} {
		if len(text) < size || text[0] != 4 || len(bytes.TrimLeft(text[size:], blanks)) > 0 {
			continue
		}
		if _, err := curve.NewPublicKey(text[:size]); err == nil {
			return true
		}
	}
	return false
}
