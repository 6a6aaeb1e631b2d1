package jwt

import (
	"crypto/sha256"
	"crypto/x509"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/b64"
	"github.com/jotward/jotward/jose/internal/strictjson"
)

// A Confirmation is what a token's cnf claim binds it to (RFC 7800 3.1). The zero value is
// that of a bearer token, which is bound to nothing; a token that is bound to several
// things is worth nothing without the proof of each.
type Confirmation struct {
	// Key is jkt, the thumbprint of the key that DPoP proofs must be of (RFC 9449 6.1):
	// DPoPRequest.Thumbprint.
	Key string
	// Certificate is x5t#S256, the thumbprint of the certificate that the client must
	// have shown in the TLS handshake (RFC 8705 3.1).
	Certificate string
	// Other is set when cnf has another member besides, or none at all: what that
	// asks for is not known here.
	Other bool
}

// Confirmation reads the cnf claim. It fails with ClaimsInvalid when cnf is no object, or
// a thumbprint in it none of SHA-256: such a token is bound to something that nobody
// can prove.
func (t *Token[C]) Confirmation() (Confirmation, error) {
	if !t.Bound() {
		return Confirmation{}, nil
	}
	var d strictjson.Doc
	if err := d.Scan(t.Payload); err != nil {
		return Confirmation{}, fail(jose.ClaimsInvalid, err.Error())
	}
	cnf, _ := d.Find("cnf")
	if cnf.Kind != strictjson.Object {
		return Confirmation{}, fail(jose.ClaimsInvalid, "cnf is not an object")
	}
	var b Confirmation
	for c := strictjson.Open(cnf); ; {
		m, more := c.Next()
		if !more {
			b.Other = b.Other || b == Confirmation{}
			return b, nil
		}
		ok := true
		switch m.Name {
		case "jkt":
			b.Key, ok = thumbprint(m.Value)
		case "x5t#S256":
			b.Certificate, ok = thumbprint(m.Value)
		default:
			b.Other = true
		}
		if !ok {
			return Confirmation{}, fail(jose.ClaimsInvalid, "cnf."+m.Name+" is not a thumbprint")
		}
	}
}

// CheckCertificate holds the certificate that a client has shown, nil for none, against
// the token's (RFC 8705 3). It fails with SenderMismatch for another or none, also when the
// token is bound to none.
func (b Confirmation) CheckCertificate(shown *x509.Certificate) error {
	if shown == nil || len(shown.Raw) == 0 {
		return fail(jose.SenderMismatch, "the client has shown no certificate")
	}
	sum := sha256.Sum256(shown.Raw)
	if b64.Encode(sum[:]) != b.Certificate {
		return fail(jose.SenderMismatch, "the token is bound to another certificate than the client has shown")
	}
	return nil
}

// thumbprint reads a SHA-256 hash in base64url.
func thumbprint(v strictjson.Value) (text string, ok bool) {
	if v.Kind != strictjson.String {
		return "", false
	}
	text = v.Text()
	sum, err := b64.Bytes(text)
	return text, err == nil && len(sum) == sha256.Size
}
