package edge

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/rule"
	"github.com/jotward/jotward/internal/web"
)

// Behind a balancer that speaks the PROXY protocol the address of its header is the
// client's everywhere: for rules, limits, the origin and the log. An address that
// the balancer does not know is in no allowed network, and what a client writes in
// headers of its own is no address.
func TestProxyProtocol(t *testing.T) {
	t.Parallel()
	w := build(t, trustLoopback, with(config.Route{Name: "inner", Path: "/inner", Auth: "none",
		Rules: []rule.Rule{{Name: "office", Action: rule.Allow, When: rule.Conditions{Networks: []string{"192.0.2.0/24", "127.0.0.0/8"}}}}}),
		with(config.Route{Name: "few", Path: "/few", Auth: "none", Limits: []config.Limit{{Name: "each", By: "network", Rate: "1/h"}}}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(w.edge)
	t.Cleanup(func() { _ = s.Close() })
	go func() {
		_ = s.Serve(web.ProxyProtocol{Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}.Listen(l))
	}()
	get := func(header, path string) int {
		t.Helper()
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(30 * time.Second))
		_, _ = io.WriteString(c, header+"\r\nGET "+path+" HTTP/1.1\r\nHost: e\r\nX-Forwarded-For: 192.0.2.9\r\nX-Real-IP: 192.0.2.9\r\nConnection: close\r\n\r\n")
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		return answer.StatusCode
	}
	from := func(a string) string { return fmt.Sprintf("PROXY TCP4 %s 10.0.0.1 1 2", a) }
	for _, c := range []struct {
		header, path, client string
		status               int
	}{
		{from("192.0.2.7"), "/inner", "192.0.2.7", 200},
		{from("198.51.100.7"), "/inner", "198.51.100.7", 403},
		{"PROXY UNKNOWN", "/inner", "", 403},
		{from("198.51.100.7"), "/few", "198.51.100.7", 200},
		{from("198.51.100.7"), "/few", "198.51.100.7", 429},
		{from("198.51.100.8"), "/few", "198.51.100.8", 200},
	} {
		status := get(c.header, c.path)
		if e := <-w.events; status != c.status || e.Client != c.client {
			t.Errorf("%+v: %d from %q", c, status, e.Client)
		}
		if h := w.origin.last.Load().Header; status == 200 && (h.Get("X-Forwarded-For") != c.client || h.Get("X-Real-Ip") != c.client) {
			t.Errorf("%+v: the origin reads %v", c, h)
		}
	}
}
