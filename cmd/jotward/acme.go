package main

import (
	"cmp"
	"crypto/tls"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/jotward/jotward/internal/config"
)

// obtain has a listener's certificates come from an ACME server: for the hosts that are
// configured, each at its first handshake, from the cache when it is there, and anew before
// it expires. A strange name costs no request to the authority, and one that failed is asked
// for again a minute later at the earliest.
func (p *process) obtain(settings *tls.Config, c *config.ACME) {
	m := &autocert.Manager{
		Prompt:     func(string) bool { return c.AcceptTerms },
		Cache:      autocert.DirCache(c.Cache),
		HostPolicy: autocert.HostWhitelist(c.Hosts...),
		Email:      c.Email,
		Client: &acme.Client{DirectoryURL: cmp.Or(c.Directory, config.LetsEncrypt), UserAgent: "jotward/" + version,
			HTTPClient: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second}}},
	}
	var next atomic.Int64
	settings.NextProtos = append(settings.NextProtos, acme.ALPNProto) // last: it is for the authority alone (RFC 8737 3)
	settings.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		certificate, err := m.GetCertificate(hello)
		if err != nil && m.HostPolicy(hello.Context(), strings.ToLower(hello.ServerName)) == nil { // at most once a minute
			now := time.Now().Unix()
			if at := next.Load(); now >= at && next.CompareAndSwap(at, now+60) {
				text := err.Error()
				p.log.Error("no certificate: check that the authority reaches this listener at port 443 of the host", "host", hello.ServerName, "cause", text[:min(len(text), 500)])
			}
		}
		return certificate, err
	}
}
