package edge

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/jotward/jotward/internal/config"
)

// anywhere is a route that takes a token from every place.
var anywhere = with(config.Route{Name: "any", Path: "/any", Headers: map[string]string{"X-User": "sub"}, Credentials: &config.Credentials{Header: true,
	Cookie: &config.CredentialCookie{Name: "__Host-t", TrustedOrigins: []string{"https://app.example"}}, Query: &config.CredentialQuery{}, Subprotocol: &config.CredentialSubprotocol{}}})

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func cookie(text string) string { return "Cookie: " + text + "\r\n" }

// The canonical reading of each place, and what is forwarded of it.
func TestPlaces(t *testing.T) {
	t.Parallel()
	w := build(t, anywhere)
	token := w.a.token(nil)
	encoded := encode(token)
	for _, c := range []struct{ target, headers, cookies, query, protocols string }{
		{"/any", w.bearer(nil), "", "", ""},
		{"/any", cookie("__Host-t=" + token), "", "", ""},
		{"/any?a=%20b&&c", cookie("a=1;b=\"2\";  __Host-t=" + token + "; d"), `a=1;b="2"; d`, "a=%20b&&c", ""},
		{"/any", cookie("__host-tt=1; t=2; __Host-t=" + token), "__host-tt=1; t=2", "", ""},
		{"/any?access_token=" + token, "", "", "", ""},
		{"/any?a=1&access_token=" + token + "&b=%41;c&", cookie("a=1"), "a=1", "a=1&b=%41;c&", ""},
		{"/any", "Sec-WebSocket-Protocol: chat, jotward.bearer." + encoded + ",soap\r\n" + upgrade, "", "", "chat,soap"},
		{"/any", "Sec-WebSocket-Protocol: jotward.bearer\r\nSec-WebSocket-Protocol: jotward.bearer." + encoded + "\r\n" + upgrade, "", "", ""},
	} {
		a := w.raw("GET " + c.target + " HTTP/1.1\r\nHost: edge.example\r\n" + c.headers + "\r\n")
		if a.status != 200 {
			t.Errorf("%.40s %.40q: %s %s", c.target, c.headers, a, a.event.Detail)
			continue
		}
		r := w.origin.last.Load()
		if h := r.Header; r.URL.RawQuery != c.query || strings.Join(h["Cookie"], "|") != c.cookies || strings.Join(h["Sec-Websocket-Protocol"], "|") != c.protocols || h.Get("X-User") != "usr_1" {
			t.Errorf("%.40s %.40q: forwarded %s %v", c.target, c.headers, r.URL.RawQuery, h)
		}
	}
	if strings.Contains(w.log.String(), token) || strings.Contains(w.log.String(), encoded) {
		t.Error("a token in the log")
	}
}

