package edge

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/config"
)

// A cookie comes by itself: a page of another origin makes nobody's browser do
// anything with it, and opens no WebSocket (RFC 6455 10.2).
func TestCookieOfAnotherOrigin(t *testing.T) {
	t.Parallel()
	w := build(t, anywhere, trustLoopback)
	token := w.a.token(nil)
	const secure = "X-Forwarded-Proto: https\r\n"
	for _, c := range []struct {
		headers string
		allowed bool
	}{
		{"", true}, // no browser
		{"Sec-Fetch-Site: same-origin\r\n", true}, {"Sec-Fetch-Site: none\r\n", true},
		{"Sec-Fetch-Site: same-site\r\n", false}, {"Sec-Fetch-Site: cross-site\r\n", false}, {"Sec-Fetch-Site: SAME-ORIGIN\r\n", false}, {"Sec-Fetch-Site:\r\n", false},
		{"Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site\r\n", false},
		{"Sec-Fetch-Site: cross-site\r\nOrigin: https://edge.example\r\n", false}, {"Sec-Fetch-Site: cross-site\r\nOrigin: https://app.example\r\n", true},
		{"Origin: https://edge.example\r\n", true}, {"Origin: http://edge.example\r\n", true}, {secure + "Origin: http://edge.example\r\n", false}, {secure + "Origin: https://edge.example\r\n", true},
		{"Origin: https://app.example\r\n", true}, {"Origin: http://app.example\r\n", false}, {"Origin: https://app.example:444\r\n", false}, {"Origin: https://evil.app.example\r\n", false}, {"Origin: https://app.example.evil.example\r\n", false},
		{"Origin: https://evil.example\r\n", false}, {"Origin: https://edge.example.evil.example\r\n", false}, {"Origin: https://evil.example/edge.example\r\n", false}, {"Origin: https://edge.example@evil.example\r\n", false},
		{"Origin: null\r\n", false}, {"Origin:\r\n", false}, {"Origin: https://edge.example\r\nOrigin: https://evil.example\r\n", false}, {"Origin: edge.example\r\n", false}, {"Origin: https://edge.example:444\r\n", false}, {"Origin: https://app.example https://evil.example\r\n", false},
		{"X-Forwarded-Host: shown.example\r\nOrigin: https://shown.example\r\n", true}, {"X-Forwarded-Host: shown.example\r\nOrigin: https://edge.example\r\n", false},
	} {
		for _, kind := range []string{"POST", "PUT", "DELETE", "PATCH", "QUERY", "GET socket", "GET h2c", "GET", "HEAD", "OPTIONS"} {
			method, extra, _ := strings.Cut(kind, " ")
			safe := kind == "GET" || kind == "HEAD" || kind == "OPTIONS"
			switch extra {
			case "socket":
				extra = upgrade
			case "h2c":
				extra = "Connection: upgrade\r\nUpgrade: h2c\r\n"
			}
			if !strings.Contains(extra, "websocket") {
				extra += "Connection: close\r\n"
			}
			before := w.origin.hits.Load()
			a := w.raw(method + " /any HTTP/1.1\r\nHost: edge.example\r\n" + cookie("__Host-t="+token) + c.headers + extra + "\r\n")
			want := 403
			if c.allowed || safe {
				want = 200
			}
			if a.status != want || (w.origin.hits.Load() > before) != (want == 200) || want == 403 && (a.event.Reason != "cross_origin" || a.header.Get("Www-Authenticate") != "") {
				t.Errorf("%s %q: %s", kind, c.headers, a)
			}
		}
	}
	if a := w.raw("POST /any HTTP/1.1\r\nHost: edge.example\r\nConnection: close\r\n" + w.bearer(nil) + "Origin: https://evil.example\r\n\r\n"); a.status != 200 {
		t.Error("a header comes from no page that may not send it:", a)
	}
	if a := w.raw("GET /api/x HTTP/1.1\r\nHost: edge.example\r\n" + w.bearer(nil) + "Origin: https://evil.example\r\nConnection: close\r\n\r\n"); a.status != 200 {
		t.Error(a)
	}
}

