package lean

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// A seen is all that a transport makes of an answer.
type seen struct {
	informational []string
	answer        *http.Response
	body          string
	err           error
}

func see(tr http.RoundTripper, method, protocol string) (s seen) {
	r := request(method, "http://up.test/", nil)
	r.Header.Set("User-Agent", "x")
	if protocol != "" {
		r.Header.Set("Connection", "Upgrade")
		r.Header.Set("Upgrade", protocol)
	}
	r = r.WithContext(httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			s.informational = append(s.informational, fmt.Sprint(code, h))
			return nil
		}}))
	if s.answer, s.err = tr.RoundTrip(r); s.err != nil {
		return s
	}
	body, err := io.ReadAll(s.answer.Body)
	s.body, s.err = string(body), err
	_ = s.answer.Body.Close()
	return s
}

// compare gives both transports the same bytes. What the lean one takes, net/http
// takes as the same answer; what the lean one keeps a connection after, had
// nothing left to say.
func compare(t *testing.T, text, method string, step int, upgrade bool) {
	protocol := ""
	if upgrade {
		protocol = "websocket"
	}
	s := saying(text, step, false)
	l := over(t, s)
	ours := see(l, method, protocol)
	if ours.err != nil {
		if !s.isClosed() {
			t.Errorf("a connection outlives %v", ours.err)
		}
		return
	}
	if kept := l.pool.take("up.test:80"); kept != nil {
		if len(s.answer) > 0 || kept.buffered() > 0 || kept.Conn != s {
			t.Errorf("kept with %q unread", s.answer)
		}
		_ = kept.Close()
	} else if ours.answer.StatusCode != http.StatusSwitchingProtocols && !s.isClosed() {
		t.Error("a connection that is neither kept nor closed")
	}
	std := &http.Transport{DisableCompression: true, MaxResponseHeaderBytes: 1 << 20,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return saying(text, step, false), nil }}
	defer std.CloseIdleConnections()
	theirs := see(std, method, protocol)
	if theirs.err != nil {
		t.Fatalf("taken as %d, and refused by net/http: %v", ours.answer.StatusCode, theirs.err)
	}
	a, b := ours.answer, theirs.answer
	if h := b.Header; len(h["Pragma"]) > 0 && h["Pragma"][0] == "no-cache" && a.Header["Cache-Control"] == nil {
		delete(h, "Cache-Control") // net/http adds it
	}
	for name, differs := range map[string]bool{
		"status": a.Status != b.Status || a.StatusCode != b.StatusCode, "protocol": a.Proto != b.Proto || a.ProtoMajor != b.ProtoMajor || a.ProtoMinor != b.ProtoMinor,
		"headers": !reflect.DeepEqual(a.Header, b.Header), "body": ours.body != theirs.body, "length": a.ContentLength != b.ContentLength && a.StatusCode != 101,
		"trailers": !reflect.DeepEqual(a.Trailer, b.Trailer), "coding": !reflect.DeepEqual(a.TransferEncoding, b.TransferEncoding),
		"close": a.ProtoMinor == 1 && a.Close != b.Close, "informational": !reflect.DeepEqual(ours.informational, theirs.informational),
	} {
		if differs {
			t.Errorf("another %s: %+v %q %v, net/http: %+v %q %v", name, a, ours.body, ours.informational, b, theirs.body, theirs.informational)
		}
	}
}

// accepted are answers that both take. RFC 9112 has the chunked ones in 7.1.
var accepted = []string{
	ok,
	"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 999 \xe9\r\ncontent-LENGTH:2  \r\n\r\nok",
	"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok",
	"HTTP/1.0 200 OK\r\n\r\nto the end",
	"HTTP/1.1 200 OK\r\n\r\nto the end",
	"HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nX-A: a\r\nx-a:\tb \r\nX-A:\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nPragma: no-cache\r\nTrailer: X\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 204 No\r\nContent-Length: 6\r\n\r\nHIDDEN",
	"HTTP/1.1 204 No\r\n\r\n",
	"HTTP/1.1 304 No\r\nContent-Length: 6\r\nETag: \"x\"\r\n\r\n",
	"HTTP/1.1 304 No\r\nTransfer-Encoding: chunked\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n4\r\nWiki\r\n05;a=\"b;c\"\r\npedia\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, x-b\r\nTrailer: X-C,\r\n\r\n2\r\nok\r\n000;x\r\nX-Sum: 1\r\nX-Other: 2\r\nX-Other: 3\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nleft",
	"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 E\r\nLink: </a>\r\nContent-Length: 9\r\n\r\n" + ok,
	"HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\r\nTUNNEL",
}

func TestSameAsStandard(t *testing.T) {
	t.Parallel()
	log.SetOutput(io.Discard) // net/http prints what is said unasked
	for _, text := range accepted {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			for _, step := range []int{1, 3, 1 << 20} {
				upgrade := strings.Contains(text, " 101 ")
				if s := see(over(t, saying(text, step, false)), method, map[bool]string{true: "websocket"}[upgrade]); s.err != nil {
					t.Errorf("%s %.60q: %v", method, text, s.err)
				}
				compare(t, text, method, step, upgrade)
			}
		}
	}
}

// FuzzSameAsStandard compares the two transports on whatever an upstream says.
func FuzzSameAsStandard(f *testing.F) {
	for _, text := range accepted {
		f.Add([]byte(text), byte(0))
		f.Add([]byte(text), byte(0xff))
	}
	files, _ := filepath.Glob("testdata/reject/*.txt")
	for _, file := range files {
		_, text := wanted(f, file)
		f.Add([]byte(text), byte(1))
	}
	f.Fuzz(func(t *testing.T, text []byte, how byte) {
		method := []string{"GET", "HEAD", "POST", "OPTIONS"}[how&3]
		compare(t, string(text), method, []int{1 << 20, 1, 2, 5}[how>>2&3], how&16 != 0)
	})
}
