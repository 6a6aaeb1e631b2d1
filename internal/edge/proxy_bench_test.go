package edge

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/obs"
)

// cpu is what this process has used.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// part runs one of the benchmark's other processes, and returns what it says
// first and how to talk to it.
func part(b *testing.B, name, with string) (said string, in io.WriteCloser, out *bufio.Reader) {
	cmd := exec.Command(os.Args[0], "-test.run=^$", "-test.bench=^BenchmarkProxyPart$", "-test.benchtime=1x")
	cmd.Env = append(os.Environ(), "EDGE_BENCH_PART="+name, "EDGE_BENCH_WITH="+with)
	in, _ = cmd.StdinPipe()
	pipe, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	out = bufio.NewReader(pipe)
	return heard(b, out), in, out
}

// heard is what a part says for the benchmark, beside what the testing package says.
func heard(b *testing.B, out *bufio.Reader) string {
	for {
		line, err := out.ReadString('\n')
		if _, said, ok := strings.Cut(line, "part: "); ok {
			return strings.TrimSpace(said)
		}
		if err != nil {
			b.Fatal("a part of the benchmark ended: ", err)
		}
	}
}

// BenchmarkProxyPart is what BenchmarkProxy runs in other processes: the origin,
// and the client that repeats one request on each of four connections.
func BenchmarkProxyPart(b *testing.B) {
	switch os.Getenv("EDGE_BENCH_PART") {
	case "origin":
		originPart(b)
	case "client":
		clientPart(b)
	default:
		b.Skip("a part of BenchmarkProxy")
	}
}

func originPart(b *testing.B) {
	large := bytes.Repeat([]byte("x"), 16<<10)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	fmt.Println("part: " + l.Addr().String())
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

func clientPart(b *testing.B) {
	const clients = 4
	to, text, _ := strings.Cut(os.Getenv("EDGE_BENCH_WITH"), "|")
	request, err := strconv.Unquote(text)
	if err != nil {
		b.Fatal(err)
	}
	var conns [clients]net.Conn
	var bufs [clients][]byte
	for i := range conns {
		if conns[i], err = net.Dial("tcp", to); err != nil {
			b.Fatal(err)
		}
		bufs[i] = make([]byte, 64<<10)
		for range 200 { // warm
			ask(b, conns[i], []byte(request), bufs[i])
		}
	}
	fmt.Println("part: warm")
	var n int
	if _, err := fmt.Scan(&n); err != nil {
		return
	}
	var all sync.WaitGroup
	for i, c := range conns {
		all.Go(func() {
			for k := i; k < n; k += clients {
				ask(b, c, []byte(request), bufs[i])
			}
		})
	}
	all.Wait()
	fmt.Println("part: done")
}

// BenchmarkProxy measures the CPU that a request costs the edge, as a whole
// process: the server, the decision, the log line, and the way to the origin,
// with either transport, bare (no token), with a token that nobody looks at, and
// with one that is known. Origin
// and client are other processes.
func BenchmarkProxy(b *testing.B) {
	address, _, _ := part(b, "origin", "")
	defer func() { testOnlyStandard = os.Getenv("EDGE_TEST_STANDARD") != "" }()
	for _, transport := range []string{"standard", "lean"} {
		testOnlyStandard = transport == "standard"
		w := build(b, with(config.Route{Name: "open", Path: "/open/", Auth: "none", Upstream: "http://" + address}),
			func(_ *world, c *config.Edge) { c.Routes[1].Upstream = "http://" + address })
		w.edge.options.Observe = nil
		w.edge.options.Logger = obs.Logger(io.Discard)
		w.edge.lines, _ = w.edge.options.Logger.Handler().(*obs.Lines)
		head := " HTTP/1.1\r\nHost: edge.example\r\nUser-Agent: bench\r\nAccept: */*\r\n"
		for _, c := range []struct{ name, text string }{
			{"get", "GET /open/small" + head + "\r\n"},
			{"carry", "GET /open/small" + head + w.bearer(nil) + "\r\n"}, // the same bytes, not looked at
			{"token", "GET /api/small" + head + w.bearer(nil) + "\r\n"},
			{"down16k", "GET /open/large" + head + "\r\n"},
			{"expired", "GET /api/small" + head + w.bearer(map[string]any{"iat": w.now().Add(-2 * time.Hour).Unix(), "exp": w.now().Add(-time.Hour).Unix()}) + "\r\n"},
			{"up16k", "POST /open/small" + head + "Content-Type: text/plain\r\nContent-Length: 16384\r\n\r\n" + strings.Repeat("x", 16<<10)},
		} {
			b.Run(transport+"/"+c.name, func(b *testing.B) {
				_, in, out := part(b, "client", w.server.Listener.Addr().String()+"|"+strconv.Quote(c.text))
				b.ReportAllocs()
				began := cpu(b)
				b.ResetTimer()
				fmt.Fprintln(in, b.N)
				heard(b, out)
				b.ReportMetric(float64((cpu(b)-began).Nanoseconds())/1000/float64(b.N), "cpu-us/op")
			})
		}
	}
}

// ask sends a request and reads to the end of its answer.
func ask(b *testing.B, c net.Conn, text, buf []byte) {
	if _, err := c.Write(text); err != nil {
		b.Fatal(err)
	}
	for n := 0; ; {
		m, err := c.Read(buf[n:])
		if n += m; err != nil {
			b.Fatal(err)
		}
		head, rest, whole := bytes.Cut(buf[:n], []byte("\r\n\r\n"))
		if !whole {
			continue
		}
		if !bytes.HasPrefix(head, []byte("HTTP/1.1 200")) && !bytes.HasPrefix(head, []byte("HTTP/1.1 401")) {
			b.Fatal(string(head))
		}
		_, length, _ := bytes.Cut(head, []byte("Content-Length: "))
		length, _, _ = bytes.Cut(length, []byte("\r\n"))
		if want, err := strconv.Atoi(string(length)); err != nil || len(rest) >= want {
			return
		}
	}
}
