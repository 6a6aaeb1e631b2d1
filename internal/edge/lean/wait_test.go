package lean

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// piped tells a story on the other end of a pipe, in a bubble where time stands
// still while anybody has something to do.
func piped(t *testing.T, tell func(p *peer), then func(tr *Transport)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		tr := transport(t)
		tr.testOnlyQuiet = func(net.Conn) func() bool { return func() bool { return true } }
		tr.testOnlyDial = dialling(func() net.Conn {
			ours, theirs := net.Pipe()
			go func() { defer theirs.Close(); tell(&peer{theirs, bufio.NewReader(theirs)}) }()
			return ours
		})
		then(tr)
		tr.CloseIdleConnections()
	})
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.Is(err, context.DeadlineExceeded) && errors.As(err, &ne) && ne.Timeout()
}

// The wait for an answer's head has its bound, which begins when the request has
// ended, and does not begin anew with informational answers or single bytes.
func TestWaitForTheHead(t *testing.T) {
	t.Parallel()
	const limit = 30 * time.Second
	for name, c := range map[string]struct {
		tell func(*peer)
		body func() io.Reader
		want time.Duration
	}{
		"silence": {func(p *peer) { p.head(); p.ends() }, nil, limit},
		"informational": {func(p *peer) {
			p.head()
			for range 10 {
				time.Sleep(limit / 4)
				p.say("HTTP/1.1 102 P\r\n\r\n")
			}
		}, nil, limit},
		"bytes": {func(p *peer) {
			p.head()
			for range 10 {
				time.Sleep(limit / 4)
				p.say("H")
			}
		}, nil, limit},
		"a body":                  {func(p *peer) { p.head(); p.ends() }, func() io.Reader { return &slow{limit, 3} }, 4 * limit},
		"a head that is not read": {func(p *peer) { time.Sleep(time.Hour) }, nil, limit},
	} {
		piped(t, c.tell, func(tr *Transport) {
			r := request("POST", "http://up.test/", nil)
			if c.body != nil {
				r.Body = io.NopCloser(c.body())
			}
			begin := time.Now()
			if _, err := tr.RoundTrip(r); !isTimeout(err) || time.Since(begin) != c.want {
				t.Errorf("%s: %v after %s", name, err, time.Since(begin))
			}
			time.Sleep(2 * time.Hour) // all that was begun ends
		})
	}
}

// slow gives a byte after each wait, n times.
type slow struct {
	wait time.Duration
	n    int
}

func (s *slow) Read(p []byte) (int, error) {
	if s.n == 0 {
		return 0, io.EOF
	}
	s.n--
	time.Sleep(s.wait)
	p[0] = 'x'
	return 1, nil
}

// Once the head came, a body may take any time: it may be a stream.
func TestBodiesHaveNoBound(t *testing.T) {
	t.Parallel()
	piped(t, func(p *peer) {
		for p.head() != "" {
			p.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
			time.Sleep(time.Hour)
			p.say("ok")
		}
	}, func(tr *Transport) {
		for range 2 {
			if body := send(t, tr, request("GET", "http://up.test/", nil)); body != "ok" {
				t.Error(body)
			}
		}
	})
}

// An upstream that says nothing of 100 Continue gets the body in the end.
func TestWaitForContinue(t *testing.T) {
	t.Parallel()
	piped(t, func(p *peer) {
		p.head()
		begin, body := time.Now(), make([]byte, 3)
		_, _ = io.ReadFull(p.in, body)
		if time.Since(begin) != time.Second || string(body) != "abc" {
			t.Error(string(body), "after", time.Since(begin))
		}
		p.say(ok)
	}, func(tr *Transport) {
		r := request("POST", "http://up.test/", strings.NewReader("abc"))
		r.Header.Set("Expect", "100-continue")
		send(t, tr, r)
	})
}

// What nobody uses is closed in its time, and not before.
func TestIdle(t *testing.T) {
	t.Parallel()
	const limit = 90 * time.Second
	var ended time.Time
	piped(t, func(p *peer) {
		for p.head() != "" {
			p.say(ok)
		}
		ended = time.Now()
	}, func(tr *Transport) {
		for range 3 {
			send(t, tr, request("GET", "http://up.test/", nil))
			time.Sleep(limit - 1)
			if tr.pool.count() != 1 {
				t.Error("closed too early")
			}
		}
		used := time.Now().Add(1 - limit)
		time.Sleep(time.Minute)
		synctest.Wait()
		if ended.Sub(used) != limit || tr.pool.count() != 0 || len(tr.pool.idle) != 0 {
			t.Error("closed after", ended.Sub(used))
		}
	})
}

