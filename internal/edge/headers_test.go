package edge

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/reason"
)

// spellings of X-User that some server takes for X-User.
var spellings = []string{"X-User", "x-user", "X-USER", "X_User", "x_user", "X_USER", "X.User", "x~User", "X!User", "X*User", "x-uSeR"}

// letters leaves nothing but what every server keeps of a name.
func letters(name string) string {
	return strings.Map(func(c rune) rune {
		if c < 'a' || c > 'z' {
			return -1
		}
		return c
	}, strings.ToLower(name))
}

// No client names itself, on no route, in no spelling (CVE-2025-64484,
// CVE-2026-39858), not even by Connection (CVE-2022-1388, CVE-2025-48865).
func TestIdentityHeadersAreOurs(t *testing.T) {
	t.Parallel()
	w := build(t, with(config.Route{Name: "open", Path: "/open", Auth: "none"}), with(config.Route{Name: "maybe", Path: "/maybe", Auth: "optional", Headers: map[string]string{"X-Mail": "email"}}))
	for _, name := range spellings {
		for _, path := range []string{"/api/x", "/open", "/maybe"} {
			listed := "X-User, " + name
			if path != "/maybe" { // where it is listed, it is dropped for that alone
				listed = "X-Request-Id"
			}
			if name == "X-User" {
				listed = name
			}
			a := w.get(path, w.bearer(nil)+name+": root\r\nConnection: "+listed+", Authorization, X-Forwarded-For, X-Request-Id\r\n")
			if a.status != 200 {
				t.Fatal(path, name, a)
			}
			h := w.origin.last.Load().Header
			for got, values := range h {
				if letters(got) == "xuser" && (path != "/api/x" || got != "X-User" || len(values) != 1 || values[0] != "usr_1") {
					t.Errorf("%s with %s: the origin read %s: %s", path, name, got, values)
				}
			}
			if path == "/api/x" && h.Get("X-User") != "usr_1" || h.Get("Authorization") == "" || h.Get("X-Forwarded-For") != "127.0.0.1" || h.Get("X-Request-Id") == "" {
				t.Errorf("%s: a client had the edge's headers removed: %v", path, h)
			}
		}
	}
	if a := w.get("/api/x", w.bearer(nil)+"X-User : root\r\n"); a.status != 400 {
		t.Error("a blank after the name:", a)
	}
	if a := w.get("/maybe", "X-Mail: root\r\nX-User: root\r\n"); a.status != 200 || w.origin.last.Load().Header.Get("X-Mail")+w.origin.last.Load().Header.Get("X-User") != "" {
		t.Error("an anonymous request has an identity:", a, w.origin.last.Load().Header)
	}
}

// A trailer is read after every check was made.
func TestTrailerBringsNoIdentity(t *testing.T) {
	t.Parallel()
	w := build(t)
	trailer := make(chan http.Header, 1)
	w.origin.do = func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		trailer <- r.Trailer
	}
	if a := w.raw("POST /api/x HTTP/1.1\r\nHost: e\r\n" + w.bearer(nil) + "Connection: close\r\nTrailer: X-Role\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Role: root\r\n\r\n"); a.status != 200 {
		t.Fatal(a)
	}
	if h := <-trailer; len(h) != 0 {
		t.Error(h)
	}
}

func TestWhatClientsSayOfTheWayIsDropped(t *testing.T) {
	t.Parallel()
	w := build(t, func(_ *world, c *config.Edge) { c.Routes[0].Methods = []string{"GET"} })
	lie := ""
	names := []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Uri", "X-Forwarded-Prefix", "X_Forwarded_For", "Forwarded", "X-Real-IP", "X-Original-URL", "X-Original-Method", "X-Rewrite-URL",
		"X-Client-IP", "True-Client-IP", "CF-Connecting-IP", "Client-Cert", "X-SSL-Client-Verify", "X-Remote-User", "Remote-User", "X-Auth-Request-Email", "Proxy", "X-Jotward-Role",
		"Remote-Groups", "X-WEBAUTH-GROUPS", "X-Middleware-Subrequest", "X-Envoy-Internal", "Fastly-Client-IP", "X_Client_IP", "X-Authentik-Username", "X-MS-CLIENT-PRINCIPAL-ID", "X-Scheme", "Content_Type", "Content_Length", "Transfer.Encoding", "Keep_Alive", "X-Request-Id", "X-HTTP-Method-Override"}
	for _, n := range names {
		lie += n + ": https-6.6.6.6\r\n"
	}
	if a := w.get("/api/x", w.bearer(nil)+lie); a.status != 200 || a.event.Client != "127.0.0.1" || a.event.RequestID == "https-6.6.6.6" {
		t.Fatal(a, a.event)
	}
	for name, v := range w.origin.last.Load().Header {
		if strings.Contains(strings.Join(v, ""), "6.6.6.6") {
			t.Errorf("%s: %s went through", name, v)
		}
	}
	h := w.origin.last.Load().Header
	if h.Get("X-Forwarded-For") != "127.0.0.1" || h.Get("X-Forwarded-Proto") != "http" || h.Get("X-Forwarded-Host") != "edge.example" || h.Get("X-Real-Ip") != "127.0.0.1" {
		t.Error(h)
	}
}

