package edge

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/revoke"
)

// lasting makes the origin answer each path in a way that does not end: a line
// at once, and another for each one sent to say. gone hears of its end, and of
// what gives no sign of its beginning.
func lasting(say chan string, gone chan string) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		defer func() { gone <- r.URL.Path }()
		var out io.Writer = rw
		control := http.NewResponseController(rw)
		flush := func() { _ = control.Flush() }
		left := r.Context().Done()
		switch r.URL.Path {
		case "/api/wait":
			gone <- "came"
			<-left
			return
		case "/api/upload":
			gone <- "came"
			_, _ = io.Copy(io.Discard, r.Body)
			return
		case "/api/socket":
			c, _, err := control.Hijack()
			if err != nil {
				return
			}
			defer c.Close()
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
			closed := make(chan struct{})
			go func() { _, _ = c.Read(make([]byte, 1)); close(closed) }()
			out, flush, left = c, func() {}, closed
		case "/api/events":
			rw.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		default:
			rw.Header().Set("Content-Type", "text/plain")
		}
		for line := "first\n"; ; {
			_, _ = io.WriteString(out, line)
			flush()
			select {
			case <-left:
				return
			case line = <-say:
			}
		}
	}
}

// A lasting request is the client's end of one.
type lastingRequest struct {
	net.Conn
	status int
	body   *bufio.Reader
}

func (w *world) begin(head string) *lastingRequest {
	w.t.Helper()
	c, err := net.Dial("tcp", w.server.Listener.Addr().String())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second)) // a hang is a failure, not a wait
	_, _ = io.WriteString(c, head)
	return &lastingRequest{Conn: c}
}

// answer reads the head of the answer, and the first line of its body.
func (l *lastingRequest) answer(t testing.TB) *lastingRequest {
	t.Helper()
	in := bufio.NewReader(l)
	answer, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	l.status, l.body = answer.StatusCode, bufio.NewReader(answer.Body)
	if l.status == http.StatusSwitchingProtocols {
		l.body = in
	}
	l.reads(t, "first\n")
	return l
}

func (l *lastingRequest) reads(t testing.TB, want string) {
	t.Helper()
	if line, err := l.body.ReadString('\n'); line != want {
		t.Errorf("read %q, %v", line, err)
	}
}

// ends reads to the end of what was cut off.
func (l *lastingRequest) ends(t testing.TB) {
	t.Helper()
	rest, err := io.ReadAll(l.body)
	if l.status != http.StatusSwitchingProtocols && err == nil || strings.Contains(fmt.Sprint(err), "timeout") || len(rest) > 0 {
		t.Fatalf("not cut off: %q, %v", rest, err)
	}
}

const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// head is a request for one of lasting's paths.
func (w *world) head(path string, claims map[string]any) string {
	extra := ""
	if path == "/api/socket" {
		extra = upgrade
	}
	return "GET " + path + " HTTP/1.1\r\nHost: e\r\n" + w.bearer(claims) + extra + "\r\n"
}

// What was let in before a revocation ends with it: a WebSocket, a stream, an
// answer that goes on, one that has not begun, an upload. The requests of other
// tokens go on.
func TestRevokedUnderWay(t *testing.T) {
	t.Parallel()
	w := build(t)
	say, gone := make(chan string), make(chan string, 16)
	w.origin.do = lasting(say, gone)
	other := w.begin(w.head("/api/events", map[string]any{"jti": "other"})).answer(t)
	for _, path := range []string{"/api/socket", "/api/events", "/api/long"} {
		jti := "of " + path
		l := w.begin(w.head(path, map[string]any{"jti": jti})).answer(t)
		w.revoke(revoke.Entry{Kind: revoke.KindToken, ID: jti})
		w.edge.review()
		l.ends(t)
		if e := <-w.events; e.Reason != "token_revoked" || !e.Allowed || e.Status != l.status {
			t.Errorf("%s: %+v", path, e)
		}
		if got := <-gone; got != path {
			t.Errorf("the origin still serves %s", path)
		}
	}
	for path, head := range map[string]string{ // their answer has not begun: they get one
		"/api/wait":   w.head("/api/wait", map[string]any{"sid": "of /api/wait"}),
		"/api/upload": "POST /api/upload HTTP/1.1\r\nHost: e\r\n" + w.bearer(map[string]any{"sid": "of /api/upload"}) + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
	} {
		l := w.begin(head)
		<-gone // it came
		w.revoke(revoke.Entry{Kind: revoke.KindSession, ID: "of " + path})
		w.edge.review()
		answer, err := http.ReadResponse(bufio.NewReader(l), nil)
		if err != nil || answer.StatusCode != 401 || !strings.Contains(answer.Header.Get("WWW-Authenticate"), "session_revoked") {
			t.Errorf("%s: %v %v", path, answer, err)
		}
		if e := <-w.events; e.Reason != "session_revoked" || e.Status != 401 {
			t.Errorf("%s: %+v", path, e)
		}
		<-gone
	}
	say <- "second\n"
	other.reads(t, "second\n")
}

