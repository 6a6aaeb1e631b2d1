package edge

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"unicode/utf8"
)

// canonical returns the one reading of a request's host and path, and false
// when there could be two: what the edge matches and what the origin reads must
// be the same (CVE-2019-9901, CVE-2021-29492, CVE-2021-32779, CVE-2026-27587).
// Only the origin form is taken (RFC 9112 3.2.1): net/http drops the Host header
// of an absolute form, so that a disagreement could not be seen.
func canonical(r *http.Request) (host, path string, ok bool) {
	host, ok = canonicalHost(r.Host)
	if !ok {
		return "", "", false
	}
	path, _, _ = strings.Cut(r.RequestURI, "?")
	if !canonicalPath(path) || r.URL.EscapedPath() != path || r.URL.Host != "" || r.URL.Opaque != "" {
		return "", "", false
	}
	return host, path, true
}

// canonicalPath accepts a path whose every byte has one reading.
func canonicalPath(p string) bool {
	if p == "" || p[0] != '/' || strings.Contains(p, "//") {
		return false
	}
	escaped := false
	for i := 0; i < len(p); i++ {
		c := p[i]
		switch {
		case unreserved(c), c == '/', strings.IndexByte("!$&'()*+,=:@", c) >= 0:
		case c == '%':
			if i+2 >= len(p) || !canonicalEscape(p[i+1], p[i+2]) {
				return false
			}
			i += 2
			escaped = true
		default: // backslash, semicolon, fragment, controls, bytes beyond ASCII
			return false
		}
	}
	for segment := range strings.SplitSeq(p, "/") {
		if segment == "." || segment == ".." {
			return false
		}
	}
	return !escaped || utf8.ValidString(unescape(p))
}

// canonicalEscape refuses lower-case digits, escapes of what needs none
// (RFC 3986 6.2.2), and of what some server behind might decode into structure.
func canonicalEscape(hi, lo byte) bool {
	h, ok1 := hexDigit(hi)
	l, ok2 := hexDigit(lo)
	c := h<<4 | l
	return ok1 && ok2 && !unreserved(c) && c >= 0x20 && c != 0x7f && strings.IndexByte(`/\;%.?#`, c) < 0
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

func unescape(p string) string {
	out := make([]byte, 0, len(p))
	for i := 0; i < len(p); i++ {
		if p[i] != '%' {
			out = append(out, p[i])
			continue
		}
		h, _ := hexDigit(p[i+1])
		l, _ := hexDigit(p[i+2])
		out = append(out, h<<4|l)
		i += 2
	}
	return string(out)
}

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// plainPath says whether a configured path needs no escapes, so that no other
// spelling of it exists.
func plainPath(p string) bool {
	return canonicalPath(p) && !strings.ContainsAny(p, "%!$&'()*+,=:@")
}

// canonicalHost lower-cases and drops the port (CVE-2026-27588). A trailing
// dot is refused: it names the same host in a second way.
func canonicalHost(h string) (string, bool) {
	if len(h) > 261 || h == "" {
		return "", false
	}
	name := h
	if i := strings.LastIndexByte(h, ':'); i >= 0 && !strings.HasSuffix(h, "]") {
		var port string
		var err error
		if name, port, err = net.SplitHostPort(h); err != nil || port == "" || len(port) > 5 || strings.Trim(port, "0123456789") != "" {
			return "", false
		}
		if strings.HasPrefix(h, "[") {
			name = "[" + name + "]"
		}
	}
	if inner, ok := strings.CutPrefix(name, "["); ok {
		a, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		if err != nil || !a.Is6() || a.Zone() != "" || !strings.HasSuffix(name, "]") {
			return "", false
		}
		return "[" + a.String() + "]", true
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return "", false
		}
		for i := range len(label) {
			if c := label[i]; !unreserved(c) || c == '~' {
				return "", false
			}
		}
	}
	return strings.ToLower(name), true
}

// match finds the longest path that fits; none: the request goes nowhere.
func (s *state) match(host, path, method string) *route {
	for _, r := range s.routes {
		if len(r.hosts) > 0 && !r.hosts[host] || len(r.methods) > 0 && !r.methods[method] {
			continue
		}
		if prefix(r.Path, path) {
			return r
		}
	}
	return nil
}

// prefix compares on segment boundaries: /api and /api/ do not match /apix.
func prefix(p, path string) bool {
	p = strings.TrimSuffix(p, "/")
	return strings.HasPrefix(path, p) && (len(path) == len(p) || path[len(p)] == '/')
}
