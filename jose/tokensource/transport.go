package tokensource

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/jotward/jotward/jose"
)

// A Transport is an http.RoundTripper that puts tokens on requests to the origins
// that they are for. It is safe for use by many goroutines.
type Transport struct {
	source  *Source
	base    http.RoundTripper
	origins map[string]bool
}

// NewTransport builds a Transport over base; nil means http.DefaultTransport.
// origins are scheme, host and port, such as "https://api.example", compared
// exactly but for case and the scheme's own port: https, or http to a loopback
// address. Requests to other origins pass as they are, and so does a redirect to
// one: an http.Client copies headers that its caller has set, and this one is set
// below it. It fails with PolicyInvalid.
func NewTransport(source *Source, base http.RoundTripper, origins ...string) (*Transport, error) {
	if source == nil || len(origins) == 0 {
		return nil, fail(jose.PolicyInvalid, "no source, or no origin that its tokens are for")
	}
	if base == nil {
		base = http.DefaultTransport
	}
	t := &Transport{source: source, base: base, origins: map[string]bool{}}
	for _, origin := range origins {
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(u.Host, ":") {
			name := fmt.Sprintf("%q", origin)
			if strings.Contains(origin, "@") { // there may be a password before it
				name = "one of the origins"
			}
			return nil, fail(jose.PolicyInvalid, name+" is no origin: scheme, host and port")
		}
		if u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) {
			return nil, fail(jose.PolicyInvalid, fmt.Sprintf("%q is not https", origin))
		}
		t.origins[originOf(u)] = true
	}
	return t, nil
}

// originOf spells an origin in one way.
func originOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// RoundTrip sends a request, with a token when it goes to one of the origins and
// has no Authorization of its own. An answer of 401 makes the token be dropped, so
// that the next request gets another; this one is not sent again. It fails with
// TokenUnavailable without sending anything, and like the base.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if !t.origins[originOf(req.URL)] || req.Header.Get("Authorization") != "" {
		return t.base.RoundTrip(req)
	}
	token, err := t.source.Token(req.Context())
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close() // "RoundTrip must always close the body, including on errors"
		}
		return nil, err
	}
	with := req.Clone(req.Context()) // "RoundTrip should not modify the request"
	if with.Header == nil {
		with.Header = http.Header{}
	}
	with.Header.Set("Authorization", "Bearer "+token.Value)
	resp, err := t.base.RoundTrip(with)
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		t.source.Invalidate(token)
	}
	return resp, err
}
