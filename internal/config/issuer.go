package config

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/limit"
	"github.com/jotward/jotward/jose/jwk"
)

// Issuer configures the issuer.
type Issuer struct {
	Service `yaml:",inline"`
	// The issuer identifier (RFC 8414 2): the https URL under which clients reach it, without a slash at its end.
	Issuer string `yaml:"issuer"`
	// Networks in CIDR notation whose X-Forwarded-For and X-Forwarded-Proto are believed.
	TrustedProxies []string `yaml:"trusted_proxies"`
	// Networks in CIDR notation that addresses of clients, such as backchannel_logout_uri, may lead to although they are not public.
	OutboundNetworks []string `yaml:"outbound_networks"`
	// The SQLite file. Default /var/lib/jotward/jotward.db.
	Database string `yaml:"database"`
	// Encrypts the signing keys at rest: 32 bytes in base64 or hexadecimal, such as `openssl rand -hex 32` makes.
	MasterKey Secret `yaml:"master_key"`
	// Master keys of before; keys sealed under them are sealed anew under master_key at the start.
	PreviousMasterKeys []Secret `yaml:"previous_master_keys"`
	// How long a person stays signed in. Default 12h, at most 720h.
	SessionLifetime time.Duration `yaml:"session_lifetime"`
	// The address at which operators' browsers reach the admin listener, such as https://ops.example:8082 or the near end of a tunnel: the console's. Default: that of admin.listen when it is on loopback; without either there is no console.
	ConsoleURL string `yaml:"console_url"`
	// What clients may register themselves for (RFC 7591). Without it nobody may.
	Registration *Registration `yaml:"registration"`
	// Clients that authenticate with certificates, and tokens that are bound to them (RFC 8705). Default: none.
	MTLS *MTLS `yaml:"mtls"`
	// How often it may be asked: 429 beyond that.
	Limits IssuerLimits `yaml:"limits"`
	// How tokens are signed. A change of it is applied without a restart.
	Signing Signing `yaml:"signing"`
	// The APIs whose access tokens are like no others.
	Resources []Resource `yaml:"resources"`
}

// Signing says with which algorithms tokens are signed, and how their keys change.
type Signing struct {
	// The algorithms of signatures. The first signs whatever asks for none; clients name others with id_token_signed_response_alg and its kin. Default: ES256, RS256.
	Algorithms []string `yaml:"algorithms"`
	// How long a key is published before it signs. Default 10m, 10m to 168h.
	PublishAhead time.Duration `yaml:"publish_ahead"`
	// How long a key signs before the next takes its place by itself, less up to a twentieth, so that keys of one day do not change at once. Default 720h, 24h to 8760h, and four times publish_ahead at least.
	RotateEvery time.Duration `yaml:"rotate_every"`
	// Keys are rotated by `jotward keys rotate` alone; what is older than rotate_every is overdue, which is logged and counted.
	Manual bool `yaml:"manual"`
	// How much longer the next key waits, at most, for edges that know the present one and have not said that they know it. Default 1h, 1s to 168h.
	WaitForEdges time.Duration `yaml:"wait_for_edges"`
}

// Defaults fills in what is not said.
func (s *Signing) Defaults() {
	if s.Algorithms == nil {
		s.Algorithms = []string{"ES256", "RS256"}
	}
	if s.PublishAhead == 0 {
		s.PublishAhead = 10 * time.Minute
	}
	if s.RotateEvery == 0 {
		s.RotateEvery = 720 * time.Hour
	}
	if s.WaitForEdges == 0 {
		s.WaitForEdges = time.Hour
	}
}

func (s *Signing) check(p *problems) {
	if len(s.Algorithms) == 0 {
		p.add("issuer.signing.algorithms", "is empty: name what tokens are signed with, such as [ES256]")
	}
	for i, name := range s.Algorithms {
		alg := jwk.Algorithm(name)
		switch {
		case alg.IsSymmetric() || !slices.Contains(jwk.SignatureAlgorithms(), alg):
			p.add(index("issuer.signing.algorithms", i), "is no algorithm that a published key signs with: use ES256, ES384, ES512, EdDSA, Ed25519, RS256 or PS256 and their kin")
		case slices.Contains(s.Algorithms[:i], name):
			p.add(index("issuer.signing.algorithms", i), "is there twice")
		}
	}
	// A key set is cached for five minutes; shared caches may add as much.
	if s.PublishAhead < 10*time.Minute || s.PublishAhead > 168*time.Hour {
		p.add("issuer.signing.publish_ahead", "is outside 10m to 168h: before, caches may not know the key")
	}
	if s.RotateEvery < max(24*time.Hour, 4*s.PublishAhead) || s.RotateEvery > 8760*time.Hour {
		p.add("issuer.signing.rotate_every", "is outside 24h to 8760h, or less than four times publish_ahead")
	}
	if s.WaitForEdges < time.Second || s.WaitForEdges > 168*time.Hour {
		p.add("issuer.signing.wait_for_edges", "is outside 1s to 168h")
	}
}

