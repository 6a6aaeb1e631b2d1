//go:build linux

package bench

import (
	"crypto/rand"
	"encoding/base64"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"os/exec"

	"github.com/jotward/jotward/jose/jwk"
)

// TestFlood measures how long requests with good tokens take, 400 a second, while
// another network sends forgeries, each another one: none, as many a second as
// JOTWARD_FLOOD says, and as many as eight connections can. It runs only when asked and
// judges nothing.
func TestFlood(t *testing.T) {
	rate, err := strconv.Atoi(os.Getenv("JOTWARD_FLOOD"))
	if err != nil {
		t.Skip("set JOTWARD_FLOOD to forgeries a second to measure")
	}
	program := filepath.Join(t.TempDir(), "jotward")
	build := exec.Command("go", "build", "-o", program, "./cmd/jotward")
	build.Dir, build.Env = "..", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	f := newField(t, jwk.ES256, program)
	g := f.edge()
	text, err := os.ReadFile(g.argv[len(g.argv)-1])
	if err != nil {
		t.Fatal(err)
	}
	// The usual bound on forgeries, which the comparison of gateways lifts.
	f.write("edge.yaml", strings.Replace(string(text), "  invalid_tokens: {rate: 1000000/s}\n", "", 1))
	_, end := g.start(t)
	defer end()
	g.load(t, "/api/x", f.tokens[:100], 200, 1000)
	for _, flood := range []int{0, rate, -1, 0} {
		stop := make(chan struct{})
		var sent atomic.Int64
		var others sync.WaitGroup
		for range 8 {
			if flood != 0 {
				others.Go(func() { forge(g.listen, f.tokens[0], flood/8, stop, &sent) })
			}
		}
		took := f.calm(t, g, 5*time.Second)
		close(stop)
		others.Wait()
		t.Logf("%7.0f forgeries a second: p50 %s, p99 %s, most %s of %d", float64(sent.Load())/5, took[len(took)/2], took[len(took)*99/100], took[len(took)-1], len(took))
	}
}

// calm asks at an even pace, and returns what the answers took, sorted.
func (f *field) calm(t *testing.T, g gateway, long time.Duration) []time.Duration {
	const connections, every = 4, 10 * time.Millisecond
	all := make([][]time.Duration, connections)
	var wg sync.WaitGroup
	for n := range connections {
		wg.Go(func() {
			c, err := net.Dial("tcp", g.listen)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			buf := make([]byte, 16<<10)
			tick := time.NewTicker(every)
			defer tick.Stop()
			for end := time.Now().Add(long); time.Now().Before(end); <-tick.C {
				start := time.Now()
				status, _, err := exchange(c, []byte("GET /api/x HTTP/1.1\r\nHost: api.example\r\nAuthorization: Bearer "+f.tokens[len(all[n])%100]+"\r\n\r\n"), buf)
				if err != nil || status != 200 {
					t.Errorf("%d %v", status, err)
					return
				}
				all[n] = append(all[n], time.Since(start))
			}
		})
	}
	wg.Wait()
	took := slices.Concat(all...)
	slices.Sort(took)
	return took
}

// forge sends tokens whose signatures are random, from a network of its own.
func forge(to, token string, rate int, stop chan struct{}, sent *atomic.Int64) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 9, 9, 9)}}
	head := token[:strings.LastIndexByte(token, '.')+1]
	buf, sig := make([]byte, 16<<10), make([]byte, 64)
	c, err := dialer.Dial("tcp", to)
	for start, n := time.Now(), 0; err == nil; n++ {
		select {
		case <-stop:
			_ = c.Close()
			return
		default:
		}
		if rate > 0 {
			time.Sleep(time.Until(start.Add(time.Duration(n) * time.Second / time.Duration(rate))))
		}
		_, _ = rand.Read(sig)
		_, again, failed := exchange(c, []byte("GET /api/x HTTP/1.1\r\nHost: api.example\r\nAuthorization: Bearer "+head+base64.RawURLEncoding.EncodeToString(sig)+"\r\n\r\n"), buf)
		sent.Add(1)
		if failed != nil || !again {
			_ = c.Close()
			c, err = dialer.Dial("tcp", to)
		}
	}
}
