package rule

import (
	"slices"
	"strings"
)

// A headerName is the name of a header, made ready to be looked for.
type headerName struct {
	lower     string
	canonical string // as net/http keys it
	folded    string // see foldName
}

func newHeaderName(name string) headerName {
	return headerName{lower(name), canonicalHeader(name), foldName(name)}
}

// foldName gives one name to all spellings that a server may take for the same: those of the
// CGI kind make X_A of X-A, of X_A and of X.A.
func foldName(name string) string {
	b := []byte(name)
	for i, c := range b {
		b[i] = foldByte(c)
	}
	return string(b)
}

func foldByte(c byte) byte {
	switch {
	case 'A' <= c && c <= 'Z':
		return c + 32
	case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		return c
	}
	return '-'
}

// sameName reports whether two names fold to one.
func sameName(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if foldByte(a[i]) != foldByte(b[i]) {
			return false
		}
	}
	return true
}

// oddly reports whether the request has a header in a spelling of its own, so that one may be
// there under another name than net/http's. It is found out once a request.
func (m *matcher) oddly() bool {
	if !m.looked {
		m.looked = true
		for name := range m.request.Header {
			if !usual(name) {
				m.odd = true
				break
			}
		}
	}
	return m.odd
}

// usual reports whether a name is one that net/http writes, of letters, digits and dashes.
func usual(name string) bool {
	first := true
	for i := range len(name) {
		c := name[i]
		if c-'a' <= 'z'-'a' && !first { // nearly all
			continue
		}
		if c != '-' && c-'0' > '9'-'0' && !(first && c-'A' <= 'Z'-'A') {
			return false
		}
		first = c == '-'
	}
	return true
}

// sole reports whether a header is certainly there once and goes on, or certainly not there.
func (n *headerName) sole(m *matcher) bool {
	lines := len(m.request.Header[n.canonical])
	if lines > 1 || lines == 1 && m.request.dropped(n.folded) {
		return false
	}
	if !m.oddly() && usual(n.canonical) {
		return true
	}
	for name, values := range m.request.Header {
		if len(values) > 0 && name != n.canonical && sameName(name, n.folded) {
			return false
		}
	}
	return true
}

// spelled are the names under which a header came.
func (n *headerName) spelled(r *Request) (out []string) {
	for name, values := range r.Header {
		if len(values) > 0 && sameName(name, n.folded) {
			out = append(out, name)
		}
	}
	return out
}

// holds reports whether a header has a value: for a ban in one of its lines or spellings or in
// an item of a list (RFC 9110 5.3); else in the one line that there is.
func (h *headerValue) holds(m *matcher, wide bool) bool {
	lines := m.request.Header[h.canonical]
	if !wide {
		return len(lines) == 1 && lines[0] == h.value && h.sole(m)
	}
	if says(lines, h.value) {
		return true
	}
	if !m.oddly() && usual(h.canonical) {
		return false
	}
	return slices.ContainsFunc(h.spelled(m.request), func(name string) bool { return says(m.request.Header[name], h.value) })
}

func says(lines []string, want string) bool {
	for _, v := range lines {
		if v == want {
			return true
		}
		for item := range strings.SplitSeq(v, ",") {
			if strings.TrimSpace(item) == want {
				return true
			}
		}
	}
	return len(lines) > 1 && strings.Contains(want, ",") && strings.Join(lines, ", ") == want
}
