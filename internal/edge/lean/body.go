package lean

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"sync/atomic"
)

// What is read of chunked bodies beside the data.
const (
	maxChunkLine  = 1 << 10
	maxExtensions = 8 << 10 // of a whole body (RFC 9112 7.1.1)
	maxTrailers   = 4 << 10
)

// A body reads the rest of an answer. At its end the connection is released;
// closed earlier, the connection is closed.
type body struct {
	c      *conn
	ctx    context.Context
	answer *http.Response
	read   func([]byte) (int, error)
	left   int64 // of the body, or of the chunk
	keep   bool

	due        bool  // the CRLF after a chunk's data
	last       bool  // the last chunk came
	extensions int   // bytes of them
	err        error // of all further reads
	over       atomic.Bool
}

var errClosed = errors.New("lean: read of a closed body")

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := b.read(p)
	if err == nil {
		return n, nil
	}
	switch {
	case !b.over.CompareAndSwap(false, true):
		b.err = errClosed
	case err == io.EOF:
		b.err = io.EOF
		b.c.release(b.keep)
	default:
		b.err = b.c.fail(b.ctx, err)
	}
	return n, b.err
}

// Close implements io.Closer. It may be called while Read waits.
func (b *body) Close() error {
	if b.over.CompareAndSwap(false, true) {
		if b.c.stop != nil {
			b.c.stop()
		}
		return b.c.Close()
	}
	return nil
}

// measured reads a body of a known length.
func (b *body) measured(p []byte) (int, error) {
	n, err := b.c.Read(p[:min(int64(len(p)), b.left)])
	if b.left -= int64(n); b.left == 0 {
		return n, io.EOF
	}
	return n, early(err)
}

// toTheEnd reads up to the end of the connection.
func (b *body) toTheEnd(p []byte) (int, error) { return b.c.Read(p) }

// early makes an error of an end that comes before the end.
func early(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// chunks reads a chunked body (RFC 9112 7.1). It waits for the first byte alone,
// and then takes what is there.
func (b *body) chunks(p []byte) (n int, err error) {
	for {
		if b.left == 0 && !b.last {
			if n > 0 && !b.another() {
				return n, nil
			}
			if err := b.next(); err != nil {
				return n, early(err)
			}
		}
		if b.last {
			if n > 0 && (b.c.buffered() < 2 || b.c.buf[b.c.r] != '\r') {
				return n, nil
			}
			return n, b.trailers()
		}
		if n == len(p) || n > 0 && b.c.buffered() == 0 {
			return n, nil
		}
		m, err := b.c.Read(p[n : n+int(min(int64(len(p)-n), b.left))])
		if m == 0 {
			return n, early(err)
		}
		n += m
		b.left -= int64(m)
	}
}

// another says whether the next chunk's first line has come.
func (b *body) another() bool {
	return b.c.buffered() > 2 && bytes.IndexByte(b.c.buf[b.c.r+2:b.c.w], '\n') >= 0
}

// next reads the end of a chunk, and the first line of the next one.
func (b *body) next() error {
	if b.due {
		if err := b.c.end(); err != nil {
			return err
		}
	}
	line, err := b.c.line(maxChunkLine)
	if err != nil {
		return err
	}
	size, extension, _ := bytes.Cut(line, []byte(";"))
	if b.extensions += len(line) - len(size); b.extensions > maxExtensions {
		return tooExtended
	}
	if !only(extension, inValue) {
		return badValue
	}
	if b.left, err = hex(size); err != nil {
		return err
	}
	b.due, b.last = true, b.left == 0
	return nil
}

// hex reads 1*HEXDIG: no sign, no blank, no prefix.
func hex(digits []byte) (n int64, err error) {
	if len(digits) == 0 || len(digits) > 15 {
		return 0, badChunkSize
	}
	for _, c := range digits {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, badChunkSize
		}
		n = n<<4 | int64(c)
	}
	return n, nil
}

// trailers reads what follows the last chunk; io.EOF is its success.
func (b *body) trailers() error {
	text, lines, err := b.c.lines(maxTrailers)
	if err != nil {
		return early(err)
	}
	if lines == 1 {
		return io.EOF
	}
	fields, err := parseFields(string(text), lines-1)
	if err != nil {
		return err
	}
	for name := range fields {
		if framesOrRoutes(name) {
			return badTrailer
		}
	}
	if b.answer.Trailer == nil {
		b.answer.Trailer = http.Header{}
	}
	maps.Copy(b.answer.Trailer, fields)
	return io.EOF
}