// Whatever a request waits for, the end of its context ends it, closes its
// connection, and is what the error says.
func TestCancel(t *testing.T) {
	t.Parallel()
	cause := errors.New("taken back")
	stream := func(p *peer) { p.head(); p.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok"); p.ends() }
	for name, c := range map[string]struct {
		tell    func(*peer)
		request func() *http.Request
	}{
		"the write":        {func(*peer) { time.Sleep(time.Hour) }, nil},
		"the head":         {func(p *peer) { p.head(); p.ends() }, nil},
		"half a head":      {func(p *peer) { p.head(); p.say("HTTP/1.1 "); p.ends() }, nil},
		"the body":         {stream, nil},
		"the body's bytes": {func(p *peer) { p.head(); time.Sleep(time.Hour) }, func() *http.Request { return request("POST", "http://up.test/", strings.NewReader("abc")) }},
		"the client": {func(p *peer) { p.head(); p.ends() }, func() *http.Request {
			pr, pw := io.Pipe()
			time.AfterFunc(time.Minute, func() { _ = pw.Close() })
			return request("POST", "http://up.test/", pr)
		}},
		"100 Continue": {func(p *peer) { p.head(); p.ends() }, func() *http.Request {
			r := request("POST", "http://up.test/", strings.NewReader("abc"))
			r.Header.Set("Expect", "100-continue")
			return r
		}},
	} {
		ended := false
		piped(t, func(p *peer) { c.tell(p); ended = true }, func(tr *Transport) {
			ctx, cancel := context.WithCancelCause(context.Background())
			time.AfterFunc(time.Second/2, func() { cancel(cause) })
			r := request("GET", "http://up.test/", nil)
			if c.request != nil {
				r = c.request()
			}
			begin := time.Now()
			answer, err := tr.RoundTrip(r.WithContext(ctx))
			if name == "the body" {
				if err != nil {
					t.Fatal(err)
				}
				_, err = io.ReadAll(answer.Body)
			}
			if err != cause || time.Since(begin) != time.Second/2 || tr.pool.count() != 0 {
				t.Errorf("%s: %v after %s", name, err, time.Since(begin))
			}
			time.Sleep(2 * time.Hour)
			synctest.Wait()
			if !ended {
				t.Errorf("%s: the upstream still waits", name)
			}
		})
	}
}

// A context that has ended dials nothing, and one that ends while dialling ends it.
func TestCancelDialling(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cause, dials := errors.New("taken back"), 0
		tr := transport(t)
		tr.testOnlyDial = func(ctx context.Context, _ string) (net.Conn, error) {
			dials++
			<-ctx.Done()
			return nil, ctx.Err()
		}
		ctx, cancel := context.WithCancelCause(context.Background())
		time.AfterFunc(time.Second, func() { cancel(cause) })
		for range 2 {
			b := &closing{Reader: strings.NewReader("abc")}
			r := request("POST", "http://up.test/", b)
			if _, err := tr.RoundTrip(r.WithContext(ctx)); err != cause || dials != 1 || b.times() != 1 {
				t.Error(err, dials, b.times())
			}
		}
	})
}

// A context that ends after the answer does not touch the connection, which may
// be another request's by then.
func TestCancelAfterwards(t *testing.T) {
	t.Parallel()
	connections := 0
	piped(t, func(p *peer) {
		connections++
		for p.head() != "" {
			p.say(ok)
		}
	}, func(tr *Transport) {
		ctx, cancel := context.WithCancel(context.Background())
		send(t, tr, request("GET", "http://up.test/", nil).WithContext(ctx))
		answer, err := tr.RoundTrip(request("GET", "http://up.test/", nil))
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		synctest.Wait()
		if body, err := io.ReadAll(answer.Body); string(body) != "ok" || err != nil || tr.pool.count() != 1 {
			t.Error(string(body), err)
		}
		send(t, tr, request("GET", "http://up.test/", nil))
		if synctest.Wait(); connections != 1 {
			t.Error("a context that had done its work closed the connection")
		}
	})
}
