package lean

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// hears waits until the pooled connection has noticed what its peer did.
func hears(t *testing.T, tr *Transport) {
	t.Helper()
	tr.pool.mu.Lock()
	defer tr.pool.mu.Unlock()
	for _, list := range tr.pool.idle {
		for _, c := range list {
			for end := time.Now().Add(10 * time.Second); c.quiet(); runtime.Gosched() {
				if time.Now().After(end) {
					t.Fatal("nothing was heard")
				}
			}
		}
	}
}

func (p *pool) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, list := range p.idle {
		n += len(list)
	}
	if n != p.n {
		panic(fmt.Sprint("counted ", n, ", noted ", p.n))
	}
	return n
}

// One connection carries requests of every kind of answer, one after the other.
func TestConnectionIsUsedAgain(t *testing.T) {
	t.Parallel()
	answers := []string{ok, "HTTP/1.1 204 No\r\n\r\n", "HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n", "HTTP/1.1 103 E\r\n\r\n" + ok,
		"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 20<<10) + "\r\nContent-Length: 2\r\n\r\nok"}
	var connections atomic.Int64
	url := upstream(t, func(_ int, p *peer) {
		connections.Add(1)
		for i := 0; p.head() != ""; i++ {
			p.say(answers[i%len(answers)])
		}
	})
	tr := transport(t)
	for range 3 * len(answers) {
		send(t, tr, request("GET", url, nil))
	}
	if connections.Load() != 1 || tr.pool.count() != 1 {
		t.Error(connections.Load(), "connections,", tr.pool.count(), "kept")
	}
	if c := tr.pool.take(strings.TrimPrefix(url, "http://")); c == nil || len(c.buf) != bufferBytes {
		t.Error("a large head keeps its memory, or the connection is gone")
	} else {
		_ = c.Close()
	}
}

// After these, a connection is in doubt, and carries nothing else.
func TestConnectionIsNotUsedAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer string
		change func(*http.Request)
	}{
		"bytes after it":        {ok + "H", nil},
		"bytes after chunks":    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n\r\n", nil},
		"a second answer":       {ok + ok, nil},
		"a body of 304":         {"HTTP/1.1 304 No\r\n\r\nHIDDEN", nil},
		"a length of 204":       {"HTTP/1.1 204 No\r\nContent-Length: 6\r\n\r\n", nil},
		"a body to HEAD":        {ok, func(r *http.Request) { r.Method = "HEAD" }},
		"Connection: close":     {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", nil},
		"close among others":    {"HTTP/1.1 200 OK\r\nConnection: x , ClOsE\r\nContent-Length: 2\r\n\r\nok", nil},
		"HTTP/1.0":              {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", nil},
		"the request's Close":   {ok, func(r *http.Request) { r.Close = true }},
		"the request's header":  {ok, func(r *http.Request) { r.Header["Connection"] = []string{"close"} }},
		"an answer without end": {"HTTP/1.1 200 OK\r\n\r\nok", nil},
	} {
		url := upstream(t, func(n int, p *peer) {
			if p.head() == "" {
				return
			}
			if n == 0 {
				p.say(c.answer)
				if name == "an answer without end" {
					return
				}
			} else {
				p.say(ok)
			}
			if rest := p.ends(); rest != "" {
				t.Errorf("%s: the connection carried %q", name, rest)
			}
		})
		tr := transport(t)
		r := request("GET", url, nil)
		if c.change != nil {
			c.change(r)
		}
		send(t, tr, r)
		if tr.pool.count() > 0 { // what comes later than the answer is heard before the next
			if !strings.Contains(name, "a second") && !strings.HasPrefix(name, "bytes") && !strings.HasPrefix(name, "a body") {
				t.Errorf("%s: the connection is kept", name)
			}
			hears(t, tr)
		}
		if body := send(t, tr, request("POST", url, nil)); body != "ok" {
			t.Errorf("%s: the next answer is %q", name, body)
		}
		tr.CloseIdleConnections()
	}
}

// What an upstream says, or does, on a connection that carries no request is
// heard before the next one: even one that may not be sent twice.
func TestUnusedConnectionsAreLookedAt(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]func(*peer){
		"closes":        func(p *peer) { _ = p.Close() },
		"closes by RST": func(p *peer) { _ = p.Conn.(*net.TCPConn).SetLinger(0); _ = p.Close() },
		"half closes":   func(p *peer) { _ = p.Conn.(*net.TCPConn).CloseWrite(); p.ends() },
		"answers more":  func(p *peer) { p.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL"); p.ends() },
		"says 408":      func(p *peer) { p.say("HTTP/1.1 408 T\r\nContent-Length: 0\r\n\r\n"); p.ends() },
	} {
		first := make(chan struct{})
		url := upstream(t, func(n int, p *peer) {
			p.head()
			p.say(ok)
			if n == 0 {
				<-first
				after(p)
			}
		})
		tr := transport(t)
		send(t, tr, request("POST", url, nil))
		close(first)
		hears(t, tr)
		if body := send(t, tr, request("POST", url, nil)); body != "ok" {
			t.Errorf("%s: %q", name, body)
		}
	}
	if quietCheck(saying("", 1, true))() {
		t.Error("a connection that cannot be looked at is used again")
	}
}

// A request is sent again only when it can have done nothing.
func TestSentAgain(t *testing.T) {
	t.Parallel()
	get := func(url string) *http.Request { return request("GET", url, nil) }
	for name, c := range map[string]struct {
		request func(url string) *http.Request
		answer  string // before the connection ends
		fresh   bool   // on the first connection
		again   bool
	}{
		"GET":                     {get, "", false, true},
		"HEAD":                    {func(u string) *http.Request { return request("HEAD", u, nil) }, "", false, true},
		"no method":               {func(u string) *http.Request { r := get(u); r.Method = ""; return r }, "", false, true},
		"GET with GetBody":        {func(u string) *http.Request { return request("GET", u, strings.NewReader("abc")) }, "", false, true},
		"GET with a body":         {func(u string) *http.Request { return request("GET", u, io.MultiReader(strings.NewReader("abc"))) }, "", false, false},
		"POST":                    {func(u string) *http.Request { return request("POST", u, nil) }, "", false, false},
		"POST with GetBody":       {func(u string) *http.Request { return request("POST", u, strings.NewReader("abc")) }, "", false, false},
		"DELETE":                  {func(u string) *http.Request { return request("DELETE", u, nil) }, "", false, false},
		"after the first byte":    {get, "H", false, false},
		"after 103":               {get, "HTTP/1.1 103 E\r\n\r\n", false, false},
		"after what is malformed": {get, "x\r\n\r\n", false, false},
		"on a new connection":     {get, "", true, false},
	} {
		var connections atomic.Int64
		url := upstream(t, func(n int, p *peer) {
			connections.Add(1)
			if n == 0 {
				if !c.fresh {
					p.head()
					p.say(ok)
				}
				p.head()
				p.say(c.answer)
				return
			}
			if head := p.head(); strings.Contains(head, "Content-Length: 3") {
				_, _ = io.ReadFull(p.in, make([]byte, 3))
			}
			p.say("HTTP/1.1 204 again\r\n\r\n")
		})
		tr := transport(t)
		if !c.fresh {
			send(t, tr, get(url))
		}
		answer, err := tr.RoundTrip(c.request(url))
		if (err == nil) != c.again || c.again && answer.StatusCode != 204 || connections.Load() != map[bool]int64{true: 2, false: 1}[c.again] {
			t.Errorf("%s: %v, %d connections", name, err, connections.Load())
		}
	}
}

// A write that fails before its first byte sent nothing: any request without a
// body may go again.
func TestSentAgainWhenNothingWasWritten(t *testing.T) {
	t.Parallel()
	for method, again := range map[string]bool{"POST": true, "DELETE": true, "GET": true} {
		var dials atomic.Int64
		tr := transport(t)
		tr.testOnlyQuiet = func(net.Conn) func() bool { return func() bool { return true } }
		broken := saying(ok, 1<<20, true)
		tr.testOnlyDial = dialling(func() net.Conn {
			if dials.Add(1) == 1 {
				return &breaking{said: broken}
			}
			return saying("HTTP/1.1 204 again\r\n\r\n", 99, true)
		})
		send(t, tr, request("GET", "http://up.test/", nil))
		answer, err := tr.RoundTrip(request(method, "http://up.test/", nil))
		if (err == nil) != again || again && answer.StatusCode != 204 {
			t.Error(method, err)
		}
		_ = broken.Close()
	}
}

// breaking writes once.
type breaking struct {
	*said
	n int
}

func (b *breaking) Write(p []byte) (int, error) {
	if b.n++; b.n > 1 {
		return 0, errors.New("gone")
	}
	return b.said.Write(p)
}

// What is kept is bounded, for a host and in all, and by age; the youngest goes first.
func TestPoolIsBounded(t *testing.T) {
	t.Parallel()
	url := func() string { return upstream(t, func(_ int, p *peer) { p.head(); p.say(ok); p.ends() }) }
	tr := transport(t) // 4 for a host, 8 in all
	defer tr.CloseIdleConnections()
	for range 3 {
		u, answers := url(), []*http.Response{}
		for range 6 {
			answer, err := tr.RoundTrip(request("GET", u, nil))
			if err != nil {
				t.Fatal(err)
			}
			answers = append(answers, answer)
		}
		for _, answer := range answers {
			_, _ = io.Copy(io.Discard, answer.Body)
		}
		if n := len(tr.pool.idle[strings.TrimPrefix(u, "http://")]); n > 4 {
			t.Error(n, "kept for a host")
		}
	}
	if n := tr.pool.count(); n != 8 {
		t.Error(n, "kept in all")
	}
	for address, list := range tr.pool.idle {
		if len(list) > 1 {
			if youngest := list[len(list)-1]; tr.pool.take(address) != youngest {
				t.Error("not the one that was used last")
			} else {
				_ = youngest.Close()
			}
		}
	}
}

// CloseIdleConnections closes what is unused at once, and what is used when its
// answer ends.
func TestCloseIdleConnections(t *testing.T) {
	t.Parallel()
	ended := make(chan int, 2)
	url := upstream(t, func(n int, p *peer) {
		p.head()
		p.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok")
		if n == 0 {
			p.say("ok")
		} else if p.head() == "" { // the second half is sent when asked
			return
		}
		p.ends()
		ended <- n
	})
	tr := transport(t)
	send(t, tr, request("GET", url, nil))
	busy := upstream(t, func(_ int, p *peer) { p.head(); p.say(ok); p.ends(); ended <- 1 })
	answer, err := tr.RoundTrip(request("GET", busy, nil))
	if err != nil {
		t.Fatal(err)
	}
	tr.CloseIdleConnections()
	if n := <-ended; n != 0 {
		t.Error("the busy one ended first")
	}
	if body, err := io.ReadAll(answer.Body); string(body) != "ok" || err != nil {
		t.Error(string(body), err)
	}
	if n := <-ended; n != 1 || tr.pool.count() != 0 {
		t.Error("a connection outlives CloseIdleConnections")
	}
}

// A body that is closed before its end closes the connection.
func TestCloseBeforeTheEnd(t *testing.T) {
	t.Parallel()
	ended := make(chan string, 1)
	url := upstream(t, func(_ int, p *peer) {
		p.head()
		p.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok")
		ended <- p.ends()
	})
	tr := transport(t)
	answer, err := tr.RoundTrip(request("GET", url, nil))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(answer.Body, make([]byte, 2)); err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error)
	go func() { _, err := io.ReadAll(answer.Body); waiting <- err }() // Close ends a Read that waits
	_ = answer.Body.Close()
	if err := <-waiting; err == nil || <-ended != "" || tr.pool.count() != 0 {
		t.Error(err)
	}
	if _, err := answer.Body.Read(make([]byte, 1)); err == nil || answer.Body.Close() != nil {
		t.Error("read after Close, or a second Close failed")
	}
}

// Many requests at once each get their own answer.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	url := upstream(t, func(_ int, p *peer) {
		for {
			head := p.head()
			if head == "" {
				return
			}
			path := strings.Fields(head)[1]
			if strings.HasPrefix(head, "POST") {
				body := make([]byte, len(path))
				_, _ = io.ReadFull(p.in, body)
				path = string(body)
			}
			if len(path)%2 == 0 {
				p.say(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(path), path))
			} else {
				p.say(fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(path), path))
			}
		}
	})
	tr := transport(t, func(c *Config) { c.MaxIdlePerHost = 3 })
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 60 {
				path := fmt.Sprintf("/%d/%s", g, strings.Repeat("x", i))
				r := request("GET", url+path, nil)
				if i%3 == 0 {
					r = request("POST", url+path, bytes.NewBufferString(path))
				}
				if body := send(t, tr, r); body != path {
					t.Errorf("%s got %s", path, body)
				}
			}
		})
	}
	all.Wait()
}
