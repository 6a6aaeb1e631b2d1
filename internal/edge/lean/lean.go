// Package lean is an HTTP/1.1 client transport without TLS, for a gateway: an
// http.RoundTripper that costs much less than net/http's, and reads less.
//
// It guarantees that an answer has one reading or is none (see malformed), that a
// connection is used again only when both sides are known to have said all they
// had to say, and that every wait ends: when its time is over, or with the
// request's context.
//
// It leaves to others: TLS and HTTP/2, proxies, redirects, cookies, compression,
// and authentication. It adds no header but those that frame the request. Of a
// request's httptrace.ClientTrace it calls Got1xxResponse alone, and Request.Cancel
// it does not know.
package lean

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// A Config bounds a Transport. The zero value of every field is refused.
type Config struct {
	Connect        time.Duration // to set up a connection
	ResponseHeader time.Duration // from the end of the request to the end of the answer's head
	Continue       time.Duration // for 100 Continue; then the body is sent unasked (RFC 9110 10.1.1)
	Idle           time.Duration // for which an unused connection is kept
	MaxIdle        int           // unused connections, of all hosts
	MaxIdlePerHost int
	MaxHeader      int // bytes of an answer's head, and of all informational ones before it
}

// A Transport is an http.RoundTripper for the scheme http. It is safe for use by
// many goroutines. One that New did not make refuses every request.
type Transport struct {
	config Config
	dialer net.Dialer
	pool   pool

	testOnlyDial  func(context.Context, string) (net.Conn, error) // nil: TCP
	testOnlyQuiet func(net.Conn) func() bool                      // nil: quietCheck
}

// New returns a Transport, or an error when a bound is missing.
func New(c Config) (*Transport, error) {
	if min(c.Connect, c.ResponseHeader, c.Continue, c.Idle) <= 0 || min(c.MaxIdle, c.MaxIdlePerHost, c.MaxHeader) <= 0 {
		return nil, errors.New("lean: a bound is missing: Config has no defaults")
	}
	t := &Transport{config: c, dialer: net.Dialer{Timeout: c.Connect, KeepAlive: 30 * time.Second}}
	t.pool.init(c)
	return t, nil
}

// RoundTrip implements http.RoundTripper. As net/http does, it sends a request
// again when a connection that had carried others turns out to be dead before any
// byte of an answer: if nothing of the request was written, or its method is safe
// (RFC 9110 9.2.1), and only one without a body, or with GetBody.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	x, err := newExchange(r)
	if err == nil && t.config == (Config{}) {
		x.forget()
		err = errors.New("lean: a Transport that New did not make")
	}
	if err != nil {
		closeBody(r)
		return nil, err
	}
	defer x.forget()
	for {
		if r.Context().Err() != nil {
			closeBody(x.request)
			return nil, context.Cause(r.Context())
		}
		c, err := t.conn(r.Context(), x.address)
		if err != nil {
			closeBody(x.request)
			return nil, err
		}
		answer, err := c.roundTrip(x)
		if err == nil {
			answer.Request = r
			return answer, nil
		}
		if !c.stale(x) {
			return nil, err
		}
		if x.length != 0 {
			if x.request, err = again(x.request); err != nil {
				return nil, err
			}
		}
	}
}

// A DialError is that no connection could be had. The upstream has nothing of the
// request, or only what RoundTrip may send again: whoever has another upstream may
// send it there, with a body that nobody has read.
type DialError struct{ Err error }

// Error implements error.
func (e *DialError) Error() string { return e.Err.Error() }

// Unwrap returns what the network said.
func (e *DialError) Unwrap() error { return e.Err }

// CloseIdleConnections closes the connections that carry no request, and those
// that do when their answer ends.
func (t *Transport) CloseIdleConnections() { t.pool.clear() }

// conn returns an unused connection to an address, or a new one.
func (t *Transport) conn(ctx context.Context, address string) (*conn, error) {
	if c := t.pool.take(address); c != nil {
		return c, nil
	}
	age := t.pool.age() // before dialling: it may be cleared meanwhile
	var nc net.Conn
	var err error
	if t.testOnlyDial != nil {
		nc, err = t.testOnlyDial(ctx, address)
	} else {
		nc, err = t.dialer.DialContext(ctx, "tcp", address)
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, &DialError{err}
	}
	return t.newConn(nc, address, age), nil
}

// again returns a request with a body that was not begun.
func again(r *http.Request) (*http.Request, error) {
	body, err := r.GetBody()
	if err != nil {
		return nil, err
	}
	next := *r
	next.Body = body
	return &next, nil
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}

// errAwaited is the end of the wait for an answer's head.
var errAwaited error = timeout("lean: the upstream did not answer in time")

// timeout is an error of the kinds that net/http's have.
type timeout string

func (t timeout) Error() string   { return string(t) }
func (timeout) Timeout() bool     { return true }
func (timeout) Temporary() bool   { return true }
func (timeout) Is(err error) bool { return err == context.DeadlineExceeded }

// hasToken finds a token in a field's lists, in any case.
func hasToken(values []string, token string) bool {
	for _, v := range values {
		for v != "" {
			var item string
			item, v, _ = strings.Cut(v, ",")
			if strings.EqualFold(strings.Trim(item, " \t"), token) {
				return true
			}
		}
	}
	return false
}

var _ interface {
	io.ReadWriteCloser
	CloseWrite() error
} = (*tunnel)(nil)
