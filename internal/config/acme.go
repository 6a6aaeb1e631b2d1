package config

import (
	"net/url"
	"strings"
)

// ACME says where certificates come from by themselves (RFC 8555). Control is shown on
// the listener itself (TLS-ALPN-01, RFC 8737).
type ACME struct {
	// The directory of the authority, an https URL. Default https://acme-v02.api.letsencrypt.org/directory.
	Directory string `yaml:"directory"`
	// Whom the authority may write to. Default: nobody.
	Email string `yaml:"email"`
	// The hosts that certificates are obtained for, each when a client first asks for it; a handshake for any other one fails.
	Hosts []string `yaml:"hosts"`
	// A folder for the account's key and the certificates with theirs, of this user alone. Processes that stand for one another share it.
	Cache string `yaml:"cache"`
	// True says that you agree to the authority's terms of service.
	AcceptTerms bool `yaml:"accept_terms"`
}

// LetsEncrypt is the directory that is asked where none is named.
const LetsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

func (a *ACME) check(at string, p *problems) {
	if u, err := url.Parse(a.Directory); a.Directory != "" && (err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil) {
		p.add(at+".directory", "is no https URL: write "+LetsEncrypt)
	}
	if strings.ContainsAny(a.Email, ",?&% \r\n") || a.Email != "" && !strings.Contains(a.Email, "@") {
		p.add(at+".email", "is not one plain address: write ops@example.com")
	}
	if len(a.Hosts) == 0 {
		p.add(at+".hosts", "is missing: name the hosts that certificates are obtained for")
	}
	for i, host := range a.Hosts {
		if !hostName(host) {
			p.add(index(at+".hosts", i), "is no full host name: write id.example.com, in lower case, without wildcard and port")
		}
	}
	if a.Cache == "" {
		p.add(at+".cache", "is missing: without a folder each start asks for new certificates, until the authority refuses")
	}
	if !a.AcceptTerms {
		p.add(at+".accept_terms", "is not true: read the authority's terms of service, and say that you agree to them")
	}
}

// hostName is true for a name of several labels in lower case (RFC 1123 2.1) that is no address.
func hostName(name string) bool {
	labels := strings.Split(name, ".")
	if len(name) > 253 || len(labels) < 2 {
		return false
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return strings.Trim(labels[len(labels)-1], "0123456789") != ""
}
