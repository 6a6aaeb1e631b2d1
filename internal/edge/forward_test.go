package edge

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/config"
)

func TestUpstreamDown(t *testing.T) {
	t.Parallel()
	w := build(t, func(_ *world, c *config.Edge) { c.Routes[0].Upstream = "http://127.0.0.1:1" })
	if a := w.get("/api/x", w.bearer(nil)); a.status != 502 || a.code() != "upstream_unreachable" || !a.event.Allowed {
		t.Error(a)
	}
}

// An upstream that accepts and says nothing is given up: a problem, never a hang.
func TestUpstreamSilent(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for scheme, change := range map[string]func(*config.Timeouts){
		"http":  func(c *config.Timeouts) { c.ResponseHeader = time.Millisecond },
		"https": func(c *config.Timeouts) { c.TLSHandshake = time.Millisecond },
	} {
		w := build(t, func(_ *world, c *config.Edge) {
			c.Routes[0].Upstream = scheme + "://" + l.Addr().String()
			change(&c.Timeouts)
		})
		if a := w.get("/api/x", w.bearer(nil)); a.status != 504 || a.code() != "upstream_timeout" {
			t.Error(scheme, a)
		}
	}
}

// Events pass as they come, and a client that leaves ends the upstream's work.
func TestStreamAndDisconnect(t *testing.T) {
	t.Parallel()
	w := build(t)
	ended := make(chan struct{})
	w.origin.do = func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(rw, "data: 1\n")
		_ = http.NewResponseController(rw).Flush()
		<-r.Context().Done()
		close(ended)
	}
	c, err := net.Dial("tcp", w.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(c, "GET /api/x HTTP/1.1\r\nHost: e\r\n"+w.bearer(nil)+"\r\n")
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(answer.Body).ReadString('\n'); err != nil || line != "data: 1\n" {
		t.Error(line, err)
	}
	_ = c.Close()
	<-ended
	if e := <-w.events; e.Reason != "client_gone" || !e.Allowed || e.Status != 200 {
		t.Error(e)
	}
}

// A body of a known length passes as it comes, too.
func TestKnownLengthStreams(t *testing.T) {
	t.Parallel()
	w := build(t)
	more := make(chan struct{})
	w.origin.do = func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Length", "6")
		for _, part := range []string{"one", "two"} {
			_, _ = io.WriteString(rw, part)
			_ = http.NewResponseController(rw).Flush()
			<-more
		}
	}
	l := w.begin("GET /api/x HTTP/1.1\r\nHost: e\r\n" + w.bearer(nil) + "\r\n")
	answer, err := http.ReadResponse(bufio.NewReader(l), nil)
	if err != nil {
		t.Fatal(err)
	}
	part := make([]byte, 3)
	for _, want := range []string{"one", "two"} {
		if _, err := io.ReadFull(answer.Body, part); err != nil || string(part) != want {
			t.Error(string(part), err)
		}
		more <- struct{}{}
	}
}

func TestUpstreamBreaksOff(t *testing.T) {
	t.Parallel()
	w := build(t)
	w.origin.do = func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(rw, "half")
		_ = http.NewResponseController(rw).Flush()
		panic(http.ErrAbortHandler)
	}
	if a := w.get("/api/x", w.bearer(nil)); a.event.Reason != "upstream_unreachable" || a.event.Detail != "the answer broke off" || a.event.BytesOut != 4 {
		t.Error(a, a.event)
	}
	before := w.origin.hits.Load()
	w.origin.do = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	if a := w.raw("POST /api/x HTTP/1.1\r\nHost: e\r\n" + w.bearer(nil) + "Connection: close\r\nContent-Length: 1\r\n\r\na"); a.status != 502 || w.origin.hits.Load() != before+1 {
		t.Error("a POST was repeated, or no problem:", a)
	}
}