// Only peers in trusted_proxies are believed, and only to the right-most
// address that is not one of them (CVE-2026-40575, GHSA-6384-m2mw-rf54).
func TestTrustedPeersAreBelieved(t *testing.T) {
	t.Parallel()
	w := build(t, trustLoopback)
	for _, c := range []struct{ sent, chain, client string }{
		{"X-Forwarded-For: 6.6.6.6, 1.2.3.4\r\n", "6.6.6.6, 1.2.3.4, 127.0.0.1", "1.2.3.4"},
		{"X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 1.2.3.4, 10.0.0.1\r\n", "6.6.6.6, 1.2.3.4, 10.0.0.1, 127.0.0.1", "1.2.3.4"},
		{"X-Forwarded-For: 10.0.0.9, 10.0.0.1\r\n", "10.0.0.9, 10.0.0.1, 127.0.0.1", "10.0.0.9"},
		{"X-Forwarded-For: 1.2.3.4, nonsense, 10.0.0.1\r\n", "1.2.3.4, nonsense, 10.0.0.1, 127.0.0.1", "10.0.0.1"},
		{"X-Forwarded-For: [2001:db8::1]:99\r\n", "[2001:db8::1]:99, 127.0.0.1", "2001:db8::1"},
		{"X-Forwarded-For: ::ffff:1.2.3.4\r\n", "::ffff:1.2.3.4, 127.0.0.1", "1.2.3.4"},
		{"", "127.0.0.1", "127.0.0.1"},
	} {
		a := w.get("/api/x", w.bearer(nil)+c.sent)
		h := w.origin.last.Load().Header
		if a.status != 200 || h.Get("X-Forwarded-For") != c.chain || h.Get("X-Real-Ip") != c.client || a.event.Client != c.client {
			t.Errorf("%q: %s, %v, %s", c.sent, a, h, a.event.Client)
		}
	}
	a := w.get("/api/x", w.bearer(nil)+"X-Forwarded-Host: shop.example\r\nX-Forwarded-Proto: https\r\nX-Request-Id: abc-1234.X_y\r\nX-Original-URL: /admin\r\n")
	h := w.origin.last.Load().Header
	if h.Get("X-Forwarded-Host") != "shop.example" || h.Get("X-Forwarded-Proto") != "https" || h.Get("X-Original-Url") != "" {
		t.Error(h)
	}
	if a.event.RequestID != "abc-1234.X_y" || h.Get("X-Request-Id") != "abc-1234.X_y" || a.header.Get("X-Request-Id") != "abc-1234.X_y" {
		t.Error("a trusted request id was not taken over:", a.event.RequestID)
	}
	for _, id := range []string{"short", "has a blank in it", "quote\"quote\"", strings.Repeat("x", 65), "abc%0aabcd", "a\tb\tc\td\te"} {
		if a := w.get("/api/x", w.bearer(nil)+"X-Request-Id: "+id+"\r\n"); a.event.RequestID == id {
			t.Errorf("%q was taken over", id)
		}
	}
}