// A connection on which a request was ended is there for the next one, or is closed:
// behind a proxy that is another client's.
func TestConnectionOfARevokedRequest(t *testing.T) {
	t.Parallel()
	w := build(t)
	came := make(chan bool)
	w.origin.do = func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/wait" {
			_, _ = io.Copy(io.Discard, r.Body)
			came <- true
			<-r.Context().Done()
		}
	}
	for name, head := range map[string]string{"no body": "GET /api/wait HTTP/1.1\r\nHost: e\r\n", "a whole body": "POST /api/wait HTTP/1.1\r\nHost: e\r\nContent-Length: 1\r\n"} {
		l := w.begin(head + w.bearer(map[string]any{"jti": name}) + "\r\n" + strings.Repeat("a", strings.Count(head, "Length")))
		in := bufio.NewReader(l)
		<-came
		w.revoke(revoke.Entry{Kind: revoke.KindToken, ID: name})
		w.edge.review()
		answer, err := http.ReadResponse(in, nil)
		if err != nil || answer.StatusCode != 401 {
			t.Fatal(name, answer, err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		if <-w.events; answer.Close {
			t.Errorf("%s: closed, though nothing is left of the request", name)
			continue
		}
		_, _ = io.WriteString(l, w.head("/api/x", map[string]any{"jti": "another"}))
		if answer, err = http.ReadResponse(in, nil); err != nil || answer.StatusCode != 200 {
			t.Errorf("%s: the next request: %v %v", name, answer, err)
		}
		if e := <-w.events; e.Reason != "" {
			t.Errorf("%s: the next request: %+v", name, e)
		}
	}
}

// When net/http believes that a client has left, it believes so of every request that
// is still to come on that connection.
func TestConnectionOfAClientThatLeft(t *testing.T) {
	t.Parallel()
	w := build(t)
	ctx, left := context.WithCancel(t.Context())
	left()
	for protocol, want := range map[int]string{1: "close", 2: ""} {
		r := httptest.NewRequest(http.MethodGet, "/api/x", nil).WithContext(ctx)
		r.ProtoMajor = protocol
		rec := httptest.NewRecorder()
		if w.edge.ServeHTTP(rec, r); rec.Header().Get("Connection") != want {
			t.Error(protocol, rec.Code, rec.Header())
		}
	}
}

// What has no end of its own lives no longer than its token; anything else may
// finish under the token that it began with.
func TestStreamsEndWithTheirToken(t *testing.T) {
	t.Parallel()
	w := build(t)
	say, gone := make(chan string), make(chan string, 16)
	w.origin.do = lasting(say, gone)
	long := w.begin(w.head("/api/long", nil)).answer(t)
	socket := w.begin(w.head("/api/socket", nil)).answer(t)
	events := w.begin(w.head("/api/events", nil)).answer(t)
	w.forward(time.Minute - 1)
	w.edge.review()
	w.forward(1)
	w.edge.review()
	socket.ends(t)
	events.ends(t)
	for range 2 {
		<-gone
		if e := <-w.events; e.Reason != "token_expired" || !e.Allowed {
			t.Error(e)
		}
	}
	say <- "second\n"
	long.reads(t, "second\n")
}

// A stream goes on unheard of revocations only where a new request would.
func TestStreamsOfAStaleView(t *testing.T) {
	t.Parallel()
	for stale, ends := range map[string]bool{"refuse": true, "serve": false} {
		w := build(t, func(_ *world, c *config.Edge) { c.Issuers[0].Feed = follow(stale) })
		w.revoke() // the view hears something
		w.source().view.Hear(w.now(), w.now())
		say, gone := make(chan string), make(chan string, 16)
		w.origin.do = lasting(say, gone)
		socket := w.begin(w.head("/api/socket", nil)).answer(t)
		w.forward(10 * time.Second)
		w.edge.review()
		say <- "second\n"
		socket.reads(t, "second\n")
		w.forward(1)
		w.edge.review()
		if ends {
			socket.ends(t)
			if e := <-w.events; e.Reason != "revocation_stale" {
				t.Error(e)
			}
			continue
		}
		say <- "third\n"
		socket.reads(t, "third\n")
	}
}

// Run reviews by itself, and what nobody let in by a token is none of its business.
func TestRunReviews(t *testing.T) {
	t.Parallel()
	w := build(t, with(config.Route{Name: "open", Path: "/api/open", Auth: "none"}))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { _ = w.edge.Run(ctx) }()
	say, gone := make(chan string), make(chan string, 16)
	w.origin.do = lasting(say, gone)
	open := w.begin(w.head("/api/open", nil)).answer(t)
	socket := w.begin(w.head("/api/socket", nil)).answer(t)
	w.revoke(revoke.Entry{Kind: revoke.KindGrant, ID: "gr_1"})
	socket.ends(t)
	if got := <-gone; got != "/api/socket" { // or it would take the line from the other
		t.Errorf("the origin has left %s", got)
	}
	say <- "second\n"
	open.reads(t, "second\n")
}

// A deadliner is a connection that tells when its reading was ended.
type deadliner struct {
	http.ResponseWriter
	ended int
}

func (d *deadliner) SetReadDeadline(time.Time) error { d.ended++; return nil }

// What is ended as it returns leaves the connection alone: the next request's,
// or a stream of HTTP/2 that is no more.
func TestEndedTooLate(t *testing.T) {
	t.Parallel()
	w := build(t)
	var p *passage
	w.origin.do = func(http.ResponseWriter, *http.Request) {
		w.edge.underway.Range(func(key, _ any) bool { p = key.(*passage); return true })
	}
	r := httptest.NewRequest(http.MethodGet, "/api/x", nil)
	r.Header.Set("Authorization", "Bearer "+w.a.token(nil))
	d := &deadliner{ResponseWriter: httptest.NewRecorder()}
	w.edge.ServeHTTP(d, r)
	p.body.length = -1 // as if some of it were to come
	p.body.ended.Store(false)
	p.end(&refusal{code: "token_revoked"})
	if e := <-w.events; d.ended != 0 || e.Reason != "" {
		t.Error(d.ended, e)
	}
	left := true
	w.edge.underway.Range(func(any, any) bool { left = false; return true })
	if !left {
		t.Error("a request that has ended is still under way")
	}
}
