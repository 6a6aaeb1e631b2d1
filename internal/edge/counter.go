package edge

import (
	"bufio"
	"net"
	"net/http"
	"sync/atomic"
)

// counter notes status and size, those of a tunnel as well. Unwrap keeps flushing
// possible.
type counter struct {
	http.ResponseWriter
	passage *passage
	old     bool // HTTP/1.0
	// The connection ends with this answer. A request with both framings, or with
	// chunks in HTTP/1.0, must be the last (RFC 9112 6.1): what follows may be its
	// body to a server before this one. net/http hides which had both, so every
	// chunked one is.
	last   bool
	status int
	bytes  atomic.Int64
}

// WriteHeader implements http.ResponseWriter. ReverseProxy hands on an
// informational answer with the hop's own headers, and to HTTP/1.0, which knows
// none (RFC 9110 15.2).
func (c *counter) WriteHeader(status int) {
	h := c.Header()
	if status < 200 && status != http.StatusSwitchingProtocols {
		if c.old {
			return
		}
		for name := range h {
			if name != "Link" { // RFC 8297; no other field is known to mean anything here
				delete(h, name)
			}
		}
		c.passage.sign(h)
		c.ResponseWriter.WriteHeader(status)
		return
	}
	if c.status == 0 {
		c.status = status
	}
	// An answer that comes before the whole body is the last one, too: net/http
	// would take the rest of the body away from the upstream before it writes. So is
	// one on a connection of which net/http thinks that its client left: it would
	// take the next request for that of nobody.
	early := c.passage.in.ProtoMajor == 1 && (!c.passage.body.whole() || c.passage.in.Context().Err() != nil)
	if (c.last || early) && status != http.StatusSwitchingProtocols {
		h["Connection"] = []string{"close"}
	}
	// net/http would guess a type where the upstream names none.
	if _, typed := h["Content-Type"]; !typed {
		h["Content-Type"] = nil
	}
	c.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (c *counter) Write(b []byte) (int, error) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	n, err := c.ResponseWriter.Write(b)
	// What comes passes on, but for the end of an answer: the server writes that
	// with all that is left, head and body in one packet if they came so.
	if c.bytes.Add(int64(n)) < c.passage.answerLength && err == nil {
		err = http.NewResponseController(c.ResponseWriter).Flush()
	}
	return n, err
}

// Unwrap is for http.ResponseController.
func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// Hijack implements http.Hijacker.
func (c *counter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(c.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	return &tunnel{conn, c}, buffered, nil
}

// A tunnel is the client's end of an upgraded connection.
type tunnel struct {
	net.Conn
	counter *counter
}

// Read implements net.Conn.
func (t *tunnel) Read(b []byte) (int, error) {
	n, err := t.Conn.Read(b)
	t.counter.passage.body.bytes.Add(int64(n))
	return n, err
}

// Write implements net.Conn.
func (t *tunnel) Write(b []byte) (int, error) {
	n, err := t.Conn.Write(b)
	t.counter.bytes.Add(int64(n))
	return n, err
}

// CloseWrite tells the client that no more comes, and leaves it its own word.
func (t *tunnel) CloseWrite() error {
	if half, ok := t.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return t.Close()
}
