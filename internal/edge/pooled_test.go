package edge

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/config"
)

// A request that reached nobody goes to another member, whatever its method, whole
// and once; soon the dead member is left alone, and that is said once.
func TestPoolRetries(t *testing.T) {
	t.Parallel()
	gone, here := dead(t), newSite(t, nil)
	w := build(t, pooling(nil, gone, here))
	retries := 0
	for range 40 {
		a := w.post("body")
		if a.status != 200 || a.body != "ok body" || a.event.Member != here.url() {
			t.Fatal(a, a.event)
		}
		retries += a.event.Retries
	}
	if retries != defaultEject || here.hits.Load() != 40 {
		t.Error(retries, "retries,", here.hits.Load(), "requests")
	}
	if n := strings.Count(w.log.String(), "an upstream is out"); n != 1 {
		t.Error(n, "lines say so:", w.log)
	}
	text := w.scrape()
	for _, want := range []string{`retries_total{pool="orders",result="sent"} 3`, fmt.Sprintf("up{pool=\"orders\",upstream=%q} 0", gone.url()), fmt.Sprintf("up{pool=\"orders\",upstream=%q} 1", here.url()),
		fmt.Sprintf("failures_total{pool=\"orders\",upstream=%q} 3", gone.url())} {
		if !strings.Contains(text, "jotward_edge_pool_"+want) {
			t.Error(want, "is missing in", text)
		}
	}
	checks := w.edge.Ready()
	if c := checks[len(checks)-1]; c.Name != "pool orders" || !c.OK || c.Detail != "1 of 2 upstreams take requests; out: "+gone.url() {
		t.Error(c)
	}
}

// Where there is no other member, nothing is sent again.
func TestPoolOfOne(t *testing.T) {
	t.Parallel()
	w := build(t, pooling(nil, dead(t)))
	if a := w.call(); a.status != 502 || a.event.Retries != 0 {
		t.Error(a, a.event)
	}
}

// What a retry repeats is below the decision: a token of a one-time route passes.
func TestPoolRetriesOneTime(t *testing.T) {
	t.Parallel()
	w := build(t, pooling(func(p *config.Pool) { p.EjectAfter = 1000 }, dead(t), newSite(t, nil)), func(_ *world, c *config.Edge) { c.Routes[0].OneTime = true })
	for n := 0; ; n++ {
		a := w.get("/api/x", w.bearer(map[string]any{"jti": fmt.Sprint(n)}))
		if a.status != 200 {
			t.Fatal(a)
		}
		if a.event.Retries > 0 {
			return
		}
	}
}

// breaking answers the first request of each connection when it says so, and hangs
// up on the next one, after some bytes.
func breaking(t testing.TB, first bool, bytes string) *site {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s := &site{t: t, address: l.Addr().String()}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in := bufio.NewReader(c)
				for n := 0; ; n++ {
					r, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, r.Body)
					s.hits.Add(1)
					if !first || n > 0 {
						_, _ = io.WriteString(c, bytes)
						return
					}
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				}
			}()
		}
	}()
	return s
}

