package main

import (
	"bytes"
	"crypto/tls"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/acme"

	"github.com/jotward/jotward/internal/config"
)

// A handshake for a host that is not configured fails without a word to the authority;
// one that is configured asks it, and what went wrong is in the log, once. That real
// certificates come of it is for interop/acme.
func TestACMEHosts(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	authority := httptest.NewUnstartedServer(http.NotFoundHandler())
	authority.Config.ErrorLog = log.New(io.Discard, "", 0)
	authority.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			asked.Add(1)
		}
	}
	authority.StartTLS() // nobody trusts its certificate
	defer authority.Close()
	var said bytes.Buffer
	p := newProcess(slog.New(slog.NewJSONHandler(&said, nil)))
	l, err := p.listenPublic(config.Service{Listen: "127.0.0.1:0", TLS: config.TLS{ACME: &config.ACME{
		Directory: authority.URL, Hosts: []string{"edge.example.com"}, Cache: t.TempDir(), AcceptTerms: true}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	shakes := make(chan error)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				close(shakes)
				return
			}
			shakes <- c.(*tls.Conn).Handshake()
			_ = c.Close()
		}
	}()
	shake := func(name string, protocols ...string) error {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(30 * time.Second))
		go func() {
			_ = tls.Client(c, &tls.Config{ServerName: name, InsecureSkipVerify: true, NextProtos: protocols}).Handshake()
		}()
		return <-shakes
	}
	for _, name := range []string{"other.example.com", "www.edge.example.com", "edge.example.com.other.example", ""} {
		for _, protocols := range [][]string{nil, {acme.ALPNProto}} {
			if err := shake(name, protocols...); err == nil {
				t.Errorf("%q: there is a certificate", name)
			}
		}
	}
	if n := asked.Load(); n != 0 || said.Len() > 0 {
		t.Errorf("the authority was asked %d times for strangers: %s", n, said.String())
	}
	for range 3 {
		if err := shake("Edge.Example.com"); err == nil {
			t.Error("a certificate of an authority that gave none")
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the authority was asked %d times", n)
	}
	if text := said.String(); strings.Count(text, "no certificate") != 1 {
		t.Errorf("the log has %q", text)
	}
}
