package lean

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// uploadBytes is how much of a body is read and sent at a time.
const uploadBytes = 32 << 10

// What stands around a chunk's data in the buffer: its first line, and its end
// with the last chunk after it.
const (
	before = len("8000\r\n")
	after  = len("\r\n0\r\n\r\n")
)

var uploads = sync.Pool{New: func() any { return new([before + uploadBytes + after]byte) }}

var errBodyLength = errors.New("lean: the request's body is not as long as its Content-Length")

// An upload sends a request's body beside the reading of its answer, which may
// come before the end: only so can an origin refuse early, or talk both ways.
type upload struct {
	c      *conn
	body   io.ReadCloser
	length int64     // unknown: chunks
	answer chan bool // to the question whether to send; nil: it was not asked
	once   sync.Once
	ending atomic.Bool // all of it was read, and its last bytes are on their way
	sent   atomic.Bool // all of it, and nothing else will be
	done   chan struct{}
	failed atomic.Pointer[error]
}

func newUpload(c *conn, x *exchange) *upload {
	u := &upload{c: c, body: x.request.Body, length: x.length, done: make(chan struct{})}
	if x.expects {
		u.answer = make(chan bool, 1)
	}
	return u
}

// proceed says whether the body is sent. It counts once.
func (u *upload) proceed(yes bool) {
	if u.answer != nil {
		u.once.Do(func() { u.answer <- yes })
	}
}

// awaits 100 Continue, and returns whether the body is sent.
func (u *upload) awaits() bool {
	if u.answer == nil {
		return true
	}
	t := time.NewTimer(u.c.t.config.Continue)
	defer t.Stop()
	select {
	case yes := <-u.answer:
		return yes
	case <-t.C:
		return true
	}
}

// grace is for the goroutine that is just returning from its last write: net/http
// allows as much.
const grace = 50 * time.Millisecond

// whole says whether the upload has ended with the body's end, so that nothing
// more of it can come.
func (u *upload) whole() bool {
	if !u.sent.Load() && u.ending.Load() {
		t := time.NewTimer(grace)
		defer t.Stop()
		select {
		case <-u.done:
		case <-t.C:
		}
	}
	return u.sent.Load()
}

// failure says why the body could not be read to its end; nil when that was not it.
func (u *upload) failure() error {
	if err := u.failed.Load(); err != nil {
		return *err
	}
	return nil
}

func (u *upload) run() {
	defer u.body.Close()
	if !u.awaits() {
		return
	}
	var err error
	buf := uploads.Get().(*[before + uploadBytes + after]byte)
	if u.length == unknown {
		err = u.chunks(buf)
	} else {
		err = u.measured(buf)
	}
	uploads.Put(buf)
	// Whatever became of it, the answer is awaited from here on: what ends a write
	// may have been preceded by a refusal.
	u.c.arm()
	u.sent.Store(err == nil)
	close(u.done)
}

// read reads the body. Its errors end the exchange: what the origin has is no
// request.
func (u *upload) read(p []byte) (int, error) {
	for range 100 {
		n, err := u.body.Read(p)
		if err != nil && err != io.EOF {
			u.fail(err)
			return 0, err
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
	u.fail(io.ErrNoProgress)
	return 0, io.ErrNoProgress
}

func (u *upload) fail(err error) {
	u.failed.CompareAndSwap(nil, &err)
	_ = u.c.Close()
}

// measured sends a body of a declared length, and not a byte more.
func (u *upload) measured(buf *[before + uploadBytes + after]byte) error {
	for left := u.length; ; {
		// At its end one byte more is asked for, which must not come.
		n, err := u.read(buf[:max(1, min(left, uploadBytes))])
		if left -= int64(n); left < 0 || err == io.EOF && left > 0 {
			u.fail(errBodyLength)
			return errBodyLength
		}
		u.ending.Store(left == 0)
		if n > 0 {
			if _, err := u.c.Conn.Write(buf[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// chunks sends a body as it comes, each piece in one write.
func (u *upload) chunks(buf *[before + uploadBytes + after]byte) error {
	const digits = "0123456789abcdef"
	for {
		n, err := u.read(buf[before : before+uploadBytes])
		if err != nil && err != io.EOF {
			return err
		}
		begin, end := before, before
		if n > 0 {
			begin, end = before-2, before+n
			buf[begin], buf[begin+1] = '\r', '\n'
			for size := n; size > 0; size >>= 4 {
				begin--
				buf[begin] = digits[size&15]
			}
			end += copy(buf[end:], "\r\n")
		}
		if err == io.EOF {
			u.ending.Store(true)
			end += copy(buf[end:], "0\r\n\r\n")
		}
		if _, werr := u.c.Conn.Write(buf[begin:end]); werr != nil || err == io.EOF {
			return werr
		}
	}
}
