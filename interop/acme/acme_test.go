// Package acme lets issuer and edge obtain their certificates from Pebble, the ACME
// server that Let's Encrypt is tested with. Nothing leaves this machine.
package acme

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/letsencrypt/challtestsrv"
	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"

	"github.com/jotward/jotward/interop/play"
)

// A pebble is an authority, with a name server for which every host is this machine.
type pebble struct {
	directory, trusted string // its address, and a file with the certificate of that
	roots              *x509.CertPool
	orders             *orders
}

// orders counts what was ordered.
type orders struct {
	http.Handler
	asked chan string
}

func (o *orders) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.URL.Path, "order-plz") {
		o.asked <- r.URL.Path
	}
	o.Handler.ServeHTTP(w, r)
}

// start starts an authority that validates at one port of every host.
func start(t *testing.T, port int) *pebble {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "0")
	names := free(t)
	dns, err := challtestsrv.New(challtestsrv.Config{DNSAddrs: []string{names}, Log: log.New(io.Discard, "", 0)})
	if err != nil {
		t.Fatal(err)
	}
	dns.SetDefaultDNSIPv4("127.0.0.1")
	dns.SetDefaultDNSIPv6("")
	go dns.Run()
	t.Cleanup(dns.Shutdown)
	quiet := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	authority := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "the default"}})
	validation := va.New(quiet, 1, port, true, names, store)
	front := wfe.New(quiet, store, validation, authority, []string{"ca.example"}, true, false, 1, 1)
	p := &pebble{roots: x509.NewCertPool(), orders: &orders{front.Handler(), make(chan string, 64)}}
	server := httptest.NewTLSServer(p.orders)
	t.Cleanup(server.Close)
	p.directory = server.URL + wfe.DirectoryPath
	p.trusted = filepath.Join(t.TempDir(), "authority.crt")
	if err := os.WriteFile(p.trusted, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	p.roots.AddCert(authority.GetRootCert(0).Cert)
	return p
}

// free is an address that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// run runs the binary until the function that it returns is called.
func (p *pebble) run(t *testing.T, args ...string) (end func()) {
	t.Helper()
	var said bytes.Buffer
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+p.trusted)
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	end = func() {
		if ended {
			return
		}
		ended = true
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Errorf("%v: %v\n%s", args[1:], err, said.String())
		}
	}
	t.Cleanup(end)
	return end
}

// get asks a host at an address, whose certificate has to be of the authority.
func (p *pebble) get(t *testing.T, address, host, path string) (*http.Response, error) {
	t.Helper()
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{RootCAs: p.roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}}}
	answer, err := client.Get("https://" + host + path)
	if err == nil {
		_ = answer.Body.Close()
	}
	return answer, err
}

// listening waits until somebody listens.
func listening(t *testing.T, address string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			return
		}
	}
	t.Fatal("nobody listens")
}

// Edge and issuer have a certificate at their first handshake, for the hosts of their
// configuration alone, and from their folder after a restart.
func TestPebble(t *testing.T) {
	bin, folder := play.Build(t), t.TempDir()
	for name, text := range map[string]string{
		"edge": `edge:
  listen: %[1]s
  tls: {acme: %[2]s}
  issuers: [{issuer: "https://id.example.com", audience: api, algorithms: [ES256], max_lifetime: 1h}]
  routes: [{name: all, path: /, upstream: "http://127.0.0.1:1"}]
`,
		"serve": `issuer:
  issuer: https://service.example.com
  listen: %[1]s
  tls: {acme: %[2]s}
  admin: {listen: %[4]s, token: "file:%[3]s/admin.token"}
  database: %[3]s/state.db
  master_key: file:%[3]s/master.key
`,
	} {
		t.Run(name, func(t *testing.T) {
			address := free(t)
			a, err := net.ResolveTCPAddr("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			p := start(t, a.Port)
			write := func(name, text string) string {
				path := filepath.Join(folder, name)
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				return path
			}
			write("master.key", strings.Repeat("4d", 32))
			write("admin.token", strings.Repeat("61", 32))
			section := fmt.Sprintf(`{directory: "%s", email: ops@example.com, hosts: [service.example.com], cache: "%s", accept_terms: true}`, p.directory, filepath.Join(folder, name+"-certificates"))
			file := write(name+".yaml", fmt.Sprintf(text, address, section, folder, free(t)))
			end := p.run(t, bin, name, "--config", file)
			listening(t, address)
			p.shake(t, address, 1)
			end()
			p.run(t, bin, name, "--config", file)
			listening(t, address)
			p.shake(t, address, 0)
		})
	}
}

// shake asks for the host of the configuration and for another one.
func (p *pebble) shake(t *testing.T, address string, orders int) {
	t.Helper()
	if answer, err := p.get(t, address, "other.example.com", "/readyz"); err == nil {
		t.Error("a host that is not configured: ", answer.Status)
	}
	for range 2 {
		answer, err := p.get(t, address, "service.example.com", "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		if answer.ProtoMajor != 2 || answer.TLS.PeerCertificates[0].DNSNames[0] != "service.example.com" {
			t.Error(answer.Proto, answer.TLS.PeerCertificates[0].DNSNames)
		}
	}
	if n := len(p.orders.asked); n != orders {
		t.Errorf("%d certificates were ordered, want %d", n, orders)
	}
	for len(p.orders.asked) > 0 {
		<-p.orders.asked
	}
}
