package jwe

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"

	"github.com/jotward/jotward/jose"
)

// deflate compresses content (RFC 1951, RFC 7516 4.1.3).
func deflate(plaintext []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.DefaultCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plaintext); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// inflate is bounded by what the caller can bear, not by what the message says
// (CVE-2024-28180). Bytes after the end are refused.
func inflate(compressed []byte, limit int) ([]byte, error) {
	in := bytes.NewReader(compressed)
	r := flate.NewReader(in)
	out, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	switch {
	case err != nil:
		return nil, fail(jose.TokenMalformed, "the content is not what zip says")
	case len(out) > limit:
		return nil, fail(jose.TokenOversize, fmt.Sprintf("the content inflates to more than %d bytes", limit))
	case in.Len() > 0:
		return nil, fail(jose.TokenMalformed, "data after the compressed content")
	}
	return out, nil
}
