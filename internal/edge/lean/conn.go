package lean

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"time"
)

// A conn carries one exchange after the other. Between two of them it is in the
// pool, and nobody reads it. To end an exchange early is to close it: what is
// read or written fails then, and it is not used again.
type conn struct {
	wire
	t       *Transport
	address string
	age     uint64 // the pool's when it was dialled
	quiet   func() bool
	shut    func()
	idle    *time.Timer // closes it in the pool
	used    bool        // it has carried an exchange to its end

	// Of the exchange under way.
	stop    func() bool // ends the watch over the context; nil: there is none
	upload  *upload     // nil: no body
	got0    int64       // got at its beginning
	wrote   int         // of the head
	died    bool        // it ended by the connection alone
	mu      sync.Mutex
	awaited bool        // an answer's head
	armed   bool        // timer bounds the wait for it
	late    bool        // and has ended it
	timer   *time.Timer // of the wait
}

func (t *Transport) newConn(nc net.Conn, address string, age uint64) *conn {
	c := &conn{wire: wire{Conn: nc, buf: make([]byte, bufferBytes)}, t: t, address: address, age: age}
	check := quietCheck
	if t.testOnlyQuiet != nil {
		check = t.testOnlyQuiet
	}
	c.quiet = check(nc)
	c.shut = func() { _ = c.Close() }
	return c
}

// rest begins the time for which it is kept unused.
func (c *conn) rest() {
	if c.idle == nil {
		c.idle = time.AfterFunc(c.t.config.Idle, func() { c.t.pool.expire(c) })
		return
	}
	c.idle.Reset(c.t.config.Idle)
}

// arm bounds the wait for an answer's head, from now on.
func (c *conn) arm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.awaited || c.armed {
		return
	}
	c.armed = true
	if c.timer == nil {
		c.timer = time.AfterFunc(c.t.config.ResponseHeader, c.giveUp)
		return
	}
	c.timer.Reset(c.t.config.ResponseHeader)
}

func (c *conn) giveUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.awaited {
		c.late = true
		_ = c.Close()
	}
}

// came ends the wait for an answer's head, and says whether it did so in time.
func (c *conn) came() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.awaited = false
	if c.armed && !c.timer.Stop() {
		c.late = true // giveUp runs, or is about to
	}
	c.armed = false
	return !c.late
}

// roundTrip sends a request and reads its answer's head. After an error the
// connection is closed, and the request's body is closed or will be.
func (c *conn) roundTrip(x *exchange) (*http.Response, error) {
	ctx := x.request.Context()
	c.upload, c.stop, c.got0, c.died = nil, nil, c.got, false
	c.mu.Lock()
	c.awaited = true
	c.mu.Unlock()
	if ctx.Done() != nil {
		c.stop = context.AfterFunc(ctx, c.shut)
	}
	if x.length == 0 {
		c.arm()
	}
	var err error
	if c.wrote, err = c.Conn.Write(*x.head); err != nil {
		closeBody(x.request)
		return nil, c.fail(ctx, err)
	}
	if x.length != 0 {
		c.upload = newUpload(c, x)
		go c.upload.run()
	}
	answer, err := c.answer(x)
	if err != nil {
		return nil, c.fail(ctx, err)
	}
	return answer, nil
}

// answer reads heads up to the last one.
func (c *conn) answer(x *exchange) (*http.Response, error) {
	left := c.t.config.MaxHeader
	for n := 0; ; n++ {
		text, lines, err := c.lines(left)
		if err != nil {
			return nil, err
		}
		left -= len(text)
		h, err := parseHead(string(text), lines)
		if err != nil {
			return nil, err
		}
		if h.status >= 200 || h.status == http.StatusSwitchingProtocols {
			if !c.came() {
				return nil, errAwaited
			}
			return c.accept(x, h)
		}
		if n == maxInformational {
			return nil, tooInforming
		}
		if h.status == http.StatusContinue && c.upload != nil {
			c.upload.proceed(true)
		}
		if trace := httptrace.ContextClientTrace(x.request.Context()); trace != nil && trace.Got1xxResponse != nil {
			if err := trace.Got1xxResponse(h.status, textproto.MIMEHeader(h.header)); err != nil {
				return nil, err
			}
		}
	}
}

