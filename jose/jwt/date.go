package jwt

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/internal/strictjson"
)

// maxDate is the last second of the year 9999. Greater numbers are no dates but
// attempts to make an integer wrap.
const maxDate = 253402300799

// parseDate reads a NumericDate (RFC 7519 2): a number of seconds between 1970
// and the year 9999. An integer is exact. A fraction or an exponent is read as
// a float64, which is exact to less than a microsecond in this range; what is
// beneath a nanosecond is dropped. The scanner has already bounded its length.
func parseDate(raw string) (time.Time, bool) {
	if raw == "" || raw[0] == '-' {
		return time.Time{}, false
	}
	if sec, ok := strictjson.ShortInt(raw); ok {
		return time.Unix(sec, 0).UTC(), sec <= maxDate
	}
	if !strings.ContainsAny(raw, ".eE") {
		return time.Time{}, false // an integer of more than 18 digits
	}
	f, err := strconv.ParseFloat(raw, 64)
	if err != nil || !(f >= 0 && f <= maxDate) {
		return time.Time{}, false
	}
	sec, fraction := math.Modf(f)
	return time.Unix(int64(sec), int64(fraction*1e9)).UTC(), true
}

// A NumericDate is a claim that is a number of seconds since 1970, such as
// auth_time, for use in the caller's claims. It is written in whole seconds and
// read by the rules of exp: strings, negative numbers and dates after the year
// 9999 are refused.
type NumericDate struct{ time.Time }

// MarshalJSON writes whole seconds, rounded down. It fails with ClaimsInvalid
// outside the years 1970 to 9999.
func (d NumericDate) MarshalJSON() ([]byte, error) {
	sec := d.Unix()
	if sec < 0 || sec > maxDate {
		return nil, fail(jose.ClaimsInvalid, "a date outside the years 1970 to 9999")
	}
	return strconv.AppendInt(nil, sec, 10), nil
}

// UnmarshalJSON reads one number. It fails with ClaimsInvalid.
func (d *NumericDate) UnmarshalJSON(text []byte) error {
	var doc strictjson.Doc
	if doc.Scan(`{"date":`+string(text)+`}`) == nil && doc.Len() == 1 {
		if _, v := doc.Member(0); v.Kind == strictjson.Number {
			if t, ok := parseDate(v.Raw); ok {
				d.Time = t
				return nil
			}
		}
	}
	return fail(jose.ClaimsInvalid, "not a NumericDate")
}
