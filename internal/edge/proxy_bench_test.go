package edge

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/config"
)

// cpu is what this process has used.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkProxyOrigin is another process's part of BenchmarkProxy: the origin.
func BenchmarkProxyOrigin(b *testing.B) {
	if os.Getenv("EDGE_BENCH_PART") != "origin" {
		b.Skip("a part of BenchmarkProxy")
	}
	large := bytes.Repeat([]byte("x"), 16<<10)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	fmt.Println("at " + l.Addr().String())
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); os.Exit(0) }() // ends with its parent
	_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		switch {
		case r.Method == http.MethodPost:
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, "ok")
		case strings.HasSuffix(r.URL.Path, "/large"):
			w.Header().Set("Content-Length", "16384")
			_, _ = w.Write(large)
		default:
			_, _ = io.WriteString(w, "hello, world")
		}
	}))
}

// part runs one of the benchmark's other processes and returns its address.
func part(b *testing.B, name string) string {
	cmd := exec.Command(os.Args[0], "-test.run=^$", "-test.bench=^BenchmarkProxyOrigin$", "-test.benchtime=1x")
	cmd.Env = append(os.Environ(), "EDGE_BENCH_PART="+name)
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	for said := ""; ; {
		buf := make([]byte, 4096)
		n, err := out.Read(buf)
		said += string(buf[:n])
		if _, at, ok := strings.Cut(said, "at "); ok && strings.Contains(at, "\n") {
			return at[:strings.Index(at, "\n")]
		}
		if err != nil {
			b.Fatal("no origin: ", said)
		}
	}
}

// BenchmarkProxy measures the CPU that a request costs the process of the edge,
// with either transport, bare (no token) and with a token that is known. The
// origin is another process; the client is in this one, as small as it can be,
// and its part is measured beside ("client": it asks the origin itself).
func BenchmarkProxy(b *testing.B) {
	address := part(b, "origin")
	for _, transport := range []string{"client", "standard", "lean"} {
		testOnlyStandard = transport == "standard"
		w := build(b, with(config.Route{Name: "open", Path: "/open/", Auth: "none", Upstream: "http://" + address}),
			func(_ *world, c *config.Edge) { c.Routes[1].Upstream = "http://" + address })
		w.edge.options.Observe = nil
		w.edge.options.Logger = slog.New(slog.NewJSONHandler(io.Discard, nil))
		to := w.server.Listener.Addr().String()
		if transport == "client" {
			to = address
		}
		head := " HTTP/1.1\r\nHost: edge.example\r\nUser-Agent: bench\r\nAccept: */*\r\n"
		body := strings.Repeat("x", 16<<10)
		for name, text := range map[string]string{
			"get":   "GET /open/small" + head + "\r\n",
			"token": "GET /api/small" + head + w.bearer(nil) + "\r\n",
			"down":  "GET /open/large" + head + "\r\n",
			"up":    "POST /open/small" + head + "Content-Type: text/plain\r\nContent-Length: 16384\r\n\r\n" + body,
		} {
			b.Run(transport+"/"+name, func(b *testing.B) { repeat(b, to, []byte(text)) })
		}
	}
	testOnlyStandard = os.Getenv("EDGE_TEST_STANDARD") != ""
}

// repeat sends one request after the other on four connections.
func repeat(b *testing.B, to string, text []byte) {
	const clients = 4
	var conns [clients]net.Conn
	for i := range conns {
		c, err := net.Dial("tcp", to)
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		conns[i] = c
		ask(b, c, text) // warm
	}
	began := cpu(b)
	b.ResetTimer()
	ends := make(chan int, clients)
	for i, c := range conns {
		go func() {
			n := b.N / clients
			if i == 0 {
				n += b.N % clients
			}
			for range n {
				ask(b, c, text)
			}
			ends <- 1
		}()
	}
	for range clients {
		<-ends
	}
	b.ReportMetric(float64((cpu(b)-began).Nanoseconds())/1000/float64(b.N), "cpu-us/op")
}

// ask sends a request and reads to the end of its answer, with as little work as
// a client can do: it knows how the answers of this origin end.
func ask(b *testing.B, c net.Conn, text []byte) {
	if _, err := c.Write(text); err != nil {
		b.Error(err)
		return
	}
	var buf [32 << 10]byte
	for n := 0; ; {
		m, err := c.Read(buf[n:])
		if n += m; err != nil {
			b.Error(err, string(buf[:n]))
			return
		}
		i := bytes.Index(buf[:n], []byte("\r\n\r\n"))
		if i < 0 {
			continue
		}
		if !bytes.HasPrefix(buf[:n], []byte("HTTP/1.1 200")) {
			b.Error(string(buf[:n]))
			return
		}
		want := 0
		_, length, _ := bytes.Cut(buf[:i+2], []byte("Content-Length: "))
		for _, d := range length {
			if d < '0' || d > '9' {
				break
			}
			want = 10*want + int(d-'0')
		}
		if n >= i+4+want {
			return
		}
	}
}
