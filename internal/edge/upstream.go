package edge

import (
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/edge/lean"
)

// What is kept of connections to upstreams, and read of their answers.
const (
	maxIdle        = 1024
	maxIdlePerHost = 256
	idleTimeout    = 90 * time.Second
	maxAnswerHead  = 256 << 10
)

// transports are the ways to the upstreams: the lean one, and net/http's for TLS
// and HTTP/2. Both use no proxy from the environment, and bound every wait but
// that for a streamed body. They repeat a request only when nothing of it was
// sent, or when its method may be repeated (RFC 9110 9.2.2).
type transports struct {
	lean     *lean.Transport
	standard *http.Transport
}

// newTransports wants bounds that timeouts let pass; with others nothing is sent.
func newTransports(t config.Timeouts) *transports {
	l, err := lean.New(lean.Config{Connect: t.Connect, ResponseHeader: t.ResponseHeader, Continue: time.Second, Idle: idleTimeout,
		MaxIdle: maxIdle, MaxIdlePerHost: maxIdlePerHost, MaxHeader: maxAnswerHead})
	if err != nil {
		l = &lean.Transport{} // refuses all
	}
	return &transports{l, newTransport(t)}
}

func newTransport(t config.Timeouts) *http.Transport {
	return &http.Transport{
		DialContext:            (&net.Dialer{Timeout: t.Connect, KeepAlive: 30 * time.Second}).DialContext,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdlePerHost,
		IdleConnTimeout:        idleTimeout,
		TLSHandshakeTimeout:    t.TLSHandshake,
		ResponseHeaderTimeout:  t.ResponseHeader,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: maxAnswerHead,
		DisableCompression:     true, // bodies pass as they are
		ForceAttemptHTTP2:      true,
	}
}

// to chooses a way. A host beyond ASCII has a spelling in DNS that net/http knows.
func (t *transports) to(target *url.URL) http.RoundTripper {
	if target.Scheme != "http" || testOnlyStandard || strings.ContainsFunc(target.Host, func(c rune) bool { return c >= 0x80 }) {
		return t.standard
	}
	return t.lean
}

// testOnlyStandard has every test run once more with net/http's transport.
var testOnlyStandard bool

// CloseIdleConnections closes what carries no request.
func (t *transports) CloseIdleConnections() {
	t.lean.CloseIdleConnections()
	t.standard.CloseIdleConnections()
}
