package rule

import (
	"slices"
	"strings"
)

// maxReadings bounds the ways in which a request is read for one ban. Nobody honest sends a
// header that often.
const maxReadings = 64

// readings are the requests that one may be taken for where it goes: with another spelling of
// the path, and with each value of a header that came more than once or in two spellings. ok
// is false when they are too many to ask about.
func (r *Request) readings() (list []*Request, ok bool) {
	paths := []string{r.Path}
	for _, p := range []string{lower(r.Path), strings.TrimRight(lower(r.Path), "/")} {
		if p != "" && !slices.Contains(paths, p) {
			paths = append(paths, p)
		}
	}
	headers, most := map[string][]string{}, 1
	for name, values := range r.Header { // once: a stranger chooses how many there are
		folded := foldName(name)
		headers[folded] = append(headers[folded], values...)
		most = max(most, len(headers[folded]))
	}
	if len(paths)*most > maxReadings {
		return nil, false
	}
	for _, p := range paths {
		for n := range most {
			as := *r
			as.Path, as.Header = p, make(map[string][]string, len(headers))
			for name, values := range headers {
				if len(values) > 0 {
					as.Header[name] = []string{values[min(n, len(values)-1)]}
				}
			}
			list = append(list, &as)
		}
	}
	return list, true
}

// said is all that came under a name, in whichever spelling: servers of the CGI kind make
// one of X-A and X_A.
func (r *Request) said(folded string) (out []string) {
	for name, values := range r.Header {
		if foldName(name) == folded {
			out = append(out, values...)
		}
	}
	return out
}

func foldName(name string) string { return strings.ReplaceAll(lower(name), "_", "-") }

// plain reports whether a request has one reading only.
func (r *Request) plain() bool {
	if r.Path != lower(r.Path) || len(r.Path) > 1 && strings.HasSuffix(r.Path, "/") {
		return false
	}
	for name, values := range r.Header {
		if len(values) != 1 || strings.ContainsRune(name, '_') {
			return false
		}
	}
	return true
}

// saysAny reports whether a header says what a ban is about: in one of its values, or in an
// item of a list (RFC 9110 5.3).
func (r *Request) saysAny(folded, want string) bool {
	for _, v := range r.said(folded) {
		if v == want {
			return true
		}
		for item := range strings.SplitSeq(v, ",") {
			if strings.TrimSpace(item) == want {
				return true
			}
		}
	}
	return false
}
