package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/config"
)

// credentials are a certificate and its key, in memory and in files.
type credentials struct {
	tls.Certificate
	cert, key string
}

// issue makes a certificate signed by that authority, or an authority.
func issue(t *testing.T, by *credentials, name string, hosts ...string) *credentials {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: hosts,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}}
	parent, signer := template, any(key)
	if by == nil {
		template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	} else {
		parent, signer = by.Leaf, by.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	c := &credentials{cert: filepath.Join(folder, "cert.pem"), key: filepath.Join(folder, "key.pem")}
	for path, block := range map[string]*pem.Block{c.cert: {Type: "CERTIFICATE", Bytes: der}, c.key: {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if c.Certificate, err = tls.LoadX509KeyPair(c.cert, c.key); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestMTLSOverTLS: on one listener, a connection to the address for clients with
// certificates is asked for one, and a browser's to the issuer's own is not
// (RFC 8705 5).
func TestMTLSOverTLS(t *testing.T) {
	t.Parallel()
	ca := issue(t, nil, "authority")
	own, mine := issue(t, ca, "server", "id.example", "mtls.id.example"), issue(t, ca, "billing")
	c := &config.Issuer{Issuer: "https://id.example", Database: filepath.Join(t.TempDir(), "jotward.db"), MasterKey: config.Literal(strings.Repeat("0f", 32)), SessionLifetime: time.Hour,
		Service: config.Service{Listen: "127.0.0.1:0", TLS: config.TLS{Certificate: own.cert, Key: own.key}},
		MTLS:    &config.MTLS{ClientCertificates: "connection", URL: "https://mtls.id.example", Authorities: ca.cert}}
	c.Signing.Defaults()
	p := newProcess(testLog(t))
	defer p.close()
	i, err := newIssuer(t.Context(), c, p)
	if err != nil {
		t.Fatal(err)
	}
	defer i.store.Close()
	if _, _, err := i.clients.Create(t.Context(), audit.Actor{Kind: "system", ID: "test"}, client.Client{ID: "billing", GrantTypes: []string{"client_credentials"}, Audiences: []string{"api"},
		AuthMethod: client.AuthTLS, TLSSubject: client.TLSSubject{DN: "CN=billing"}, TLSBound: true}); err != nil {
		t.Fatal(err)
	}
	l, err := p.listenPublic(c.Service, c.MTLS.Asks)
	if err != nil {
		t.Fatal(err)
	}
	p.serve(l, i.Public())

	roots := x509.NewCertPool()
	roots.AddCert(ca.Leaf)
	var asked atomic.Int64
	caller := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
		},
		TLSClientConfig: &tls.Config{RootCAs: roots, ClientSessionCache: tls.NewLRUClientSessionCache(8), GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked.Add(1)
			return &mine.Certificate, nil
		}}}}
	defer caller.CloseIdleConnections()
	token := func(at string) (int, map[string]any) {
		r, err := caller.PostForm(at+"/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {"billing"}})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		var answer map[string]any
		if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, answer
	}
	if status, answer := token("https://id.example"); status != 401 || answer["error"] != "invalid_client" || asked.Load() != 0 {
		t.Errorf("the issuer's own address: %d %v, asked %d times", status, answer, asked.Load())
	}
	for range 2 { // the second on a session that is resumed
		if status, answer := token("https://mtls.id.example"); status != 200 || asked.Load() == 0 {
			t.Errorf("the address for certificates: %d %v, asked %d times", status, answer, asked.Load())
		}
		caller.CloseIdleConnections()
	}
	if status, _ := token("https://id.example"); status != 401 {
		t.Errorf("the issuer's own address, after: %d", status)
	}
}