// Two credentials, or one that some server could read otherwise, reach nobody.
func TestTwoCredentials(t *testing.T) {
	t.Parallel()
	w := build(t, anywhere, with(config.Route{Name: "maybe", Path: "/maybe", Auth: "optional", Credentials: &config.Credentials{Cookie: &config.CredentialCookie{Name: "__Host-t"}}}))
	token := w.a.token(nil)
	c, q, p := cookie("__Host-t="+token), "?access_token="+token, "jotward.bearer."+encode(token)
	socket := func(offers string) string { return "Sec-WebSocket-Protocol: " + offers + "\r\n" + upgrade }
	for _, x := range []struct{ target, headers string }{
		{"/any", w.bearer(nil) + c}, {"/any" + q, w.bearer(nil)}, {"/any" + q, c}, {"/any", w.bearer(nil) + socket(p)}, {"/any" + q, socket(p)}, {"/any", c + socket(p)},
		{"/any", "Authorization: Basic YTpi\r\n" + c}, {"/any" + q, "Authorization: x\r\n"}, {"/any", "Authorization:\r\n" + socket(p)},
		{"/any", cookie("__Host-t=" + token + "; __Host-t=" + token)}, {"/any", c + c}, {"/any", cookie("a=1") + c}, {"/any", cookie("__Host-t=; __Host-t=" + token)},
		{"/any", cookie("$Version=1; __Host-t=" + token)}, {"/any", cookie("a=1; $Path=/; __Host-t=" + token)},
		{"/any", cookie("__Host-t=" + token + "; __host-t=x")}, {"/any", cookie("__Host-t=" + token + "; %5f_Host-t=x")}, {"/any", cookie("__Host-t=" + token + "; ..Host-t=x")},
		{"/any", cookie("__Host-t=" + token + "; __Host-t")}, {"/any", cookie("__Host-t=" + token + "; __Host-t =x")}, {"/any", cookie("__Host-t=" + token + "; =__Host-t=x")},
		{"/any", cookie("a=1,__Host-t=x; __Host-t=" + token)}, {"/any", cookie("a=\"1; __Host-t=" + token + "; b=\"; c=\"x __Host-t=y\"")}, {"/any", cookie("a=\"__Host-t=x\"; __Host-t=" + token)},
		{"/any", cookie("__Host-t[]=1; __Host-t=" + token)}, {"/any", cookie("\t__Host-t\t=1; __Host-t=" + token)},
		{"/any" + q + "&access_token=" + token, ""}, {"/any" + q + "&access_token", ""}, {"/any" + q + "&ACCESS_TOKEN=x", ""}, {"/any" + q + "&access%5ftoken=x", ""}, {"/any" + q + "&a=1;access_token=x", ""},
		{"/any" + q + "&access.token=x", ""}, {"/any" + q + "&+access_token=x", ""}, {"/any" + q + "&access_token[]=x", ""}, {"/any?access_token;a=1&access_token=" + token, ""}, {"/any" + q + "&access_token%00=x", ""},
		{"/any", socket(p + ", " + p)}, {"/any", socket(p + ",jotward.bearer.")}, {"/any", socket(p) + "Sec-WebSocket-Protocol: " + p + "\r\n"}, {"/any", socket(p + ",JOTWARD.bearer.x")},
		{"/maybe", w.bearer(nil) + c},
	} {
		if a := w.raw("GET " + x.target + " HTTP/1.1\r\nHost: edge.example\r\n" + x.headers + "\r\n"); a.code() != "credential_repeated" || a.status != 400 {
			t.Errorf("%.60s %.60q: %s", x.target, x.headers, a)
		}
	}
	if w.origin.hits.Load() != 0 {
		t.Error("the origin was reached")
	}
}

