package lean

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

func config() Config {
	return Config{Connect: 5 * time.Second, ResponseHeader: 30 * time.Second, Continue: time.Second, Idle: 90 * time.Second,
		MaxIdle: 8, MaxIdlePerHost: 4, MaxHeader: 60000} // no power of two: a buffer holds more
}

func transport(t testing.TB, changes ...func(*Config)) *Transport {
	t.Helper()
	c := config()
	for _, change := range changes {
		change(&c)
	}
	tr, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// A said is an upstream that has said everything beforehand: it begins when it
// hears the first byte, in pieces of step bytes, and then hangs up or is silent.
type said struct {
	net.Conn
	answer  []byte
	step    int
	silent  bool // after the answer, instead of closing
	mu      sync.Mutex
	heard   bytes.Buffer
	writes  int
	begun   chan struct{}
	closed  chan struct{}
	begin   sync.Once
	closing sync.Once
}

func saying(answer string, step int, silent bool) *said {
	return &said{answer: []byte(answer), step: step, silent: silent, begun: make(chan struct{}), closed: make(chan struct{})}
}

func (s *said) Read(p []byte) (int, error) {
	select {
	case <-s.begun:
	case <-s.closed:
		return 0, net.ErrClosed
	}
	s.mu.Lock()
	n := copy(p[:min(len(p), s.step)], s.answer)
	s.answer = s.answer[n:]
	s.mu.Unlock()
	if n > 0 {
		return n, nil
	}
	if !s.silent {
		return 0, io.EOF
	}
	<-s.closed
	return 0, net.ErrClosed
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	s.begin.Do(func() { close(s.begun) })
	return s.heard.Write(p)
}

func (s *said) Close() error {
	s.closing.Do(func() { close(s.closed) })
	return nil
}

func (s *said) isClosed() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}

func (s *said) SetDeadline(time.Time) error      { return nil }
func (s *said) SetReadDeadline(time.Time) error  { return nil }
func (s *said) SetWriteDeadline(time.Time) error { return nil }
func (s *said) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (s *said) RemoteAddr() net.Addr             { return &net.TCPAddr{} }

// over makes a transport's only connection.
func over(t testing.TB, c net.Conn, changes ...func(*Config)) *Transport {
	tr := transport(t, changes...)
	var once sync.Once
	tr.testOnlyDial = func(context.Context, string) (net.Conn, error) {
		err := fmt.Errorf("a second connection")
		once.Do(func() { err = nil })
		return c, err
	}
	tr.testOnlyQuiet = func(nc net.Conn) func() bool {
		return func() bool {
			s, ok := nc.(*said)
			return !ok || len(s.answer) == 0 && !s.isClosed()
		}
	}
	return tr
}

func request(method, target string, body io.Reader) *http.Request {
	r, err := http.NewRequest(method, target, body)
	if err != nil {
		panic(err)
	}
	return r
}

// exchangeOver sends a request over one connection and reads the whole answer.
func exchangeOver(t testing.TB, c net.Conn, r *http.Request) (*http.Response, string, error) {
	answer, err := over(t, c).RoundTrip(r)
	if err != nil {
		return nil, "", err
	}
	text, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	return answer, string(text), err
}

// A story is what an upstream on a socket does with one connection, the nth.
type story func(n int, p *peer)

// A peer is an upstream's end of a connection.
type peer struct {
	net.Conn
	in *bufio.Reader
}

// head reads a request's head; "" when the connection ended.
func (p *peer) head() string {
	var all strings.Builder
	for {
		line, err := p.in.ReadString('\n')
		all.WriteString(line)
		if err != nil {
			return ""
		}
		if line == "\r\n" {
			return all.String()
		}
	}
}

func (p *peer) say(text string) { _, _ = io.WriteString(p, text) }

// ends waits for the end of the connection, and returns what came before it.
func (p *peer) ends() string {
	rest, _ := io.ReadAll(p.in)
	return string(rest)
}

// upstream tells a story on every connection, and returns its URL.
func upstream(t testing.TB, tell story) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	all.Go(func() {
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.SetDeadline(time.Now().Add(20 * time.Second)) // a hang is a failure, not a wait
			all.Go(func() {
				defer c.Close()
				tell(n, &peer{c, bufio.NewReader(c)})
			})
		}
	})
	return "http://" + l.Addr().String()
}

