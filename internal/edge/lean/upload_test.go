package lean

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
)

// unknownLength hides what a body is from http.NewRequest.
type unknownLength struct{ io.Reader }

// Bodies come whole and framed in one way, in chunks of what was read or by their
// length; the connection is used again.
func TestBodiesAsWritten(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("0123456789abcdef", 5000)
	url := upstream(t, func(_ int, p *peer) {
		for {
			r, err := http.ReadRequest(p.in)
			if err != nil {
				return
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			p.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
			cw := &http.Response{StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, Body: io.NopCloser(bytes.NewReader(body)), TransferEncoding: []string{"chunked"}, ContentLength: -1}
			var all bytes.Buffer
			_ = cw.Write(&all)
			_, chunks, _ := strings.Cut(all.String(), "\r\n\r\n")
			p.say(chunks)
		}
	})
	tr := transport(t)
	for name, body := range map[string]io.Reader{
		"length": strings.NewReader(large), "chunks": unknownLength{strings.NewReader(large)}, "a byte at a time": unknownLength{&drops{[]byte("abc"), nil}},
		"an empty one": unknownLength{strings.NewReader("")}, "its end with its last byte": unknownLength{&drops{[]byte("abc"), io.EOF}},
	} {
		want := map[bool]string{true: large, false: "abc"}[name == "length" || name == "chunks"]
		if name == "an empty one" {
			want = ""
		}
		if got := send(t, tr, request("POST", url, body)); got != want {
			t.Errorf("%s: %d bytes", name, len(got))
		}
	}
	s := saying(ok, 99, true)
	if _, _, err := exchangeOver(t, s, request("POST", "http://up.test/", unknownLength{strings.NewReader("abc")})); err != nil {
		t.Error(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if head, _, _ := strings.Cut(s.heard.String(), "\r\n\r\n"); !strings.HasSuffix(head, "\r\nTransfer-Encoding: chunked") || strings.Contains(head, "Content-Length") {
		t.Errorf("%q", head)
	}
}

// drops gives a byte at a time, and last with the last one.
type drops struct {
	left []byte
	last error
}

func (d *drops) Read(p []byte) (int, error) {
	if len(d.left) == 0 {
		return 0, io.EOF
	}
	p[0], d.left = d.left[0], d.left[1:]
	if len(d.left) == 0 {
		return 1, d.last
	}
	return 1, nil
}

// A body that breaks off, or is not as long as it was said to be, is no request:
// its connection ends before an upstream could take it for one.
func TestBodiesThatBreakOff(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		body   io.Reader
		length int64
		want   error
	}{
		"chunks":        {io.MultiReader(strings.NewReader("abc"), failing{broken}), -1, broken},
		"length":        {io.MultiReader(strings.NewReader("abc"), failing{broken}), 6, broken},
		"too short":     {strings.NewReader("abc"), 6, errBodyLength},
		"too long":      {strings.NewReader("abcdefg"), 6, errBodyLength},
		"EOF in chunks": {io.MultiReader(strings.NewReader("abc"), failing{io.ErrUnexpectedEOF}), -1, io.ErrUnexpectedEOF},
		"nothing ever":  {nothing{}, 6, io.ErrNoProgress},
	} {
		got := make(chan string, 1)
		url := upstream(t, func(_ int, p *peer) {
			p.head()
			got <- p.ends()
		})
		r, b := request("POST", url, nil), &closing{Reader: c.body}
		r.Body, r.ContentLength = b, c.length
		tr := transport(t)
		_, err := tr.RoundTrip(r)
		if text := <-got; !errors.Is(err, c.want) || strings.HasSuffix(text, "0\r\n\r\n") || len(text) >= 6 && name != "chunks" && name != "EOF in chunks" && name != "too long" || strings.Contains(text, "g") {
			t.Errorf("%s: %v, and the upstream read %q", name, err, text)
		}
		if tr.pool.count() != 0 {
			t.Errorf("%s: the connection is kept", name)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, nil }

// An answer may come before the body's end: it is read at once, the upstream gets
// the rest, and the connection is used again only if it got all of it.
func TestAnswerBeforeTheBodyEnds(t *testing.T) {
	t.Parallel()
	rest := make(chan string, 1)
	url := upstream(t, func(_ int, p *peer) {
		for p.head() != "" {
			first := make([]byte, 3)
			_, _ = io.ReadFull(p.in, first)
			p.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n" + string(first) + "\r\n")
			if _, err := io.ReadFull(p.in, first); err != nil {
				rest <- err.Error()
				return
			}
			rest <- string(first)
			p.say("0\r\n\r\n")
		}
	})
	for _, whole := range []bool{true, false} {
		tr := transport(t)
		pr, pw := io.Pipe()
		go func() { _, _ = io.WriteString(pw, "abc") }()
		r := request("POST", url, pr)
		r.ContentLength = 6
		answer, err := tr.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		first := make([]byte, 3)
		if _, err := io.ReadFull(answer.Body, first); err != nil || string(first) != "abc" {
			t.Error(string(first), err)
		}
		if !whole {
			_ = answer.Body.Close()
			if got := <-rest; got == "def" {
				t.Error("the upstream read", got)
			}
			_ = pr.CloseWithError(errors.New("gone"))
			continue
		}
		_, _ = io.WriteString(pw, "def")
		_ = pw.Close()
		if got := <-rest; got != "def" {
			t.Error("the upstream read", got)
		}
		if more, err := io.ReadAll(answer.Body); len(more) > 0 || err != nil {
			t.Error(string(more), err)
		}
	}
}

// An upstream that answers and does not want the rest gets nothing more; what it
// said is read, even when it hung up on the body.
func TestRefusedUpload(t *testing.T) {
	t.Parallel()
	ends := make(chan string, 1)
	url := upstream(t, func(_ int, p *peer) {
		p.head()
		p.say("HTTP/1.1 413 L\r\nContent-Length: 2\r\n\r\nno")
		ends <- p.ends()
	})
	tr := transport(t)
	pr, pw := io.Pipe()
	defer pw.Close()
	r := request("POST", url, pr)
	r.ContentLength = 6
	answer, err := tr.RoundTrip(r)
	if err != nil || answer.StatusCode != 413 {
		t.Fatal(answer, err)
	}
	if body, err := io.ReadAll(answer.Body); string(body) != "no" || err != nil {
		t.Error(string(body), err)
	}
	if <-ends != "" || tr.pool.count() != 0 {
		t.Error("a connection whose body was not sent is kept")
	}
}

// 100 Continue is waited for; a refusal sends no body.
func TestContinue(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		first, then string // before and after the body
		sent        bool
		status      int
	}{
		"continue":           {"HTTP/1.1 100 Continue\r\n\r\n", ok, true, 200},
		"and another":        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n", ok, true, 200},
		"refused":            {"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n", "", false, 417},
		"refused and closed": {"HTTP/1.1 200 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", "", false, 200},
		"answered at once":   {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "ok", true, 200},
	} {
		got := make(chan string, 1)
		url := upstream(t, func(_ int, p *peer) {
			if head := p.head(); !strings.Contains(head, "\r\nExpect: 100-Continue\r\n") {
				t.Errorf("%q", head)
			}
			p.say(c.first)
			if !c.sent {
				got <- p.ends()
				return
			}
			body := make([]byte, 3)
			_, _ = io.ReadFull(p.in, body)
			got <- string(body)
			p.say(c.then)
		})
		tr := transport(t, func(c *Config) { c.Continue = c.ResponseHeader })
		text := strings.NewReader("abc")
		r, body := request("POST", url, nil), &closing{Reader: text, closed: make(chan struct{}, 1)}
		r.Body, r.ContentLength = body, 3
		r.Header.Set("Expect", "100-Continue")
		answer, err := tr.RoundTrip(r)
		if err != nil || answer.StatusCode != c.status {
			t.Fatal(name, answer, err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		if text := <-got; (text == "abc") != c.sent || text != "" && !c.sent {
			t.Errorf("%s: the upstream read %q", name, text)
		}
		if <-body.closed; text.Len() != map[bool]int{true: 0, false: 3}[c.sent] {
			t.Errorf("%s: of the body, %d bytes are left", name, text.Len())
		}
		if !c.sent && tr.pool.count() != 0 {
			t.Error(name, "the connection is kept")
		}
	}
}

// Informational answers are told as they come, and an error of who is told ends
// the request.
func TestInformational(t *testing.T) {
	t.Parallel()
	told, stop := "", false
	r := request("GET", "http://up.test/", nil)
	r = r.WithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		told += http.StatusText(code) + " " + h.Get("Link") + ";"
		if stop {
			return errors.New("enough")
		}
		return nil
	}}))
	text := "HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\nHTTP/1.1 102 P\r\n\r\n" + ok
	if answer, body, err := exchangeOver(t, saying(text, 5, false), r); err != nil || body != "ok" || answer.Header.Get("Link") != "" || told != "Early Hints </a>;Processing ;" {
		t.Error(answer, body, err, told)
	}
	stop = true
	s := saying(text, 5, false)
	if _, _, err := exchangeOver(t, s, r); err == nil || err.Error() != "enough" || !s.isClosed() {
		t.Error(err)
	}
}

// A 101 that was asked for hands the connection over, with what was already read;
// one for something else does not.
func TestSwitch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		asked, answer string
		want          error
	}{
		"websocket":        {"websocket", "HTTP/1.1 101 S\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\r\n", nil},
		"another protocol": {"websocket", "HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", badSwitch},
		"two protocols":    {"websocket", "HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n\r\n", badSwitch},
		"no connection":    {"websocket", "HTTP/1.1 101 S\r\nUpgrade: websocket\r\n\r\n", badSwitch},
		"HTTP/1.0":         {"websocket", "HTTP/1.0 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", badSwitch},
		"unasked":          {"", "HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", badSwitch},
		"of none":          {"", "HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade:\r\n\r\n", badSwitch},
		"before the body":  {"websocket", "HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", unfinishedFor},
	} {
		url := upstream(t, func(_ int, p *peer) {
			p.head()
			p.say(c.answer + "first\n")
			line, _ := p.in.ReadString('\n')
			p.say("echo " + line)
			if rest := p.ends(); rest != "" && c.want == nil {
				t.Errorf("%s: %q", name, rest)
			}
			p.say("bye")
		})
		r := request("GET", url, nil)
		if name == "before the body" {
			pr, pw := io.Pipe()
			defer pw.Close()
			r = request("POST", url, pr)
		}
		if c.asked != "" {
			r.Header.Set("Connection", "Upgrade")
			r.Header.Set("Upgrade", c.asked)
		}
		tr := transport(t)
		answer, err := tr.RoundTrip(r)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			continue
		}
		socket := answer.Body.(io.ReadWriteCloser)
		_, _ = io.WriteString(socket, "hello\n")
		text := make([]byte, len("first\necho hello\n"))
		if _, err := io.ReadFull(socket, text); err != nil || string(text) != "first\necho hello\n" {
			t.Errorf("%q %v", text, err)
		}
		if err := socket.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Error(err)
		}
		if rest, err := io.ReadAll(socket); string(rest) != "bye" || err != nil {
			t.Errorf("%q %v", rest, err)
		}
		if socket.Close() != nil || tr.pool.count() != 0 {
			t.Error("a tunnel is kept")
		}
	}
}
