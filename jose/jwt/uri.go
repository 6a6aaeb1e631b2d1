package jwt

import (
	"strings"

	"github.com/jotward/jotward/jose"
)

// maxURI bounds an address in a proof.
const maxURI = 4096

// normalURI returns an http or https address as it is compared with another (RFC
// 9449 4.3): without query and fragment, and normalised by syntax and by scheme
// (RFC 3986 6.2.2, 6.2.3). Scheme and host are in lower case, an escape stands for
// nothing that could stand for itself and has upper-case digits, dot segments are
// resolved, the scheme's own port is left out, and an empty path is "/". What a path
// cannot hold as it stands and some clients send all the same, such as "|" and
// brackets, is spelled as its escape.
//
// Anything with a second reading is refused: userinfo, a backslash, a blank, a
// byte beyond ASCII, an escape that is none. It fails with ClaimMismatch, for an
// address that cannot be compared equals none.
func normalURI(text string) (string, error) {
	if len(text) > maxURI {
		return "", badURI("longer than an address needs to be")
	}
	if i := strings.IndexAny(text, "?#"); i >= 0 {
		text = text[:i]
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if scheme = lowerASCII(scheme); !ok || scheme != "https" && scheme != "http" {
		return "", badURI("no http or https address")
	}
	authority, path := splitPath(rest)
	host, err := normalAuthority(authority, scheme)
	if err != nil {
		return "", err
	}
	if path, err = normalEscapes(path); err != nil {
		return "", err
	}
	return scheme + "://" + host + removeDots(path), nil
}

// splitPath takes what follows the scheme apart.
func splitPath(rest string) (authority, path string) {
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return rest[:i], rest[i:]
	}
	return rest, ""
}

// requestURI is normalURI for the address of a request. Its path is whatever a
// stranger asked for: when that cannot be compared, wrong says so, and every proof is
// refused for it. err is about the rest, which the server gives.
func requestURI(text string) (url string, wrong, err error) {
	if url, wrong = normalURI(text); wrong == nil {
		return url, nil, nil
	}
	scheme, rest, _ := strings.Cut(text, "://")
	authority, _ := splitPath(rest)
	if _, err := normalURI(scheme + "://" + authority); err != nil {
		return "", nil, err
	}
	return "", wrong, nil
}

func badURI(why string) error { return fail(jose.ClaimMismatch, "the address is "+why) }

// normalAuthority takes host and port (RFC 3986 3.2). A host is a name of letters,
// digits, hyphens, dots and underscores, or an address in brackets: what HTTP
// servers serve under.
func normalAuthority(s, scheme string) (string, error) {
	host, port := s, ""
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		host, port = s[:i], s[i+1:]
	}
	host = lowerASCII(host)
	name := host
	allowed := "abcdefghijklmnopqrstuvwxyz0123456789-._"
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		name, allowed = host[1:len(host)-1], "0123456789abcdef:."
	}
	if name == "" || !onlyOf(name, allowed) {
		return "", badURI("of a host that cannot be compared")
	}
	if !onlyOf(port, "0123456789") || len(port) > 5 {
		return "", badURI("of a port that is no number")
	}
	port = strings.TrimLeft(port, "0")
	if port == "" || scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		return host, nil
	}
	return host + ":" + port, nil
}

func onlyOf(s, allowed string) bool {
	for i := range len(s) {
		if strings.IndexByte(allowed, s[i]) < 0 {
			return false
		}
	}
	return true
}

// normalEscapes resolves the escapes of unreserved characters and spells the
// others in upper case (RFC 3986 6.2.2.1, 6.2.2.2). Browsers leave some characters as
// they are that no path may hold (URL Standard, path percent-encode set), and net/http
// takes them: each is its escape.
func normalEscapes(path string) (string, error) {
	const unreservedMarks, others, loose = "-._~", "/!$&'()*+,;=:@", "\"<>[]^`{|}"
	out := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		c := path[i]
		switch {
		case isAlnum(c) || strings.IndexByte(unreservedMarks, c) >= 0 || strings.IndexByte(others, c) >= 0:
			out = append(out, c)
		case c == '%' && i+2 < len(path):
			high, low := hexDigit(path[i+1]), hexDigit(path[i+2])
			if high < 0 || low < 0 {
				return "", badURI("escaped wrongly")
			}
			if d := byte(high<<4 | low); isAlnum(d) || strings.IndexByte(unreservedMarks, d) >= 0 {
				out = append(out, d)
			} else {
				out = append(out, '%', "0123456789ABCDEF"[high], "0123456789ABCDEF"[low])
			}
			i += 2
		case strings.IndexByte(loose, c) >= 0:
			out = append(out, '%', "0123456789ABCDEF"[c>>4], "0123456789ABCDEF"[c&15])
		default:
			return "", badURI("holding a character that a path cannot hold")
		}
	}
	return string(out), nil
}

// removeDots resolves "." and ".." (RFC 3986 5.2.4). A path that is not empty
// begins with a slash.
func removeDots(path string) string {
	if path == "" {
		return "/"
	}
	segments := strings.Split(path[1:], "/")
	var out []string
	for i, s := range segments {
		last := i == len(segments)-1
		switch s {
		case ".":
		case "..":
			if len(out) > 0 {
				out = out[:len(out)-1]
			}
		default:
			out = append(out, s)
			continue
		}
		if last {
			out = append(out, "")
		}
	}
	return "/" + strings.Join(out, "/")
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// lowerASCII is strings.ToLower for ASCII: U+212A is no k here.
func lowerASCII(s string) string {
	out := []byte(s)
	for i, c := range out {
		if 'A' <= c && c <= 'Z' {
			out[i] = c + 'a' - 'A'
		}
	}
	return string(out)
}
