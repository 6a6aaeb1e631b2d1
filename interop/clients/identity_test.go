package clients

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/jotward/jotward/interop/play"
)

// An origin that knows go-oidc and go-jose alone verifies what the edge says of its
// client, by the keys that the edge serves.
func TestIdentity(t *testing.T) {
	s := play.Dev(t)
	edge := "http://" + free(t)
	keys := oidc.NewRemoteKeySet(t.Context(), edge+"/.well-known/jotward/jwks.json")
	verify := func(ctx context.Context, audience, token string) (*oidc.IDToken, error) {
		return oidc.NewVerifier("https://edge.internal", keys, &oidc.Config{ClientID: audience, SupportedSigningAlgs: []string{oidc.ES256}}).Verify(ctx, token)
	}
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := r.Header.Get("X-Identity")
		if _, err := verify(r.Context(), "https://billing.internal", token); err == nil {
			t.Error("another origin takes it")
		}
		who, err := verify(r.Context(), "https://orders.internal", token)
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = w.Write([]byte(who.Subject))
	}))
	defer origin.Close()
	gate(t, strings.TrimPrefix(edge, "http://"), s.Issuer, origin.URL)
	conf := clientcredentials.Config{ClientID: s.ClientID, ClientSecret: s.ClientSecret, TokenURL: s.Issuer + "/token", Scopes: []string{s.Scope}}
	answer, err := conf.Client(t.Context()).Get(edge + "/orders")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(answer.Body); err != nil || answer.StatusCode != http.StatusOK || body.String() != s.ClientID {
		t.Error(err, answer.Status, body.String())
	}
}

// free returns an address that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// gate runs the binary as an edge that signs, until the test ends.
func gate(t *testing.T, listen, issuer, origin string) {
	t.Helper()
	bin, folder := play.Build(t), t.TempDir()
	key, err := exec.Command(bin, "key", "new").Output()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "jotward.yaml")
	for name, text := range map[string]string{filepath.Join(folder, "key.json"): string(key), file: `edge:
  listen: ` + listen + `
  identity: {issuer: "https://edge.internal", key: "file:` + filepath.Join(folder, "key.json") + `"}
  issuers:
    - {issuer: "` + issuer + `", jwks_uri: "` + issuer + `/jwks", audience: demo-api, algorithms: [ES256], max_lifetime: 1h, allow_http: true}
  routes:
    - {name: orders, path: /orders, upstream: "` + origin + `", identity: {audience: "https://orders.internal", header: X-Identity}}
`} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(bin, "edge", "--config", file)
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Error("edge:", err, log.String())
		}
	})
	for range 200 { // until it listens
		if c, err := net.Dial("tcp", listen); err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the edge does not listen")
}