// accept makes an answer of its head.
func (c *conn) accept(x *exchange, h *head) (*http.Response, error) {
	if h.status == http.StatusSwitchingProtocols {
		return c.switched(x, h)
	}
	if c.upload != nil {
		// An answer without 100 Continue: a refusal does not want the body, and what
		// ends the connection will not read it (RFC 9110 10.1.1).
		c.upload.proceed(h.status < 300 && !h.close)
	}
	a := h.response()
	keep := !h.close && !x.last
	trailer, err := h.trailers()
	if err != nil {
		return nil, err
	}
	a.Trailer = trailer
	switch b := (&body{c: c, ctx: x.request.Context(), answer: a, left: h.length, keep: keep}); {
	case h.bodiless(x.request.Method):
		if a.ContentLength = 0; x.request.Method == http.MethodHead {
			a.ContentLength = h.length
		}
		// RFC 9110 8.6: a 204 has no Content-Length. Who sends one may send a body.
		c.release(keep && (h.status != http.StatusNoContent || h.length <= 0))
	case h.chunked:
		b.read, b.left, a.Body = b.chunks, 0, b
	case h.length == 0:
		c.release(keep)
	case h.length > 0:
		b.read, a.Body = b.measured, b
	default:
		b.read, b.keep, a.Body, a.Close = b.toTheEnd, false, b, true
	}
	return a, nil
}

func (h *head) response() *http.Response {
	a := &http.Response{Status: h.text, StatusCode: h.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: h.minor, Header: h.header,
		Body: http.NoBody, ContentLength: h.length, Close: h.close}
	if h.minor == 0 {
		a.Proto = "HTTP/1.0"
	}
	if h.chunked {
		a.TransferEncoding = []string{"chunked"}
	}
	return a
}

// switched hands the connection over to who asked for another protocol.
func (c *conn) switched(x *exchange, h *head) (*http.Response, error) {
	to := h.header["Upgrade"]
	if x.upgrade == "" || h.minor == 0 || len(to) != 1 || !strings.EqualFold(to[0], x.upgrade) || !hasToken(h.header["Connection"], "upgrade") {
		return nil, badSwitch
	}
	if c.upload != nil && !c.upload.whole() {
		return nil, unfinishedFor
	}
	if c.stop != nil && !c.stop() {
		return nil, context.Cause(x.request.Context())
	}
	a := h.response()
	a.ContentLength, a.Body = 0, &tunnel{c}
	return a, nil
}

// release ends an exchange whose answer was read to its end. The connection is
// used again if nothing more can come of this exchange: no byte of the body, of
// the answer, or of those who end it.
func (c *conn) release(keep bool) {
	if c.stop != nil && !c.stop() || c.late || c.buffered() > 0 || c.upload != nil && !c.upload.whole() {
		keep = false
	}
	c.stop = nil
	if keep {
		c.used = true
		c.shrink()
		keep = c.t.pool.put(c)
	}
	if !keep {
		_ = c.Close()
	}
}

// fail ends an exchange early, and says why it did.
func (c *conn) fail(ctx context.Context, err error) error {
	_ = c.Close()
	late := !c.came()
	if c.stop != nil {
		c.stop()
	}
	if c.upload != nil {
		c.upload.proceed(false)
	}
	var m malformed
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case late:
		return errAwaited
	case c.upload != nil && c.upload.failure() != nil:
		return c.upload.failure()
	case errors.As(err, &m):
		return m
	}
	c.died = true
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("%w: %w", brokenOff, io.ErrUnexpectedEOF)
	}
	return err
}

// stale says whether a failed request may be sent again.
func (c *conn) stale(x *exchange) bool {
	if !c.used || !c.died || c.got != c.got0 || x.length != 0 && x.request.GetBody == nil {
		return false
	}
	switch x.request.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return c.wrote == 0
}

// A tunnel is the body of a 101: the connection itself.
type tunnel struct{ c *conn }

// Read implements io.Reader.
func (t *tunnel) Read(p []byte) (int, error) { return t.c.Read(p) }

// Write implements io.Writer.
func (t *tunnel) Write(p []byte) (int, error) { return t.c.Write(p) }

// Close implements io.Closer.
func (t *tunnel) Close() error { return t.c.Close() }

// CloseWrite tells the upstream that no more comes.
func (t *tunnel) CloseWrite() error {
	if half, ok := t.c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
