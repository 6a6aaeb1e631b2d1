package edge

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
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
	path, query, _ := strings.Cut(r.RequestURI, "?")
	if !canonicalPath(path) || !canonicalQuery(query) || r.URL.EscapedPath() != path || r.URL.RawQuery != query || r.URL.Host != "" || r.URL.Opaque != "" {
		return "", "", false
	}
	// HTTP/1 leaves no Host header here; HTTP/2 may bring one beside :authority,
	// and an origin may read the other (RFC 9113 8.3.1).
	for _, other := range r.Header["Host"] {
		if other != r.Host {
			return "", "", false
		}
	}
	return host, path, lengthHolds(r) && canonicalMethod(r.Method)
}

// lengthHolds says whether a declared length has one reading. HTTP/1 keeps one; of
// several in HTTP/2 net/http takes the first, and looks at none where the fields end
// the request (RFC 9113 8.1.1).
func lengthHolds(r *http.Request) bool {
	switch l := r.Header["Content-Length"]; len(l) {
	case 0:
		return true
	case 1:
		return r.ContentLength != 0 || l[0] == "0"
	}
	return false
}

// canonicalMethod refuses what some origins would write in capitals and others
// would not (RFC 9110 9.1: methods are case-sensitive), and what is no token:
// HTTP/2 lets a method hold blanks, and with them a request line of its own.
func canonicalMethod(m string) bool {
	for i := range len(m) {
		if c := m[i]; !('A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return m != ""
}

// forwardable are all methods but two. TRACE shows its sender what the edge
// adds for the origin alone (RFC 9110 9.3.8); CONNECT asks for a tunnel, and its
// answer has no end that both sides agree on (RFC 9110 9.3.6).
func forwardable(method string) bool {
	return method != http.MethodTrace && method != http.MethodConnect
}

// canonicalQuery refuses what a request line cannot carry (RFC 3986 3.4), and
// the fragment that one server cuts off and another reads.
func canonicalQuery(q string) bool {
	for i := range len(q) {
		if c := q[i]; c <= 0x20 || c >= 0x7f || c == '#' {
			return false
		}
	}
	return true
}

// canonicalPath accepts a path whose every byte has one reading.
func canonicalPath(p string) bool {
	if p == "" || p[0] != '/' || strings.Contains(p, "//") {
		return false
	}
	for i := 0; i < len(p); i++ {
		c := p[i]
		switch {
		case unreserved(c), c == '/', strings.IndexByte("!$&'()*+,=:@", c) >= 0:
		case c == '%':
			if i+2 >= len(p) || !canonicalEscape(p[i+1], p[i+2]) {
				return false
			}
			i += 2
		default: // backslash, semicolon, fragment, controls, bytes beyond ASCII
			return false
		}
	}
	for segment := range strings.SplitSeq(p[1:], "/") {
		if !canonicalSegment(segment) {
			return false
		}
	}
	return true
}

// canonicalSegment refuses what some file system or server would shorten or
// rewrite: dots and blanks at an end (Windows drops them, so that ".. " is
// ".."), the session segment of ASP.NET, and letters that Unicode's
// compatibility forms turn into ASCII.
func canonicalSegment(s string) bool {
	if s == "" {
		return true // the root, or what follows a trailing slash
	}
	text := s
	if strings.Contains(s, "%") {
		if text = unescape(s); !utf8.ValidString(text) || strings.ContainsFunc(text, lookalike) {
			return false
		}
	}
	if last := text[len(text)-1]; last == '.' || last == ' ' || text[0] == ' ' {
		return false
	}
	return !strings.HasPrefix(text, "(") || !strings.HasSuffix(text, "))")
}

// canonicalEscape refuses escapes of what needs none (RFC 3986 6.2.2.2), and of
// what some server behind might decode into structure. The case of the digits
// says nothing (RFC 3986 6.2.2.1), and no route's path has any.
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
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
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

// lookalikes are the blocks whose compatibility forms (NFKC, or the best fit of
// a code page) or case folding give ASCII: a server that normalises reads a
// fullwidth solidus as "/" and a Kelvin sign as "k". The blocks are refused
// whole, for the letters in them that do no harm are not worth a table.
var lookalikes = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x00aa, Hi: 0x00aa, Stride: 1}, {Lo: 0x00b2, Hi: 0x00b3, Stride: 1}, {Lo: 0x00b9, Hi: 0x00ba, Stride: 1}, {Lo: 0x00bc, Hi: 0x00be, Stride: 1}, // superscripts, fractions
		{Lo: 0x0130, Hi: 0x0133, Stride: 1}, {Lo: 0x017f, Hi: 0x017f, Stride: 1}, {Lo: 0x01c4, Hi: 0x01cc, Stride: 1}, {Lo: 0x01f1, Hi: 0x01f3, Stride: 1}, // dotted and dotless i, long s, digraphs
		{Lo: 0x02b0, Hi: 0x02ff, Stride: 1}, {Lo: 0x037e, Hi: 0x037e, Stride: 1}, // modifier letters, the Greek question mark (it is ";")
		{Lo: 0x1d2c, Hi: 0x1dbf, Stride: 1}, {Lo: 0x1e9a, Hi: 0x1e9b, Stride: 1}, {Lo: 0x1fef, Hi: 0x1fef, Stride: 1}, // phonetic letters, the Greek grave
		{Lo: 0x2024, Hi: 0x2026, Stride: 1}, {Lo: 0x203c, Hi: 0x203c, Stride: 1}, {Lo: 0x2044, Hi: 0x2044, Stride: 1}, {Lo: 0x2047, Hi: 0x2049, Stride: 1}, {Lo: 0x2057, Hi: 0x2057, Stride: 1}, {Lo: 0x2070, Hi: 0x209f, Stride: 1}, {Lo: 0x20a8, Hi: 0x20a8, Stride: 1}, // dot leaders, ellipsis, doubled marks, the fraction slash, sub- and superscripts
		{Lo: 0x2100, Hi: 0x218f, Stride: 1}, {Lo: 0x2215, Hi: 0x2216, Stride: 1}, {Lo: 0x2460, Hi: 0x24ff, Stride: 1}, {Lo: 0x2a74, Hi: 0x2a76, Stride: 1}, // letterlike, numbers, solidus, enclosed
		{Lo: 0x2c7c, Hi: 0x2c7d, Stride: 1}, {Lo: 0x3000, Hi: 0x3000, Stride: 1}, {Lo: 0x3200, Hi: 0x33ff, Stride: 1}, {Lo: 0xa7f2, Hi: 0xa7f4, Stride: 1}, // CJK compatibility
		{Lo: 0xfb00, Hi: 0xfb06, Stride: 1}, {Lo: 0xfe10, Hi: 0xfe19, Stride: 1}, {Lo: 0xfe30, Hi: 0xfe6f, Stride: 1}, {Lo: 0xff00, Hi: 0xffef, Stride: 1}, // ligatures, small and fullwidth forms
	},
	R32:         []unicode.Range32{{Lo: 0x1d400, Hi: 0x1d7ff, Stride: 1}, {Lo: 0x1f100, Hi: 0x1f2ff, Stride: 1}, {Lo: 0xe0000, Hi: 0xe0fff, Stride: 1}}, // mathematical, enclosed, tags
	LatinOffset: 4,
}