// send sends and reads to the end, and returns the body.
func send(t testing.TB, tr *Transport, r *http.Request) string {
	t.Helper()
	answer, err := tr.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// A bound that is left out is no bound: none may be.
func TestBoundsAreRequired(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){
		"Connect": func(c *Config) { c.Connect = 0 }, "ResponseHeader": func(c *Config) { c.ResponseHeader = -1 },
		"Continue": func(c *Config) { c.Continue = 0 }, "Idle": func(c *Config) { c.Idle = 0 }, "MaxIdle": func(c *Config) { c.MaxIdle = 0 },
		"MaxIdlePerHost": func(c *Config) { c.MaxIdlePerHost = 0 }, "MaxHeader": func(c *Config) { c.MaxHeader = 0 },
	} {
		c := config()
		change(&c)
		if _, err := New(c); err == nil {
			t.Error(name)
		}
	}
	if _, err := (&Transport{}).RoundTrip(request("GET", "http://127.0.0.1:1/", nil)); err == nil || !strings.Contains(err.Error(), "New") {
		t.Error("a Transport that New did not make:", err)
	}
}

// What is written is one request in one write, with the framing that is the
// transport's own, whatever the headers say of it.
func TestRequestsAsWritten(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*http.Request)
		want   string
	}{
		"bare":           {func(*http.Request) {}, "GET /a HTTP/1.1\r\nHost: up.test\r\n\r\n"},
		"no path":        {func(r *http.Request) { r.URL.Path = "" }, "GET / HTTP/1.1\r\nHost: up.test\r\n\r\n"},
		"raw path":       {func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/a/b c", "/a%2Fb%20c" }, "GET /a%2Fb%20c HTTP/1.1\r\nHost: up.test\r\n\r\n"},
		"query":          {func(r *http.Request) { r.URL.RawQuery = "x=%2e&y" }, "GET /a?x=%2e&y HTTP/1.1\r\nHost: up.test\r\n\r\n"},
		"empty query":    {func(r *http.Request) { r.URL.ForceQuery = true }, "GET /a? HTTP/1.1\r\nHost: up.test\r\n\r\n"},
		"asterisk":       {func(r *http.Request) { r.Method, r.URL.Path = "OPTIONS", "*" }, "OPTIONS * HTTP/1.1\r\nHost: up.test\r\n\r\n"},
		"host":           {func(r *http.Request) { r.Host = "[::1]:80" }, "GET /a HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"},
		"no method":      {func(r *http.Request) { r.Method = "" }, "GET /a HTTP/1.1\r\nHost: up.test\r\n\r\n"},
		"POST of none":   {func(r *http.Request) { r.Method = "POST" }, "POST /a HTTP/1.1\r\nHost: up.test\r\nContent-Length: 0\r\n\r\n"},
		"close":          {func(r *http.Request) { r.Close = true }, "GET /a HTTP/1.1\r\nHost: up.test\r\nConnection: close\r\n\r\n"},
		"no user agent":  {func(r *http.Request) { r.Header["User-Agent"] = []string{""} }, "GET /a HTTP/1.1\r\nHost: up.test\r\n\r\n"},
		"values trimmed": {func(r *http.Request) { r.Header["X"] = []string{" a\t", ""} }, "GET /a HTTP/1.1\r\nHost: up.test\r\nX: a\r\nX: \r\n\r\n"},
		"framing": {func(r *http.Request) {
			for _, name := range []string{"Content-Length", "content-length", "CONTENT-LENGTH", "Transfer-Encoding", "transfer-encoding", "Host", "host", "Trailer", "trailer"} {
				r.Header[name] = []string{"3"}
			}
		}, "GET /a HTTP/1.1\r\nHost: up.test\r\n\r\n"},
	} {
		s := saying(ok, 1<<20, true)
		r := request("GET", "http://up.test/a", nil)
		c.change(r)
		_, body, err := exchangeOver(t, s, r)
		if got := s.heard.String(); err != nil || body != "ok" || got != c.want || s.writes != 1 {
			t.Errorf("%s: %v in %d writes: %q", name, err, s.writes, got)
		}
	}
}

