package web

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pires/go-proxyproto"
)

const v2 = "\r\n\r\n\x00\r\nQUIT\n"

// header2 is a header of version 2.
func header2(command, family byte, length int, rest string) string {
	return v2 + string([]byte{command, family, byte(length >> 8), byte(length)}) + rest
}

var (
	tcp4 = "\xc0\x00\x02\x07\x0a\x00\x00\x01\x12\x34\x01\xbb" // 192.0.2.7:4660 to 10.0.0.1:443
	tcp6 = "\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x07" + strings.Repeat("\x00", 15) + "\x01\x12\x34\x01\xbb"
)

// behind is a server that says where a request came from, behind a balancer on
// loopback or on another network.
func behind(t *testing.T, network string, secure bool) (address string, refused chan net.Addr) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused = make(chan net.Addr, 64)
	inner := ProxyProtocol{Trusted: []netip.Prefix{netip.MustParsePrefix(network)}, Refused: func(a net.Addr) { refused <- a }}.Listen(l)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		local := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		_, _ = fmt.Fprint(w, r.RemoteAddr, " ", local.String() == l.Addr().String())
	}))
	_ = s.Listener.Close()
	if s.Listener = inner; secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return l.Addr().String(), refused
}

const request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

// all sends bytes and returns what comes back until the connection ends.
func all(t *testing.T, address, text string) string {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	_, _ = io.WriteString(c, text)
	_ = c.(*net.TCPConn).CloseWrite()
	got, _ := io.ReadAll(c) // one that is refused may be reset
	return string(got)
}