// lookalike also finds what is not printed at all and so may be dropped.
func lookalike(r rune) bool { return !unicode.IsPrint(r) || unicode.Is(lookalikes, r) }

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
		if name, port, err = net.SplitHostPort(h); err != nil || len(port) > 5 {
			return "", false
		}
		if _, err = strconv.ParseUint(port, 10, 16); err != nil {
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

// match finds the route of a canonical request; none: it goes nowhere. It is
// ambiguous when an origin that ignores case would take the path for one of
// another route: /ADMIN must not pass through a catch-all beside /admin.
func (s *state) match(host, path, method string) (r *route, ambiguous bool) {
	r = s.find(host, path, method, func(r *route) string { return r.Path })
	if folded := lower(path); folded != path {
		ambiguous = r != s.find(host, folded, method, func(r *route) string { return r.folded })
	}
	return r, ambiguous
}

func (s *state) find(host, path, method string, of func(*route) string) *route {
	for _, r := range s.routes {
		if len(r.hosts) > 0 && !r.hosts[host] || len(r.methods) > 0 && !r.methods[method] {
			continue
		}
		if prefix(of(r), path) {
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

// lower changes ASCII letters only. The digits of escapes change with them,
// which does no harm: a route's path has no escapes.
func lower(s string) string {
	return strings.Map(func(c rune) rune {
		if 'A' <= c && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return c
	}, s)
}
