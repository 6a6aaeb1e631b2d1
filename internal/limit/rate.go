package limit

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// ParseRate reads "100/s", "100/m", "100/h" or "100/d": so many in that time, of
// which burst may come at once; 0 means all of them.
func ParseRate(text string, burst int) (Rate, error) {
	number, unit, _ := strings.Cut(text, "/")
	n, err := strconv.Atoi(number)
	window := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[unit]
	if err != nil || n < 1 || window == 0 || window/time.Duration(n) < 1 {
		return Rate{}, errors.New("a rate is written like 100/s, 100/m, 100/h or 100/d")
	}
	if burst == 0 {
		burst = n
	}
	if burst < 1 || burst > 1_000_000_000 || time.Duration(burst) > (1<<62)/(window/time.Duration(n)) {
		return Rate{}, errors.New("a burst is a number of requests above zero")
	}
	return Rate{Every: window / time.Duration(n), Burst: burst}, nil
}
