// Package outbound is the one HTTP client for addresses that others choose, such as a
// client's backchannel_logout_uri. What it dials is an address that it has looked at
// itself, so that no name leads inside (SSRF, DNS rebinding); it follows no redirect, asks no
// proxy of the environment, and every exchange is bounded. What is sent, and what an answer
// means, is left to its callers.
package outbound

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/reason"
)

// Defaults and bounds of one exchange.
const (
	DefaultTimeout = 5 * time.Second
	maxBody        = 64 << 10
	maxHeader      = 16 << 10
	maxAddress     = 2048
	maxAnswers     = 16 // addresses of one name
)

// Config says what more is allowed than https to public addresses, which is all that the
// zero value allows.
type Config struct {
	// Networks that may be dialled although they are not public.
	Networks []netip.Prefix
	// AllowHTTP allows plain http to an address in Networks, and nowhere else.
	AllowHTTP bool
	// Timeout bounds an exchange from look-up to the end of the answer. 0 means DefaultTimeout.
	Timeout time.Duration
}

// Client sends requests. It is safe for use by many goroutines.
type Client struct {
	config Config
	http   *http.Client

	testOnlyLookup func(ctx context.Context, host string) ([]netip.Addr, error)
	testOnlyDial   func(ctx context.Context, to netip.AddrPort) (net.Conn, error)
	testOnlyRoots  *x509.CertPool
}

// New returns a client.
func New(c Config) *Client {
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	return build(&Client{config: c})
}

func build(c *Client) *Client {
	c.http = &http.Client{
		Timeout:       c.config.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &guard{c, &http.Transport{
			DialContext:            c.dial,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.testOnlyRoots},
			TLSHandshakeTimeout:    c.config.Timeout,
			ResponseHeaderTimeout:  c.config.Timeout,
			MaxResponseHeaderBytes: maxHeader,
			DisableCompression:     true, // a small answer stays small
			MaxIdleConns:           16,
			MaxConnsPerHost:        4,
			IdleConnTimeout:        30 * time.Second,
			ForceAttemptHTTP2:      true,
		}},
	}
	return c
}

// HTTP is the client for packages that send requests themselves. Whatever they change of
// it, its Transport holds every address to the same rules.
func (c *Client) HTTP() *http.Client {
	copied := *c.http
	return &copied
}

// Check says what can be said of an address without asking anybody: for what is kept
// and used later. It fails with AddressRefused.
func (c *Client) Check(address string) error {
	u, err := url.Parse(address)
	if err != nil || len(address) > maxAddress || strings.Contains(address, "#") {
		return refused("is no address, or has a fragment")
	}
	if err := c.checkURL(u); err != nil {
		return err
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil {
		return c.checkAddr(ip, u.Scheme)
	}
	return nil
}

// Post sends a body and returns the status of the answer, which may be any. The answer
// is read to its end within bounds, and thrown away. It fails with AddressRefused, or with
// AddressUnreachable where no whole answer came.
func (c *Client) Post(ctx context.Context, address, mediaType string, body []byte) (status int, err error) {
	if err := c.Check(address); err != nil {
		return 0, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, refused("is no address")
	}
	r.Header.Set("Content-Type", mediaType)
	r.Header.Set("User-Agent", "jotward")
	resp, err := c.http.Do(r)
	if err != nil {
		return 0, explain(err)
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxBody+1))
	if err == nil && n > maxBody {
		err = errors.New("the answer is longer than 64 KiB")
	}
	if err != nil {
		return 0, explain(err)
	}
	return resp.StatusCode, nil
}

// explain words a failure by its code, with the cause that net/http gives without the address.
func explain(err error) error {
	if own, ok := errors.AsType[*reason.Error](err); ok {
		return own
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return reason.New(reason.AddressUnreachable, errors.New("outbound: "+err.Error()))
}

func refused(why string) *reason.Error {
	return reason.New(reason.AddressRefused, errors.New("outbound: the address "+why))
}

// guard holds every request to the rules, a redirect's too.
type guard struct {
	client *Client
	next   *http.Transport
}

type schemeKey struct{}

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := g.client.checkURL(r.URL); err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // as RoundTrip has to
		}
		return nil, err
	}
	return g.next.RoundTrip(r.WithContext(context.WithValue(r.Context(), schemeKey{}, r.URL.Scheme)))
}

// CloseIdleConnections is asked for by http.Client's.
func (g *guard) CloseIdleConnections() { g.next.CloseIdleConnections() }

func (c *Client) checkURL(u *url.URL) error {
	switch {
	case u.Scheme != "https" && !(u.Scheme == "http" && c.config.AllowHTTP):
		return refused("is not https")
	case u.Hostname() == "" || u.User != nil || u.Opaque != "":
		return refused("has no host, or user information")
	}
	return nil
}

// dial looks the name up, looks at every address that it has, and dials one of those: what
// the name says a moment later is not asked (DNS rebinding). One forbidden address refuses all.
func (c *Client) dial(ctx context.Context, _, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, refused("has no port that can be read")
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return nil, refused("has no port that can be read")
	}
	scheme, _ := ctx.Value(schemeKey{}).(string)
	list, err := c.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || len(list) > maxAnswers {
		return nil, fmt.Errorf("the name has %d addresses", len(list))
	}
	for i := range list {
		if err := c.checkAddr(list[i], scheme); err != nil {
			return nil, err
		}
		list[i] = list[i].Unmap()
	}
	for _, ip := range list {
		var conn net.Conn
		if conn, err = c.connect(ctx, netip.AddrPortFrom(ip, uint16(number))); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

func (c *Client) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil
	}
	if c.testOnlyLookup != nil {
		return c.testOnlyLookup(ctx, host)
	}
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

func (c *Client) connect(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	if c.testOnlyDial != nil {
		return c.testOnlyDial(ctx, to)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", to.String())
}

// checkAddr accepts what is public, and what the configuration names.
func (c *Client) checkAddr(ip netip.Addr, scheme string) error {
	ip = ip.Unmap() // ::ffff:127.0.0.1 is 127.0.0.1; no network holds an address with a zone
	if slices.ContainsFunc(c.config.Networks, func(p netip.Prefix) bool { return p.Contains(ip) }) {
		return nil
	}
	if scheme != "https" {
		return refused("is not https, and outside the networks that are allowed")
	}
	if !public(ip) {
		return refused("leads to a network that is not public")
	}
	return nil
}
