//go:build linux

package bench

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// peers are the other gateways that are installed. Each is found in PATH by its name, or where
// JOTWARD_PEER_NAME says: caddy, caddy_jwt (Caddy built with github.com/ggicci/caddy-jwt),
// haproxy, krakend, nginx, oathkeeper, oauth2_proxy, traefik.
func (f *field) peers(t *testing.T) (list []gateway) {
	t.Helper()
	for _, p := range []struct {
		name string
		of   func(*field, peer) []gateway
	}{
		{"haproxy", (*field).haproxy}, {"nginx", (*field).nginx}, {"caddy", (*field).caddy}, {"caddy-jwt", (*field).caddyJWT}, {"traefik", (*field).traefik},
		{"krakend", (*field).krakend}, {"oathkeeper", (*field).oathkeeper}, {"oauth2-proxy", (*field).oauth2Proxy},
	} {
		program := os.Getenv("JOTWARD_PEER_" + strings.ToUpper(strings.ReplaceAll(p.name, "-", "_")))
		path, err := exec.LookPath(cmp.Or(program, p.name))
		if err != nil {
			t.Logf("%s is not there", p.name)
			continue
		}
		list = append(list, p.of(f, peer{path, strings.TrimPrefix(f.origin.URL, "http://")})...)
	}
	return list
}

// A peer is a program, and the origin's host and port.
type peer struct{ program, to string }

// asked is the verifier that gateways ask which check no tokens themselves.
func (f *field) asked() (argv []string, listen string) {
	at := port()
	return []string{f.verifier, at, f.public, string(f.alg), issuer, audience}, at
}

func (f *field) haproxy(p peer) []gateway {
	at := port()
	return []gateway{{name: "haproxy", argv: []string{p.program, "-db", "-f", f.write("haproxy.cfg", fmt.Sprintf(`
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
`, at, f.alg, issuer, audience, f.public, p.to))}, listen: at, checks: true}}
}

// nginx alone, and with auth_request to the verifier.
func (f *field) nginx(p peer) []gateway {
	verifier, ask := f.asked()
	configured := func(name, checks string) gateway {
		at := port()
		return gateway{name: name, argv: []string{p.program, "-c", f.write(name+".conf", fmt.Sprintf(`
daemon off; worker_processes 2; pid %s/%s.pid; error_log /dev/null;
events {}
http {
  access_log off;
  upstream b { server %s; keepalive 16; }
  upstream v { server %s; keepalive 16; }
  server {
    listen %s; keepalive_requests 1000000; proxy_http_version 1.1; proxy_set_header Connection "";
    location / { proxy_pass http://b; }
    %s
  }
}
`, f.dir, name, p.to, ask, at, checks))}, listen: at}
	}
	alone := configured("nginx", "")
	asks := configured("nginx-auth_request", `
    location /api { auth_request /ask; proxy_pass http://b; }
    location = /ask { internal; proxy_pass http://v/; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_set_header Connection ""; }`)
	asks.checks, asks.beside, asks.besideListen = true, verifier, ask
	return []gateway{alone, asks}
}

func (f *field) caddyfile(p peer, name, checks string) gateway {
	at := port()
	_, number, _ := strings.Cut(at, ":")
	return gateway{name: name, argv: []string{"env", "HOME=" + f.dir, "XDG_DATA_HOME=" + f.dir, "XDG_CONFIG_HOME=" + f.dir, p.program, "run", "--adapter", "caddyfile", "--config", f.write(name+".caddy", fmt.Sprintf(`
{
  admin off
  auto_https off
  log default {
    output discard
  }
}
http://:%s {
  bind 127.0.0.1
  route /api* {
    %s
    reverse_proxy %s
  }
  route {
    reverse_proxy %s
  }
}
`, number, checks, p.to, p.to))}, listen: at, checks: checks != ""}
}

func (f *field) caddy(p peer) []gateway { return []gateway{f.caddyfile(p, "caddy", "")} }

func (f *field) caddyJWT(p peer) []gateway {
	return []gateway{f.caddyfile(p, "caddy-jwt", fmt.Sprintf(`jwtauth {
      jwk_url %s/jwks
      from_header Authorization
      issuer_whitelist %s
      audience_whitelist %s
      user_claims sub
    }`, f.issuer.URL, issuer, audience))}
}

