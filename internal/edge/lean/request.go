package lean

import (
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// An exchange is a request as it is sent, and what its answer is held against.
type exchange struct {
	request *http.Request
	address string
	head    *[]byte
	length  int64 // of the body; 0: none, unknown: chunks
	expects bool  // 100 Continue
	last    bool  // of its connection
	upgrade string
}

const unknown = -1

// What a request cannot be sent for. None has a part of the request in its text.
var (
	errURL     = errors.New("lean: the request's URL is not http://host/path")
	errMethod  = errors.New("lean: the request's method is no token, or CONNECT")
	errTarget  = errors.New("lean: a byte in the request's target that no target has")
	errHost    = errors.New("lean: the request's host is no host")
	errField   = errors.New("lean: a header of the request has a name or value that cannot be sent")
	errFraming = errors.New("lean: the request's body is framed in a way that is not sent")
)

var heads = sync.Pool{New: func() any { return new([]byte) }}

// keptBytes bounds the buffers that are kept for later.
const keptBytes = 16 << 10

// newExchange writes a request's head, or says why it has none. What could be
// read in two ways, or as two requests, is refused.
func newExchange(r *http.Request) (*exchange, error) {
	if r.URL == nil || r.URL.Scheme != "http" || r.URL.Opaque != "" || r.URL.Host == "" || r.Header == nil {
		return nil, errURL
	}
	x := &exchange{request: r, length: r.ContentLength, last: r.Close || hasToken(r.Header["Connection"], "close")}
	chunked := len(r.TransferEncoding) > 0
	switch {
	case len(r.TransferEncoding) > 1 || chunked && r.TransferEncoding[0] != "chunked", len(r.Trailer) > 0:
		return nil, errFraming
	case r.Body == nil || r.Body == http.NoBody:
		if r.ContentLength > 0 {
			return nil, errFraming
		}
		x.length = 0
	case chunked || r.ContentLength <= 0:
		x.length = unknown
	}
	if x.address = r.URL.Host; r.URL.Port() == "" {
		x.address = net.JoinHostPort(r.URL.Hostname(), "80")
	}
	if hasToken(r.Header["Connection"], "upgrade") && len(r.Header["Upgrade"]) == 1 {
		x.upgrade = r.Header["Upgrade"][0]
	}
	x.expects = x.length != 0 && hasToken(r.Header["Expect"], "100-continue")
	x.head = heads.Get().(*[]byte)
	var err error
	if *x.head, err = x.appendHead((*x.head)[:0]); err != nil {
		x.forget()
		return nil, err
	}
	return x, nil
}

// forget gives the head's memory back.
func (x *exchange) forget() {
	if cap(*x.head) <= keptBytes {
		heads.Put(x.head)
	}
	x.head = nil
}

func (x *exchange) appendHead(b []byte) ([]byte, error) {
	r, method := x.request, x.request.Method
	if method == "" {
		method = http.MethodGet
	}
	if !isToken(method) || method == http.MethodConnect {
		return b, errMethod
	}
	b = append(append(b, method...), ' ')
	begin := len(b)
	b = append(b, r.URL.EscapedPath()...)
	switch {
	case len(b) == begin:
		b = append(b, '/')
	case b[begin] != '/' && (r.URL.Path != "*" || method != http.MethodOptions):
		return b, errURL // RFC 9112 3.2: the origin form, or the asterisk
	}
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		b = append(append(b, '?'), r.URL.RawQuery...)
	}
	for _, c := range b[begin:] {
		if c <= ' ' || c >= 0x7f || c == '#' { // some servers end the target there
			return b, errTarget
		}
	}
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	if !isHost(host) {
		return b, errHost
	}
	b = append(append(append(b, " HTTP/1.1\r\nHost: "...), host...), "\r\n"...)
	b, err := x.appendFields(b, method)
	return append(b, "\r\n"...), err
}

// appendFields writes the headers. Those that frame the request are the
// transport's own, whatever spelling they have.
func (x *exchange) appendFields(b []byte, method string) ([]byte, error) {
	for name, values := range x.request.Header {
		if framing(name) {
			continue
		}
		if !isToken(name) {
			return b, errField
		}
		for _, v := range values {
			if !isValue(v) {
				return b, errField
			}
			if v = strings.Trim(v, " \t"); v == "" && name == "User-Agent" {
				continue // net/http's sign for none
			}
			b = append(append(append(append(b, name...), ": "...), v...), "\r\n"...)
		}
	}
	switch {
	case x.length > 0, x.length == 0 && (method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch):
		b = append(strconv.AppendInt(append(b, "Content-Length: "...), x.length, 10), "\r\n"...)
	case x.length == unknown:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	if x.request.Close && !hasToken(x.request.Header["Connection"], "close") {
		b = append(b, "Connection: close\r\n"...)
	}
	return b, nil
}

// framing finds the names that a request's own fields stand for.
func framing(name string) bool {
	switch len(name) {
	case len("Host"):
		return strings.EqualFold(name, "Host")
	case len("Trailer"):
		return strings.EqualFold(name, "Trailer")
	case len("Content-Length"):
		return strings.EqualFold(name, "Content-Length")
	case len("Transfer-Encoding"):
		return strings.EqualFold(name, "Transfer-Encoding")
	}
	return false
}

// What a byte may be part of.
const (
	inToken = 1 << iota // RFC 9110 5.6.2
	inValue             // RFC 9110 5.5
	inHost              // RFC 3986 3.2.2, with a port; no zone, no user
)

var kinds = func() (kinds [256]uint8) {
	for c := range 256 {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
		if letter || c < 0x80 && strings.IndexByte("!#$%&'*+-.^_`|~", byte(c)) >= 0 {
			kinds[c] |= inToken
		}
		if letter || c < 0x80 && strings.IndexByte("-._~!$&'()*+,;=:[]", byte(c)) >= 0 {
			kinds[c] |= inHost
		}
		if c == '\t' || c >= ' ' && c != 0x7f {
			kinds[c] |= inValue
		}
	}
	return kinds
}()

func only[T string | []byte](s T, kind uint8) bool {
	for i := range len(s) {
		if kinds[s[i]]&kind == 0 {
			return false
		}
	}
	return true
}

func isToken(s string) bool { return s != "" && only(s, inToken) }
func isValue(s string) bool { return only(s, inValue) }
func isHost(s string) bool  { return s != "" && only(s, inHost) }