func (i *Issuer) defaults() {
	if i.Database == "" {
		i.Database = "/var/lib/jotward/jotward.db"
	}
	if i.Admin.Listen == "" {
		i.Admin.Listen = "127.0.0.1:8082"
	}
	if i.SessionLifetime == 0 {
		i.SessionLifetime = 12 * time.Hour
	}
	if i.Registration != nil {
		i.Registration.defaults()
	}
	if i.Limits.Subject == (Budget{}) {
		i.Limits.Subject = Budget{Rate: "60/m", Burst: 120}
	}
	i.Signing.Defaults()
}

func (i *Issuer) check(p *problems) {
	i.Service.check("issuer", i.TrustedProxies, p)
	if i.Issuer == "" {
		p.add("issuer.issuer", "is missing: give the https URL under which clients reach the issuer")
	} else if fault := originFault(i.Issuer); fault != "" {
		p.add("issuer.issuer", fault)
	}
	if fault := originFault(i.ConsoleURL); i.ConsoleURL != "" && fault != "" {
		p.add("issuer.console_url", fault)
	}
	prefixes("issuer.outbound_networks", i.OutboundNetworks, p)
	if i.Admin.Token.IsZero() {
		p.add("issuer.admin.token", "is missing: refer to one with env:NAME or file:PATH")
	}
	if i.MasterKey.IsZero() {
		p.add("issuer.master_key", "is missing: refer to 32 random bytes with env:NAME or file:PATH")
	}
	keys := append([]Secret{i.MasterKey}, i.PreviousMasterKeys...)
	for n, k := range keys {
		at := "issuer.master_key"
		if n > 0 {
			at = index("issuer.previous_master_keys", n-1)
		}
		if _, err := MasterKey(k); k.value != "" && err != nil {
			p.add(at, err.Error())
		}
	}
	if i.Registration != nil {
		i.Registration.check("issuer.registration", p)
	}
	i.Limits.check(p)
	if i.MTLS != nil {
		i.MTLS.check(i, p)
	}
	if i.SessionLifetime < time.Minute || i.SessionLifetime > 720*time.Hour {
		p.add("issuer.session_lifetime", "is outside 1m to 720h")
	}
	i.Signing.check(p)
	i.checkResources(p)
}

// originFault says what an address is not: https and a host alone, or http on loopback.
func originFault(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" || strings.ContainsAny(text, "?#"):
		return "is not https://host[:port] alone (RFC 8414 2): remove path, query, fragment and the slash at its end"
	case u.Scheme != "https" && !(u.Scheme == "http" && Loopback(u.Hostname())):
		return "is not https: plain http is for loopback only"
	}
	return ""
}

// Warnings say what is allowed and seldom wise.
func (i *Issuer) Warnings() (list []string) {
	for name, b := range map[string]Budget{"client": i.Limits.Client, "network": i.Limits.Network} {
		if rate, err := limit.ParseRate(b.Rate, b.Burst); err == nil && rate.Every > slowest {
			list = append(list, "issuer.limits."+name+" is slower than one in "+slowest.String()+": who is refused by it while another request of theirs rotates a refresh token comes back too late for a retry, and is taken for a thief")
		}
	}
	slices.Sort(list)
	host, _ := splitAddress(i.Listen)
	if Loopback(host) && strings.HasPrefix(i.Issuer, "https:") && !i.TLS.Enabled() && len(i.TrustedProxies) == 0 && len(i.ProxyProtocol) == 0 {
		list = append(list, "every client seems to have the address of the proxy on this machine, and whoever guesses passwords slows all of them down: name it in issuer.trusted_proxies, with issuer.tls.at_proxy")
	}
	return list
}

// slowest is how long a limit may have somebody wait who lost a race of refreshes: half
// the grace in which a spent token is a retry.
const slowest = 5 * time.Second

// MasterKey decodes 32 bytes from base64 (padded or not) or hexadecimal.
func MasterKey(s Secret) ([]byte, error) {
	text := strings.TrimSpace(s.value)
	if key, err := hex.DecodeString(text); err == nil && len(key) == 32 {
		return key, nil
	}
	text = strings.TrimRight(text, "=")
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if key, err := enc.Strict().DecodeString(text); err == nil && len(key) == 32 {
			return key, nil
		}
	}
	return nil, errors.New("is not 32 bytes in base64 or hexadecimal: make one with `openssl rand -hex 32`")
}
