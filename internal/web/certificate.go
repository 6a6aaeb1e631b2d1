package web

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"strings"
)

// CertificateSource says where the certificates of clients come from (RFC 8705 2).
// The zero value is nowhere.
type CertificateSource string

// The sources. In both, whoever sends the certificate has shown that he holds its
// key: in the handshake with us, or with a trusted proxy.
const (
	FromConnection CertificateSource = "connection"
	FromHeader     CertificateSource = "header" // Client-Cert of a trusted proxy (RFC 9440)
)

// Leaf returns the certificate that came with a request, in DER; nil for none.
// trusted says whether the peer is a proxy whose headers are believed.
func (s CertificateSource) Leaf(r *http.Request, trusted bool) []byte {
	switch s {
	case FromConnection:
		if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
			return r.TLS.PeerCertificates[0].Raw
		}
	case FromHeader:
		if v := r.Header["Client-Cert"]; trusted && len(v) == 1 {
			return byteSequence(v[0])
		}
	}
	return nil
}

// byteSequence reads colons around base64 (RFC 9440 2.1, RFC 8941 3.3.5).
func byteSequence(text string) []byte {
	if len(text) < 3 || !strings.HasPrefix(text, ":") || !strings.HasSuffix(text, ":") {
		return nil
	}
	raw, err := base64.StdEncoding.DecodeString(text[1 : len(text)-1])
	if err != nil {
		return nil
	}
	return raw
}

// maxChain bounds the certificates beside the client's own.
const maxChain = 8

// chain returns the certificate and those that came beside it, for whoever verifies
// it by its authority; nil when one of them cannot be read.
func (s CertificateSource) chain(r *http.Request, trusted bool) []*x509.Certificate {
	if s == FromConnection {
		if r.TLS == nil || len(r.TLS.PeerCertificates) > maxChain {
			return nil
		}
		return r.TLS.PeerCertificates
	}
	leaf := s.Leaf(r, trusted)
	if leaf == nil {
		return nil
	}
	all := [][]byte{leaf}
	for _, list := range r.Header.Values("Client-Cert-Chain") {
		for text := range strings.SplitSeq(list, ",") {
			all = append(all, byteSequence(strings.Trim(text, " \t")))
		}
	}
	if len(all) > maxChain {
		return nil
	}
	var out []*x509.Certificate
	for _, raw := range all {
		c, err := x509.ParseCertificate(raw)
		if err != nil {
			return nil
		}
		out = append(out, c)
	}
	return out
}

// Thumbprint is how a token names a certificate: x5t#S256 (RFC 8705 3.1).
func Thumbprint(der []byte) string {
	sum := sha256.Sum256(der)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Certificates returns those that came with a request that Handle passed on, the
// client's own first.
func Certificates(ctx context.Context) []*x509.Certificate {
	if who, ok := ctx.Value(callerKey{}).(*caller); ok && who.certificates != nil {
		return who.certificates()
	}
	return nil
}

// CertificateThumbprint returns that of the certificate that came with a request, ""
// for none.
func CertificateThumbprint(ctx context.Context) string {
	if list := Certificates(ctx); len(list) > 0 {
		return Thumbprint(list[0].Raw)
	}
	return ""
}