// What stands in a token's place and is none, or is one only to somebody else, is
// no anonymity and no credential.
func TestPlacesMalformed(t *testing.T) {
	t.Parallel()
	w := build(t, anywhere, with(config.Route{Name: "maybe", Path: "/maybe", Auth: "optional", Credentials: &config.Credentials{
		Cookie: &config.CredentialCookie{Name: "__Host-t"}, Query: &config.CredentialQuery{Parameter: "tok"}, Subprotocol: &config.CredentialSubprotocol{Name: "x"}}}))
	token := w.a.token(nil)
	encoded := encode(token)
	for _, path := range []string{"/any", "/maybe"} {
		q, p := "access_token", "jotward.bearer."
		if path == "/maybe" {
			q, p = "tok", "x."
		}
		for _, c := range []struct{ query, headers string }{
			{"", cookie("__Host-t=\"" + token + "\"")}, {"", cookie("__Host-t=")}, {"", cookie("__Host-t=" + strings.ReplaceAll(token, ".", "%2E"))}, {"", cookie("__Host-t= " + token)},
			{"", cookie("__Host-t=" + token + ",a=1")}, {"", cookie("__host-t=" + token)}, {"", cookie("__Host-t =" + token)}, {"", cookie("__Host-t")}, {"", cookie("a=1,__Host-t=" + token)},
			{q, ""}, {q + "=", ""}, {"=" + q + "=&" + q + "=+" + token, ""}, {q + "=" + strings.ReplaceAll(token, ".", "%2e"), ""}, {q + "=" + token + "+", ""}, {q + "=" + token + "%", ""}, {q + "=" + token + "%2", ""},
			{q + "=" + token + "%0a", ""}, {q + "=" + token + ";a=1", ""}, {"a;" + q + "=" + token, ""}, {strings.ToUpper(q) + "=" + token, ""}, {"%" + fmt.Sprintf("%x", q[0]) + q[1:] + "=" + token, ""},
			{"", "Sec-WebSocket-Protocol: " + p + "\r\n" + upgrade}, {"", "Sec-WebSocket-Protocol: " + p + token + "\r\n" + upgrade}, {"", "Sec-WebSocket-Protocol: " + p + encoded + "=\r\n" + upgrade},
			{"", "Sec-WebSocket-Protocol: " + p + encoded + "\r\n"}, {"", "Sec-WebSocket-Protocol: " + p + encode("a b") + "\r\n" + upgrade},
			{"", "Sec-WebSocket-Protocol: " + strings.ToUpper(p) + encoded + "\r\n" + upgrade}, {"", "Sec-WebSocket-Protocol: " + p + "YR\r\n" + upgrade},
		} {
			a := w.raw("GET " + path + "?" + c.query + " HTTP/1.1\r\nHost: edge.example\r\n" + c.headers + "\r\n")
			if a.status != 401 || a.code() != "credential_malformed" || strings.Contains(a.event.Detail, token) {
				t.Errorf("%s?%.50s %.50q: %s %s", path, c.query, c.headers, a, a.event.Detail)
			}
		}
	}
	for _, headers := range []string{w.bearer(nil), "Authorization: Basic YTpi\r\n"} { // not read there, and no anonymity
		if a := w.get("/maybe", headers); a.code() != "credential_missing" {
			t.Error(headers, a)
		}
	}
	if w.origin.hits.Load() != 0 {
		t.Error("the origin was reached")
	}
	if a := w.get("/maybe?access=1", cookie("t=1")+"Sec-WebSocket-Protocol: x\r\n"); a.status != 200 || w.origin.last.Load().Header.Get("Sec-Websocket-Protocol") != "" {
		t.Error("nothing at all is not anonymous:", a)
	}
}

// Where a route says nothing, nothing but the header is read; and a cookie that is
// a credential elsewhere goes no further.
func TestPlacesOfOtherRoutes(t *testing.T) {
	t.Parallel()
	w := build(t, anywhere, with(config.Route{Name: "own", Path: "/own", Credentials: &config.Credentials{Cookie: &config.CredentialCookie{Name: "__Secure-own", Forward: true}}}),
		with(config.Route{Name: "open", Path: "/open", Auth: "none"}), with(config.Route{Name: "third", Path: "/third", Auth: "none", Hosts: []string{"third.example"}}),
		with(config.Route{Name: "other", Path: "/other", Hosts: []string{"other.example"}, Credentials: &config.Credentials{Cookie: &config.CredentialCookie{Name: "__Host-far"}}}),
		with(config.Route{Name: "shared", Path: "/shared", Hosts: []string{"other.example"}, Credentials: &config.Credentials{Cookie: &config.CredentialCookie{Name: "domain", Unprefixed: true}}}))
	token := w.a.token(nil)
	for _, c := range []struct{ target, headers string }{{"/api/x", cookie("__Host-t=" + token)}, {"/api/x?access_token=" + token, ""}, {"/api/x", "Sec-WebSocket-Protocol: jotward.bearer." + encode(token) + "\r\n" + upgrade}} {
		if a := w.raw("GET " + c.target + " HTTP/1.1\r\nHost: edge.example\r\n" + c.headers + "\r\n"); a.code() != "credential_missing" || w.origin.hits.Load() != 0 {
			t.Errorf("%.60q: %s", c, a)
		}
	}
	all := "__Secure-own=" + token + "; __Host-t=x; __Host-far=y; domain=z; Domain=z"
	for _, c := range []struct{ target, headers, want string }{
		{"/api/x", w.bearer(nil) + cookie(all+"; a=1"), "a=1"}, {"/open", cookie(all + "; a=1"), "a=1"},
		{"/own", cookie(all), "__Secure-own=" + token}, {"/open", cookie("__Host-t=x"), ""}, {"/third", "Host: third.example\r\n" + cookie(all), "__Host-far=y"},
	} {
		if a := w.get(c.target, c.headers); a.status != 200 || w.origin.last.Load().Header.Get("Cookie") != c.want {
			t.Errorf("%s: %s, forwarded %q", c.target, a, w.origin.last.Load().Header["Cookie"])
		}
	}
	if a := w.get("/open", "Host: other.example\r\n"+cookie("__Host-far=y; __Secure-own=z")); a.status != 200 || w.origin.last.Load().Header["Cookie"] != nil {
		t.Error("the cookie of another route of the host:", w.origin.last.Load().Header["Cookie"])
	}
}

