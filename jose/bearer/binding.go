package bearer

import (
	"crypto/x509"
	"net/http"

	"github.com/jotward/jotward/jose/jwt"
)

// PeerCertificate returns the certificate that the client of a request showed in the
// TLS handshake of this server, nil for none. It is for Options.Certificate.
func PeerCertificate(r *http.Request) *x509.Certificate {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil
	}
	return r.TLS.PeerCertificates[0] // the first is the client's own (RFC 8446 4.4.2)
}

// prove holds what a token is bound to against the request, dpop being set when that
// came under the scheme DPoP. It reports whether each thing was proven, and fails when
// one was looked at and is another's.
func (o *Options) prove(b jwt.Confirmation, token string, r *http.Request, dpop bool) (whole bool, err error) {
	if dpop {
		if err := o.DPoP.prove(b, token, r); err != nil {
			return false, err
		}
	}
	certificate := b.Certificate != "" && o.Certificate != nil
	if certificate {
		if err := b.CheckCertificate(o.Certificate(r)); err != nil {
			return false, err
		}
	}
	return (b.Key == "" || dpop) && (b.Certificate == "" || certificate) && !b.Other, nil
}
