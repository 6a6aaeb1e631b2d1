package edge

import (
	"errors"
	"io"
	"sync/atomic"
)

// errTokenInForm breaks a request's body off before the origin has all of it.
var errTokenInForm = errors.New("a credential in the form body")

// body is a request's body on its way through: counted, and, when it is a form,
// searched for a second credential as it passes. Nothing is buffered: the bytes
// that would complete such a parameter's name are not handed on, and a body that
// breaks off is no request for the origin.
type body struct {
	io.ReadCloser
	form   bool
	name   []byte // of the parameter that is being read, up to nameBytes
	value  bool   // past the "="
	bytes  atomic.Int64
	failed atomic.Pointer[error] // why reading ended before the end
}

// nameBytes holds access_token with every byte escaped, and more.
const nameBytes = 4 * len(parameter)

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.bytes.Add(int64(n))
	if b.form && b.finds(p[:n], err == io.EOF) {
		n, err = 0, errTokenInForm
	}
	if err != nil && err != io.EOF {
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
		h, ok1 := hexDigit(upper(name[1]))
		l, ok2 := hexDigit(upper(name[2]))
		return name[0] == '%' && ok1 && ok2 && h<<4|l <= ' '
	}
	return false
}

// full judges the name that has just ended.
func (b *body) full() bool { return !b.value && namesToken(string(b.name)) }
