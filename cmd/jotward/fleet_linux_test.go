package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jotward/jotward/internal/store/valkey/valkeytest"
)

// A fleet is an issuer, a Valkey and two edges, each a process on a machine of its
// own. The edges have one configuration but for what they do without the issuer: the
// first refuses, the second serves.
type fleet struct {
	*network
	folder         string
	issuer, valkey *machine
	edges          [2]*guard
	secret         map[string]string // of clients
}

// A guard is an edge, its origin beside it, and what it says.
type guard struct {
	*machine
	front, ops string
	log        *said
}

const staleAfter = 3 // seconds: max_age of both edges

var adminToken = strings.Repeat("61", 32)

func newFleet(t *testing.T) *fleet {
	program := valkeytest.Program(t)
	f := &fleet{network: newNetwork(t), folder: t.TempDir(), secret: map[string]string{}}
	f.valkey = f.add("valkey")
	f.valkey.start(nil, program, "--port", "6379", "--bind", f.valkey.address, "--protected-mode", "no", "--save", "", "--appendonly", "no")
	f.startIssuer()
	f.client("service", "read", "api")
	f.client("feed", "jotward:feed", "jotward:edge")
	for n, stale := range []string{"refuse", "serve"} {
		f.edges[n] = f.startEdge(n, stale)
	}
	for _, g := range f.edges {
		g.awaitReady(true)
	}
	return f
}

func (f *fleet) file(name, text string) string {
	path := filepath.Join(f.folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		f.Fatal(err)
	}
	return path
}

func (f *fleet) startIssuer() {
	f.issuer = f.add("issuer")
	certificate, key := filepath.Join(f.folder, "tls.crt"), filepath.Join(f.folder, "tls.key")
	if err := writeCertificate(certificate, key, net.ParseIP(f.issuer.address)); err != nil {
		f.Fatal(err)
	}
	authority, err := os.ReadFile(certificate)
	if err != nil {
		f.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(authority)
	f.issuer.http.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: trusted}
	f.file("master.key", strings.Repeat("4d", 32))
	token := f.file("admin.token", adminToken)
	file := f.file("issuer.yaml", fmt.Sprintf(`issuer:
  issuer: https://%[1]s:8443
  listen: %[1]s:8443
  tls: {certificate: %[2]s, key: %[3]s}
  database: %[4]s/state.db
  master_key: file:%[4]s/master.key
  admin: {listen: "127.0.0.1:8082", token: "file:%[5]s"}
`, f.issuer.address, certificate, key, f.folder, token))
	f.issuer.start(nil, "jotward", "serve", "--config", file)
	await(f, "the issuer is ready", func() bool { status, _, _ := f.issuer.get("http://127.0.0.1:8082/readyz", ""); return status == 200 })
}

// admin runs a command of the administrator, on the issuer's machine: it needs no cable.
func (f *fleet) admin(args ...string) string {
	f.Helper()
	return f.issuer.run(append([]string{"env", "JOTWARD_ADMIN_TOKEN=" + adminToken, "jotward"}, args...)...)
}

func (f *fleet) client(id, scope, audience string) {
	var made struct {
		Secret string `json:"client_secret"`
	}
	text := f.admin("client", "create", "--id", id, "--grant-type", "client_credentials", "--scope", scope, "--audience", audience)
	if err := json.Unmarshal([]byte(text), &made); err != nil || made.Secret == "" {
		f.Fatal(text, err)
	}
	f.secret[id] = made.Secret
}

func (f *fleet) startEdge(n int, stale string) *guard {
	g := &guard{machine: f.add(fmt.Sprint("edge", n))}
	origin := g.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "hello") }))
	front, ops := fmt.Sprint("127.0.0.1:", 8000+n), fmt.Sprint("127.0.0.1:", 9000+n) // the address tells the edges apart
	g.front, g.ops = "http://"+front, "http://"+ops
	file := f.file(g.name+".yaml", fmt.Sprintf(`edge:
  listen: %s
  admin: {listen: "%s"}
  shared: {url: "redis://%s:6379", timeout: 1s}
  issuers:
  - issuer: https://%s:8443
    audience: api
    algorithms: [ES256]
    max_lifetime: 1h
    feed: {client_id: feed, client_secret: "env:FEED", stale: %s, max_age: %ds}
  routes:
  - {name: all, path: /, upstream: "%[7]s"}
  - {name: pay, path: /pay, upstream: "%[7]s", one_time: true}
  - {name: few, path: /few, upstream: "%[7]s", limits: [{name: few, by: subject, rate: 5/d, shared: true, alone_rate: 2/d}]}
  - {name: many, path: /many, upstream: "%[7]s", limits: [{name: many, by: subject, rate: 1000000/d, shared: true}]}
`, front, ops, f.valkey.address, f.issuer.address, stale, staleAfter, origin))
	g.log = g.start([]string{"FEED=" + f.secret["feed"], "SSL_CERT_FILE=" + filepath.Join(f.folder, "tls.crt")}, "jotward", "edge", "--config", file)
	return g
}

// token asks the issuer for one, on its own machine, and returns its jti beside it.
func (f *fleet) token() (token, jti string) {
	f.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"read"}}
	r, err := http.NewRequest(http.MethodPost, "https://"+f.issuer.address+":8443/token", strings.NewReader(form.Encode()))
	if err != nil {
		f.Fatal(err)
	}
	r.SetBasicAuth("service", f.secret["service"])
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := f.issuer.http.Do(r)
	if err != nil {
		f.Fatal(err)
	}
	defer answer.Body.Close()
	var minted struct {
		Token string `json:"access_token"`
	}
	var claims struct {
		ID string `json:"jti"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&minted); err != nil || strings.Count(minted.Token, ".") != 2 {
		f.Fatal("no token: ", answer.Status, err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(minted.Token, ".")[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil || claims.ID == "" {
		f.Fatal("no jti: ", err)
	}
	return minted.Token, claims.ID
}

// ready says what /readyz?verbose does.
func (g *guard) ready() (bool, string) {
	status, text, _ := g.get(g.ops+"/readyz?verbose", "")
	return status == 200, text
}

func (g *guard) awaitReady(want bool) {
	g.Helper()
	await(g, fmt.Sprint(g.name, " ready: ", want), func() bool { is, _ := g.ready(); return is == want })
}

// lag is how long the edge has not heard of the issuer, in seconds, by its own metric.
func (g *guard) lag() float64 {
	g.Helper()
	_, text, _ := g.get(g.ops+"/metrics", "")
	_, text, _ = strings.Cut(text, "\njotward_revocation_lag_seconds{")
	_, text, _ = strings.Cut(text, "} ")
	text, _, _ = strings.Cut(text, "\n")
	lag, err := strconv.ParseFloat(text, 64)
	if err != nil {
		g.Fatal("no lag: ", err)
	}
	return lag
}

// ask asks once, and returns the status with the code of a refusal.
func (g *guard) ask(path, token string) string {
	g.Helper()
	status, body, _ := g.get(g.front+path, token)
	var problem struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal([]byte(body), &problem)
	return strings.TrimSpace(fmt.Sprint(status, " ", problem.Code))
}

func (g *guard) want(path, token, answer string) {
	g.Helper()
	if got := g.ask(path, token); got != answer {
		g.Errorf("%s %s: %s, want %s", g.name, path, got, answer)
	}
}
