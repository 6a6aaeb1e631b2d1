package edge

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/config"
)

// A wireCase is one of testdata/wire: what is sent, and what comes back. Its steps are
// the lines after the header.
type wireCase struct {
	name, rfc, want string
	watch           string // the stream of HTTP/2; empty: the first
	end             string // the client stops sending, in the middle of this
	steps           []string
}

// wireCases reads a file of cases, which are parted by empty lines. Lines that begin
// with # are remarks.
func wireCases(t *testing.T, file string) (out []wireCase) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "wire", file))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for block := range strings.SplitSeq(string(text), "\n\n") {
		var c wireCase
		for line := range strings.SplitSeq(strings.Trim(block, "\n"), "\n") {
			key, value, _ := strings.Cut(line, ": ")
			switch key {
			case "name":
				c.name = value
			case "rfc":
				c.rfc = value
			case "watch":
				c.watch = value
			case "end":
				c.end = value
			case "want":
				c.want = value
			default:
				if !strings.HasPrefix(line, "#") && line != "" {
					c.steps = append(c.steps, line)
				}
			}
		}
		if c.name == "" && len(c.steps) == 0 {
			continue // remarks alone
		}
		if c.name == "" || c.rfc == "" || c.want == "" || len(c.steps) == 0 || seen[c.name] {
			t.Fatalf("%s: half a case, or one twice: %+v", file, c)
		}
		seen[c.name] = true
		out = append(out, c)
	}
	if len(out) < 30 {
		t.Fatalf("%s has %d cases", file, len(out))
	}
	return out
}

// unquoted resolves the escapes of Go in a step.
func unquoted(t testing.TB, step string) string {
	t.Helper()
	text, err := strconv.Unquote(`"` + strings.ReplaceAll(step, `"`, `\"`) + `"`)
	if err != nil {
		t.Fatalf("%s: %v", step, err)
	}
	return text
}

// A wireOrigin answers every request with "ok" and keeps its bytes as they came.
type wireOrigin struct {
	net.Listener
	mu       sync.Mutex
	requests [][]byte
	broken   [][]byte // began, and have no end: a body is forwarded while it comes
}

func newWireOrigin(t *testing.T) *wireOrigin {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &wireOrigin{Listener: l}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { o.serve(c) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); serving.Wait() })
	return o
}

