package edge

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jotward/jotward/internal/config"
)

// What the handler reads of a body at the end is not the upstream's: it would take a
// body with a hole in it for a whole one.
func TestBodyIsTakenOver(t *testing.T) {
	t.Parallel()
	b := &body{ReadCloser: io.NopCloser(strings.NewReader("and more")), head: []byte("head "), length: -1}
	three := make([]byte, 3)
	if n, err := b.Read(three); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	if err := b.discard(4); err != nil {
		t.Fatal(err)
	}
	if n, err := b.Read(three); n != 0 || !errors.Is(err, errOver) {
		t.Error("in the middle:", n, err)
	}
	if err := b.discard(100); err != io.EOF || !b.whole() {
		t.Error(err)
	}
	if n, err := b.Read(three); n != 0 || !errors.Is(err, errOver) {
		t.Error("at the end:", n, err)
	}
}

// A slow is a client that sends when it is told, and sees whether two read from it at once.
type slow struct {
	came, send chan struct{}
	within     atomic.Int64
	two        atomic.Bool
}

func (s *slow) Read(p []byte) (int, error) {
	if s.within.Add(1) > 1 {
		s.two.Store(true)
	}
	defer s.within.Add(-1)
	s.came <- struct{}{}
	if _, more := <-s.send; !more {
		return 0, io.EOF
	}
	return copy(p, "x"), nil
}

func (s *slow) Close() error { return nil }

// The handler waits for what a transport is just reading, which is the upstream's.
func TestBodyHasOneReader(t *testing.T) {
	t.Parallel()
	s := &slow{came: make(chan struct{}, 8), send: make(chan struct{}, 1)}
	b := &body{ReadCloser: s, length: -1}
	var all sync.WaitGroup
	all.Go(func() {
		if n, err := b.Read(make([]byte, 8)); n != 1 || err != nil {
			t.Error(n, err)
		}
	})
	<-s.came
	all.Go(func() {
		if err := b.discard(100); err != io.EOF {
			t.Error(err)
		}
	})
	for n := 0; n < 1_000_000 && !s.two.Load(); n++ { // on a machine with other work, too
		runtime.Gosched()
	}
	s.send <- struct{}{}
	close(s.send)
	if all.Wait(); s.two.Load() {
		t.Error("two read at once")
	}
}

// An upstream that answers before it has read anything gets the body whole or broken
// off. With the race detector this also holds the transport's goroutine and the
// handler, which then reads the rest, against one another.
func TestEarlyAnswersTearNoBody(t *testing.T) {
	t.Parallel()
	const rounds, piece = 60, 16 << 10
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			served.Go(func() {
				defer c.Close()
				in := bufio.NewReader(c)
				r, err := http.ReadRequest(in)
				if err != nil {
					return
				}
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
				if n, err := io.Copy(io.Discard, r.Body); err == nil && n != 6*piece {
					t.Errorf("a body of %d bytes ended as if whole", n)
				}
			})
		}
	})
	w := build(t, with(config.Route{Name: "early", Path: "/early", Upstream: "http://" + l.Addr().String(), Auth: "none"}))
	chunk := "4000\r\n" + strings.Repeat("a", piece) + "\r\n"
	var all sync.WaitGroup
	for n := range 4 {
		all.Go(func() {
			head := "POST /early HTTP/1.1\r\nHost: e\r\nTransfer-Encoding: chunked\r\n"
			if n%2 == 0 {
				head += "Content-Type: application/x-www-form-urlencoded\r\n"
			}
			for range rounds {
				if a := w.raw(head + "\r\n" + strings.Repeat(chunk, 6) + "0\r\n\r\n"); a.status != 200 {
					t.Error(a, a.event.Reason, a.event.Detail)
				}
			}
		})
	}
	all.Wait()
	_ = l.Close()
	w.edge.Close()
	served.Wait()
}
