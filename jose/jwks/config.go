package jwks

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
)

// Defaults for the fields of Config that are zero.
const (
	DefaultCoolDown = 15 * time.Second
	DefaultMinAge   = time.Minute
	DefaultMaxAge   = time.Hour
	DefaultAge      = 10 * time.Minute // without Cache-Control
	DefaultMaxStale = time.Hour
	DefaultTimeout  = 5 * time.Second
	DefaultMaxBytes = 256 << 10
	DefaultMaxKeys  = 64
)

// A Config describes one remote key set. It is copied and never changed.
type Config struct {
	// Issuer finds the set by discovery: the metadata's issuer must equal it
	// exactly (RFC 8414 3.3). Set this or URL, not both.
	Issuer string
	// URL is the set's own address.
	URL string
	// Algorithms binds keys that have no alg: see jwk.Options. Required, and
	// never HMAC, for a published secret is none.
	Algorithms []jwk.Algorithm
	// Client makes the requests. nil, or one without a Transport, means one that
	// uses no proxy from the environment and keeps bounds on time and headers.
	// Whatever it is, cookies are not kept and a redirect to another host or
	// scheme is refused.
	Client *http.Client
	// CoolDown is the least time between the starts of two fetches, whoever
	// asks for them. 0 means DefaultCoolDown.
	CoolDown time.Duration
	// MinAge and MaxAge bound how long a reply is fresh, whatever its
	// Cache-Control says. 0 means DefaultMinAge and DefaultMaxAge.
	MinAge, MaxAge time.Duration
	// RefreshAhead is how long before a reply stops being fresh a use of the set
	// starts the next fetch in the background. 0 means a fifth of its lifetime.
	RefreshAhead time.Duration
	// MaxStale is how long keys are used after they stopped being fresh, when
	// fetching fails. 0 means DefaultMaxStale, a negative value none.
	MaxStale time.Duration
	// Timeout bounds one fetch, discovery included. 0 means DefaultTimeout.
	Timeout time.Duration
	// MaxBytes bounds each reply. 0 means DefaultMaxBytes.
	MaxBytes int64
	// MaxKeys bounds the entries of a set, usable or not. 0 means DefaultMaxKeys.
	MaxKeys int
	// Extensions read keys of algorithms that are not in this module, such as
	// mldsa.Extension's.
	Extensions []jwk.Extension
	// Clock returns the time. Required: the library reads no clock of its own.
	Clock func() time.Time
	// AllowHTTP allows plain HTTP to loopback addresses, and nowhere else.
	AllowHTTP bool
}

// prepare checks a Config and fills in its defaults.
func (c Config) prepare() (Config, error) {
	if (c.Issuer == "") == (c.URL == "") {
		return c, fail(jose.PolicyInvalid, "either Issuer or URL must be set")
	}
	address := c.Issuer + c.URL
	u, err := c.checkAddress(address)
	if err != nil {
		return c, jose.NewError(jose.PolicyInvalid, jose.DetailOf(err), nil)
	}
	if c.Issuer != "" && (u.RawQuery != "" || u.ForceQuery) {
		return c, fail(jose.PolicyInvalid, "an issuer has no query (RFC 8414 2)")
	}
	if err := checkAlgorithms(c.Algorithms); err != nil {
		return c, err
	}
	if c.Clock == nil {
		return c, fail(jose.PolicyInvalid, "no clock is given; time.Now is one")
	}
	orDefault(&c.CoolDown, DefaultCoolDown)
	orDefault(&c.MinAge, DefaultMinAge)
	orDefault(&c.MaxAge, max(DefaultMaxAge, c.MinAge))
	orDefault(&c.MaxStale, DefaultMaxStale)
	orDefault(&c.Timeout, DefaultTimeout)
	if c.MaxBytes == 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	if c.MaxKeys == 0 {
		c.MaxKeys = DefaultMaxKeys
	}
	c.MaxStale = max(c.MaxStale, 0)
	if c.CoolDown < 0 || c.MinAge < 0 || c.MaxAge < c.MinAge || c.RefreshAhead < 0 || c.Timeout < 0 || c.MaxBytes < 0 || c.MaxKeys < 0 {
		return c, fail(jose.PolicyInvalid, "a bound is negative, or MaxAge is below MinAge")
	}
	c.Client = c.guarded()
	return c, nil
}

// checkAlgorithms wants a list, and no HMAC on it: a published secret is none.
func checkAlgorithms(list []jwk.Algorithm) error {
	if len(list) == 0 {
		return fail(jose.PolicyInvalid, "no algorithms are allowed")
	}
	for _, a := range list {
		if !a.IsSignature() || a.IsSymmetric() {
			return fail(jose.PolicyInvalid, fmt.Sprintf("algorithm %q is unknown or symmetric", string(a)))
		}
	}
	return nil
}

func orDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

// checkAddress accepts https, and http to loopback where AllowHTTP says so.
func (c *Config) checkAddress(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Opaque != "" {
		name := fmt.Sprintf("%q", address)
		if strings.Contains(address, "@") { // there may be a password before it
			name = "what is given"
		}
		return nil, fail(jose.KeySetInvalid, name+" is no usable address")
	}
	switch {
	case u.Scheme == "https":
		return u, nil
	case u.Scheme == "http" && c.AllowHTTP && isLoopback(u.Hostname()):
		return u, nil
	}
	return nil, fail(jose.KeySetInvalid, fmt.Sprintf("%q is not https; AllowHTTP allows http to loopback", address))
}

func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// maxRedirects is how often an issuer may send us on within its own host.
const maxRedirects = 3

// guarded returns the client with redirects held to scheme and host.
func (c *Config) guarded() *http.Client {
	client := new(http.Client)
	if c.Client != nil {
		*client = *c.Client
	}
	if client.Transport == nil {
		client.Transport = safeTransport()
	}
	client.Jar = nil
	client.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		first := via[0].URL
		if len(via) > maxRedirects || req.URL.Scheme != first.Scheme || req.URL.Host != first.Host {
			return fail(jose.KeySetInvalid, "a redirect to another host or scheme")
		}
		return nil
	}
	return client
}

// safeTransport leaves out the proxy that http.DefaultTransport takes from the
// environment, and bounds each phase.
func safeTransport() *http.Transport {
	return &http.Transport{
		DialContext:            (&net.Dialer{Timeout: DefaultTimeout}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    DefaultTimeout,
		ResponseHeaderTimeout:  DefaultTimeout,
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConns:           2,
		IdleConnTimeout:        time.Minute,
		ForceAttemptHTTP2:      true,
	}
}

func fail(r jose.Reason, detail string) *jose.Error { return jose.NewError(r, detail, nil) }