// HTTP/2 sends each cookie in a field of its own (RFC 9113 8.2.3): one reading.
func TestCookieCrumbs(t *testing.T) {
	t.Parallel()
	w := build(t, anywhere)
	server := httptest.NewUnstartedServer(w.edge)
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	token := w.a.token(nil)
	ask := func(cookies ...string) {
		fields := [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "edge.example"}, {":path", "/any"}}
		for _, c := range cookies {
			fields = append(fields, [2]string{"cookie", c})
		}
		h2(t, server.Listener.Addr().String(), "", fields...)
	}
	ask("a=1", "__Host-t="+token, "b=2")
	if e := <-w.events; e.Status != 200 || w.origin.last.Load().Header.Get("Cookie") != "a=1; b=2" {
		t.Error(e, w.origin.last.Load().Header)
	}
	ask("__Host-t="+token, "__Host-t="+token)
	if e := <-w.events; e.Reason != "credential_repeated" || w.origin.hits.Load() != 1 {
		t.Error(e)
	}
}

// socketOrigin answers a WebSocket's handshake, with the subprotocol it chose.
func socketOrigin(choose string) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		if choose != "" {
			choose = "Sec-WebSocket-Protocol: " + choose + "\r\n"
		}
		_, _ = fmt.Fprintf(c, "HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n%s\r\n", choose)
	}
}

// handshake is raw for what may become a tunnel, which has its event at its end.
func (w *world) handshake(text string) answer {
	w.t.Helper()
	c, err := net.Dial("tcp", w.server.Listener.Addr().String())
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second)) // a hang is a failure, not a wait
	_, _ = io.WriteString(c, text)
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = c.Close()
	return answer{status: r.StatusCode, header: r.Header, event: <-w.events}
}

// The handshake is valid to a client that offered a token and its name, and the
// token is in no answer (RFC 6455 4.1: of what was offered, or nothing).
func TestSubprotocolHandshake(t *testing.T) {
	t.Parallel()
	w := build(t, anywhere)
	own := "jotward.bearer." + encode(w.a.token(nil))
	for _, c := range []struct{ offers, choose, forwarded, want string }{
		{own, "", "", ""}, {"jotward.bearer, " + own, "", "", "jotward.bearer"}, {own + ", jotward.bearer, chat", "chat", " chat", "chat"},
		{"chat," + own, "", "chat", ""}, {"chat," + own + ",jotward.bearer", "", "chat", "jotward.bearer"}, {"soap,  chat ," + own, "chat", "soap,  chat ", "chat"},
	} {
		w.origin.do = socketOrigin(c.choose)
		a := w.handshake("GET /any HTTP/1.1\r\nHost: edge.example\r\nOrigin: https://evil.example\r\nSec-WebSocket-Protocol: " + c.offers + "\r\n" + upgrade + "\r\n")
		if forwarded := w.origin.last.Load().Header.Get("Sec-Websocket-Protocol"); a.status != 101 || a.header.Get("Sec-Websocket-Protocol") != c.want || forwarded != strings.Trim(c.forwarded, " ") {
			t.Errorf("%s: %s %v, forwarded %q", c.offers[:20], a, a.header, forwarded)
		}
	}
	w.origin.do = nil // no WebSocket after all
	if a := w.raw("GET /any HTTP/1.1\r\nHost: edge.example\r\nSec-WebSocket-Protocol: jotward.bearer," + own + "\r\n" + upgrade + "\r\n"); a.status != 200 || a.header.Get("Sec-Websocket-Protocol") != "" {
		t.Error(a, a.header)
	}
}

// Where a parameter of another name is the credential, a form may not have it either.
func TestFormWithANamedCredential(t *testing.T) {
	t.Parallel()
	w := build(t, with(config.Route{Name: "any", Path: "/any", Credentials: &config.Credentials{Header: true, Query: &config.CredentialQuery{Parameter: "Tok-en"}}}))
	for _, form := range []string{"Tok-en=x", "a=1&tok_en=x", "%54ok%2den=x", "access_token=x"} {
		a := w.raw(fmt.Sprintf("POST /any HTTP/1.1\r\nHost: e\r\n%sContent-Type: application/x-www-form-urlencoded\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", w.bearer(nil), len(form), form))
		if a.code() != "credential_repeated" || w.origin.hits.Load() != 0 {
			t.Error(form, a)
		}
	}
}
