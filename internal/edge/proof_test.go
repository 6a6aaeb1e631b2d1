package edge

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/jose/jwt"
)

// clientCertificate is self-signed: nobody but the token vouches for it.
func clientCertificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(raw)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}, base64.RawURLEncoding.EncodeToString(sum[:])
}

func certificatesFrom(from string) func(*world, *config.Edge) {
	return func(_ *world, c *config.Edge) { c.ClientCertificates = from }
}

func boundTo(x5t string) map[string]any {
	return map[string]any{"cnf": map[string]any{"x5t#S256": x5t}}
}

// A token that is bound to a certificate passes on a connection that showed it,
// and on no other (RFC 8705 3).
func TestCertificateOfTheConnection(t *testing.T) {
	t.Parallel()
	w := build(t, certificatesFrom("connection"), trustLoopback)
	server := httptest.NewUnstartedServer(w.edge)
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	own, x5t := clientCertificate(t)
	other, _ := clientCertificate(t)
	ask := func(certificate *tls.Certificate, token, header string) int {
		t.Helper()
		c := server.Client().Transport.(*http.Transport).Clone()
		c.DisableKeepAlives = true
		if certificate != nil {
			c.TLSClientConfig.Certificates = []tls.Certificate{*certificate}
		}
		r, err := http.NewRequest(http.MethodGet, server.URL+"/api/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		if header != "" {
			r.Header.Set("Client-Cert", header)
		}
		a, err := c.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = a.Body.Close()
		<-w.events
		return a.StatusCode
	}
	token := w.a.token(boundTo(x5t))
	for range 2 { // the cache knows the token, and asks for the certificate all the same
		for name, c := range map[string]struct {
			certificate *tls.Certificate
			header      string
			status      int
		}{
			"own": {&own, "", 200}, "another": {&other, "", 401}, "none": {nil, "", 401},
			"told by a header": {&other, ":" + base64.StdEncoding.EncodeToString(own.Certificate[0]) + ":", 401},
		} {
			if got := ask(c.certificate, token, c.header); got != c.status {
				t.Errorf("%s: %d", name, got)
			}
		}
	}
	if got := ask(&own, w.a.token(nil), ""); got != 200 {
		t.Errorf("a bearer's token: %d", got)
	}
}

// From a trusted proxy the certificate comes in one header, and from nobody else
// (RFC 9440 2.2, 4).
func TestCertificateOfTheHeader(t *testing.T) {
	t.Parallel()
	own, x5t := clientCertificate(t)
	other, _ := clientCertificate(t)
	line := func(c tls.Certificate) string {
		return "Client-Cert: :" + base64.StdEncoding.EncodeToString(c.Certificate[0]) + ":\r\n"
	}
	w := build(t, certificatesFrom("header"), trustLoopback)
	auth := w.bearer(boundTo(x5t))
	for name, c := range map[string]struct {
		headers, code string
	}{
		"own": {line(own), ""}, "another": {line(other), "sender_mismatch"}, "none": {"", "sender_mismatch"}, "two": {line(own) + line(own), "sender_mismatch"},
		"no bytes": {"Client-Cert: ::\r\n", "sender_mismatch"}, "no colons": {strings.ReplaceAll(line(own), ": :", ": "), "sender_mismatch"},
	} {
		if a := w.get("/api/x", auth+c.headers); a.code() != c.code {
			t.Errorf("%s: %s", name, a)
		} else if c.code == "" && w.origin.last.Load().Header.Get("Client-Cert") != "" {
			t.Error("the certificate went on to the origin")
		}
	}
	w.config.TrustedProxies = []string{"192.0.2.0/24"} // this peer is a stranger by now
	if err := w.edge.Reload(w.config); err != nil {
		t.Fatal(err)
	}
	if a := w.get("/api/x", auth+line(own)); a.code() != "sender_mismatch" {
		t.Error("a stranger's word:", a)
	}
	w.config.ClientCertificates = ""
	if err := w.edge.Reload(w.config); err != nil {
		t.Fatal(err)
	}
	if a := w.get("/api/x", auth+line(own)); a.code() != "sender_proof_unchecked" {
		t.Error("nobody looks:", a)
	}
}

