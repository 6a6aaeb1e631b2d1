package edge

import (
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jotward/jotward/internal/config"
)

// Every target here has two readings somewhere, and reaches nobody.
func TestAmbiguousTargets(t *testing.T) {
	t.Parallel()
	w := build(t, with(config.Route{Name: "all", Path: "/", Auth: "none"}))
	for _, target := range []string{
		"/api/../x", "/api/./x", "//api/x", "/api//x", "/api/..", "/api/.", "/api/%2e%2e/x", "/api/%2E", "/api/.%2e/x", "/api/.../x", "/api/x.", "/api./x", "/api/..%20/x", "/api/x%20", "/api/%20x",
		"/api%2Fx", "/api%2fx", "/api/%5Cx", "/api/%5cx", `/api/\x`, `/api\x`, "/api/%00", "/api/x%00.html", "/api/;x", "/api;v=1/x", "/api/..;/x", "/api/%3B", "/api/%3bx",
		"/api/%61", "/api/%c3", "/api/%C0%AE", "/api/%C0%AF", "/api/%E0%80%AE", "/api/%F0%80%80%AF", "/api/%ED%A0%80", "/api/%FF", "/api/\xc0\xae", "/api/é",
		"/api/%252e", "/api/%25", "/api/%", "/api/%2", "/api/%zz", "/api/%u002e", "/api/%0A", "/api/%0D%0A", "/api/%7F", "/api/%3F", "/api/%23",
		"/api/%EF%BC%8E%EF%BC%8E/x", "/api/%EF%BC%8Fx", "/api/%E2%80%A5/x", "/api/%E2%80%8Bx", "/api/%C5%BFx", "/api/%E2%84%AAx", "/api/%F0%9D%90%80", "/api/%C2%A0", "/api/%CD%BEx",
		"/(S(x))/api/x", "/API/x", "/Api", "/api/x#f", "/api/x?a#b", "/api/x?\xe9", "http://edge.example/api/x", "http://other/api/x", "https://user@edge.example/api", "*", "api/x", "edge.example:80", "?x",
	} {
		if a := w.get(target, w.bearer(nil)); a.status != 400 {
			t.Errorf("%s: %s", target, a)
		}
	}
	for _, text := range []string{"OPTIONS * HTTP/1.1\r\nHost: e\r\n", "CONNECT edge.example:443 HTTP/1.1\r\nHost: edge.example:443\r\n", "CONNECT /api/x HTTP/1.1\r\nHost: e\r\nX: y\r\n",
		"get /api/x HTTP/1.1\r\nHost: e\r\n", "gET /x HTTP/1.1\r\nHost: e\r\n"} {
		if a := w.raw(text + w.bearer(nil) + "\r\n"); a.status != 400 && !strings.HasPrefix(text, "CONNECT /") {
			t.Errorf("%q: %s", text, a)
		}
	}
	for _, method := range []string{"TRACE", "CONNECT"} {
		if a := w.raw(method + " /api/x HTTP/1.1\r\nHost: e\r\n" + w.bearer(nil) + "\r\n"); a.status != 405 || a.header.Get("Allow") == "" {
			t.Errorf("%s: %s", method, a)
		}
	}
	if n := w.origin.hits.Load(); n > 0 {
		t.Error("the origin was reached", n)
	}
}

func TestAmbiguousHosts(t *testing.T) {
	t.Parallel()
	w := build(t)
	for _, h := range []string{"", "a..b", "a.", "edge.example.", "a:b", "a:", "a:1:2", "a:123456", "a:99999", "a:+80", "é", "[::1", "[::1%25eth0]", "[fe80::1%eth0]", "[127.0.0.1]", "::1", "a/b", "user@a", "user:pw@a", "a b", "a,b", "a%2eb", ".a", "a?b", "a#b", `a\b`,
		strings.Repeat("a", 64), strings.Repeat("a.", 140) + "a"} {
		if a := w.get("/api/x", "Host: "+h+"\r\n"+w.bearer(nil)); a.status != 400 {
			t.Errorf("host %q: %s", h, a)
		}
	}
	for _, headers := range []string{"Host: a\r\nHost: b\r\n", "Host: a\r\nHost: a\r\n", "X: y\r\n"} {
		if a := w.raw("GET /api/x HTTP/1.1\r\n" + headers + w.bearer(nil) + "\r\n"); a.status != 400 {
			t.Errorf("%q: %s", headers, a)
		}
	}
	if a := w.raw("GET /api/x HTTP/1.0\r\n" + w.bearer(nil) + "\r\n"); a.status != 400 {
		t.Error("HTTP/1.0 without a host:", a)
	}
	if w.origin.hits.Load() != 0 {
		t.Error("the origin was reached")
	}
}

