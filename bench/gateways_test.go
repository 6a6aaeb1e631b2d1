//go:build linux

package bench

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// TestGateways measures what 10,000 requests cost whole gateways in seconds of CPU, and beside
// it how many they answer in a second and how long one takes: the edge and the peers that are
// installed (see peers), before one origin, in turns, each round with processes of its own. It
// runs only when asked and judges nothing. JOTWARD_GATEWAYS is the number of rounds,
// JOTWARD_GATEWAYS_ONLY a list of names with commas.
func TestGateways(t *testing.T) {
	rounds, err := strconv.Atoi(os.Getenv("JOTWARD_GATEWAYS"))
	if err != nil {
		t.Skip("set JOTWARD_GATEWAYS to a number of rounds to measure")
	}
	program := filepath.Join(t.TempDir(), "jotward")
	build := exec.Command("go", "build", "-o", program, "./cmd/jotward")
	build.Dir, build.Env = "..", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	verifier, only := buildVerifier(t), os.Getenv("JOTWARD_GATEWAYS_ONLY")
	for _, alg := range []jwk.Algorithm{jwk.RS256, jwk.ES256} {
		f := newField(t, alg, program)
		f.verifier = verifier
		took := map[string][]spent{}
		for range rounds {
			for _, g := range append([]gateway{f.edge()}, f.peers(t)...) {
				if only == "" || slices.Contains(strings.Split(only, ","), g.name) {
					g.measure(t, f, took)
				}
			}
		}
		for _, name := range slices.Sorted(maps.Keys(took)) {
			list := took[name]
			middle := func(of func(spent) float64) float64 {
				slices.SortFunc(list, func(a, b spent) int { return cmp.Compare(of(a), of(b)) })
				return of(list[len(list)/2])
			}
			cpu := middle(func(s spent) float64 { return s.cpu })
			least := list[0].cpu
			t.Logf("%s %-40s %.2f CPU s for 10,000 requests (least %.2f), %6.0f requests/s, p50 %.2f ms, p99 %.2f ms: medians of %d rounds", alg, name, cpu, least,
				middle(func(s spent) float64 { return s.rate }), middle(func(s spent) float64 { return s.p50 }), middle(func(s spent) float64 { return s.p99 }), len(list))
		}
	}
}

// spent is what one load cost and took: CPU in seconds, requests a second, milliseconds.
type spent struct{ cpu, rate, p50, p99 float64 }

// A field is what the gateways stand in: an origin, an issuer's keys, and tokens.
type field struct {
	alg             jwk.Algorithm
	dir, program    string
	verifier        string // see buildVerifier
	origin, issuer  *httptest.Server
	public          string   // PEM
	tokens, expired []string // different ones
	forged          []string
}

const fieldTokens = 10_000