// What a balancer says of the client is its address; what it does not know is none;
// what it says for itself comes from itself.
func TestProxyProtocol(t *testing.T) {
	t.Parallel()
	address, _ := behind(t, "127.0.0.0/8", false)
	for name, c := range map[string]struct{ header, want string }{
		"1 TCP4":               {"PROXY TCP4 192.0.2.7 10.0.0.1 4660 443\r\n", "192.0.2.7:4660 true"},
		"1 TCP6":               {"PROXY TCP6 2001:db8::7 ::1 4660 443\r\n", "[2001:db8::7]:4660 true"},
		"1 unknown":            {"PROXY UNKNOWN\r\n", "unknown true"},
		"1 unknown, addresses": {"PROXY UNKNOWN 192.0.2.7 10.0.0.1 4660 443\r\n", "unknown true"},
		"2 TCP4":               {header2(0x21, 0x11, 12, tcp4), "192.0.2.7:4660 true"},
		"2 TCP6":               {header2(0x21, 0x21, 36, tcp6), "[2001:db8::7]:4660 true"},
		"2 TLVs are skipped":   {header2(0x21, 0x11, 19, tcp4+"\x04\x00\x04abcd"), "192.0.2.7:4660 true"},
		"2 a TLV that is none": {header2(0x21, 0x11, 14, tcp4+"\xff\xff"), "192.0.2.7:4660 true"},
		"2 Unix":               {header2(0x21, 0x31, 216, strings.Repeat("a", 216)), "unknown true"},
		"2 LOCAL":              {header2(0x20, 0x00, 0, ""), "127.0.0.1:"},
		"2 LOCAL, addresses":   {header2(0x20, 0x11, 12, tcp4), "127.0.0.1:"},
	} {
		if got := all(t, address, c.header+request); !strings.HasPrefix(got, "HTTP/1.1 200") || !strings.Contains(got, "\r\n\r\n"+c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// rejects are beginnings of connections that are no header.
var rejects = map[string]string{
	"none":                   "",
	"lower case":             "proxy TCP4 192.0.2.7 10.0.0.1 4660 443\r\n",
	"another protocol":       "PROXY TCP5 192.0.2.7 10.0.0.1 4660 443\r\n",
	"a word that goes on":    "PROXYx TCP4 192.0.2.7 10.0.0.1 4660 443\r\n",
	"two blanks":             "PROXY  TCP4 192.0.2.7 10.0.0.1 4660 443\r\n",
	"a tab":                  "PROXY\tTCP4 192.0.2.7 10.0.0.1 4660 443\r\n",
	"bare LF":                "PROXY TCP4 192.0.2.7 10.0.0.1 4660 443\n",
	"bare CR":                "PROXY TCP4 192.0.2.7 10.0.0.1 4660 443\r",
	"one more":               "PROXY TCP4 192.0.2.7 10.0.0.1 4660 443 1\r\n",
	"one less":               "PROXY TCP4 192.0.2.7 10.0.0.1 4660\r\n",
	"port 65536":             "PROXY TCP4 192.0.2.7 10.0.0.1 65536 443\r\n",
	"port 080":               "PROXY TCP4 192.0.2.7 10.0.0.1 080 443\r\n",
	"port -1":                "PROXY TCP4 192.0.2.7 10.0.0.1 -1 443\r\n",
	"octal address":          "PROXY TCP4 192.0.2.07 10.0.0.1 4660 443\r\n",
	"a name":                 "PROXY TCP4 localhost 10.0.0.1 4660 443\r\n",
	"IPv6 in TCP4":           "PROXY TCP4 2001:db8::7 ::1 4660 443\r\n",
	"IPv4 in TCP6":           "PROXY TCP6 192.0.2.7 10.0.0.1 4660 443\r\n",
	"a zone":                 "PROXY TCP6 fe80::1%eth0 ::1 4660 443\r\n",
	"108 bytes":              "PROXY UNKNOWN " + strings.Repeat("x", 92) + "\r\n",
	"no end":                 "PROXY UNKNOWN " + strings.Repeat("x", 4096),
	"2: version 1":           header2(0x11, 0x11, 12, tcp4),
	"2: version 3":           header2(0x31, 0x11, 12, tcp4),
	"2: another command":     header2(0x22, 0x11, 12, tcp4),
	"2: another family":      header2(0x21, 0x41, 12, tcp4),
	"2: another transport":   header2(0x21, 0x13, 12, tcp4),
	"2: unspecified":         header2(0x21, 0x00, 0, ""),
	"2: UDP":                 header2(0x21, 0x12, 12, tcp4),
	"2: Unix datagrams":      header2(0x21, 0x32, 216, strings.Repeat("a", 216)),
	"2: short of TCP4":       header2(0x21, 0x11, 11, tcp4[:11]),
	"2: short of TCP6":       header2(0x21, 0x21, 12, tcp4),
	"2: longer than allowed": header2(0x21, 0x11, 65535, tcp4+strings.Repeat("\x00", 65523)),
	"2: LOCAL, longer":       header2(0x20, 0x00, 65535, strings.Repeat("\x00", 65535)),
	"2: cut off":             header2(0x21, 0x11, 12, tcp4)[:20],
	"2: half a signature":    v2[:6],
}

// Anything else from a balancer's network is refused without a word, and no request
// behind it is read.
func TestProxyProtocolRejects(t *testing.T) {
	t.Parallel()
	address, refused := behind(t, "127.0.0.0/8", false)
	for name, header := range rejects {
		text := header + request
		if name == "2: cut off" || name == "2: half a signature" || name == "no end" {
			text = header
		}
		if got := all(t, address, text); got != "" {
			t.Errorf("%s: %q", name, got)
		}
		select {
		case <-refused:
		case <-time.After(20 * time.Second):
			t.Errorf("%s: nobody was told", name)
		}
	}
	if all(t, address, ""); len(refused) > 0 {
		t.Error("a connection that was only opened is reported")
	}
}

// Who is not trusted has no header: one is no HTTP.
func TestProxyProtocolOfStrangers(t *testing.T) {
	t.Parallel()
	address, _ := behind(t, "10.0.0.0/8", false)
	if got := all(t, address, request); !strings.Contains(got, "\r\n\r\n127.0.0.1:") {
		t.Errorf("%q", got)
	}
	for _, header := range []string{"PROXY TCP4 192.0.2.7 10.0.0.1 4660 443\r\n", header2(0x21, 0x11, 12, tcp4)} {
		if got := all(t, address, header+request); strings.Contains(got, " 200 ") || strings.Contains(got, "192.0.2.7") {
			t.Errorf("%q", got)
		}
	}
}

// The header comes before TLS, and not inside.
func TestProxyProtocolUnderTLS(t *testing.T) {
	t.Parallel()
	address, _ := behind(t, "127.0.0.0/8", true)
	talk := func(before, inside string) (string, error) {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(30 * time.Second))
		_, _ = io.WriteString(c, before)
		s := tls.Client(c, &tls.Config{InsecureSkipVerify: true}) // whose certificate it is does not matter here
		if err := s.Handshake(); err != nil {
			return "", err
		}
		_, _ = io.WriteString(s, inside+request)
		got, err := io.ReadAll(s)
		return string(got), err
	}
	const header = "PROXY TCP4 192.0.2.7 10.0.0.1 4660 443\r\n"
	if got, err := talk(header, ""); err != nil || !strings.Contains(got, "192.0.2.7:4660") {
		t.Errorf("%q %v", got, err)
	}
	if got, err := talk("", header); err == nil {
		t.Errorf("no header before TLS: %q", got)
	}
	if got, _ := talk(header, strings.ReplaceAll(header, ".7 ", ".8 ")); strings.Contains(got, " 200 ") {
		t.Errorf("a second header inside: %q", got)
	}
}

// A server closes its side first and the client still reads: an answer that comes
// before the request's end would be lost with a reset.
func TestProxyProtocolHalfClose(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, "PROXY TCP4 192.0.2.7 10.0.0.1 4660 443\r\n")
	s, err := ProxyProtocol{Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}.Listen(l).Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Error(err)
	}
	_, _ = io.WriteString(c, "x")
	if n, err := s.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Error(n, err)
	}
}

