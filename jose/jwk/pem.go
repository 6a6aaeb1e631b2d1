package jwk

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"strings"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/alg"
)

// maxPEM bounds what ParsePEM reads: twice what an RSA key of 8192 bits needs,
// for crypto/x509 computes with a private key before its length can be judged.
const maxPEM = 16 << 10

// ParsePEM reads one PEM block: PUBLIC KEY, RSA PUBLIC KEY, PRIVATE KEY, RSA
// PRIVATE KEY, EC PRIVATE KEY, or CERTIFICATE, of which only the public key is
// believed; Certificates returns it. Anything before, between or after (but
// blanks), headers inside, and encrypted keys are refused. It fails like New,
// and with KeyInvalid for what is not such a block.
func ParsePEM(data []byte, a Algorithm, keyID string) (*Key, error) {
	if len(data) > maxPEM {
		return nil, fail(jose.KeyInvalid, "a PEM text of more than 16 KiB")
	}
	text := bytes.TrimSpace(data)
	if !bytes.HasPrefix(text, []byte("-----BEGIN ")) {
		return nil, fail(jose.KeyInvalid, "not a PEM block")
	}
	block, rest := pem.Decode(text)
	if block == nil {
		return nil, fail(jose.KeyInvalid, "not a PEM block")
	}
	// pem.Decode skips a broken block in search of a whole one: count them.
	if len(bytes.TrimSpace(rest)) > 0 || bytes.Count(text, []byte("-----BEGIN ")) != 1 {
		return nil, fail(jose.KeyInvalid, "more than one PEM block, or text around it")
	}
	if len(block.Headers) > 0 || strings.HasPrefix(block.Type, "ENCRYPTED") {
		return nil, fail(jose.KeyInvalid, "encrypted PEM blocks and headers are not read")
	}
	return newFromDER(block.Type, block.Bytes, a, keyID)
}

// ParseDER reads the bytes of one PUBLIC KEY (SubjectPublicKeyInfo, RFC 5280
// 4.1.2.7), PRIVATE KEY (PKCS #8, RFC 5958) or CERTIFICATE, told apart by what
// is in them, and fails like ParsePEM.
func ParseDER(der []byte, a Algorithm, keyID string) (*Key, error) {
	if len(der) > maxPEM {
		return nil, fail(jose.KeyInvalid, "a key of more than 16 KiB")
	}
	var err error
	for _, kind := range []string{"PUBLIC KEY", "PRIVATE KEY", "CERTIFICATE"} {
		if _, err = parseDER(kind, der); err == nil {
			return newFromDER(kind, der, a, keyID)
		}
	}
	return nil, err
}

func newFromDER(kind string, der []byte, a Algorithm, keyID string) (*Key, error) {
	material, err := parseDER(kind, der)
	if err != nil {
		return nil, err
	}
	cert, isCertificate := material.(*x509.Certificate)
	if !isCertificate {
		return New(material, a, keyID)
	}
	k, err := New(cert.PublicKey, a, keyID)
	if err != nil {
		return nil, err
	}
	return k.WithCertificates(cert)
}

func parseDER(kind string, der []byte) (material any, err error) {
	// crypto/x509 looks at nothing behind a private key.
	if rest, err := asn1.Unmarshal(der, &asn1.RawValue{}); err != nil || len(rest) > 0 {
		return nil, fail(jose.KeyInvalid, "not one DER value")
	}
	switch kind {
	case "PUBLIC KEY":
		material, err = x509.ParsePKIXPublicKey(der)
	case "RSA PUBLIC KEY":
		material, err = x509.ParsePKCS1PublicKey(der)
	case "PRIVATE KEY":
		material, err = x509.ParsePKCS8PrivateKey(der)
	case "RSA PRIVATE KEY":
		material, err = x509.ParsePKCS1PrivateKey(der)
	case "EC PRIVATE KEY":
		material, err = x509.ParseECPrivateKey(der)
	case "CERTIFICATE":
		material, err = x509.ParseCertificate(der)
	default:
		return nil, fail(jose.KeyInvalid, "a PEM block of type "+quote(kind))
	}
	if err != nil {
		return nil, fail(jose.KeyInvalid, "the PEM block does not hold a usable key")
	}
	return material, nil
}

// MarshalPEM returns the public half as a PUBLIC KEY block (RFC 5280 4.1.2.7).
// It fails with KeyMisuse for a shared secret.
func (k *Key) MarshalPEM() ([]byte, error) {
	der, err := k.MarshalDER()
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// MarshalDER returns what MarshalPEM wraps, and fails like it.
func (k *Key) MarshalDER() ([]byte, error) {
	if k.IsSymmetric() {
		return nil, fail(jose.KeyMisuse, "a shared secret has no public half")
	}
	der, err := x509.MarshalPKIXPublicKey(k.PublicKey())
	if err != nil {
		return nil, jose.NewError(jose.KeyInvalid, "the key cannot be written as PKIX", err)
	}
	return der, nil
}

// ExportPrivatePEM returns the private key as a PRIVATE KEY block (PKCS #8,
// RFC 5958), the loud way out. It fails with KeyMisuse for public keys, shared
// secrets and keys that live elsewhere.
func (k *Key) ExportPrivatePEM() ([]byte, error) {
	der, err := k.ExportPrivateDER()
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// ExportPrivateDER returns what ExportPrivatePEM wraps, as loud as it, and fails
// like it.
func (k *Key) ExportPrivateDER() ([]byte, error) {
	if k.IsSymmetric() || len(k.private) == 0 {
		return nil, fail(jose.KeyMisuse, "the key has no private half that could be exported")
	}
	der, err := x509.MarshalPKCS8PrivateKey(k.privateHalf())
	if err != nil {
		return nil, jose.NewError(jose.KeyInvalid, "the key cannot be written as PKCS #8", err)
	}
	return der, nil
}

// privateHalf returns the private key as the standard library's type.
func (k *Key) privateHalf() any {
	switch k.data.Row.Family {
	case alg.RSAOAEP:
		return k.data.Decrypter
	case alg.ECDHES:
		return k.data.Exchanger
	}
	return k.data.Signer
}