// One host has many spellings that all mean the same route.
func TestHostSpellings(t *testing.T) {
	t.Parallel()
	w := build(t, with(config.Route{Name: "named", Path: "/api", Hosts: []string{"Edge.Example", "[::1]"}, Scopes: []string{"more"}}))
	for _, h := range []string{"edge.example", "EDGE.example", "edge.example:80", "Edge.Example:65535", "[::1]", "[0:0:0:0:0:0:0:1]:80"} {
		if a := w.get("/api/x", "Host: "+h+"\r\n"+w.bearer(nil)); a.status != 403 || a.event.Route != "named" {
			t.Errorf("host %q: %s", h, a)
		}
	}
}

// The origin is sent the bytes that were matched.
func TestBytesForwarded(t *testing.T) {
	t.Parallel()
	w := build(t)
	for _, target := range []string{"/api", "/api/", "/api/a%20b", "/api/%C3%A9", "/api/%c3%a9", "/api/a+b,c=d:e@f!$&'()*", "/api/x?", "/api/x?a=%2f&b=;c&%zz", "/api/x?a=b?c/d\\e|f", "/api/x~y_z-1.2", "/api/..x/x..y", "/api/%5B%5D"} {
		if a := w.get(target, w.bearer(nil)); a.status != 200 || w.origin.last.Load().RequestURI != target {
			t.Errorf("%s: %s, the origin read %s", target, a, w.origin.last.Load().RequestURI)
		}
	}
	long := "/api/" + strings.Repeat("x", 30000)
	if a := w.get(long, w.bearer(nil)); a.status != 200 || w.origin.last.Load().RequestURI != long {
		t.Error("a long path", a.status)
	}
	for _, text := range []string{"GET /api/" + strings.Repeat("x", 80000) + " HTTP/1.1\r\nHost: a\r\n\r\n", "GET /api HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 80000) + "\r\n\r\n"} {
		if a := w.raw(text); a.status != 431 || a.code() != "headers_too_large" || string(a.event.Reason) != "headers_too_large" {
			t.Error("too long:", a)
		}
	}
}

// What HTTP/1 lets two readers cut differently is refused, or arrives as one
// clean request (RFC 9112 11.2).
func TestSmuggling(t *testing.T) {
	t.Parallel()
	w := build(t)
	auth := "Host: e\r\n" + w.bearer(nil)
	for name, text := range map[string]string{
		"two lengths":        "POST /api HTTP/1.1\r\n" + auth + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
		"lengths in a list":  "POST /api HTTP/1.1\r\n" + auth + "Content-Length: 1, 2\r\n\r\nab",
		"signed length":      "POST /api HTTP/1.1\r\n" + auth + "Content-Length: +1\r\n\r\na",
		"xchunked":           "POST /api HTTP/1.1\r\n" + auth + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"two codings":        "POST /api HTTP/1.1\r\n" + auth + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"identity":           "POST /api HTTP/1.1\r\n" + auth + "Transfer-Encoding: identity\r\n\r\n",
		"bare LF in a chunk": "POST /api HTTP/1.1\r\n" + auth + "Transfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n1\na\r\n0\r\n\r\n",
		"space before colon": "GET /api HTTP/1.1\r\n" + auth + "X-User : root\r\n\r\n",
		"invalid name":       "GET /api HTTP/1.1\r\n" + auth + "X(User): root\r\n\r\n",
		"NUL in a value":     "GET /api HTTP/1.1\r\n" + auth + "X-A: a\x00b\r\n\r\n",
		"CR in a value":      "GET /api HTTP/1.1\r\n" + auth + "X-A: a\rX-User: root\r\n\r\n",
		"space in a target":  "GET /api /x HTTP/1.1\r\n" + auth + "\r\n",
		"tab in a target":    "GET /api\t/x HTTP/1.1\r\n" + auth + "\r\n",
		"HTTP/2.0":           "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	} {
		if a := w.raw(text); a.status < 400 || a.status == 404 || a.status == 401 {
			t.Errorf("%s: %s", name, a)
		}
	}
	// What follows a request that two servers may cut differently is never read.
	next := "GET /api/smuggled HTTP/1.1\r\n" + auth + "\r\n"
	for name, text := range map[string]string{
		"both framings":            "POST /api HTTP/1.1\r\n" + auth + fmt.Sprintf("Content-Length: %d\r\n", len(next)+5) + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"chunks in HTTP/1.0":       "POST /api HTTP/1.0\r\n" + auth + "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n",
		"both framings, refused":   "POST /none HTTP/1.1\r\n" + auth + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"chunks in 1.0, no length": "GET /api HTTP/1.0\r\n" + auth + "Connection: keep-alive\r\n\r\n",
	} {
		before := w.origin.hits.Load()
		all := w.exchange(text + next)
		if n := w.origin.hits.Load() - before; n > 1 || strings.Count(all, "HTTP/1.") != 1 || w.origin.last.Load() != nil && strings.Contains(w.origin.last.Load().RequestURI, "smuggled") {
			t.Errorf("%s: %d requests, %q", name, n, all)
		}
		<-w.events
	}
	for name, text := range map[string]string{
		"TE and CL": "POST /api HTTP/1.1\r\n" + auth + "Connection: close\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
		"obs-fold":  "GET /api HTTP/1.1\r\n" + auth + "Connection: close\r\nX-A: a\r\n X-User: root\r\n\r\n",
		"bare LF":   "GET /api HTTP/1.1\n" + strings.ReplaceAll(auth, "\r\n", "\n") + "Connection: close\n\n",
	} {
		if a := w.raw(text); a.status == 200 {
			if r := w.origin.last.Load(); r.Header.Get("X-User") != "usr_1" || r.ContentLength > 0 {
				t.Errorf("%s: the origin read %v", name, r.Header)
			}
		} else if a.status != 400 {
			t.Errorf("%s: %s", name, a)
		}
	}
}

