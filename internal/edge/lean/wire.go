package lean

import (
	"bytes"
	"io"
	"net"
)

// wire is a connection with a buffer before it.
type wire struct {
	net.Conn
	buf  []byte
	r, w int   // buf[r:w] was read and not used
	got  int64 // bytes read, ever
}

// bufferBytes is what a buffer begins with.
const bufferBytes = 4 << 10

func (w *wire) buffered() int { return w.w - w.r }

// fill reads more, and makes room for it within limit bytes.
func (w *wire) fill(limit int) error {
	if w.r == w.w {
		w.r, w.w = 0, 0
	}
	if w.w == len(w.buf) {
		switch {
		case w.r > 0:
			w.w = copy(w.buf, w.buf[w.r:w.w])
			w.r = 0
		default: // as much as a line or head may have, and a little of what follows
			grown := make([]byte, max(bufferBytes, min(2*len(w.buf), limit+bufferBytes)))
			w.w = copy(grown, w.buf[:w.w])
			w.buf = grown
		}
	}
	n, err := w.Conn.Read(w.buf[w.w:])
	w.w += n
	w.got += int64(n)
	if n > 0 {
		return nil // an error will come again
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// Read implements io.Reader: what was buffered, and then past the buffer.
func (w *wire) Read(p []byte) (int, error) {
	if w.r < w.w {
		n := copy(p, w.buf[w.r:w.w])
		w.r += n
		return n, nil
	}
	n, err := w.Conn.Read(p)
	w.got += int64(n)
	return n, err
}

// lines reads lines up to an empty one, which is the last: a head, or a trailer
// section. It returns them with their ends, and how many they are. Each ends in
// CRLF alone (RFC 9112 2.2 lets a reader take a bare LF; two readers may differ).
func (w *wire) lines(limit int) (text []byte, n int, err error) {
	begin, at := 0, 0 // of the line, and of what was not looked at, from w.r
	for {
		i := bytes.IndexByte(w.buf[w.r+at:w.w], '\n')
		if i < 0 {
			if at = w.buffered(); at >= limit {
				return nil, 0, tooLong
			}
			if err := w.fill(limit); err != nil {
				return nil, 0, err
			}
			continue
		}
		end := at + i // of the LF
		if end >= limit {
			return nil, 0, tooLong
		}
		if end == begin || w.buf[w.r+end-1] != '\r' {
			return nil, 0, bareLF
		}
		n++
		if end-1 == begin {
			text = w.buf[w.r : w.r+end+1]
			w.r += end + 1
			return text, n, nil
		}
		begin, at = end+1, end+1
	}
}

// line reads one line, without its end.
func (w *wire) line(limit int) ([]byte, error) {
	at := 0
	for {
		i := bytes.IndexByte(w.buf[w.r+at:w.w], '\n')
		if i < 0 {
			if at = w.buffered(); at >= limit {
				return nil, tooLong
			}
			if err := w.fill(limit); err != nil {
				return nil, err
			}
			continue
		}
		end := at + i
		if end >= limit {
			return nil, tooLong
		}
		if end == 0 || w.buf[w.r+end-1] != '\r' {
			return nil, bareLF
		}
		text := w.buf[w.r : w.r+end-1]
		w.r += end + 1
		return text, nil
	}
}

// end reads the CRLF after a chunk's data.
func (w *wire) end() error {
	for w.buffered() < 2 {
		if err := w.fill(bufferBytes); err != nil {
			return err
		}
	}
	if w.buf[w.r] != '\r' || w.buf[w.r+1] != '\n' {
		return badChunkEnd
	}
	w.r += 2
	return nil
}

// shrink gives back what a large head took, once all of it was used.
func (w *wire) shrink() {
	if len(w.buf) > bufferBytes {
		w.buf = make([]byte, bufferBytes)
	}
	w.r, w.w = 0, 0
}