// What may have reached a member is sent to no other, and takes no member away from
// others: it may be what the request does.
func TestPoolNeverTwice(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		first bool
		bytes string
		head  string
	}{
		"POST":                           {false, "", "POST /api/x HTTP/1.1\r\nContent-Length: 1\r\n"},
		"POST without a body":            {false, "", "POST /api/x HTTP/1.1\r\nContent-Length: 0\r\n"},
		"DELETE":                         {false, "", "DELETE /api/x HTTP/1.1\r\n"},
		"GET on a fresh connection":      {false, "", "GET /api/x HTTP/1.1\r\n"},
		"GET after a byte of the answer": {false, "H", "GET /api/x HTTP/1.1\r\n"},
		"POST on a used connection":      {true, "", "POST /api/x HTTP/1.1\r\nContent-Length: 1\r\n"},
		"PUT on a used connection":       {true, "", "PUT /api/x HTTP/1.1\r\n"},
		"GET, used, after a byte":        {true, "H", "GET /api/x HTTP/1.1\r\n"},
	} {
		a, b := breaking(t, c.first, c.bytes), breaking(t, c.first, c.bytes)
		w := build(t, pooling(nil, a, b))
		body := ""
		if strings.Contains(c.head, "Length: 1") {
			body = "a"
		}
		broken := 0
		for range 12 {
			if got := w.raw(c.head + "Host: e\r\n" + w.bearer(nil) + "Connection: close\r\n\r\n" + body); got.status != 200 {
				if broken++; got.status != 502 || got.event.Retries != 0 {
					t.Error(name, got, got.event)
				}
			}
		}
		if n := a.hits.Load() + b.hits.Load(); n != 12 || broken == 0 {
			t.Errorf("%s: 12 requests came as %d, %d failed", name, n, broken)
		}
		if strings.Contains(w.log.String(), "an upstream is out") {
			t.Error(name, "took a member away")
		}
	}
}

// A body of which anything was read is not sent again.
func TestPoolBodyOnce(t *testing.T) {
	t.Parallel()
	r, _ := http.NewRequest(http.MethodPost, "http://x", nil)
	refused := &net.OpError{Op: "dial", Err: io.EOF}
	a := attempt{transport: &http.Transport{}, body: &unread{body: strings.NewReader("ab")}}
	if a.repeatable(r, refused) {
		t.Error("a request that no connection was asked for is at fault itself")
	}
	a.asked.Store(true)
	if !a.repeatable(r, refused) {
		t.Error("an untouched body is not sent again")
	}
	_, _ = a.body.Read(make([]byte, 1))
	if a.repeatable(r, refused) {
		t.Error("half a body would be sent again")
	}
}

// Where the edge itself has no more sockets, no member is at fault. A silence is no
// closed connection.
func TestPoolOwnFault(t *testing.T) {
	t.Parallel()
	a := attempt{transport: &http.Transport{}}
	a.asked.Store(true)
	if m := (&member{record: &record{}}); a.tells(m, &net.OpError{Op: "dial", Err: syscall.EMFILE}) || !a.tells(m, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}) {
		t.Error("the edge's own fault takes members out, or theirs does not")
	}
	a.connected.Store(true)
	a.reused.Store(true)
	r, _ := http.NewRequest(http.MethodGet, "http://x", nil)
	if !a.repeatable(r, io.EOF) || a.repeatable(r, errRested) {
		t.Error("a closed connection is not tried elsewhere, or a silent one is")
	}
}

// While members go and come, and are asked by many, no request reaches two of them,
// and each answer is its own.
func TestPoolUnderLoad(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	times := map[string]int{}
	echo := func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		times[string(body)]++
		mu.Unlock()
		_, _ = rw.Write(body)
	}
	a, b := newSite(t, echo), newSite(t, echo)
	w := build(t, pooling(nil, a, b), func(_ *world, c *config.Edge) {
		c.Routes[0] = config.Route{Name: "api", Path: "/api/", Auth: "none", Pool: "orders"}
	})
	var work sync.WaitGroup
	for n := range 6 {
		work.Go(func() {
			for i := range 80 {
				id := fmt.Sprint(n, "-", i)
				answer, err := w.server.Client().Post(w.server.URL+"/api/x", "text/plain", strings.NewReader(id))
				if err != nil {
					t.Error(err)
					return
				}
				body, _ := io.ReadAll(answer.Body)
				_ = answer.Body.Close()
				if answer.StatusCode == 200 && string(body) != id || answer.StatusCode != 200 && answer.StatusCode < 502 {
					t.Error(id, answer.StatusCode, string(body))
				}
			}
		})
	}
	var done atomic.Bool
	go func() { work.Wait(); done.Store(true) }()
	for n := 0; !done.Load(); n++ {
		s := []*site{a, b}[n%2]
		s.close()
		w.get("/api/x", "")
		s.open()
		w.forward(ejectLongest)
		w.get("/api/x", "")
	}
	for id, n := range times {
		if n != 1 && id != "" { // those of the loop have none
			t.Errorf("%s came %d times", id, n)
		}
	}
	if len(times) < 100 {
		t.Error("only", len(times), "requests came")
	}
}

