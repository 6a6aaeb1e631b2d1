package edge

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"

	"github.com/jotward/jotward/internal/reason"
)

// errTokenInForm breaks a request's body off before the origin has all of it.
var errTokenInForm = errors.New("a credential in the form body")

// body is a request's body on its way through: counted, and, when it is a form,
// searched for a second credential as it passes. Nothing is buffered beyond its
// beginning: the bytes that would complete such a parameter's name are not handed
// on, and a body that breaks off is no request for the origin.
type body struct {
	io.ReadCloser
	mu     sync.Mutex    // of two readers: see Read
	over   bool          // the handler has taken what is left; under mu
	rest   func() func() // bounds one wait for more; nil: unbounded
	head   []byte        // read by begin, not handed on yet
	end    error         // what begin met after head
	begun  bool          // the client was told to send
	form   bool
	also   string // a name beside access_token that may not be in a form, underscored
	name   []byte // of the parameter that is being read, up to nameBytes
	value  bool   // past the "="
	bytes  atomic.Int64
	ended  atomic.Bool           // it was read to its end
	length int64                 // declared; below 0: not
	failed atomic.Pointer[error] // why reading ended before the end
}

// nameBytes holds the longest name with every byte escaped, and more.
const nameBytes = 4 * longestName

// What begin reads at most.
const (
	formBytes = 64 << 10
	headBytes = 4 << 10
)

// begin reads a body's beginning before the origin hears of the request: a form
// that fits into formBytes whole, of HTTP/1's chunks what came with the request,
// and what HTTP/2 sends of a length it declared. A second credential, or framing
// with two readings, then reaches nobody. A longer body, and one that awaits 100
// Continue, is judged on its way.
func (b *body) begin(r *http.Request) *refusal {
	size := 0
	switch {
	case r.ContentLength == 0:
	case b.form:
		size = formBytes
	case len(r.Header["Expect"]) > 0:
	case r.ContentLength > 0 && r.ProtoMajor == 2: // where frames may contradict the length
		size = headBytes
	case r.ContentLength < 0 && r.ProtoMajor == 1:
		size = headBytes
	}
	if size == 0 {
		return nil
	}
	if r.ContentLength > 0 {
		size = int(min(r.ContentLength, int64(size)))
	}
	b.begun = true
	head := make([]byte, size)
	n := 0
	for n < size && b.end == nil && (n == 0 || b.form || r.ContentLength > 0) {
		var more int
		more, b.end = b.next(head[n:])
		n += more
	}
	if b.head = head[:n]; b.end == nil || b.end == io.EOF {
		return nil
	}
	return b.broken()
}

// whole says whether all of it has come.
func (b *body) whole() bool { return b.ended.Load() || b.length >= 0 && b.bytes.Load() >= b.length }

// broken says what is wrong with a body that could not be read to its end; nil
// when nothing is.
func (b *body) broken() *refusal {
	err := b.failed.Load()
	switch {
	case err == nil:
		return nil
	case errors.Is(*err, errTokenInForm):
		return &refusal{code: reason.CredentialRepeated, detail: errTokenInForm.Error()}
	}
	if errors.Is(*err, os.ErrDeadlineExceeded) {
		return &refusal{code: reason.RequestTimeout}
	}
	return &refusal{code: reason.RequestInvalid, detail: (*err).Error()}
}

// errRested is that the client sent nothing for too long.
var errRested = os.ErrDeadlineExceeded

// errOver is what a transport reads of a body that it is late for.
var errOver = errors.New("the rest of the body is the handler's")

// Read implements io.Reader, for a transport. That may go on reading in a goroutine of
// its own when its RoundTrip is over (http.RoundTripper), and would then share what comes
// with discard: the upstream would have a body with a hole in it, ended as if whole.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return 0, errOver
	}
	return b.read(p)
}

// discard reads what is left, at most so much of it. It returns io.EOF at its end.
func (b *body) discard(most int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
	_, err := io.CopyN(io.Discard, rest{b}, most)
	return err
}

// rest is what discard reads.
type rest struct{ *body }

func (r rest) Read(p []byte) (int, error) { return r.read(p) }

func (b *body) read(p []byte) (int, error) {
	if len(b.head) > 0 {
		n := copy(p, b.head)
		b.head = b.head[n:]
		return n, nil
	}
	if b.end != nil {
		return 0, b.end
	}
	return b.next(p)
}

// next reads from the client. A client that sends nothing for long is let go:
// each such body would hold a connection, here and at the origin, for ever.
func (b *body) next(p []byte) (int, error) {
	if b.rest != nil {
		defer b.rest()()
	}
	n, err := b.ReadCloser.Read(p)
	b.bytes.Add(int64(n))
	if b.form && b.finds(p[:n], err == io.EOF) {
		n, err = 0, errTokenInForm
	}
	if err == io.EOF {
		b.ended.Store(true)
	} else if err != nil {
		b.failed.CompareAndSwap(nil, &err)
	}
	return n, err
}

// finds reads on in a form. It goes by names alone, wherever p was cut.
func (b *body) finds(p []byte, end bool) bool {
	for _, c := range p {
		switch {
		case c == '&' || c == ';' || c == '\n' || c == '\r':
			if b.full() {
				return true
			}
			b.name, b.value = b.name[:0], false
		case b.value:
		case c == '=':
			if b.full() {
				return true
			}
			b.value = true
		case len(b.name) < nameBytes:
			b.name = append(b.name, c)
			if len(b.name) <= 3 && blank(b.name) {
				b.name = b.name[:0] // some trim, and no number of them may push the name out
			}
		}
	}
	return end && b.full()
}

// blank finds one leading blank or control character, escaped or not.
func blank(name []byte) bool {
	switch len(name) {
	case 1:
		return name[0] <= ' ' || name[0] == '+'
	case 3:
		h, ok1 := hexDigit(name[1])
		l, ok2 := hexDigit(name[2])
		return name[0] == '%' && ok1 && ok2 && h<<4|l <= ' '
	}
	return false
}

// full judges the name that has just ended.
func (b *body) full() bool {
	return !b.value && (namesToken(string(b.name)) || b.also != "" && names(string(b.name), b.also))
}
