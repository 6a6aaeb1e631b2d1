package strictjson

import (
	"math/bits"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// plain marks the bytes that stand for themselves inside a string.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 0x80; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// skipPlain returns the index of the first byte from i on that is not plain.
func skipPlain(text string, i int) int {
	for len(text)-i >= 8 {
		if found := special(word(text[i : i+8])); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
		i += 8
	}
	for i < len(text) && plain[text[i]] {
		i++
	}
	return i
}

// word reads eight bytes, the first as the lowest.
func word[T string | []byte](s T) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// special marks, in its lowest set bit, the first byte of a word that is not
// plain, and is 0 when there is none. Ones and tops find, in each of the eight, a
// byte below 0x20, one that equals a quote or a backslash, or a set top bit.
// Borrows run upwards only, so the lowest byte that is found is a true one.
func special(x uint64) uint64 {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	quote, slash := x^(ones*'"'), x^(ones*'\\')
	return ((x-ones*0x20)|(quote-ones)|(slash-ones))&tops | x&tops
}

// str reads a string from its opening to behind its closing quote.
func (p *parser) str(i int) (end int, escaped bool, err error) {
	if !p.at(i, '"') {
		return i, false, p.wrong(i)
	}
	text := p.text
	for i = skipPlain(text, i+1); i < len(text); i = skipPlain(text, i) {
		switch c := text[i]; {
		case c == '"':
			return i + 1, escaped, nil
		case c == '\\':
			escaped = true
			n, err := escape(text[i:])
			if err != nil {
				return i, false, err
			}
			i += n
		case c < 0x20:
			return i, false, ErrControl
		default:
			if i, err = runes(text, i); err != nil {
				return i, false, err
			}
		}
	}
	return i, false, ErrEnd
}

// runes reads characters outside ASCII, one or more, at i.
func runes(text string, i int) (end int, err error) {
	for i < len(text) && text[i] >= utf8.RuneSelf {
		// The usual ones have two bytes: C2 to DF before one of 80 to BF.
		if text[i]-0xc2 <= 0xdf-0xc2 && len(text)-i > 1 && text[i+1]&0xc0 == 0x80 {
			i += 2
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && n == 1 {
			return i, ErrUTF8
		}
		i += n
	}
	return i, nil
}

// escape returns the length of the escape sequence at the start of s.
func escape(s string) (int, error) {
	if len(s) < 2 {
		return 0, ErrEnd
	}
	switch s[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, nil
	case 'u':
	default:
		return 0, ErrSyntax
	}
	r, err := hex4(s)
	if err != nil {
		return 0, err
	}
	if !utf16.IsSurrogate(r) {
		return 6, nil
	}
	// Half a pair has no meaning that two readers share (RFC 8259 8.2).
	if len(s) < 12 || s[6] != '\\' || s[7] != 'u' {
		return 0, ErrSurrogate
	}
	low, err := hex4(s[6:])
	if err != nil {
		return 0, err
	}
	if utf16.DecodeRune(r, low) == utf8.RuneError {
		return 0, ErrSurrogate
	}
	return 12, nil
}

// hex4 reads the four digits of a \uXXXX at the start of s.
func hex4(s string) (rune, error) {
	if len(s) < 6 {
		return 0, ErrEnd
	}
	a, b, c, d := hex[s[2]], hex[s[3]], hex[s[4]], hex[s[5]]
	if a|b|c|d > 15 {
		return 0, ErrSyntax
	}
	return rune(a)<<12 | rune(b)<<8 | rune(c)<<4 | rune(d), nil
}

// hex holds what a hexadecimal digit stands for, and more than 15 for every other byte.
var hex = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c >= '0' && c <= '9':
			t[c] = uint8(c - '0')
		case c >= 'a' && c <= 'f':
			t[c] = uint8(c - 'a' + 10)
		case c >= 'A' && c <= 'F':
			t[c] = uint8(c - 'A' + 10)
		default:
			t[c] = 0xff
		}
	}
	return t
}()

// unescape resolves the escapes of a string that str has accepted.
func unescape(s string) string { return string(appendUnescaped(make([]byte, 0, len(s)), s)) }

// unescapeQuoted is unescape for a string that is still in its quotes. Out of line,
// it leaves Value.Text small enough to stand in its callers.
//
//go:noinline
func unescapeQuoted(s string) string { return unescape(s[1 : len(s)-1]) }

func appendUnescaped(out []byte, s string) []byte {
	for s != "" {
		if s[0] != '\\' { // up to the next escape at once
			n := strings.IndexByte(s, '\\')
			if n < 0 {
				return append(out, s...)
			}
			out, s = append(out, s[:n]...), s[n:]
		}
		switch c := s[1]; c {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, _ := hex4(s)
			if r < utf8.RuneSelf {
				out = append(out, byte(r))
			} else {
				if utf16.IsSurrogate(r) {
					low, _ := hex4(s[6:])
					r = utf16.DecodeRune(r, low)
					s = s[6:]
				}
				out = utf8.AppendRune(out, r)
			}
			s = s[4:]
		default:
			out = append(out, c)
		}
		s = s[2:]
	}
	return out
}
