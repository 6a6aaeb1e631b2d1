package strictjson

import (
	"strconv"
	"strings"
)

// shortNumber reads the usual number, a few digits with something behind them
// that goes on no number, and returns i for every other one.
func (p *parser) shortNumber(i int) int {
	text := p.text
	if len(text)-i < 16 || text[i]-'0' > 9 {
		return i
	}
	end := i + 1
	if text[i] != '0' { // nothing may follow a leading zero
		for end < i+15 && text[end]-'0' <= 9 {
			end++
		}
	}
	switch text[end] {
	case ',', '}', ']', ' ':
		return end
	}
	return i
}

// number follows RFC 8259 6, bounded in length and to what a float64 can hold,
// so that 1e400 is not infinity to one reader and an error to another.
func (p *parser) number(start int) (int, error) {
	text, i := p.text, start
	if i < len(text) && text[i] == '-' {
		i++
	}
	first := i
	if i = digits(text, i); i == first {
		return i, p.wrong(i)
	}
	if text[first] == '0' {
		i = first + 1 // a digit behind a leading zero is no part of the number
	}
	if i < len(text) && text[i] == '.' {
		fraction := digits(text, i+1)
		if fraction == i+1 {
			return fraction, ErrSyntax
		}
		i = fraction
	}
	mantissa := i
	if i < len(text) && text[i]|0x20 == 'e' {
		if i++; i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		end := digits(text, i)
		if end == i {
			return i, ErrSyntax
		}
		i = end
	}
	if i-start > MaxNumber {
		return i, ErrNumber
	}
	// An exponent of one or two digits takes MaxNumber others nowhere near the end.
	if i-mantissa > 3 && !finite(text[first:mantissa], text[mantissa+1:i]) {
		return i, ErrNumber
	}
	return i, nil
}

// greatest are the first digits of where infinity begins, half a step above the
// greatest float64: 1.797...e308.
const greatest = "17976931348623158"

// finite reports whether mantissa times ten to exponent is a finite float64. The
// standard library is asked only where the first digits leave it open: it costs
// as much as reading ten short numbers.
func finite(mantissa, exponent string) bool {
	if exponent[0] == '-' {
		return true // less than ten to MaxNumber
	}
	if len(mantissa) == 1 && len(exponent) == 3 && exponent[0] != '+' { // the shortest that is worth a look
		return mantissa[0] == '0' || exponent < "308" || exponent == "308" && mantissa[0] == '1'
	}
	n := 0 // the number is below ten to n
	for _, c := range []byte(exponent) {
		if c -= '0'; c <= 9 { // or it is the sign
			n = min(10*n+int(c), 10*MaxNumber)
		}
	}
	if n+len(mantissa) < 309 {
		return true
	}
	if len(mantissa) == 1 { // the shortest of those that are left
		return mantissa[0] == '0' || mantissa[0] == '1' && n == 308
	}
	digits, point, zeros := mantissa, len(mantissa), 0
	if dot := strings.IndexByte(mantissa, '.'); dot >= 0 {
		point = dot
	}
	for len(digits) > 0 && (digits[0] == '0' || digits[0] == '.') { // before the first digit that counts
		if digits[0] == '0' {
			zeros++
		}
		digits = digits[1:]
	}
	if digits == "" {
		return true // zero
	}
	if n += point - zeros; n != 309 { // now the number is not below a tenth of that either
		return n < 309
	}
	known := 0
	for _, c := range []byte(digits) {
		switch {
		case c == '.':
			continue
		case known == len(greatest):
		case c != greatest[known]:
			return c < greatest[known]
		default:
			known++
			continue
		}
		break
	}
	if known < len(greatest) {
		return true // digits that are left out are zeros
	}
	_, err := strconv.ParseFloat(mantissa+"e"+exponent, 64)
	return err == nil
}

// digits returns the index of the first byte from i on that is no digit.
func digits(text string, i int) int {
	for i < len(text) && text[i]-'0' <= 9 {
		i++
	}
	return i
}

// ShortInt returns the number that raw is when it is at most 18 digits and nothing
// else, as most are. Eight digits are read at once: as bytes, then as pairs, then
// as fours.
func ShortInt(raw string) (n int64, ok bool) {
	if raw == "" || len(raw) > 18 {
		return 0, false
	}
	for ; len(raw) >= 8; raw = raw[8:] {
		x := word(raw[:8])
		const high, threes, sixes = 0xf0f0f0f0f0f0f0f0, 0x3030303030303030, 0x0606060606060606
		if x&high != threes || (x+sixes)&high != threes {
			return 0, false
		}
		x -= threes
		x = (x*10 + x>>8) & 0x00ff00ff00ff00ff
		x = (x*100 + x>>16) & 0x0000ffff0000ffff
		n = n*1e8 + int64((x*10000+x>>32)&0xffffffff)
	}
	for i := range len(raw) {
		if raw[i]-'0' > 9 {
			return 0, false
		}
		n = n*10 + int64(raw[i]-'0')
	}
	return n, true
}
