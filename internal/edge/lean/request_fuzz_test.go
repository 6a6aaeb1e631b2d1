package lean

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/url"
	"testing"
)

// FuzzRequest sends whatever a request can be made of. What is sent is one
// request, and the one that was meant, to net/http's server side.
func FuzzRequest(f *testing.F) {
	f.Add("GET", "/a", "", "x=y", "up.test", "X-A", "b", "", byte(0))
	f.Add("POST", "/a b", "/a%20b", "", "[::1]:80", "content-length", "3", "abc", byte(1))
	f.Add("POST", "/", "", "a\r\nHost: b", "a\r\nX: y", "X\r\nY", "a\r\n\r\nGET / HTTP/1.1\r\n", "abc", byte(2))
	f.Add("PUT /x HTTP/1.1\r\n", "a", "", "\x00", "u@h", "Transfer-Encoding", "chunked", "0\r\n\r\n", byte(3))
	f.Fuzz(func(t *testing.T, method, path, raw, query, host, name, value, body string, how byte) {
		r := &http.Request{Method: method, URL: &url.URL{Scheme: "http", Host: "up.test", Path: path, RawPath: raw, RawQuery: query}, Host: host,
			Header: http.Header{name: {value}}, Close: how&4 != 0}
		switch how & 3 {
		case 1:
			r.Body, r.ContentLength = io.NopCloser(bytes.NewBufferString(body)), int64(len(body))
		case 2:
			r.Body, r.ContentLength = io.NopCloser(bytes.NewBufferString(body)), unknown
		default:
			body = ""
		}
		s := saying(ok, 99, true)
		l := over(t, s)
		if _, err := l.RoundTrip(r); err != nil {
			if s.writes > 0 {
				t.Fatalf("refused after %q: %v", s.heard.String(), err)
			}
			return
		}
		_ = s.Close()
		if r.Body != nil { // an early answer: what was to come may not have been sent
			x, err := newExchange(r)
			if err != nil {
				t.Fatal(err)
			}
			defer x.forget()
			s = saying("", 1, true)
			s.heard.Write(*x.head)
			u := &upload{c: &conn{wire: wire{Conn: s}}, body: io.NopCloser(bytes.NewBufferString(body)), length: x.length}
			var buf [before + uploadBytes + after]byte
			if x.length == unknown {
				err = u.chunks(&buf)
			} else {
				err = u.measured(&buf)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		in := bufio.NewReader(bytes.NewReader(s.heard.Bytes()))
		got, err := http.ReadRequest(in)
		if err != nil {
			t.Fatalf("%q: %v", s.heard.String(), err)
		}
		text, err := io.ReadAll(got.Body)
		if err != nil || string(text) != body || in.Buffered() > 0 {
			t.Fatalf("%q: body %q, %v, then %d bytes", s.heard.String(), text, err, in.Buffered())
		}
		if method == "" {
			method = http.MethodGet
		}
		if host == "" {
			host = "up.test"
		}
		if got.Method != method || got.Host != host || path != "" && got.URL.Path != path || got.URL.RawQuery != query {
			t.Fatalf("%q is %s %q %q at %q", s.heard.String(), got.Method, got.URL.Path, got.URL.RawQuery, got.Host)
		}
	})
}
