package edge

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"
)

// frame is one of HTTP/2 (RFC 9113 4.1).
func frame(kind, flags byte, stream uint32, payload []byte) []byte {
	out := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	return append(binary.BigEndian.AppendUint32(out, stream), payload...)
}

// literal is a field without indexing or compression (RFC 7541 6.2.2), so that
// it may hold what no client's encoder would write.
func literal(name, value string) []byte {
	number := func(n int) []byte {
		if n < 127 {
			return []byte{byte(n)}
		}
		out := []byte{127}
		for n -= 127; n >= 128; n >>= 7 {
			out = append(out, byte(n)|128)
		}
		return append(out, byte(n))
	}
	out := append([]byte{0}, number(len(name))...)
	out = append(append(out, name...), number(len(value))...)
	return append(out, value...)
}

// h2 sends one request over TLS, field by field, and returns the kind of the
// frame that answers: 1 headers, 3 reset, 7 gone away.
func h2(t *testing.T, address string, body string, fields ...[2]string) byte {
	t.Helper()
	c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	var block []byte
	for _, f := range fields {
		block = append(block, literal(f[0], f[1])...)
	}
	const endStream, endHeaders = 1, 4
	text := append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(4, 0, 0, nil)...)
	text = append(text, frame(1, endHeaders, 1, block)...)
	text = append(text, frame(0, endStream, 1, []byte(body))...)
	if _, err := c.Write(text); err != nil {
		t.Fatal(err)
	}
	for {
		head := make([]byte, 9)
		if _, err := io.ReadFull(c, head); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, c, int64(head[0])<<16|int64(head[1])<<8|int64(head[2])); err != nil {
			t.Fatal(err)
		}
		if head[3] == 1 || head[3] == 3 || head[3] == 7 {
			return head[3]
		}
	}
}

type change = map[string]string // of pseudo-headers; empty: left out

// What HTTP/2 can say and HTTP/1 cannot reaches no origin (RFC 9113 8.2, 8.3,
// 10.3; CVE-2023-27491).
func TestDowngrade(t *testing.T) {
	t.Parallel()
	w := build(t)
	server := httptest.NewUnstartedServer(w.edge)
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	address := server.Listener.Addr().String()
	ask := func(body string, change map[string]string, more ...[2]string) byte {
		var fields [][2]string
		for _, f := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "edge.example"}, {":path", "/api/x"}} {
			if v, there := change[f[0]]; there {
				f[1] = v
			}
			if f[1] != "" {
				fields = append(fields, f)
			}
		}
		return h2(t, address, body, append(append(fields, [2]string{"authorization", "Bearer " + w.a.token(nil)}), more...)...)
	}
	for name, c := range map[string]struct {
		change map[string]string
		more   [][2]string
	}{
		"a request line in the method": {change{":method": "GET /admin HTTP/1.1"}, nil}, "lower case": {change{":method": "get"}, nil}, "no token": {change{":method": "G(T"}, nil},
		"connect": {change{":method": "CONNECT", ":path": "", ":scheme": ""}, nil}, "trace": {change{":method": "TRACE"}, nil},
		"asterisk": {change{":path": "*"}, nil}, "a blank": {change{":path": "/api/x HTTP/1.1"}, nil}, "absolute": {change{":path": "https://edge.example/api/x"}, nil},
		"lines in the path": {change{":path": "/api/x\r\nX-User: root"}, nil}, "a fragment": {change{":path": "/api/x#a"}, nil}, "dots": {change{":path": "/api/../x"}, nil}, "no slash": {change{":path": "api/x"}, nil},
		"another host": {nil, [][2]string{{"host", "other.example"}}}, "two hosts": {change{":authority": ""}, [][2]string{{"host", "a"}, {"host", "b"}}}, "a user": {change{":authority": "u@edge.example"}, nil},
		"capitals": {nil, [][2]string{{"X-User", "root"}}}, "lines in a value": {nil, [][2]string{{"x-a", "a\r\nx-user: root"}}}, "lines in a name": {nil, [][2]string{{"x-a\r\nx-user", "root"}}}, "colon in a name": {nil, [][2]string{{"x-user:", "root"}}},
		"chunked": {nil, [][2]string{{"transfer-encoding", "chunked"}}}, "connection": {nil, [][2]string{{"connection", "x-user"}}}, "upgrade": {nil, [][2]string{{"upgrade", "h2c"}}},
		"two lengths": {nil, [][2]string{{"content-length", "1"}, {"content-length", "2"}}}, "a length without a body": {change{":method": "POST"}, [][2]string{{"content-length", "3"}}}, "two paths": {nil, [][2]string{{":path", "/api/y"}}}, "two credentials": {nil, [][2]string{{"authorization", "Bearer x"}}},
	} {
		if ask("", c.change, c.more...); w.origin.hits.Load() != 0 {
			t.Fatalf("%s reached the origin: %v", name, w.origin.last.Load())
		}
	}
	for name, length := range map[string]string{"less than declared": "4", "more than declared": "2"} {
		if ask("abc", change{":method": "POST"}, [2]string{"content-length", length}); w.origin.hits.Load() != 0 {
			t.Fatal(name, "reached the origin")
		}
	}
	if ask("abc", change{":method": "POST"}, [2]string{"content-length", "3"}, [2]string{"content-length", "4"}); w.origin.hits.Load() != 0 {
		t.Fatal("two lengths, one of them right, reached the origin")
	}
	rec := httptest.NewRecorder()
	w.edge.ServeHTTP(rec, &http.Request{Method: "GET /admin HTTP/1.1", Proto: "HTTP/2.0", ProtoMajor: 2, Host: "e", RequestURI: "/api/x", URL: &url.URL{Path: "/api/x"}, Header: http.Header{"Authorization": {"Bearer " + w.a.token(nil)}}, Body: http.NoBody})
	if rec.Code != 400 {
		t.Error("a request line in the method:", rec.Code, rec.Body)
	}
	if kind := ask("", nil, [2]string{"host", "edge.example"}, [2]string{"x_user", "root"}); kind != 1 || w.origin.hits.Load() != 1 {
		t.Error("a clean request was refused", kind)
	}
	if h := w.origin.last.Load().Header; h.Get("X-User") != "usr_1" || len(h["X_user"]) > 0 {
		t.Error(h)
	}
	if ask("abc", change{":method": "POST"}, [2]string{"content-length", "3"}); w.origin.hits.Load() != 2 || w.origin.last.Load().ContentLength != 3 {
		t.Error("a body", w.origin.last.Load())
	}
}