// serve reads requests, of which the edge sends no second one before the answer to the
// first: what has come by then is the first one.
func (o *wireOrigin) serve(c net.Conn) {
	defer c.Close()
	var raw bytes.Buffer
	in := bufio.NewReader(io.TeeReader(c, &raw))
	for {
		r, err := http.ReadRequest(in)
		if err == nil {
			_, err = io.Copy(io.Discard, r.Body)
		}
		if raw.Len() > 0 {
			o.mu.Lock()
			to := &o.requests
			if err != nil {
				to = &o.broken
			}
			*to = append(*to, bytes.Clone(raw.Bytes()))
			o.mu.Unlock()
			raw.Reset()
		}
		if err != nil {
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	}
}

// take returns what came since the last time.
func (o *wireOrigin) take() (requests, broken [][]byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	requests, broken = o.requests, o.broken
	o.requests, o.broken = nil, nil
	return requests, broken
}

var (
	requestLine = regexp.MustCompile(`^(GET|POST) /api/(x|next) HTTP/1\.1$`)
	fieldLine   = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+: ?[\t -~]*$")
)

// oneReading says why some server could read a request otherwise than the edge meant
// it (RFC 9112 2.2, 5.1, 5.2, 6.1, 6.3, 7.1); nil: none could.
func oneReading(raw []byte) error {
	head, body, _ := strings.Cut(string(raw), "\r\n\r\n")
	if err := oneHead(head); err != nil {
		return err
	}
	length, coding := fieldOf(head, "content-length"), fieldOf(head, "transfer-encoding")
	switch {
	case len(length) == 1:
		if n, err := strconv.Atoi(length[0]); err != nil || n != len(body) || strconv.Itoa(n) != length[0] {
			return fmt.Errorf("length %s and a body of %d", length[0], len(body))
		}
	case len(coding) == 1:
		return oneChunking(body)
	case body != "":
		return fmt.Errorf("a body without framing: %q", body)
	}
	return nil
}

func oneHead(head string) error {
	lines := strings.Split(head, "\r\n")
	if !requestLine.MatchString(lines[0]) {
		return fmt.Errorf("no request: %q", head)
	}
	for _, line := range lines[1:] {
		if !fieldLine.MatchString(line) {
			return fmt.Errorf("the field %q", line)
		}
	}
	coding := fieldOf(head, "transfer-encoding")
	if len(fieldOf(head, "host")) != 1 || len(fieldOf(head, "content-length"))+len(coding) > 1 || len(fieldOf(head, "trailer"))+len(fieldOf(head, "upgrade")) > 0 ||
		len(coding) == 1 && coding[0] != "chunked" {
		return fmt.Errorf("framed or addressed in two ways: %q", head)
	}
	return nil
}

// fieldOf returns the values of a field.
func fieldOf(head, name string) (out []string) {
	for _, line := range strings.Split(head, "\r\n")[1:] {
		if n, value, _ := strings.Cut(line, ":"); strings.EqualFold(n, name) {
			out = append(out, strings.TrimSpace(value))
		}
	}
	return out
}

func oneChunking(body string) error {
	for {
		size, rest, _ := strings.Cut(body, "\r\n")
		n, err := strconv.ParseUint(size, 16, 31)
		if err != nil || len(rest) < int(n)+2 || rest[n:n+2] != "\r\n" {
			return fmt.Errorf("the chunk %.80q", body)
		}
		if body = rest[n+2:]; n == 0 {
			if body != "" {
				return fmt.Errorf("after the last chunk: %q", body)
			}
			return nil
		}
	}
}

// cameOf names an answer: "ok", the code of a refusal, or the status that net/http
// refused with by itself.
func cameOf(status int, body []byte) string {
	var problem struct {
		Code string `json:"code"`
	}
	switch _ = json.Unmarshal(body, &problem); {
	case status == 200:
		return "ok"
	case problem.Code != "":
		return problem.Code
	}
	return strconv.Itoa(status)
}

// judge holds what came since the last time against what passed.
func (o *wireOrigin) judge(t *testing.T, c wireCase, passed int) {
	t.Helper()
	requests, broken := o.take()
	if len(requests) != passed {
		t.Errorf("%s: %d passed, and the origin read %q", c.name, passed, requests)
	}
	for _, raw := range broken { // of this case, or of one before it
		if head, _, _ := strings.Cut(string(raw), "\r\n\r\n"); oneHead(head) != nil {
			t.Errorf("%s: the origin read the beginning of %v", c.name, oneHead(head))
		}
	}
	for _, raw := range requests {
		if err := oneReading(raw); err != nil {
			t.Errorf("%s: the origin read %v", c.name, err)
		}
	}
}

// TestWireHTTP1 sends each case on a connection of its own, a clean request behind it on
// the same one. "want" has the outcomes of all answers; to the last, or
// to what the connection ended with without one, there was none for the clean request.
func TestWireHTTP1(t *testing.T) {
	t.Parallel()
	origin := newWireOrigin(t)
	w := build(t, func(w *world, c *config.Edge) { c.Routes[0].Upstream = "http://" + origin.Addr().String() })
	auth := strings.TrimSuffix(w.bearer(nil), "\r\n")
	next := "GET /api/next HTTP/1.1\r\nHost: e\r\n" + auth + "\r\nConnection: close\r\n\r\n"
	for _, c := range wireCases(t, "http1.txt") {
		var text strings.Builder
		for _, step := range c.steps {
			line, open := strings.CutPrefix(step, ">>")
			line, closed := strings.CutPrefix(line, ">")
			if !open && !closed {
				t.Fatalf("%s: no line: %s", c.name, step)
			}
			text.WriteString(strings.NewReplacer("{auth}", auth, "{long}", strings.Repeat("a", 80<<10)).Replace(unquoted(t, strings.TrimPrefix(line, " "))))
			if !open {
				text.WriteString("\r\n")
			}
		}
		if c.end == "" {
			text.WriteString(next)
		}
		got, err := w.talk(text.String(), c.end != "")
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%s (%s): %s, want %s; %v", c.name, c.rfc, strings.Join(got, " "), c.want, err)
		}
		origin.judge(t, c, strings.Count(" "+strings.Join(got, " "), " ok"))
		for len(w.events) > 0 {
			<-w.events
		}
	}
}

// talk sends a text, and the end of all where that is asked for, and returns the outcomes of all answers.
func (w *world) talk(text string, end bool) (out []string, err error) {
	w.t.Helper()
	c, err := net.Dial("tcp", w.server.Listener.Addr().String())
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second)) // a hang is a failure, not a wait
	go func() {
		_, _ = io.WriteString(c, text)
		if end {
			_ = c.(*net.TCPConn).CloseWrite()
		}
	}()
	in := bufio.NewReader(c)
	for {
		answer, err := http.ReadResponse(in, nil)
		if err != nil {
			var late net.Error
			if errors.As(err, &late) && late.Timeout() {
				return out, err
			}
			if len(out) == 0 {
				out = []string{"closed"}
			}
			return out, nil
		}
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			return append(out, "cut"), nil
		}
		out = append(out, cameOf(answer.StatusCode, body))
	}
}