// A trial that says nothing of its member leaves it to the next request.
func TestPoolUndecided(t *testing.T) {
	t.Parallel()
	a := newSite(t, func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/break" {
			panic(http.ErrAbortHandler)
		}
	})
	w := build(t, pooling(nil, a))
	m := w.edge.current.Load().pools["orders"].members[0]
	for range defaultEject {
		m.failed(w.now(), false, io.EOF)
	}
	w.forward(ejectFirst)
	if got := w.get("/api/break", w.bearer(nil)); got.status != 502 {
		t.Error(got)
	}
	if got := w.call(); got.status != 200 {
		t.Error(got)
	}
}

// Retries are bounded: an outage does not multiply the load.
func TestPoolSpare(t *testing.T) {
	t.Parallel()
	w := build(t, pooling(func(p *config.Pool) { p.EjectAfter = 1 << 30 }, dead(t), newSite(t, nil)))
	retries, lost := 0, 0
	for range 300 {
		a := w.call()
		if retries += a.event.Retries; a.status == 502 {
			lost++
		}
	}
	if retries > 10+300/5 || retries < 20 || lost == 0 {
		t.Error(retries, "retries, lost:", lost)
	}
	if text := w.scrape(); !strings.Contains(text, fmt.Sprintf(`jotward_edge_pool_retries_total{pool="orders",result="withheld"} %d`, lost)) {
		t.Error(text)
	}
	w.forward(5 * time.Second) // one a second
	five := &w.edge.current.Load().pools["orders"].spare
	for range 5 {
		if !five.spend(w.now()) {
			t.Error("time gives none")
		}
	}
}

// Over TLS, a handshake that fails is a connection that was not had; what broke off
// behind a good one, HTTP/2 as well, is not sent again.
func TestPoolTLS(t *testing.T) {
	t.Parallel()
	for _, h2 := range []bool{false, true} {
		var hits atomic.Int64
		serve := func() *httptest.Server {
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if hits.Add(1); r.URL.Path == "/api/break" {
					panic(http.ErrAbortHandler)
				}
				_, _ = io.Copy(w, r.Body)
			}))
			s.EnableHTTP2 = h2
			s.StartTLS()
			t.Cleanup(s.Close)
			return s
		}
		a, b, plain := serve(), serve(), newSite(t, nil)
		w := build(t, pooling(func(p *config.Pool) {
			p.Upstreams = []string{a.URL, b.URL, "https://" + plain.address}
		}))
		roots := a.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
		w.edge.current.Load().transports.standard.TLSClientConfig = &tls.Config{RootCAs: roots}
		retries := 0
		for range 60 { // so many that chance leaves none out
			got := w.post("body")
			if retries += got.event.Retries; got.status != 200 || got.body != "body" {
				t.Error(got, got.event)
			}
		}
		if retries != defaultEject || hits.Load() != 60 || plain.hits.Load() != 0 {
			t.Error(retries, "retries,", hits.Load(), "requests")
		}
		for _, head := range []string{"POST /api/break HTTP/1.1\r\nContent-Length: 0\r\n", "DELETE /api/break HTTP/1.1\r\n", "POST /api/break HTTP/1.1\r\nContent-Length: 0\r\nIdempotency-Key: k\r\n"} {
			before := hits.Load()
			if got := w.raw(head + "Host: e\r\n" + w.bearer(nil) + "Connection: close\r\n\r\n"); got.status != 502 || got.event.Retries != 0 {
				t.Error(got, got.event)
			}
			if n := hits.Load() - before; n != 1 && !strings.Contains(head, "Idempotency") {
				t.Errorf("%q came %d times", head, n)
			}
		}
	}
}