// local is a connection that comes from loopback.
type local struct{ net.Conn }

func (local) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9} }

// Who does not say who it is within five seconds is let go.
func TestProxyProtocolWait(t *testing.T) {
	t.Parallel()
	for _, begun := range []string{"", "P", v2[:6], header2(0x21, 0x11, 12, tcp4)[:20]} {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			defer far.Close()
			go func() { _, _ = io.WriteString(far, begun) }()
			c, err := ProxyProtocol{Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}.Listen(one{local{near}}).Accept()
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			if _, err := c.Read(make([]byte, 1)); err == nil || time.Since(start) != headerWait {
				t.Errorf("%q: %v after %s", begun, err, time.Since(start))
			}
			_ = c.Close()
		})
	}
}

// said is a connection from loopback that has said all it will.
type said struct {
	net.Conn
	*bytes.Reader
}

func (said) Close() error                        { return nil }
func (said) SetReadDeadline(time.Time) error     { return nil }
func (said) RemoteAddr() net.Addr                { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9} }
func (s said) Read(b []byte) (int, error)        { return s.Reader.Read(b) }
func (s said) Write(b []byte) (int, error)       { return len(b), nil }
func (s said) ReadFrom(io.Reader) (int64, error) { return 0, io.EOF }

type one struct{ c net.Conn }

func (o one) Accept() (net.Conn, error) { return o.c, nil }
func (one) Close() error                { return nil }
func (one) Addr() net.Addr              { return nil }

// Whatever comes, an address is the peer's, none, or the one that a header of the
// bytes' beginning says in its only spelling; and what follows the header is what
// follows it.
func FuzzProxyProtocol(f *testing.F) {
	f.Add([]byte("PROXY TCP6 2001:db8::7 ::1 4660 443\r\nrest"))
	f.Add([]byte(header2(0x21, 0x11, 19, tcp4+"\x04\x00\x04abcd") + "rest"))
	for _, r := range rejects {
		f.Add([]byte(r))
	}
	trusted := ProxyProtocol{Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	f.Fuzz(func(t *testing.T, in []byte) {
		c, err := trusted.Listen(one{said{Reader: bytes.NewReader(in)}}).Accept()
		if err != nil {
			t.Fatal(err)
		}
		address := c.RemoteAddr().String()
		rest, err := io.ReadAll(io.LimitReader(c, 1<<20))
		h := c.(*proxiedConn).ProxyHeader()
		if h == nil {
			if err == nil || len(rest) > 0 || address != "127.0.0.1:9" {
				t.Fatalf("refused, and yet: %q from %s, %v", rest, address, err)
			}
			return
		}
		head := in[:len(in)-len(rest)]
		if err != nil || !bytes.HasSuffix(in, rest) || h.Version == 1 && len(head) > 107 || h.Version == 2 && len(head) > 16+int(proxyproto.MaxV2HeaderSize) {
			t.Fatalf("%q and %q, %v", head, rest, err)
		}
		again, err := proxyproto.Read(bufio.NewReader(bytes.NewReader(head)))
		if err != nil || !again.EqualsTo(h) {
			t.Fatalf("%q has another reading", head)
		}
		if a, err := netip.ParseAddrPort(address); address != "unknown" && (err != nil || a.Addr().Zone() != "") {
			t.Fatalf("%q", address)
		}
	})
}
