package outbound

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/reason"
)

func is(err error, code reason.Code) bool { return errors.Is(err, reason.New(code, nil)) }

// Where nothing is ever sent, whatever the name that leads there.
var inside = []string{
	"0.0.0.0", "0.1.2.3", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.9.9.9", "168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192",
	"192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.7", "203.0.113.7", "224.0.0.1", "239.1.2.3", "240.0.0.1", "255.255.255.255",
	"::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1",
	"2001::1", "2001:10::1", "2001:db8::1", "2002:7f00:1::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
}

var outside = []string{"1.1.1.1", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.169.0.1", "198.20.0.1", "223.255.255.255", "::ffff:8.8.8.8", "2001:4860:4860::8888", "2600::1"}

// server is a TLS server for app.example, and a client whose names lead where the test
// says and whose connections all end there.
type world struct {
	*testing.T
	*Client
	server *httptest.Server
	names  []netip.Addr // what the name is at each look-up, the last for ever
	looks  atomic.Int32
	dialed atomic.Pointer[netip.AddrPort]
}

func start(t *testing.T, c Config, h http.HandlerFunc) *world {
	w := &world{T: t, Client: New(c), server: httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // until then a server does not see who leaves
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		h(rw, r)
	}))}
	t.Cleanup(w.server.Close)
	w.testOnlyRoots = w.server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	w.testOnlyLookup = func(context.Context, string) ([]netip.Addr, error) {
		n := int(w.looks.Add(1))
		return []netip.Addr{w.names[min(n, len(w.names))-1]}, nil
	}
	w.testOnlyDial = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
		w.dialed.Store(&to)
		return (&net.Dialer{}).DialContext(ctx, "tcp", w.server.Listener.Addr().String())
	}
	build(w.Client)
	return w
}

func (w *world) post(address string) (int, error) {
	return w.Post(w.Context(), address, "application/x-www-form-urlencoded", []byte("a=b"))
}

func TestPost(t *testing.T) {
	t.Parallel()
	for _, at := range outside {
		var got string
		w := start(t, Config{}, func(rw http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			got = r.Method + " " + r.Host + r.URL.Path + " " + r.Header.Get("Content-Type") + " " + string(body)
			rw.WriteHeader(http.StatusNoContent)
		})
		w.names = []netip.Addr{netip.MustParseAddr(at)}
		status, err := w.post("https://example.com:8443/out")
		if err != nil || status != 204 || got != "POST example.com:8443/out application/x-www-form-urlencoded a=b" {
			t.Errorf("%s: %d %v %q", at, status, err, got)
		}
		if to := w.dialed.Load(); to.Port() != 8443 || to.Addr() != netip.MustParseAddr(at).Unmap() {
			t.Errorf("%s: dialled %v", at, to)
		}
	}
}

// Every address inside is refused, as a name and as itself, before anything is sent.
func TestThreatInside(t *testing.T) {
	t.Parallel()
	w := start(t, Config{}, func(http.ResponseWriter, *http.Request) { t.Error("something was sent") })
	for _, at := range inside {
		w.names = []netip.Addr{netip.MustParseAddr(at)}
		host := at
		if strings.Contains(at, ":") {
			host = "[" + at + "]"
		}
		for _, address := range []string{"https://example.com/", "https://" + host + "/", "https://" + host + ":8443/"} {
			w.looks.Store(0)
			if _, err := w.post(address); !is(err, reason.AddressRefused) {
				t.Errorf("%s at %s: %v", address, at, err)
			}
		}
		if err := w.Check("https://" + host + "/"); !is(err, reason.AddressRefused) {
			t.Errorf("%s may be kept: %v", host, err)
		}
	}
	if w.dialed.Load() != nil {
		t.Error("something was dialled")
	}
	// One address of several is enough, and so is a name with none, or hundreds.
	for _, list := range [][]netip.Addr{{netip.MustParseAddr("1.1.1.1"), netip.MustParseAddr("127.0.0.1")}, {}, slices.Repeat([]netip.Addr{netip.MustParseAddr("1.1.1.1")}, 17), {netip.MustParseAddr("2600::1%eth0")}} {
		w.testOnlyLookup = func(context.Context, string) ([]netip.Addr, error) { return list, nil }
		if _, err := w.post("https://example.com/"); err == nil || w.dialed.Load() != nil {
			t.Errorf("%v: %v", list, err)
		}
	}
}

// A name that leads elsewhere a moment later leads nowhere else (DNS rebinding): it is
// asked once for a connection, and what was looked at is what is dialled.
func TestThreatRebinding(t *testing.T) {
	t.Parallel()
	w := start(t, Config{}, func(http.ResponseWriter, *http.Request) {})
	w.names = []netip.Addr{netip.MustParseAddr("1.1.1.1"), netip.MustParseAddr("127.0.0.1")}
	if status, err := w.post("https://example.com/"); err != nil || status != 200 || w.looks.Load() != 1 || w.dialed.Load().Addr() != w.names[0] {
		t.Errorf("%d %v after %d look-ups, dialled %v", status, err, w.looks.Load(), w.dialed.Load())
	}
	w.http.CloseIdleConnections()
	if _, err := w.post("https://example.com/"); !is(err, reason.AddressRefused) {
		t.Errorf("%v", err)
	}
}

