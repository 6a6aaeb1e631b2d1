package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"jotward": func() { os.Exit(run()) }})
}

// TestScripts runs the stories in testdata/script against the whole binary.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("..", "..", "testdata", "script"),
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "freeports": freePorts, "random": random, "expand": expand, "certificate": makeCertificate,
			"origin": origin, "http": request, "keep": keep,
		},
	})
}

// exits runs a command and compares its exit code: exits CODE program args...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE program args...")
	}
	want := args[0]
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		code, ok := err.(interface{ ExitCode() int })
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = string(rune('0' + code.ExitCode()))
	}
	if got != want {
		ts.Fatalf("exit code %s, want %s", got, want)
	}
}

// freePorts sets each variable to a port that is free on loopback.
func freePorts(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		ts.Setenv(name, fmt.Sprint(l.Addr().(*net.TCPAddr).Port))
		defer l.Close() // after all are taken, so that no two are the same
	}
}

// random writes 32 random bytes in hexadecimal to each file.
func random(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		b := make([]byte, 32)
		rand.Read(b)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(hex.EncodeToString(b)+"\n"), 0o600))
	}
}

// expand replaces variables in a file: expand FROM TO. It renames into place,
// as editors do.
func expand(ts *testscript.TestScript, _ bool, args []string) {
	text := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	to := ts.MkAbs(args[1])
	ts.Check(os.WriteFile(to+".new", []byte(text), 0o600))
	ts.Check(os.Rename(to+".new", to))
}

// keep sets a variable to the contents of a file: keep NAME FILE [AFTER BEFORE],
// cut out between two texts.
func keep(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[1])
	if len(args) == 4 {
		_, text, _ = strings.Cut(text, args[2])
		text, _, _ = strings.Cut(text, args[3])
	}
	if text = strings.TrimSpace(text); text == "" {
		ts.Fatalf("nothing between %v", args[2:])
	}
	ts.Setenv(args[0], text)
}

// makeCertificate writes a certificate for 127.0.0.1 that SSL_CERT_FILE trusts.
func makeCertificate(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(writeCertificate(ts.MkAbs(args[0]), ts.MkAbs(args[1]), net.IPv4(127, 0, 0, 1)))
	ts.Setenv("SSL_CERT_FILE", ts.MkAbs(args[0]))
}

// writeCertificate writes a certificate for an address, which is its own authority.
func writeCertificate(certificate, key string, address net.IP) error {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "story"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{address}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
}

// origin starts a service that answers with what it was told: origin NAME.
func origin(ts *testscript.TestScript, _ bool, args []string) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "path=%s subject=%s\n", r.URL.Path, r.Header.Get("X-Subject"))
	}))
	ts.Defer(s.Close)
	ts.Setenv(args[0], s.URL)
}

// request sends a request until it is answered with a status, and writes the
// answer to a file: http STATUS FILE METHOD URL [user:password | bearer:token] [form].
func request(ts *testscript.TestScript, _ bool, args []string) {
	pool := x509.NewCertPool()
	if name := ts.Getenv("SSL_CERT_FILE"); name != "" {
		pool.AppendCertsFromPEM([]byte(ts.ReadFile(name)))
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
	last := ""
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		req, err := http.NewRequest(args[2], args[3], nil)
		ts.Check(err)
		if len(args) > 5 {
			req, err = http.NewRequest(args[2], args[3], strings.NewReader(args[5]))
			ts.Check(err)
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		if len(args) > 4 && args[4] != "" {
			user, pass, _ := strings.Cut(args[4], ":")
			if user == "bearer" {
				req.Header.Set("Authorization", "Bearer "+pass)
			} else {
				req.SetBasicAuth(user, pass)
			}
		}
		resp, err := client.Do(req)
		if err != nil {
			last = err.Error()
			continue
		}
		body, err := io.ReadAll(resp.Body)
		ts.Check(err)
		ts.Check(resp.Body.Close())
		last = fmt.Sprintf("%d %s", resp.StatusCode, body)
		if fmt.Sprint(resp.StatusCode) == args[0] {
			ts.Check(os.WriteFile(ts.MkAbs(args[1]), body, 0o600))
			return
		}
	}
	ts.Fatalf("%s %s: never %s, at last %s", args[2], args[3], args[0], last)
}