func newField(t *testing.T, alg jwk.Algorithm, program string) *field {
	t.Helper()
	f := &field{alg: alg, dir: t.TempDir(), program: program}
	var material any
	var err error
	if material, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); alg == jwk.RS256 {
		material, err = rsa.GenerateKey(rand.Reader, 2048) // as most issuers have; 3072 bits cost Go seven times as much
	}
	if err != nil {
		t.Fatal(err)
	}
	key, err := jwk.New(material, alg, "k1")
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.Public()
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(map[string]any{"keys": []*jwk.Key{public}})
	if err != nil {
		t.Fatal(err)
	}
	f.issuer = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(set) }))
	t.Cleanup(f.issuer.Close)
	f.origin = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello, world") }))
	t.Cleanup(f.origin.Close)
	der, err := x509.MarshalPKIXPublicKey(public.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	f.public = filepath.Join(f.dir, "public.pem")
	if err := os.WriteFile(f.public, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	signer, err := jwt.NewSigner(key, jwt.SignerOptions{Type: "at+jwt"})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	sign := func(n int, at time.Time) string {
		token, err := signer.Sign(map[string]any{"iss": issuer, "aud": audience, "sub": "248289761001", "iat": at.Unix(), "exp": at.Add(time.Hour).Unix(),
			"jti": fmt.Sprintf("%020d", n), "client_id": "web-frontend", "sid": "08a5019c-17e1-4977-8f42-65a12843ea02", "auth_time": at.Unix(),
			"scope": "openid profile orders:read orders:write", "roles": []string{"clerk", "buyer", "auditor"}})
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	for n := range fieldTokens {
		f.tokens = append(f.tokens, sign(n, now))
		bent := make([]byte, 9)
		_, _ = rand.Read(bent)
		f.forged = append(f.forged, f.tokens[n][:len(f.tokens[n])-20]+fmt.Sprintf("%x", bent)[:16]+"AAAA")
	}
	f.expired = []string{sign(0, now.Add(-2*time.Hour))}
	return f
}

// A gateway is one process, or two: how it is configured, and what it can do.
type gateway struct {
	name         string
	argv         []string
	listen       string
	checks       bool     // tokens
	beside       []string // what it asks to do so
	besideListen string
}

func (f *field) write(name, text string) string {
	path := filepath.Join(f.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		panic(err)
	}
	return path
}

func port() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (f *field) edge() gateway {
	at := port()
	return gateway{name: "jotward", argv: []string{f.program, "edge", "--config", f.write("edge.yaml", fmt.Sprintf(`
edge:
  listen: %s
  invalid_tokens: {rate: 1000000/s}
  issuers:
    - {issuer: %s, jwks_uri: %s/jwks, allow_http: true, audience: %s, algorithms: [%s], max_lifetime: 1h}
  routes:
    - {name: open, path: /open, upstream: %q, auth: none}
    - {name: api, path: /api, upstream: %q, scopes: ["orders:read"]}
`, at, issuer, f.issuer.URL, audience, f.alg, f.origin.URL, f.origin.URL))}, listen: at, checks: true}
}

func (g gateway) measure(t *testing.T, f *field, took map[string][]spent) {
	t.Helper()
	pids, end := g.start(t)
	defer end()
	if pids == nil {
		return
	}
	g.load(t, "/open/x", f.tokens[:1], 200, 2000) // warm
	for _, c := range []struct {
		name, path string
		tokens     []string
		status     int
	}{
		{"1 bare", "/open/x", f.tokens[:1], 200}, {"2 one token", "/api/x", f.tokens[:1], 200}, {"3 distinct tokens", "/api/x", f.tokens, 200},
		{"4 expired", "/api/x", f.expired, 401}, {"5 forged", "/api/x", f.forged, 401},
	} {
		if c.path == "/api/x" && !g.checks {
			continue
		}
		before, start := spentBy(pids...), time.Now()
		each := g.load(t, c.path, c.tokens, c.status, fieldTokens)
		if len(each) < fieldTokens {
			return // it said why
		}
		s := spent{rate: fieldTokens / time.Since(start).Seconds(), p50: ms(each[len(each)/2]), p99: ms(each[len(each)*99/100])}
		s.cpu = spentBy(pids...) - before
		took[g.name+" "+c.name] = append(took[g.name+" "+c.name], s)
	}
}

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }

// start runs the processes until they listen. end ends them.
func (g gateway) start(t *testing.T) (pids []int, end func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var all []*exec.Cmd
	end = func() {
		stop()
		for _, cmd := range all {
			_ = cmd.Wait()
		}
	}
	for _, p := range []struct {
		argv   []string
		listen string
	}{{g.beside, g.besideListen}, {g.argv, g.listen}} {
		if p.argv == nil {
			continue
		}
		cmd := exec.CommandContext(ctx, p.argv[0], p.argv[1:]...)
		cmd.Cancel, cmd.WaitDelay = func() error { return cmd.Process.Signal(syscall.SIGTERM) }, 5*time.Second
		if os.Getenv("JOTWARD_GATEWAYS_SAY") != "" { // otherwise what it says goes nowhere, and costs little
			cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		all, pids = append(all, cmd), append(pids, cmd.Process.Pid)
		for n := 0; ; n++ { // until it listens
			c, err := net.Dial("tcp", p.listen)
			if err == nil {
				_ = c.Close()
				break
			}
			if n > 2000 {
				end()
				t.Errorf("%s does not listen (set JOTWARD_GATEWAYS_SAY=1 to see why): %v", g.name, err)
				return nil, func() {}
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	return pids, end
}

// load asks for a path on four connections, with the tokens one after the other, and returns
// how long each answer took, sorted.
func (g gateway) load(t *testing.T, path string, tokens []string, status, requests int) []time.Duration {
	t.Helper()
	const clients = 4
	var all sync.WaitGroup
	took := make([][]time.Duration, clients)
	for k := range clients {
		all.Go(func() {
			c, err := net.Dial("tcp", g.listen)
			if err != nil {
				t.Error(err)
				return
			}
			buf := make([]byte, 64<<10)
			for i := k; i < requests; i += clients {
				text := "GET " + path + " HTTP/1.1\r\nHost: api.example\r\nUser-Agent: bench\r\nAccept: */*\r\nAuthorization: Bearer " + tokens[i%len(tokens)] + "\r\n\r\n"
				start := time.Now()
				got, again, err := exchange(c, []byte(text), buf)
				if err != nil || got != status && !(status == 401 && got == 403) {
					t.Errorf("%s %s: %d, %v", g.name, path, got, err)
					break
				}
				took[k] = append(took[k], time.Since(start))
				if !again {
					_ = c.Close()
					if c, err = net.Dial("tcp", g.listen); err != nil {
						t.Error(err)
						return
					}
				}
			}
			_ = c.Close()
		})
	}
	all.Wait()
	each := slices.Concat(took...)
	slices.Sort(each)
	return each
}

// exchange sends a request and reads its answer to the end.
func exchange(c net.Conn, text, buf []byte) (status int, again bool, err error) {
	if _, err := c.Write(text); err != nil {
		return 0, false, err
	}
	for n := 0; ; {
		m, err := c.Read(buf[n:])
		if n += m; err != nil {
			return 0, false, err
		}
		head, rest, whole := bytes.Cut(buf[:n], []byte("\r\n\r\n"))
		if !whole {
			continue
		}
		lower := bytes.ToLower(head)
		_, length, _ := bytes.Cut(lower, []byte("content-length: "))
		length, _, _ = bytes.Cut(length, []byte("\r\n"))
		if want, err := strconv.Atoi(string(length)); err == nil && len(rest) < want {
			continue
		}
		if bytes.Contains(lower, []byte("transfer-encoding: chunked")) && !bytes.HasSuffix(rest, []byte("0\r\n\r\n")) {
			continue
		}
		status, _ = strconv.Atoi(string(head[9:12]))
		return status, !bytes.Contains(lower, []byte("connection: close")), nil
	}
}

// spentBy is the CPU that processes and their children have used, in seconds.
func spentBy(pids ...int) (total float64) {
	for _, pid := range pids {
		total += spentByOne(pid)
	}
	return total
}

func spentByOne(pid int) float64 {
	total := 0.0
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(text), ") ")
	if f := strings.Fields(rest); len(f) > 14 {
		for _, i := range []int{11, 12} { // utime, stime, in hundredths
			n, _ := strconv.ParseFloat(f[i], 64)
			total += n / 100
		}
	}
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for child := range strings.FieldsSeq(string(children)) {
		if n, err := strconv.Atoi(child); err == nil {
			total += spentByOne(n)
		}
	}
	return total
}
