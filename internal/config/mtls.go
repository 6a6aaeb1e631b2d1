package config

import (
	"crypto/x509"
	"errors"
	"net/url"
	"os"
	"strings"
)

// MTLS lets clients authenticate with certificates, and binds tokens to them (RFC 8705).
type MTLS struct {
	// Where client certificates come from: connection (asked for in the TLS handshake), or header (Client-Cert and Client-Cert-Chain of trusted_proxies, RFC 9440).
	ClientCertificates string `yaml:"client_certificates"`
	// The URL under which clients with certificates call, https://host[:port] alone. The metadata shows it (mtls_endpoint_aliases), and a connection is asked for a certificate under this host alone, so that no browser asks people for one. Default: the issuer's own.
	URL string `yaml:"url"`
	// A PEM file of the authorities whose certificates tls_client_auth takes. Default: none, and clients can have self_signed_tls_client_auth alone.
	Authorities string `yaml:"authorities"`
}

func (m *MTLS) check(i *Issuer, p *problems) {
	switch {
	case m.ClientCertificates != "connection" && m.ClientCertificates != "header":
		p.add("issuer.mtls.client_certificates", "is neither connection nor header")
	case m.ClientCertificates == "connection" && !i.TLS.Enabled():
		p.add("issuer.mtls.client_certificates", "connection needs issuer.tls with certificate and key, or acme: certificates come where TLS ends")
	case m.ClientCertificates == "header" && len(i.TrustedProxies) == 0:
		p.add("issuer.mtls.client_certificates", "header needs trusted_proxies: from anybody else it is a stranger's word")
	}
	if u, err := url.Parse(m.URL); m.URL != "" && (err != nil || u.Scheme != "https" || u.Host == "" || u.Hostname() != strings.ToLower(u.Hostname()) || m.URL != "https://"+u.Host) {
		p.add("issuer.mtls.url", "is not https://host[:port] alone, in lower case")
	}
	if _, err := m.Pool(); err != nil {
		p.add("issuer.mtls.authorities", err.Error())
	}
}

// Asks reports whether a connection to a host is asked for a certificate. One that
// names no host is asked for one only where all are.
func (m *MTLS) Asks(host string) bool {
	if m == nil || m.ClientCertificates != "connection" {
		return false
	}
	u, err := url.Parse(m.URL)
	return m.URL == "" || err == nil && strings.EqualFold(u.Hostname(), host)
}

// Pool reads the authorities; nil for none.
func (m *MTLS) Pool() (*x509.CertPool, error) {
	if m.Authorities == "" {
		return nil, nil
	}
	text, err := os.ReadFile(m.Authorities)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New("holds no certificate in PEM")
	}
	return pool, nil
}