// attacks combines what is said to lead out of a folder with every place for it.
func attacks() []string {
	ups := []string{"..", ".", "...", "%2e%2e", "%2E%2E", ".%2e", "%2e.", "%252e%252e", "%c0%ae%c0%ae", "%C0%AE%C0%AE", "%e0%80%ae%e0%80%ae", "..;", "..;x=1", "%2e%2e;", "..%00", "..%20", "..%09", ".. ", "..%0d", "..%2f", "..%5c", "..\\", "..%255c",
		"%EF%BC%8E%EF%BC%8E", "%E2%80%A5", "%u002e%u002e", "..#", "..?", "x", "", ";", "%20", ".%00.", "..%3B", "..%EF%BC%8F", "..%E2%80%8B"}
	seps := []string{"/", "//", "\\", "%2f", "%2F", "%5c", "%5C", "%252f", ";/", "/;/", "/./", "%EF%BC%8F", "%c0%af", "%00/", "/%20/"}
	ends := []string{"admin", "ADMIN", "%61dmin", "admin/x", "admin;x", "admin%00", "admin."}
	var out []string
	for _, up := range ups {
		for _, sep := range seps {
			for _, end := range ends[:3] {
				out = append(out, "/public"+sep+up+sep+end, "/public/x"+sep+up+sep+up+sep+end)
			}
		}
		for _, end := range ends {
			out = append(out, "/"+up+"/"+end, "/public/"+up+"/"+end, "/public"+up+"/"+end, "//"+end+"/"+up, "/public/../"+up+end)
		}
	}
	return out
}