func TestThreatAddresses(t *testing.T) {
	t.Parallel()
	w := start(t, Config{}, func(http.ResponseWriter, *http.Request) { t.Error("something was sent") })
	w.names = []netip.Addr{netip.MustParseAddr("1.1.1.1")}
	for _, address := range []string{"", "/x", "http://example.com/", "https://", "https:///x", "https:example.com", "ftp://example.com/", "file:///etc/passwd", "https://u:p@example.com/", "https://example.com/#x", "https://example.com/#",
		"https://example.com:0/", "https://example.com:99999/", "https://example.com:http/", "https://exa mple.com/", "gopher://1.1.1.1/", "https://example.com/" + strings.Repeat("x", 2048)} {
		if _, err := w.post(address); !is(err, reason.AddressRefused) || strings.Contains(err.Error(), "example") {
			t.Errorf("%q: %v", address, err)
		}
	}
	if w.dialed.Load() != nil {
		t.Error("something was dialled")
	}
}

// A redirect is an answer like another, and is not followed.
func TestThreatRedirect(t *testing.T) {
	t.Parallel()
	n := 0
	w := start(t, Config{}, func(rw http.ResponseWriter, r *http.Request) {
		n++
		http.Redirect(rw, r, "/again", http.StatusTemporaryRedirect)
	})
	w.names = []netip.Addr{netip.MustParseAddr("1.1.1.1")}
	if status, err := w.post("https://example.com/"); err != nil || status != 307 || n != 1 {
		t.Errorf("%d %v after %d requests", status, err, n)
	}
	// A client that follows them all the same is held to the rules at each.
	follows := w.HTTP()
	follows.CheckRedirect = nil
	w.server.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, "https://169.254.169.254/latest", http.StatusFound)
	})
	r, err := http.NewRequestWithContext(t.Context(), "GET", "https://example.com/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := follows.Do(r); !is(err, reason.AddressRefused) {
		t.Errorf("%v %v", resp, err)
	}
}

// The environment's proxy would dial for us, and ask no such questions.
func TestThreatProxyOfTheEnvironment(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	if proxy := New(Config{}).http.Transport.(*guard).next.Proxy; proxy != nil {
		t.Error("a proxy is asked")
	}
}

// Answers without end, without an end of their header, and none at all.
func TestThreatAnswers(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"a long body":   func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write(make([]byte, maxBody+1)) },
		"a long header": func(rw http.ResponseWriter, _ *http.Request) { rw.Header().Set("X", strings.Repeat("x", 2*maxHeader)) },
		"no answer":     func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"no end": func(rw http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(rw).Flush()
			<-r.Context().Done()
			panic(http.ErrAbortHandler) // to return would be an end
		},
		"broken off": func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Length", "9")
			_, _ = rw.Write([]byte("x"))
		},
	} {
		w := start(t, Config{Timeout: 300 * time.Millisecond}, h)
		w.names = []netip.Addr{netip.MustParseAddr("1.1.1.1")}
		if status, err := w.post("https://example.com/"); !is(err, reason.AddressUnreachable) || strings.Contains(err.Error(), "example.com") {
			t.Errorf("%s: %d %v", name, status, err)
		}
	}
	w := start(t, Config{}, func(http.ResponseWriter, *http.Request) {})
	w.names = []netip.Addr{netip.MustParseAddr("1.1.1.1")}
	if _, err := w.post("https://another.example/"); !is(err, reason.AddressUnreachable) { // its certificate is example.com's
		t.Errorf("%v", err)
	}
}

// What the configuration names is allowed, plain http to it alone.
func TestNetworks(t *testing.T) {
	t.Parallel()
	loop := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(plain.Close)
	u, _ := url.Parse(plain.URL)
	for name, row := range map[string]struct {
		c       Config
		address string
		ok      bool
	}{
		"loopback":              {Config{Networks: loop, AllowHTTP: true}, plain.URL, true},
		"mapped":                {Config{Networks: loop, AllowHTTP: true}, "http://[::ffff:127.0.0.1]:" + u.Port(), true},
		"without http":          {Config{Networks: loop}, plain.URL, false},
		"without the network":   {Config{AllowHTTP: true}, plain.URL, false},
		"http outside":          {Config{Networks: loop, AllowHTTP: true}, "http://1.1.1.1/", false},
		"another private place": {Config{Networks: loop, AllowHTTP: true}, "https://10.0.0.1/", false},
	} {
		status, err := New(row.c).Post(t.Context(), row.address, "text/plain", nil)
		if row.ok != (err == nil && status == 200) || !row.ok && !is(err, reason.AddressRefused) {
			t.Errorf("%s: %d %v", name, status, err)
		}
	}
}

// Whatever is taken is https to a host, and to no address inside.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{"https://example.com/", "https://127.0.0.1", "https://[::1]:8443/x?y", "http://x", "https://u@x", "https://0x7f.1/"} {
		f.Add(s)
	}
	c := New(Config{})
	f.Fuzz(func(t *testing.T, address string) {
		if c.Check(address) != nil {
			return
		}
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.Contains(address, "#") {
			t.Fatalf("%q", address)
		}
		if ip, err := netip.ParseAddr(u.Hostname()); err == nil && !public(ip.Unmap()) {
			t.Fatalf("%q", address)
		}
	})
}
