package edge

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/config"
)

// rawOrigin answers each request head with the same bytes, whatever they are,
// and tells what it read.
func rawOrigin(t testing.TB, answer string) (address string, heads chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	heads = make(chan string, 64)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in, head := bufio.NewReader(c), ""
				for !strings.HasSuffix(head, "\r\n\r\n") {
					line, err := in.ReadString('\n')
					if head += line; err != nil {
						return
					}
				}
				heads <- head
				_, _ = io.WriteString(c, answer)
			}()
		}
	}()
	return "http://" + l.Addr().String(), heads
}

// exchange sends bytes and returns all that comes back.
func (w *world) exchange(text string) string {
	w.t.Helper()
	c, err := net.Dial("tcp", w.server.Listener.Addr().String())
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	_, _ = io.WriteString(c, text)
	all, err := io.ReadAll(c)
	if err != nil {
		w.t.Fatalf("%q: %v", text, err)
	}
	return string(all)
}

// lax is the status of what net/http's transport mends and the lean one refuses.
func lax(status int) int {
	if testOnlyStandard {
		return status
	}
	return 502
}

// Every test here holds for both transports.
func TestStandardTransport(t *testing.T) {
	t.Parallel()
	if testOnlyStandard {
		t.Skip("this is it")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.timeout=5m", "-test.short="+fmt.Sprint(testing.Short()))
	cmd.Env = append(os.Environ(), "EDGE_TEST_STANDARD=1")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestMain(m *testing.M) {
	testOnlyStandard = os.Getenv("EDGE_TEST_STANDARD") != ""
	os.Exit(m.Run())
}

// Whatever an origin says, the client reads one clean answer, or a problem.
func TestHostileUpstream(t *testing.T) {
	t.Parallel()
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	for name, c := range map[string]struct {
		answer string
		status int
		body   string
		not    []string // what the client must not read
	}{
		"status 099":      {"HTTP/1.1 099 x\r\nContent-Length: 2\r\n\r\nok", 502, "", nil},
		"status 000":      {"HTTP/1.1 000 x\r\nContent-Length: 2\r\n\r\nok", 502, "", nil},
		"101 unasked":     {"HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nTUNNEL", 502, "", []string{"TUNNEL", " 101 "}},
		"101 bare":        {"HTTP/1.1 101 S\r\n\r\nTUNNEL", 502, "", []string{"TUNNEL", " 101 "}},
		"two lengths":     {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok", 502, "", nil},
		"CR in a value":   {"HTTP/1.1 200 OK\r\nX-A: a\rX-B: b\r\nContent-Length: 2\r\n\r\nok", 502, "", []string{"X-B"}},
		"NUL in a value":  {"HTTP/1.1 200 OK\r\nX-A: a\x00b\r\nContent-Length: 2\r\n\r\nok", 502, "", []string{"\x00"}},
		"blank in a name": {"HTTP/1.1 200 OK\r\nX A: b\r\nContent-Length: 2\r\n\r\nok", lax(200), "ok", []string{"X A"}},
		"no HTTP":         {"garbage\r\n\r\n", 502, "", []string{"garbage"}},
		"204 with a body": {"HTTP/1.1 204 No\r\nContent-Length: 6\r\n\r\nHIDDEN", 204, "", []string{"HIDDEN", "Content-Length"}},
		"304 with a body": {"HTTP/1.1 304 No\r\nETag: \"x\"\r\n\r\nHIDDEN", 304, "", []string{"HIDDEN"}},
		"both framings":   {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", lax(200), "ok", []string{"Content-Length: 1\r"}},
		"a second answer": {ok + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL", 200, "ok", []string{"EVIL"}},
		"no type":         {"HTTP/1.1 200 OK\r\n\r\n<html><script>", 200, "<html><script>", []string{"Content-Type"}},
		"compressed":      {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b", 200, "\x1f\x8b", nil},
		"early hints": {"HTTP/1.1 103 E\r\nLink: </a>\r\nConnection: X-A\r\nUpgrade: h2c\r\nContent-Length: 9\r\nX-Request-Id: theirs\r\nSet-Cookie: a=b\r\n\r\n" + ok, 200, "ok",
			[]string{"theirs", "X-A", "h2c", "Content-Length: 9", "Set-Cookie"}},
	} {
		w := build(t, func(_ *world, e *config.Edge) { e.Routes[0].Upstream, _ = rawOrigin(t, c.answer) })
		request := "GET /api/x HTTP/1.1\r\nHost: e\r\n" + w.bearer(nil) + "Connection: close\r\n\r\n"
		all := w.exchange(request)
		if name == "early hints" {
			if !strings.HasPrefix(all, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nX-Request-Id: ") {
				t.Errorf("%q", all)
			}
			if old := w.exchange("GET /api/x HTTP/1.0\r\nHost: e\r\n" + w.bearer(nil) + "\r\n"); !strings.HasPrefix(old, "HTTP/1.0 200 OK\r\n") {
				t.Errorf("HTTP/1.0 was sent an informational answer: %q", old)
			}
		}
		for _, no := range c.not {
			if strings.Contains(all, no) {
				t.Errorf("%s: %q is in %q", name, no, all)
			}
		}
		in := bufio.NewReader(strings.NewReader(all))
		answer, err := http.ReadResponse(in, nil)
		if err == nil && answer.StatusCode == 103 {
			answer, err = http.ReadResponse(in, nil)
		}
		if err != nil || answer.StatusCode != c.status {
			t.Errorf("%s: %v in %q", name, err, all)
			continue
		}
		body, err := io.ReadAll(answer.Body)
		if left, _ := io.ReadAll(in); err != nil || len(left) != 0 || c.status == 200 && string(body) != c.body {
			t.Errorf("%s: %v, %q, then %q", name, err, body, left)
		}
		if e := <-w.events; e.Status != c.status {
			t.Errorf("%s: the event says %d", name, e.Status)
		}
	}
}

// An upload of some MiB is not gathered: the origin reads it while it is sent.
func TestUploadStreams(t *testing.T) {
	t.Parallel()
	w := build(t)
	const half = 4 << 20
	read := make(chan error)
	w.origin.do = func(_ http.ResponseWriter, r *http.Request) {
		for range 2 {
			_, err := io.CopyN(io.Discard, r.Body, half)
			read <- err
		}
	}
	for _, framing := range []string{"chunked", "length"} {
		pr, pw := io.Pipe()
		r, _ := http.NewRequest(http.MethodPost, w.server.URL+"/api/x", pr)
		r.Header.Set("Authorization", "Bearer "+w.a.token(nil))
		if framing == "length" {
			r.ContentLength = 2 * half
		}
		go func() {
			_, _ = pw.Write(make([]byte, half))
			if err := <-read; err != nil { // the second half is not sent before the first was read
				t.Error(framing, err)
			}
			_, _ = pw.Write(make([]byte, half))
			_ = pw.Close()
			if err := <-read; err != nil {
				t.Error(framing, err)
			}
		}()
		answer, err := w.server.Client().Do(r)
		if err != nil || answer.StatusCode != 200 {
			t.Fatal(framing, answer, err)
		}
		_ = answer.Body.Close()
		if e := <-w.events; e.BytesIn != 2*half {
			t.Error(framing, e.BytesIn)
		}
	}
}

// The way to upstreams and issuers is the configured one, whatever the
// environment says: a proxy would read every token.
func TestEnvironmentProxyIsIgnored(t *testing.T) {
	t.Parallel()
	if os.Getenv("EDGE_TEST_PROXY") == "" { // net/http reads the environment once in a process
		address, heads := rawOrigin(t, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestEnvironmentProxyIsIgnored$")
		for _, name := range []string{"EDGE_TEST_PROXY", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"} {
			cmd.Env = append(cmd.Env, name+"="+address)
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		if len(heads) > 0 {
			t.Errorf("the proxy read %q", <-heads)
		}
		return
	}
	settings, err := timeouts(config.Timeouts{Connect: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	for name, tripper := range map[string]http.RoundTripper{"lean": newTransports(settings).lean, "upstream": newTransport(settings), "feed": feedClient(nil).Transport} {
		for _, scheme := range []string{"http", "https"} {
			r, _ := http.NewRequest(http.MethodGet, scheme+"://nowhere.invalid/", nil)
			if answer, err := tripper.RoundTrip(r); err == nil {
				t.Errorf("%s: somebody answered %s: %d", name, scheme, answer.StatusCode)
			}
		}
	}
}

// Every wait for an upstream but that for a body has a bound.
func TestUpstreamWaitsAreBounded(t *testing.T) {
	t.Parallel()
	if c, err := timeouts(config.Timeouts{}); err != nil || c.Connect <= 0 || c.TLSHandshake <= 0 || c.ResponseHeader <= 0 {
		t.Error("a wait has no bound:", c, err)
	}
	w := build(t, func(_ *world, c *config.Edge) { c.Timeouts.Connect = time.Nanosecond })
	if a := w.get("/api/x", w.bearer(nil)); a.status != 504 || a.code() != "upstream_timeout" || w.origin.hits.Load() != 0 {
		t.Error("connect:", a)
	}
}

// A body that has two readings, and comes with its request, reaches nobody.
func TestBodyIsReadBeforeTheOriginHears(t *testing.T) {
	t.Parallel()
	w := build(t)
	for name, chunks := range map[string]string{
		"bare LF": "1\na\r\n0\r\n\r\n", "LF in an extension": "1;a\nb\r\na\r\n0\r\n\r\n", "sign": "+1\r\na\r\n0\r\n\r\n", "prefix": "0x1\r\na\r\n0\r\n\r\n",
		"overflow": "10000000000000001\r\na\r\n0\r\n\r\n", "no CRLF after the data": "1\r\nab\r\n0\r\n\r\n", "blank": " 1\r\na\r\n0\r\n\r\n", "second chunk": "1\r\na\r\nx\r\n\r\n",
	} {
		for _, contentType := range []string{"text/plain", "application/x-www-form-urlencoded"} {
			a := w.raw("POST /api/x HTTP/1.1\r\nHost: e\r\n" + w.bearer(nil) + "Connection: close\r\nContent-Type: " + contentType + "\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
			if a.status != 400 || a.event.Allowed || w.origin.hits.Load() != 0 {
				t.Errorf("%s: %s", name, a)
			}
		}
	}
	w.origin.do = func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Expect") != "" {
			return // the client has long been told to continue
		}
		text, _ := io.ReadAll(r.Body)
		_, _ = rw.Write(text)
	}
	form := "POST /api/x HTTP/1.1\r\nHost: e\r\n" + w.bearer(nil) + "Connection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n"
	if all := w.exchange(form + "Expect: 100-continue\r\nContent-Length: 14\r\n\r\naccess_token=x"); !strings.Contains(all, "credential_repeated") || w.origin.hits.Load() != 0 {
		t.Errorf("a form that was waited for: %q", all)
	}
	<-w.events
	for _, headers := range []string{"Content-Length: 3\r\n\r\na=b", "Expect: 100-continue\r\nContent-Length: 3\r\n\r\na=b", "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\na=b\r\n0\r\n\r\n"} {
		all := w.exchange(form + headers)
		if !strings.Contains(all, "200 OK") || !strings.Contains(all, "a=b") {
			t.Errorf("%q: %q", headers, all)
		}
		<-w.events
	}
	whole := strings.Repeat("x", 3*formBytes)
	if a := w.raw(fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", form, len(whole), whole)); a.body != whole {
		t.Error("a long form was changed:", len(a.body))
	}
}

// A client that stops in the middle of its body is let go; what follows a whole
// body has no such bound, for it may be a stream.
func TestRestingBodies(t *testing.T) {
	t.Parallel()
	w := build(t, func(_ *world, c *config.Edge) { c.Timeouts.RequestBody = 200 * time.Millisecond })
	w.origin.do = func(rw http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		for range 300 {
			_, _ = io.WriteString(rw, "data: x\n")
			_ = http.NewResponseController(rw).Flush()
		}
	}
	for name, head := range map[string]string{
		"a length":  "Content-Length: 10\r\n\r\nabc",
		"chunks":    "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
		"no chunk":  "Transfer-Encoding: chunked\r\n\r\n",
		"of a form": "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 10\r\n\r\na=b",
	} {
		if a := w.raw("POST /api/x HTTP/1.1\r\nHost: e\r\n" + w.bearer(nil) + head); a.status != 408 || a.code() != "request_timeout" {
			t.Errorf("%s: %s", name, a)
		}
		if a := w.raw("POST /api/x HTTP/1.1\r\nHost: e\r\n" + head); a.status != 401 { // refused at once, it rests on
			t.Errorf("%s, refused: %s", name, a)
		}
	}
	a := w.raw("POST /api/x HTTP/1.1\r\nHost: e\r\n" + w.bearer(nil) + "Content-Length: 3\r\n\r\nabc")
	if a.status != 200 || strings.Count(a.body, "data: x") != 300 || a.event.Reason != "" {
		t.Error("a stream after a body broke off:", a.status, len(a.body), a.event.Reason)
	}
}

// A body that stops coming holds up neither the answer nor, after it, the
// connection: net/http would wait for the rest of it before and after.
func TestRestingBodiesOfRefusals(t *testing.T) {
	t.Parallel()
	w := build(t, with(config.Route{Name: "down", Path: "/down", Upstream: "http://127.0.0.1:1"}),
		func(_ *world, c *config.Edge) { c.Timeouts.RequestBody = 200 * time.Millisecond })
	for name, c := range map[string]struct{ head, status string }{
		"a length, upstream down": {"POST /down HTTP/1.1\r\nHost: e\r\n" + w.bearer(nil) + "Content-Length: 5\r\n\r\na", "502"},
		"chunks, upstream down":   {"POST /down HTTP/1.1\r\nHost: e\r\n" + w.bearer(nil) + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n", "502"},
		"100 Continue awaited":    {"POST /api/x HTTP/1.1\r\nHost: e\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", "401"},
		"and chunks":              {"POST /api/x HTTP/1.1\r\nHost: e\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n", "401"},
		"no route":                {"POST / HTTP/1.1\r\nHost: e\r\nContent-Length: 5\r\n\r\na", "404"},
	} {
		if all := w.exchange(c.head); !strings.HasPrefix(all, "HTTP/1.1 "+c.status) { // exchange ends with the connection
			t.Errorf("%s: %q", name, all)
		}
	}
	// A whole body leaves the connection to the next request.
	post := "POST /down HTTP/1.1\r\nHost: e\r\n" + w.bearer(nil) + "Content-Length: 3\r\n\r\nabc"
	if all := w.exchange(post + post + "GET /api/x HTTP/1.1\r\nHost: e\r\n" + w.bearer(nil) + "Connection: close\r\n\r\n"); strings.Count(all, "HTTP/1.1 502") != 2 || strings.Count(all, "HTTP/1.1 200") != 1 {
		t.Errorf("the connection was lost: %q", all)
	}
}

// An upstream may answer while it still reads: it gets the whole body, and the
// client the answer as it comes.
func TestAnswersWhileUploading(t *testing.T) {
	t.Parallel()
	w := build(t)
	rest := make(chan string, 1)
	w.origin.do = func(rw http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(rw)
		_ = control.EnableFullDuplex()
		half := make([]byte, 3)
		_, _ = io.ReadFull(r.Body, half)
		_, _ = io.WriteString(rw, "got "+string(half)+"\n")
		_ = control.Flush()
		text, err := io.ReadAll(r.Body)
		rest <- fmt.Sprint(string(text), err)
	}
	for _, framing := range []struct{ head, first, second string }{
		{"Content-Length: 6\r\n\r\n", "abc", "def"},
		{"Transfer-Encoding: chunked\r\n\r\n", "3\r\nabc\r\n", "3\r\ndef\r\n0\r\n\r\n"},
	} {
		l := w.begin("POST /api/x HTTP/1.1\r\nHost: e\r\n" + w.bearer(nil) + framing.head + framing.first)
		answer, err := http.ReadResponse(bufio.NewReader(l), nil)
		if err != nil {
			t.Fatal(err)
		}
		l.body = bufio.NewReader(answer.Body)
		l.reads(t, "got abc\n")
		_, _ = io.WriteString(l, framing.second)
		if got := <-rest; got != "def<nil>" || !answer.Close {
			t.Errorf("%q: the origin read %q, close %v", framing.head, got, answer.Close)
		}
	}
}