// What could be read as something else than one request is not sent at all, and
// its body is closed.
func TestRequestsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*http.Request)
		want   error
	}{
		"no URL":            {func(r *http.Request) { r.URL = nil }, errURL},
		"https":             {func(r *http.Request) { r.URL.Scheme = "https" }, errURL},
		"no host":           {func(r *http.Request) { r.URL.Host = "" }, errURL},
		"opaque":            {func(r *http.Request) { r.URL.Opaque = "//x/y" }, errURL},
		"no header":         {func(r *http.Request) { r.Header = nil }, errURL},
		"relative path":     {func(r *http.Request) { r.URL.Path = "a" }, errURL},
		"asterisk of GET":   {func(r *http.Request) { r.URL.Path = "*" }, errURL},
		"method":            {func(r *http.Request) { r.Method = "GET /x HTTP/1.1\r\n" }, errMethod},
		"blank method":      {func(r *http.Request) { r.Method = "G T" }, errMethod},
		"CONNECT":           {func(r *http.Request) { r.Method = "CONNECT" }, errMethod},
		"blank in query":    {func(r *http.Request) { r.URL.RawQuery = "a HTTP/1.1" }, errTarget},
		"line in query":     {func(r *http.Request) { r.URL.RawQuery = "a\r\nX: y" }, errTarget},
		"beyond ASCII":      {func(r *http.Request) { r.URL.RawQuery = "a\x80" }, errTarget},
		"fragment":          {func(r *http.Request) { r.URL.RawQuery = "a#b" }, errTarget},
		"DEL in query":      {func(r *http.Request) { r.URL.RawQuery = "a\x7f" }, errTarget},
		"line in host":      {func(r *http.Request) { r.Host = "a\r\nX: y" }, errHost},
		"path in host":      {func(r *http.Request) { r.Host = "a/b" }, errHost},
		"user in host":      {func(r *http.Request) { r.Host = "u@a" }, errHost},
		"zone in host":      {func(r *http.Request) { r.Host = "[fe80::1%25eth0]" }, errHost},
		"line in a value":   {func(r *http.Request) { r.Header["X"] = []string{"a\r\nY: b"} }, errField},
		"LF in a value":     {func(r *http.Request) { r.Header["X"] = []string{"a\nY: b"} }, errField},
		"NUL in a value":    {func(r *http.Request) { r.Header["X"] = []string{"a\x00"} }, errField},
		"blank in a name":   {func(r *http.Request) { r.Header["X Y"] = []string{"a"} }, errField},
		"colon in a name":   {func(r *http.Request) { r.Header["Content-Length:"] = []string{"a"} }, errField},
		"no name":           {func(r *http.Request) { r.Header[""] = []string{"a"} }, errField},
		"another coding":    {func(r *http.Request) { r.TransferEncoding = []string{"gzip"} }, errFraming},
		"two codings":       {func(r *http.Request) { r.TransferEncoding = []string{"chunked", "chunked"} }, errFraming},
		"trailer":           {func(r *http.Request) { r.Trailer = http.Header{"X": nil} }, errFraming},
		"length of nothing": {func(r *http.Request) { r.Body, r.ContentLength = nil, 3 }, errFraming},
	} {
		s, b := saying(ok, 1<<20, true), &closing{Reader: strings.NewReader("abc")}
		r := request("POST", "http://up.test/a", nil)
		r.Body, r.ContentLength = b, 3
		c.change(r)
		if _, _, err := exchangeOver(t, s, r); err != c.want || s.writes != 0 || r.Body != nil && b.times() != 1 {
			t.Errorf("%s: %v, %q, body closed %d times", name, err, s.heard.String(), b.times())
		}
	}
}

// closing is a body that counts how often it was closed.
type closing struct {
	io.Reader
	mu     sync.Mutex
	n      int
	closed chan struct{} // told of each Close; nil: nobody is
}

func (c *closing) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	if c.closed != nil {
		c.closed <- struct{}{}
	}
	return nil
}

func (c *closing) times() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// The port is 80 where none is said, and the connection goes by it.
func TestAddress(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{"up.test": "up.test:80", "up.test:81": "up.test:81", "[::1]": "[::1]:80", "[::1]:8": "[::1]:8", "[fe80::1%25e0]": "[fe80::1%e0]:80"} {
		u, err := url.Parse("http://" + host + "/")
		if err != nil {
			t.Fatal(err)
		}
		r := request("GET", "http://x/", nil)
		r.URL = u
		r.Host = "x"
		x, err := newExchange(r)
		if err != nil || x.address != want {
			t.Error(host, err)
			continue
		}
		x.forget()
	}
}

func dialling(next func() net.Conn) func(context.Context, string) (net.Conn, error) {
	return func(context.Context, string) (net.Conn, error) { return next(), nil }
}