// A route that is only watched forwards what it refuses, and no credential with it.
func TestPlacesOfAWatchedRoute(t *testing.T) {
	t.Parallel()
	w := build(t, with(config.Route{Name: "any", Path: "/any", Shadow: true, Credentials: &config.Credentials{
		Cookie: &config.CredentialCookie{Name: "t", Unprefixed: true}, Query: &config.CredentialQuery{}, Subprotocol: &config.CredentialSubprotocol{Name: "x"}}}))
	a := w.raw("GET /any?access_token=1&ACCESS_TOKEN=2&b&c;access_token=3 HTTP/1.1\r\nHost: e\r\nConnection: close\r\n" + cookie("t=1; a=1; T=2; b=\"t=3\"") + cookie("t=4") + "Sec-WebSocket-Protocol: x.a, X.b\r\nSec-WebSocket-Protocol: y\r\nSec_WebSocket_Protocol: x.c\r\n\r\n")
	r := w.origin.last.Load()
	if a.status != 200 || a.event.Shadow != "credential_repeated" || r.URL.RawQuery != "b" || fmt.Sprint(r.Header["Cookie"], r.Header["Sec-Websocket-Protocol"]) != "[a=1] [y]" || r.Header["Sec_websocket_protocol"] != nil {
		t.Error(a, a.event.Shadow, r.URL.RawQuery, r.Header)
	}
	if h := a.header; h.Get("Cache-Control") != "private, no-store" {
		t.Error(h)
	}
}

// An answer to a request with a token in its query is kept nowhere (RFC 6750 2.3),
// whatever the origin wants; other answers are the origin's affair.
func TestQueryTokenIsNotCached(t *testing.T) {
	t.Parallel()
	w := build(t, anywhere)
	w.origin.do = func(rw http.ResponseWriter, _ *http.Request) {
		for _, name := range []string{"Cache-Control", "CDN-Cache-Control", "Surrogate-Control"} {
			rw.Header().Set(name, "public, max-age=60")
		}
	}
	if h := w.get("/any?access_token="+w.a.token(nil), "").header; h.Get("Cache-Control") != "private, no-store" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cdn-Cache-Control")+h.Get("Surrogate-Control") != "" {
		t.Error(h)
	}
	if h := w.get("/any?access_token=x", "").header; h.Get("Cache-Control") != "no-store" {
		t.Error("a refusal:", h)
	}
	if h := w.get("/any", w.bearer(nil)).header; h.Get("Cache-Control") != "public, max-age=60" || h.Get("Referrer-Policy") != "" {
		t.Error("the header:", h)
	}
}

// A token that is bound to a key needs the scheme DPoP, which no other place has
// (RFC 9449 7.1).
func TestBoundTokensNeedTheHeader(t *testing.T) {
	t.Parallel()
	w := build(t, anywhere, func(_ *world, c *config.Edge) { c.DPoP = &config.EdgeDPoP{Origins: []string{"http://edge.example"}} })
	token := w.a.token(map[string]any{"cnf": map[string]any{"jkt": strings.Repeat("A", 43)}})
	for _, c := range []struct{ target, headers string }{{"/any?access_token=" + token, ""}, {"/any", cookie("__Host-t=" + token)},
		{"/any", "Sec-WebSocket-Protocol: jotward.bearer." + encode(token) + "\r\n" + upgrade}} {
		if a := w.raw("GET " + c.target + " HTTP/1.1\r\nHost: edge.example\r\nDPoP: x\r\n" + c.headers + "\r\n"); a.code() != "sender_proof_unchecked" || w.origin.hits.Load() != 0 {
			t.Errorf("%.60q: %s", c, a)
		}
	}
}