// The origin's own words pass: its 401, its trailers, an answer to HEAD.
func TestAnswersPass(t *testing.T) {
	t.Parallel()
	w := build(t)
	w.origin.do = func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("WWW-Authenticate", "Own")
		rw.Header().Set("Trailer", "X-Sum")
		rw.Header().Set("Keep-Alive", "x")
		rw.Header().Set("X-Request-Id", "theirs")
		rw.WriteHeader(401)
		_, _ = io.WriteString(rw, "own body")
		rw.Header().Set("X-Sum", "1")
	}
	r, _ := http.NewRequest(http.MethodGet, w.server.URL+"/api/x", nil)
	r.Header.Set("Authorization", "Bearer "+w.a.token(nil))
	r.Header.Set("Traceparent", "00-x")
	answer, err := w.server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != 401 || string(body) != "own body" || answer.Header.Get("WWW-Authenticate") != "Own" || answer.Trailer.Get("X-Sum") != "1" || answer.Header.Get("Keep-Alive") != "" || len(answer.Header["X-Request-Id"]) != 1 || answer.Header.Get("X-Request-Id") == "theirs" {
		t.Error(answer.StatusCode, string(body), answer.Header, answer.Trailer)
	}
	if w.origin.last.Load().Header.Get("Traceparent") != "00-x" {
		t.Error("traceparent did not pass")
	}
	r.Method = http.MethodHead
	if answer, err = w.server.Client().Do(r); err != nil || answer.StatusCode != 401 {
		t.Error(err)
	}
}

func TestExpectContinue(t *testing.T) {
	t.Parallel()
	w := build(t)
	w.origin.do = func(rw http.ResponseWriter, r *http.Request) { _, _ = io.Copy(rw, r.Body) }
	for _, c := range []struct {
		auth  string
		first int
	}{{w.bearer(nil), 100}, {"", 401}} {
		conn, err := net.Dial("tcp", w.server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, "POST /api/x HTTP/1.1\r\nHost: e\r\n"+c.auth+"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
		in := bufio.NewReader(conn)
		if line, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 "+map[int]string{100: "100", 401: "401"}[c.first]) {
			t.Error(c.first, line, err)
		}
		_ = conn.Close()
	}
}

// A WebSocket goes through; h2c does not, for behind it nothing is matched.
func TestUpgrades(t *testing.T) {
	t.Parallel()
	w := build(t, with(config.Route{Name: "strip", Path: "/strip", Authorization: "strip"}))
	w.origin.do = func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			return
		}
		c, buffered, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+r.Header.Get("Upgrade")+"\r\n\r\n")
		line, _ := buffered.ReadString('\n')
		_, _ = io.WriteString(c, "echo "+line)
	}
	c, err := net.Dial("tcp", w.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, "GET /api/x HTTP/1.1\r\nHost: e\r\n"+w.bearer(nil)+"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	in := bufio.NewReader(c)
	answer, err := http.ReadResponse(in, nil)
	if err != nil || answer.StatusCode != 101 {
		t.Fatal(answer, err)
	}
	_, _ = io.WriteString(c, "hello\n")
	if line, err := in.ReadString('\n'); line != "echo hello\n" {
		t.Error(line, err)
	}
	_ = c.Close()
	if e := <-w.events; e.Status != 101 || e.Reason != "" || e.BytesIn != int64(len("hello\n")) || e.BytesOut != int64(len("echo hello\n")) {
		t.Error(e)
	}
	for _, upgrade := range []string{"h2c", "TLS/1.0", "websocket, h2c", "foo"} {
		a := w.raw("GET /api/x HTTP/1.1\r\nHost: e\r\n" + w.bearer(nil) + "Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: " + upgrade + "\r\nHTTP2-Settings: AAMAAABk\r\n\r\n")
		if h := w.origin.last.Load().Header; a.status != 200 || h.Get("Upgrade") != "" || h.Get("Http2-Settings") != "" {
			t.Errorf("%s: %s %v", upgrade, a, h)
		}
	}
	if a := w.get("/strip", w.bearer(nil)); a.status != 200 || w.origin.last.Load().Header.Get("Authorization") != "" {
		t.Error("the credential was not stripped", a)
	}
}
