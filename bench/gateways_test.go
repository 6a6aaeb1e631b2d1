//go:build linux

package bench

import (
	"bytes"
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

// TestGateways measures what 10,000 requests cost whole gateways in seconds of CPU:
// the edge and those of HAProxy and nginx that are installed, before one origin,
// in turns, each round with processes of its own. It runs only when asked and
// judges nothing. JOTWARD_GATEWAYS is the number of rounds.
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
	for _, alg := range []jwk.Algorithm{jwk.RS256, jwk.ES256} {
		f := newField(t, alg, program)
		took := map[string][]float64{}
		for range rounds {
			for _, g := range f.gateways() {
				g.measure(t, f, took)
			}
		}
		for _, name := range slices.Sorted(func(yield func(string) bool) {
			for name := range took {
				if !yield(name) {
					return
				}
			}
		}) {
			list := took[name]
			slices.Sort(list)
			t.Logf("%s %-28s median %.2f, least %.2f CPU seconds for 10,000 requests, of %d rounds", alg, name, list[len(list)/2], list[0], len(list))
		}
	}
}

// A field is what the gateways stand in: an origin, an issuer's keys, and tokens.
type field struct {
	alg             jwk.Algorithm
	dir, program    string
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

// A gateway is one process: how it is configured, and what it can do.
type gateway struct {
	name   string
	argv   []string
	listen string
	checks bool // tokens
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

func (f *field) gateways() []gateway {
	to := strings.TrimPrefix(f.origin.URL, "http://")
	list := []gateway{f.edge()}
	if _, err := exec.LookPath("haproxy"); err == nil {
		at := port()
		list = append(list, gateway{"haproxy", []string{"haproxy", "-db", "-f", f.write("haproxy.cfg", fmt.Sprintf(`
global
  nbthread 2
defaults
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 5s
frontend f
  bind %s
  acl open path_beg /open
  http-request set-var(txn.token) http_auth_bearer unless open
  http-request set-var(txn.alg) var(txn.token),jwt_header_query('$.alg') unless open
  http-request deny unless open || { var(txn.alg) -m str %s }
  http-request deny unless open || { var(txn.token),jwt_payload_query('$.iss') -m str %s }
  http-request deny unless open || { var(txn.token),jwt_payload_query('$.aud') -m str %s }
  http-request set-var(txn.exp) var(txn.token),jwt_payload_query('$.exp','int') unless open
  http-request set-var(txn.now) date() unless open
  http-request deny if !open { var(txn.exp),sub(txn.now) -m int lt 0 }
  http-request deny unless open || { var(txn.token),jwt_verify(txn.alg,"%s") 1 }
  default_backend b
backend b
  server s %s
`, at, f.alg, issuer, audience, f.public, to))}, at, true})
	}
	if _, err := exec.LookPath("nginx"); err == nil {
		at := port()
		list = append(list, gateway{"nginx", []string{"nginx", "-c", f.write("nginx.conf", fmt.Sprintf(`
daemon off; worker_processes 2; pid %s/nginx.pid; error_log /dev/null;
events {}
http {
  access_log off;
  upstream b { server %s; keepalive 16; }
  server { listen %s; keepalive_requests 1000000; location / { proxy_pass http://b; proxy_http_version 1.1; proxy_set_header Connection ""; } }
}
`, f.dir, to, at))}, at, false})
	}
	return list
}

func (f *field) edge() gateway {
	at := port()
	return gateway{"jotward", []string{f.program, "edge", "--config", f.write("edge.yaml", fmt.Sprintf(`
edge:
  listen: %s
  invalid_tokens: {rate: 1000000/s}
  issuers:
    - {issuer: %s, jwks_uri: %s/jwks, allow_http: true, audience: %s, algorithms: [%s], max_lifetime: 1h}
  routes:
    - {name: open, path: /open, upstream: %q, auth: none}
    - {name: api, path: /api, upstream: %q, scopes: ["orders:read"]}
`, at, issuer, f.issuer.URL, audience, f.alg, f.origin.URL, f.origin.URL))}, at, true}
}

func (g gateway) measure(t *testing.T, f *field, took map[string][]float64) {
	t.Helper()
	cmd, end := g.start(t)
	defer end()
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
		before := spentBy(cmd.Process.Pid)
		g.load(t, c.path, c.tokens, c.status, fieldTokens)
		took[g.name+" "+c.name] = append(took[g.name+" "+c.name], spentBy(cmd.Process.Pid)-before)
	}
}

// start runs the process until it listens. end ends it.
func (g gateway) start(t *testing.T) (cmd *exec.Cmd, end func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	cmd = exec.CommandContext(ctx, g.argv[0], g.argv[1:]...)
	cmd.Cancel, cmd.WaitDelay = func() error { return cmd.Process.Signal(syscall.SIGTERM) }, 5*time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end = func() { stop(); _ = cmd.Wait() }
	for n := 0; ; n++ { // until it listens
		c, err := net.Dial("tcp", g.listen)
		if err == nil {
			_ = c.Close()
			break
		}
		if n > 2000 {
			t.Fatalf("%s does not listen: %v", g.name, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return cmd, end
}

// load asks for a path on four connections, with the tokens one after the other.
func (g gateway) load(t *testing.T, path string, tokens []string, status, requests int) {
	t.Helper()
	const clients = 4
	var all sync.WaitGroup
	for k := range clients {
		all.Go(func() {
			c, err := net.Dial("tcp", g.listen)
			if err != nil {
				t.Error(err)
				return
			}
			buf := make([]byte, 16<<10)
			for i := k; i < requests; i += clients {
				text := "GET " + path + " HTTP/1.1\r\nHost: api.example\r\nUser-Agent: bench\r\nAccept: */*\r\nAuthorization: Bearer " + tokens[i%len(tokens)] + "\r\n\r\n"
				got, again, err := exchange(c, []byte(text), buf)
				if err != nil || got != status && !(status == 401 && got == 403) {
					t.Errorf("%s %s: %d, %v", g.name, path, got, err)
					break
				}
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
		status, _ = strconv.Atoi(string(head[9:12]))
		return status, !bytes.Contains(lower, []byte("connection: close")), nil
	}
}

// spentBy is the CPU that a process and its children have used, in seconds.
func spentBy(pid int) float64 {
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
			total += spentBy(n)
		}
	}
	return total
}
