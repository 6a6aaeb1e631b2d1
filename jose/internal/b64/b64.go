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
	"encoding/binary"
	"errors"
)

// What can be wrong with a spelling.
var (
	ErrLength    = errors.New("base64url: impossible length")
	ErrCharacter = errors.New("base64url: character outside the alphabet")
	ErrBits      = errors.New("base64url: non-zero trailing bits")
)

// bad marks a byte outside the alphabet, at a place where no group of four
// characters has a bit.
const bad = 1 << 31

// tables hold, for each place in a group of four characters, a byte's six bits
// where they belong in the group's 24, or bad. One look-up a character is then
// the whole work, and one look at the end says whether any was bad.
var tables = func() (t [4][256]uint32) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for place := range t {
		for i := range t[place] {
			t[place][i] = bad
		}
		for i := range len(alphabet) {
			t[place][alphabet[i]] = uint32(i) << (18 - 6*place)
		}
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
	t0, t1, t2, t3 := &tables[0], &tables[1], &tables[2], &tables[3]
	var seen uint32
	for len(src) >= 16 && len(dst) >= 14 { // twelve bytes are written, and two that the next round writes over
		s, d := src[:16], dst[:14]
		a := t0[s[0]] | t1[s[1]] | t2[s[2]] | t3[s[3]]
		b := t0[s[4]] | t1[s[5]] | t2[s[6]] | t3[s[7]]
		binary.BigEndian.PutUint64(d, uint64(a)<<40|uint64(b)<<16)
		seen |= a | b
		a = t0[s[8]] | t1[s[9]] | t2[s[10]] | t3[s[11]]
		b = t0[s[12]] | t1[s[13]] | t2[s[14]] | t3[s[15]]
		binary.BigEndian.PutUint64(d[6:], uint64(a)<<40|uint64(b)<<16)
		seen |= a | b
		src, dst = src[16:], dst[12:]
	}
	for len(src) >= 4 && len(dst) >= 3 {
		v := t0[src[0]] | t1[src[1]] | t2[src[2]] | t3[src[3]]
		seen |= v
		dst[0], dst[1], dst[2] = byte(v>>16), byte(v>>8), byte(v)
		src, dst = src[4:], dst[3:]
	}
	if seen&bad != 0 {
		return ErrCharacter
	}
	return tail(dst, src)
}

// tail decodes the last two or three characters and refuses a twin spelling
// whose unused bits are set (RFC 4648 3.5).
func tail(dst []byte, src string) error {
	var v, unused uint32
	switch len(src) {
	case 0:
		return nil
	case 2:
		v, unused = tables[0][src[0]]|tables[1][src[1]], 0xffff
	case 3:
		v, unused = tables[0][src[0]]|tables[1][src[1]]|tables[2][src[2]], 0xff
	default:
		return ErrLength
	}
	if v&bad != 0 {
		return ErrCharacter
	}
	if v&unused != 0 {
		return ErrBits
	}
	for i := range dst {
		dst[i] = byte(v >> (16 - 8*i))
	}
	return nil
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