func TestRefuseInsecure(t *testing.T) {
	t.Parallel()
	insecure := func(_ *world, c *config.Edge) { c.RefuseInsecure = true }
	w := build(t, insecure)
	for _, h := range []string{"", "X-Forwarded-Proto: https\r\n"} {
		if a := w.get("/api/x", w.bearer(nil)+h); a.code() != "transport_insecure" || a.header.Get("Strict-Transport-Security") != "" {
			t.Errorf("from a stranger with %q: %s", h, a)
		}
	}
	w = build(t, insecure, trustLoopback)
	for h, want := range map[string]int{"X-Forwarded-Proto: https\r\n": 200, "": 400, "X-Forwarded-Proto: http\r\n": 400, "X-Forwarded-Proto: https\r\nX-Forwarded-Proto: http\r\n": 400, "X-Forwarded-Proto: https, http\r\n": 400} {
		if a := w.get("/api/x", w.bearer(nil)+h); a.status != want {
			t.Errorf("from a trusted proxy with %q: %s", h, a)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/api/x", nil)
	r.TLS = &tls.ConnectionState{}
	r.Header.Set("Authorization", "Bearer "+w.a.token(nil))
	rec := httptest.NewRecorder()
	w.edge.ServeHTTP(rec, r)
	if rec.Code != 200 || rec.Header().Get("Strict-Transport-Security") != hsts {
		t.Error("over TLS:", rec.Code, rec.Header())
	}
}

// Where a proxy ends TLS, what came past it or reached it in clear is refused before
// anything else is looked at, and is an event like every other request.
func TestTLSAtProxy(t *testing.T) {
	t.Parallel()
	w := build(t, signs(t, newKey(t, "e1")), func(_ *world, c *config.Edge) { c.TrustedProxies = []string{"10.0.0.0/8"} })
	w.edge.options.TLSAtProxy = true
	for _, c := range []struct {
		peer   string
		proto  []string
		status int
	}{
		{"10.0.0.1:1", []string{"https"}, 200}, {"127.0.0.1:1", nil, 200}, {"[::1]:1", nil, 200},
		{"10.0.0.1:1", nil, 400}, {"10.0.0.1:1", []string{"http"}, 400}, {"10.0.0.1:1", []string{"http", "https"}, 400},
		{"203.0.113.9:1", nil, 400}, {"203.0.113.9:1", []string{"https"}, 400}, {"unknown", []string{"https"}, 400},
	} {
		for _, path := range []string{"/api/x", identityPath} {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.RemoteAddr, r.Header["X-Forwarded-Proto"] = c.peer, c.proto
			r.Header.Set("Authorization", "Bearer "+w.a.token(nil))
			rec := httptest.NewRecorder()
			w.edge.ServeHTTP(rec, r)
			if rec.Code != c.status {
				t.Errorf("%s from %s, %v: %d %s", path, c.peer, c.proto, rec.Code, rec.Body)
			}
			if path == identityPath && c.status == 200 {
				continue // nothing is decided
			}
			if ev := <-w.events; ev.Status != c.status || (ev.Reason == reason.TransportInsecure) != (c.status == 400) {
				t.Errorf("%s from %s, %v: the event says %d %s", path, c.peer, c.proto, ev.Status, ev.Reason)
			}
		}
	}
}

// HSTS is said of what came by TLS, also when it is refused (RFC 6797 7.2), and
// the upstream's own word stays.
func TestHSTS(t *testing.T) {
	t.Parallel()
	w := build(t, trustLoopback)
	https := "X-Forwarded-Proto: https\r\n"
	if a := w.get("/api/x", https); a.status != 401 || a.header.Get("Strict-Transport-Security") != hsts {
		t.Error(a, a.header)
	}
	if a := w.get("/api/x", w.bearer(nil)); a.header.Get("Strict-Transport-Security") != "" {
		t.Error("without TLS:", a.header)
	}
	w.origin.do = func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Strict-Transport-Security", "max-age=0")
	}
	if a := w.get("/api/x", https+w.bearer(nil)); len(a.header["Strict-Transport-Security"]) != 1 || a.header.Get("Strict-Transport-Security") != "max-age=0" {
		t.Error(a.header)
	}
}

// A claim goes into a header unchanged or the request goes nowhere.
func TestClaimsThatNoHeaderCarries(t *testing.T) {
	t.Parallel()
	w := build(t, func(_ *world, c *config.Edge) {
		c.Routes[0].Headers = map[string]string{"X-User": "sub", "X-Claim": "claim"}
	})
	for _, v := range []any{"a\r\nX-User: root", "a\nb", "a\x00b", "é", "\u212a", " a", "a ", "\ta", []any{"a,b"}, []any{"a", 1}, []any{""}, []any{"a", " b"}, []any{[]any{"a"}}, map[string]any{"a": "b"}, 1.5, 9007199254740993.0, 1e300} {
		if a := w.get("/api/x", w.bearer(map[string]any{"claim": v})); a.code() != "claims_invalid" || a.status != 401 || w.origin.hits.Load() != 0 {
			t.Errorf("%q: %s", v, a)
		}
	}
	for _, c := range []struct {
		claim any
		want  []string
	}{{"a b", []string{"a b"}}, {12, []string{"12"}}, {-1, []string{"-1"}}, {true, []string{"true"}}, {[]any{"a", "b"}, []string{"a,b"}}, {[]any{}, []string{""}}, {"", nil}, {nil, nil}, {gone, nil}} {
		a := w.get("/api/x", w.bearer(map[string]any{"claim": c.claim}))
		if got := w.origin.last.Load().Header["X-Claim"]; a.status != 200 || strings.Join(got, "|") != strings.Join(c.want, "|") || len(got) != len(c.want) {
			t.Errorf("%v: %s %q", c.claim, a, got)
		}
	}
}

func TestHeadersThatAreNotForIdentities(t *testing.T) {
	t.Parallel()
	w := build(t)
	for _, h := range []map[string]string{{"Authorization": "a"}, {"host": "a"}, {"Connection": "a"}, {"Content-Length": "a"}, {"Transfer-Encoding": "a"}, {"X-Forwarded-For": "a"}, {"X-Original-URL": "a"}, {"Cookie": "a"}, {"Sec-WebSocket-Key": "a"},
		{"X_User": "a"}, {"X User": "a"}, {"X:User": "a"}, {"": "a"}, {"X-Üser": "a"}, {"X-User": ""}, {"X-User": "a", "x-user": "b"}, {"Upgrade": "a"}, {"X-Request-Id": "a"}} {
		c := w.config
		c.Routes = append([]config.Route{{Name: "bad", Path: "/bad", Upstream: "http://x", Headers: h}}, c.Routes...)
		if err := w.edge.Reload(c); err == nil {
			t.Errorf("%v was taken", h)
		}
	}
}