func TestPlacesAreRefused(t *testing.T) {
	t.Parallel()
	w := build(t)
	for name, c := range map[string]config.Credentials{
		"no place": {}, "no cookie": {Cookie: &config.CredentialCookie{}}, "cookie": {Cookie: &config.CredentialCookie{Name: "a b"}}, "long cookie": {Cookie: &config.CredentialCookie{Name: strings.Repeat("a", 65)}},
		"origin": {Cookie: &config.CredentialCookie{Name: "__Host-a", TrustedOrigins: []string{"https://a.example/"}}}, "origin with capitals": {Cookie: &config.CredentialCookie{Name: "__Host-a", TrustedOrigins: []string{"https://A.example"}}},
		"null": {Cookie: &config.CredentialCookie{Name: "__Host-a", TrustedOrigins: []string{"null"}}}, "no scheme": {Cookie: &config.CredentialCookie{Name: "__Host-a", TrustedOrigins: []string{"a.example"}}},
		"a name that any host can set": {Cookie: &config.CredentialCookie{Name: "session"}}, "almost a prefix": {Cookie: &config.CredentialCookie{Name: "__host-session"}},
		"query": {Query: &config.CredentialQuery{Parameter: "a=b"}}, "protocol": {Subprotocol: &config.CredentialSubprotocol{Name: "a,b"}},
	} {
		next := w.config
		next.Routes = []config.Route{{Name: "r", Path: "/", Upstream: "http://127.0.0.1:1", Credentials: &c}}
		if err := w.edge.Reload(next); err == nil || !strings.Contains(err.Error(), "credentials") {
			t.Errorf("%s: %v", name, err)
		}
	}
	next := w.config
	next.Routes = []config.Route{{Name: "r", Path: "/", Upstream: "http://127.0.0.1:1", Auth: "none", Credentials: &config.Credentials{Header: true}}}
	if err := w.edge.Reload(next); err == nil || !strings.Contains(err.Error(), "credentials") {
		t.Error("none:", err)
	}
}

// Whatever a plain reader finds in what is forwarded, it is no credential; and
// what is read is what a plain reader reads.
func FuzzPlaces(f *testing.F) {
	pl, err := compilePlaces(&config.Credentials{Cookie: &config.CredentialCookie{Name: "__Host-t"}, Query: &config.CredentialQuery{}, Subprotocol: &config.CredentialSubprotocol{Name: "x"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("a=1&access_token=x", "a=1; __Host-t=x", "chat, x.eA")
	f.Add("access%5ftoken=x;", "__host-t=\"x\"; $Version=1", "X.eA")
	f.Fuzz(func(t *testing.T, query, cookies, offers string) {
		in := &http.Request{Method: "GET", URL: &url.URL{RawQuery: query}, Header: http.Header{"Upgrade": {"websocket"}, "Cookie": {cookies}, "Sec-Websocket-Protocol": {offers}}}
		s := pl.search(in)
		given := in.CookiesNamed("__Host-t")
		plain, _ := url.ParseQuery(query)
		tokens := len(given) + len(plain["access_token"])
		if tokens > 0 && s.count == 0 && s.stray == "" {
			t.Fatalf("%q %q: not seen", query, cookies)
		}
		left, _ := url.ParseQuery(keep(query, "&", func(pair string) bool { return !pl.strayPair(pair) }))
		in.Header.Set("Cookie", keep(cookies, ";", func(pair string) bool { return !namesCookie(strings.Trim(pair, " \t"), pl.cookieFolded) }))
		if left.Has("access_token") || len(in.CookiesNamed("__Host-t")) > 0 {
			t.Fatalf("%q %q: a credential is forwarded", query, cookies)
		}
		if s.count != 1 || s.stray != "" || !b64token(s.token) {
			return
		}
		if s.from == inCookie && (len(given) != 1 || given[0].Value != s.token) || s.from == inQuery && (len(plain["access_token"]) != 1 || plain.Get("access_token") != s.token) {
			t.Fatalf("%q %q: %q is read", query, cookies, s.token)
		}
	})
}