func (f *field) traefik(p peer) []gateway {
	at := port()
	verifier, ask := f.asked()
	dynamic := f.write("traefik.yaml", fmt.Sprintf(`
http:
  routers:
    open: {rule: "PathPrefix(%[3]s/open%[3]s)", entryPoints: [web], service: b}
    api: {rule: "PathPrefix(%[3]s/api%[3]s)", entryPoints: [web], service: b, middlewares: [ask]}
  middlewares:
    ask: {forwardAuth: {address: "http://%[1]s/"}}
  services:
    b: {loadBalancer: {servers: [{url: "http://%[2]s"}]}}
`, ask, p.to, "`"))
	return []gateway{{name: "traefik-forward-auth", argv: []string{p.program, "--entrypoints.web.address=" + at, "--providers.file.filename=" + dynamic, "--log.level=FATAL",
		"--global.checknewversion=false", "--global.sendanonymoususage=false"}, listen: at, checks: true, beside: verifier, besideListen: ask}}
}

func (f *field) krakend(p peer) []gateway {
	at := port()
	host, number, _ := strings.Cut(at, ":")
	endpoint := func(path, checks string) string {
		return fmt.Sprintf(`{"endpoint": %[1]q, "output_encoding": "no-op", "input_headers": ["Authorization"], "backend": [{"url_pattern": %[1]q, "encoding": "no-op", "host": [%[2]q]}]%[3]s}`,
			path, f.origin.URL, checks)
	}
	return []gateway{{name: "krakend", argv: []string{p.program, "run", "-c", f.write("krakend.json", fmt.Sprintf(`{
  "version": 3, "listen_ip": %q, "port": %s, "extra_config": {"telemetry/logging": {"level": "CRITICAL", "stdout": false}, "router": {"disable_access_log": true}},
  "endpoints": [%s, %s]}`, host, number, endpoint("/open/x", ""), endpoint("/api/x", fmt.Sprintf(`, "extra_config": {"auth/validator": {
    "alg": %q, "jwk_url": "%s/jwks", "disable_jwk_security": true, "cache": true, "issuer": %q, "audience": [%q]}}`, f.alg, f.issuer.URL, issuer, audience))))}, listen: at, checks: true}}
}

func (f *field) oathkeeper(p peer) []gateway {
	at, api, metrics := port(), port(), port()
	number := func(at string) string { _, n, _ := strings.Cut(at, ":"); return n }
	rule := func(id, path, authenticator string) string {
		return fmt.Sprintf(`{"id": %q, "upstream": {"url": %q}, "match": {"url": "http://api.example%s", "methods": ["GET"]}, "authenticators": [{"handler": %q}], "authorizer": {"handler": "allow"}, "mutators": [{"handler": "noop"}]}`,
			id, f.origin.URL, path, authenticator)
	}
	rules := f.write("rules.json", "["+rule("open", "/open/x", "noop")+", "+rule("api", "/api/x", "jwt")+"]")
	return []gateway{{name: "oathkeeper", argv: []string{p.program, "serve", "--config", f.write("oathkeeper.yaml", fmt.Sprintf(`
log: {level: panic}
serve:
  proxy: {host: 127.0.0.1, port: %s}
  api: {host: 127.0.0.1, port: %s}
  prometheus: {host: 127.0.0.1, port: %s}
access_rules: {repositories: ["file://%s"], matching_strategy: glob}
authenticators:
  noop: {enabled: true}
  jwt: {enabled: true, config: {jwks_urls: ["%s/jwks"], trusted_issuers: [%q], target_audience: [%q], allowed_algorithms: [%s]}}
authorizers: {allow: {enabled: true}}
mutators: {noop: {enabled: true}}
errors: {fallback: [json], handlers: {json: {enabled: true, config: {verbose: false}}}}
`, number(at), number(api), number(metrics), rules, f.issuer.URL, issuer, audience, f.alg))}, listen: at, checks: true}}
}

func (f *field) oauth2Proxy(p peer) []gateway {
	at := port()
	return []gateway{{name: "oauth2-proxy", argv: []string{p.program, "--http-address=" + at, "--upstream=" + f.origin.URL, "--skip-jwt-bearer-tokens", "--provider=oidc", "--oidc-issuer-url=" + issuer,
		"--skip-oidc-discovery", "--oidc-jwks-url=" + f.issuer.URL + "/jwks", "--login-url=" + f.issuer.URL + "/login", "--redeem-url=" + f.issuer.URL + "/token", "--redirect-url=http://api.example/oauth2/callback",
		"--client-id=" + audience, "--client-secret=unused", "--cookie-secret=0123456789abcdef", "--email-domain=*", "--oidc-email-claim=sub", "--oidc-enabled-signing-alg=" + string(f.alg),
		"--skip-auth-route=^/open", "--api-route=^/api", "--request-logging=false", "--auth-logging=false", "--standard-logging=false"}, listen: at, checks: true}}
}

// buildVerifier builds what gateways ask.
func buildVerifier(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "verifier")
	build := exec.Command("go", "build", "-o", program, "./verifier")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	return program
}