// A token that is bound to a key and a certificate needs both.
func TestBoundToBoth(t *testing.T) {
	t.Parallel()
	own, x5t := clientCertificate(t)
	w := build(t, certificatesFrom("header"), withDPoP(config.EdgeDPoP{}), trustLoopback)
	h := newHolder(w)
	token := w.a.token(map[string]any{"cnf": map[string]any{"x5t#S256": x5t, "jkt": h.signer.Thumbprint()}})
	certificate := "Client-Cert: :" + base64.StdEncoding.EncodeToString(own.Certificate[0]) + ":\r\n"
	auth := "Authorization: DPoP " + token + "\r\n"
	at := jwt.DPoPTarget{AccessToken: token}
	for headers, code := range map[string]string{
		auth + certificate + h.proof(at): "", auth + h.proof(at): "sender_mismatch", auth + certificate: "credential_missing",
		"Authorization: Bearer " + token + "\r\n" + certificate: "sender_proof_unchecked",
	} {
		if a := w.get("/api/x", headers); a.code() != code {
			t.Errorf("want %q: %s", code, a)
		}
	}
}

// On a one-time route a token passes once, of fifty that come at the same time too.
func TestOneTime(t *testing.T) {
	t.Parallel()
	w := build(t, with(config.Route{Name: "pay", Path: "/pay/", OneTime: true}), with(config.Route{Name: "sign", Path: "/sign/", OneTime: true}))
	auth := w.bearer(nil)
	if a := w.get("/api/x", auth); a.status != 200 {
		t.Fatal(a)
	}
	var passed sync.Map
	var all sync.WaitGroup
	for n := range 50 {
		all.Go(func() {
			if a := w.get("/pay/", auth); a.status == 200 {
				passed.Store(n, true)
			} else if a.code() != "token_replayed" {
				t.Error(a)
			}
		})
	}
	all.Wait()
	count := 0
	passed.Range(func(any, any) bool { count++; return true })
	if count != 1 || w.origin.hits.Load() != 2 {
		t.Errorf("%d of fifty passed", count)
	}
	if a := w.get("/sign/", auth); a.status != 200 {
		t.Error("another route:", a)
	}
	if err := w.edge.Reload(w.config); err != nil {
		t.Fatal(err)
	}
	if a := w.get("/pay/", auth); a.code() != "token_replayed" {
		t.Error("after a reload:", a)
	}
	if a := w.get("/pay/", w.bearer(map[string]any{"jti": "another"})); a.status != 200 {
		t.Error(a)
	}
	if a := w.get("/pay/", w.bearer(map[string]any{"jti": gone})); a.code() != "claim_missing" {
		t.Error("without jti:", a)
	}
	hits := w.origin.hits.Load()
	if a := w.get("/pay/", w.bearer(map[string]any{"jti": "lacks", "scope": "x", "aud": "other"})); a.status != 401 || w.origin.hits.Load() != hits {
		t.Error(a)
	}
	if a := w.get("/pay/", w.bearer(map[string]any{"jti": "lacks"})); a.status != 200 {
		t.Error("what was refused was not spent:", a)
	}
}

func TestProofsAreRefused(t *testing.T) {
	t.Parallel()
	w := build(t)
	for want, change := range map[string]func(*config.Edge){
		"is neither connection nor header": func(c *config.Edge) { c.ClientCertificates = "proxy" },
		"needs trusted_proxies":            func(c *config.Edge) { c.ClientCertificates = "header" },
		"one_time need auth": func(c *config.Edge) {
			c.Routes = []config.Route{{Name: "a", Path: "/", Upstream: "http://127.0.0.1:1", Auth: "optional", OneTime: true}}
		},
	} {
		c := w.config
		change(&c)
		if err := w.edge.Reload(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
