package config

import (
	"net"
	"net/netip"
	"time"
)

// Service is what issuer and edge share as servers.
type Service struct {
	// The address of the public listener, host:port. Off loopback it needs tls.
	Listen string `yaml:"listen"`
	// Networks in CIDR notation whose connections to the public listener begin with a header of the PROXY protocol (version 1 or 2), before TLS; without one they are refused. Whoever is in them says what address a client has. Default: none, and no header is taken.
	ProxyProtocol []string `yaml:"proxy_protocol"`
	// How connections to the public listener are secured.
	TLS TLS `yaml:"tls"`
	// The admin listener: health, metrics, profiles and, on the issuer, the admin API.
	Admin Admin `yaml:"admin"`
	// How long /readyz fails before the listener closes, so that load balancers look away first. Default 0s.
	DrainDelay time.Duration `yaml:"drain_delay"`
	// How long requests that run may take to end at a shutdown. Default 30s.
	DrainTimeout time.Duration `yaml:"drain_timeout"`
}

// TLS says who ends TLS. Nothing said is right on loopback only.
type TLS struct {
	// PEM file of the certificate chain; read again on SIGHUP and when it changes.
	Certificate string `yaml:"certificate"`
	// PEM file of the private key.
	Key string `yaml:"key"`
	// True when a proxy from trusted_proxies ends TLS; any other peer is then refused.
	AtProxy bool `yaml:"at_proxy"`
	// Obtain certificates from an ACME server, such as Let's Encrypt, and renew them. For the public listener.
	ACME *ACME `yaml:"acme"`
}

// Admin is the admin listener.
type Admin struct {
	// The address, host:port. Off loopback it needs tls and token. Default: none for an edge, 127.0.0.1:8082 for an issuer.
	Listen string `yaml:"listen"`
	// How it is secured off loopback: certificate and key.
	TLS TLS `yaml:"tls"`
	// The bearer token of the admin API, at least 32 characters.
	Token Secret `yaml:"token"`
}

// minAdminToken is 32 characters: 128 bits even in hexadecimal.
const minAdminToken = 32

// Enabled reports whether TLS is ended here.
func (t TLS) Enabled() bool { return t.Files() || t.ACME != nil }

// Files reports whether files for TLS are given.
func (t TLS) Files() bool { return t.Certificate != "" }

func (s *Service) check(at string, trusted []string, p *problems) {
	if s.Listen == "" {
		p.add(at+".listen", "is missing: give host:port, such as 127.0.0.1:8080")
	}
	s.TLS.check(at+".tls", p)
	host, ok := splitAddress(s.Listen)
	switch {
	case s.Listen != "" && !ok:
		p.add(at+".listen", "is not host:port: write 127.0.0.1:8080, or :8080 for every address")
	case ok && !Loopback(host) && !s.TLS.Enabled() && !s.TLS.AtProxy:
		p.add(at+".listen", "would serve plain HTTP off loopback: give tls.certificate and tls.key, tls.acme, or tls.at_proxy with trusted_proxies")
	}
	if s.TLS.AtProxy && len(trusted) == 0 {
		p.add(at+".tls.at_proxy", "trusts nobody: name the proxy's networks in trusted_proxies")
	}
	prefixes(at+".trusted_proxies", trusted, p)
	prefixes(at+".proxy_protocol", s.ProxyProtocol, p)
	if s.DrainDelay < 0 || s.DrainTimeout < 0 {
		p.add(at, "drain_delay and drain_timeout cannot be negative")
	}
	s.Admin.check(at+".admin", p)
}

func (t TLS) check(at string, p *problems) {
	if (t.Certificate == "") != (t.Key == "") {
		p.add(at, "certificate and key belong together: give both or neither")
	}
	if t.AtProxy && t.Certificate != "" {
		p.add(at, "at_proxy and certificate exclude each other: give one")
	}
	if t.ACME != nil {
		if t.AtProxy || t.Files() || t.Key != "" {
			p.add(at, "acme excludes certificate, key and at_proxy: give one")
		}
		t.ACME.check(at+".acme", p)
	}
}

func (a *Admin) check(at string, p *problems) {
	a.TLS.check(at+".tls", p)
	if a.TLS.AtProxy {
		p.add(at+".tls.at_proxy", "the admin listener is not for proxies: give certificate and key, or keep it on loopback")
	}
	if a.TLS.ACME != nil {
		p.add(at+".tls.acme", "the admin listener is not for the authority: give certificate and key, or keep it on loopback")
	}
	host, ok := splitAddress(a.Listen)
	if a.Listen != "" && !ok {
		p.add(at+".listen", "is not host:port: write 127.0.0.1:8082")
	}
	if ok && !Loopback(host) && (!a.TLS.Enabled() || a.Token.IsZero()) {
		p.add(at+".listen", "is off loopback: it needs tls.certificate, tls.key and token there")
	}
	if !a.Token.IsZero() && a.Token.value != "" && len(a.Token.value) < minAdminToken {
		p.add(at+".token", "is shorter than 32 characters: make one with `openssl rand -hex 32`")
	}
}

// splitAddress returns the host of host:port.
func splitAddress(text string) (string, bool) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return "", false
	}
	_, err = net.LookupPort("tcp", port)
	return host, err == nil
}

// Loopback is true for addresses that never leave the machine. A name other
// than localhost is not looked up: what it means may change.
func Loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

func prefixes(at string, list []string, p *problems) {
	for i, text := range list {
		if _, err := netip.ParsePrefix(text); err != nil {
			p.add(index(at, i), "is not a network: write 10.0.0.0/8 or 192.0.2.7/32")
		}
	}
}
