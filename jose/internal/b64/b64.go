// Package b64 decodes base64url in its one canonical spelling: no padding, no
// line breaks, no blanks, no other alphabet, no bits left over.
//
// encoding/base64 skips CR and LF even in strict mode, so that one token has
// many spellings and a deny list keyed on its text is passed. RFC 7515 2 allows
// none of that: "without the inclusion of any line breaks, whitespace, or other
// additional characters".
package b64

import (
	"encoding/base64"
	"errors"
)

// What can be wrong with a spelling.
var (
	ErrLength    = errors.New("base64url: impossible length")
	ErrCharacter = errors.New("base64url: character outside the alphabet")
	ErrBits      = errors.New("base64url: non-zero trailing bits")
)

const bad = 0xff

// table maps a byte to its six bits, or to bad.
var table = func() (t [256]byte) {
	for i := range t {
		t[i] = bad
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range len(alphabet) {
		t[alphabet[i]] = byte(i)
	}
	return t
}()

// Len returns how many bytes n characters decode to. No canonical spelling has
// a length of 1 modulo 4.
func Len(n int) (int, error) {
	if n%4 == 1 {
		return 0, ErrLength
	}
	return n/4*3 + n%4*3/4, nil
}

// Decode fills dst, whose length must be Len(len(src)), with the bytes that src spells.
func Decode(dst []byte, src string) error {
	var seen byte
	for len(src) >= 4 && len(dst) >= 3 {
		a, b, c, d := table[src[0]], table[src[1]], table[src[2]], table[src[3]]
		seen |= a | b | c | d
		dst[0] = a<<2 | b>>4
		dst[1] = b<<4 | c>>2
		dst[2] = c<<6 | d
		src, dst = src[4:], dst[3:]
	}
	// Values are below 64, so only bad sets the top bits.
	if seen&0xc0 != 0 {
		return ErrCharacter
	}
	return tail(dst, src)
}

// tail decodes the last two or three characters and refuses a twin spelling
// whose unused bits are set (RFC 4648 3.5).
func tail(dst []byte, src string) error {
	switch len(src) {
	case 0:
		return nil
	case 2:
		a, b := table[src[0]], table[src[1]]
		if (a|b)&0xc0 != 0 {
			return ErrCharacter
		}
		if b&0x0f != 0 {
			return ErrBits
		}
		dst[0] = a<<2 | b>>4
		return nil
	case 3:
		a, b, c := table[src[0]], table[src[1]], table[src[2]]
		if (a|b|c)&0xc0 != 0 {
			return ErrCharacter
		}
		if c&0x03 != 0 {
			return ErrBits
		}
		dst[0] = a<<2 | b>>4
		dst[1] = b<<4 | c>>2
		return nil
	}
	return ErrLength
}

// AppendDecode appends the bytes that src spells to dst.
func AppendDecode(dst []byte, src string) ([]byte, error) {
	n, err := Len(len(src))
	if err != nil {
		return dst, err
	}
	start := len(dst)
	if cap(dst)-start < n {
		grown := make([]byte, start, start+n)
		copy(grown, dst)
		dst = grown
	}
	dst = dst[:start+n]
	if err := Decode(dst[start:], src); err != nil {
		return dst[:start], err
	}
	return dst, nil
}

// Bytes decodes src into memory of its own.
func Bytes(src string) ([]byte, error) { return AppendDecode(nil, src) }

// Encode spells src. Encoding has one result, so the standard library's will do.
func Encode(src []byte) string { return base64.RawURLEncoding.EncodeToString(src) }

// AppendEncode appends the spelling of src to dst.
func AppendEncode(dst, src []byte) []byte { return base64.RawURLEncoding.AppendEncode(dst, src) }