// readings are what servers make of one target: decoded once and twice, with
// backslashes, parameters, zero bytes, case, blanks, dots and compatibility forms.
func readings(target string) map[string]bool {
	target, _, _ = strings.Cut(target, "?")
	target, _, _ = strings.Cut(target, "#")
	out := map[string]bool{target: true}
	steps := []func(string) string{
		func(s string) string {
			if u, err := url.PathUnescape(s); err == nil {
				return u
			}
			return s
		},
		func(s string) string { return strings.ReplaceAll(s, `\`, "/") },
		func(s string) string {
			parts := strings.Split(s, "/")
			for i := range parts {
				parts[i], _, _ = strings.Cut(parts[i], ";")
			}
			return strings.Join(parts, "/")
		},
		func(s string) string { s, _, _ = strings.Cut(s, "\x00"); return s },
		func(s string) string { return strings.ReplaceAll(s, "\x00", "") },
		strings.ToLower,
		func(s string) string {
			parts := strings.Split(s, "/")
			for i, p := range parts {
				if q := strings.TrimRight(p, " .\t"); q != "" {
					parts[i] = q
				} else if strings.HasPrefix(p, "..") {
					parts[i] = ".."
				}
			}
			return strings.Join(parts, "/")
		},
		strings.NewReplacer("\uff0e", ".", "\uff0f", "/", "\u2025", "..", "\u200b", "", "\uff3c", "/").Replace,
		strings.NewReplacer("\xc0\xae", ".", "\xc0\xaf", "/", "\xe0\x80\xae", ".", "%u002e", ".").Replace,
		path.Clean,
		func(s string) string { return strings.ReplaceAll(s, "//", "/") },
	}
	for range 4 { // every order of a few steps
		for _, s := range slices.Collect(maps.Keys(out)) {
			for _, step := range steps {
				out[step(s)] = true
			}
		}
		if len(out) > 500 {
			break
		}
	}
	return out
}

func underAdmin(p string) bool {
	p = path.Clean("/" + strings.TrimLeft(p, "/"))
	return p == "/admin" || strings.HasPrefix(p, "/admin/")
}

// Whatever a stranger sends, what reaches the origin is under /admin in no
// reading that any server is known for (CVE-2019-9901, CVE-2021-29492,
// CVE-2021-32779, CVE-2026-27587).
func TestNoReadingUnderAdmin(t *testing.T) {
	t.Parallel()
	w := build(t, with(config.Route{Name: "admin", Path: "/admin", Roles: []string{"admin"}}), with(config.Route{Name: "public", Path: "/public", Auth: "none"}))
	list := attacks()
	// The oracle must know an attack when it sees one.
	for _, p := range []string{"/public/..%2fadmin", "/public/%252e%252e/admin", `/public/..\admin`, "/public/..;/ADMIN", "/public/%EF%BC%8E%EF%BC%8E/admin", "/public/..%20/admin"} {
		found := false
		for reading := range readings(p) {
			found = found || underAdmin(reading)
		}
		if !found {
			t.Fatalf("the oracle does not see through %s", p)
		}
	}
	reached, passed := 0, 0
	for _, target := range list {
		if strings.ContainsAny(target, " ") {
			continue // no request line can carry it
		}
		before := w.origin.hits.Load()
		a := w.get(target, "")
		if w.origin.hits.Load() == before {
			continue
		}
		reached++
		if a.status == 200 && w.origin.last.Load().RequestURI == target {
			passed++
		}
		for reading := range readings(w.origin.last.Load().RequestURI) {
			if underAdmin(reading) {
				t.Errorf("%s reached the origin, and some server reads %s", target, reading)
			}
		}
	}
	if len(list) < 500 || reached == 0 || reached != passed {
		t.Errorf("%d attacks, %d reached the origin, %d unchanged", len(list), reached, passed)
	}
}

// A catch-all beside a protected path does not open it to an origin that
// ignores case.
func TestCaseIsNoWayAround(t *testing.T) {
	t.Parallel()
	w := build(t, with(config.Route{Name: "admin", Path: "/admin", Roles: []string{"admin"}}), with(config.Route{Name: "all", Path: "/", Auth: "none"}))
	for _, p := range []string{"/ADMIN", "/Admin/x", "/admiN"} {
		if a := w.get(p, ""); a.code() != "request_ambiguous" || w.origin.hits.Load() != 0 {
			t.Errorf("%s: %s", p, a)
		}
	}
	if a := w.get("/Other", ""); a.status != 200 {
		t.Error(a)
	}
}

func FuzzReading(f *testing.F) {
	for _, s := range append(attacks()[:50], "/a%20b", "/%C3%A9") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if len(p) > 256 || !canonicalPath(p) {
			return
		}
		once, err := url.PathUnescape(p)
		if err != nil || !utf8.ValidString(once) {
			t.Fatalf("%q is accepted, yet not decoded: %v", p, err)
		}
		if strings.Count(once, "/") != strings.Count(p, "/") || strings.ContainsAny(once, "\\;%\x00?#") {
			t.Fatalf("%q decodes into structure: %q", p, once)
		}
		if path.Clean(once) != strings.TrimSuffix(once, "/") && once != "/" {
			t.Fatalf("%q is cleaned to %q", p, path.Clean(once))
		}
		if !canonicalPath(p) { // judging changes nothing
			t.Fatal("not idempotent")
		}
		for reading := range readings(p) {
			if strings.Contains(reading, "/../") || strings.HasSuffix(reading, "/..") {
				t.Fatalf("%q is read as %q", p, fmt.Sprint(reading))
			}
		}
	})
}

// All that is wrong with a route is said at once.
func TestEveryFaultOfARoute(t *testing.T) {
	t.Parallel()
	w := build(t)
	next := w.config
	next.Routes = []config.Route{{Name: "x", Path: "/a b", Hosts: []string{"a.b..c"}, Methods: []string{"get"}, Issuers: []string{"nobody"}, Auth: "maybe",
		Headers: map[string]string{"Host": "sub"}, Upstream: "ftp://x", ResourceMetadata: "x", Limits: []config.Limit{{Name: "l"}}}}
	err := w.edge.Reload(next)
	for _, says := range []string{"path \"/a b\"", "host \"a.b..c\"", "method \"get\"", "issuer \"nobody\"", "auth \"maybe\"", "header \"Host\"", "upstream", "resource_metadata"} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s is not said: %v", says, err)
		}
	}
}
