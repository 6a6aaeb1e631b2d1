//go:build linux

package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// program finds a peer's binary: by an environment variable, or by its name in PATH; ""
// where there is none, and how it is built is in docs/design/issuer.md.
func program(t *testing.T, name, variable string) string {
	t.Helper()
	if path := os.Getenv(variable); path != "" {
		return path
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Logf("%s is missing: put it into PATH, or name it in %s (docs/design/issuer.md)", name, variable)
	}
	return path
}

// startHydra runs Ory Hydra on SQLite, with JWT access tokens, and makes its client; nil
// where it is not there. What it signs with it chooses itself: RS256.
func startHydra(t *testing.T) *standing {
	t.Helper()
	path := program(t, "hydra", "JOTWARD_HYDRA")
	if path == "" {
		return nil
	}
	s := &standing{ClientID: "demo", ClientSecret: "a-secret-of-more-than-thirty-two-characters", host: port()}
	admin := port()
	_, public, _ := strings.Cut(s.host, ":")
	_, private, _ := strings.Cut(admin, ":")
	env := append(os.Environ(), "DSN=sqlite://"+filepath.Join(t.TempDir(), "hydra.db")+"?_fk=true", "SECRETS_SYSTEM="+s.ClientSecret, "STRATEGIES_ACCESS_TOKEN=jwt",
		"URLS_SELF_ISSUER=http://"+s.host, "SERVE_PUBLIC_HOST=127.0.0.1", "SERVE_ADMIN_HOST=127.0.0.1", "SERVE_PUBLIC_PORT="+public, "SERVE_ADMIN_PORT="+private, "LOG_LEVEL=error", "SQA_OPT_OUT=true")
	migrate := exec.Command(path, "migrate", "sql", "-e", "--yes")
	migrate.Env = env
	if out, err := migrate.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := exec.Command(path, "serve", "all", "--dev")
	cmd.Env = env
	s.run(t, cmd, "http://"+admin+"/health/ready")
	body, err := json.Marshal(map[string]any{"client_id": s.ClientID, "client_secret": s.ClientSecret, "grant_types": []string{"client_credentials"}, "token_endpoint_auth_method": "client_secret_basic"})
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := http.Post("http://"+admin+"/admin/clients", "application/json", bytes.NewReader(body)); err != nil || answer.StatusCode != 201 {
		t.Fatal(answer, err)
	}
	return s
}

// startDex runs Dex in memory with ES256; nil where it is not there.
func startDex(t *testing.T) *standing {
	t.Helper()
	path := program(t, "dex", "JOTWARD_DEX")
	if path == "" {
		return nil
	}
	s := &standing{ClientID: "demo", ClientSecret: "a-secret-of-more-than-thirty-two-characters", host: port()}
	file := filepath.Join(t.TempDir(), "dex.yaml")
	text := fmt.Sprintf(`issuer: http://%[1]s/dex
storage: {type: memory}
web: {http: %[1]s}
logger: {level: error}
enablePasswordDB: true
oauth2: {grantTypes: [authorization_code, client_credentials]}
signer: {type: local, config: {keysRotationPeriod: 24h, algorithm: ES256}}
staticClients:
- {id: %[2]s, secret: %[3]s, name: demo, redirectURIs: ['http://127.0.0.1/cb']}
`, s.host, s.ClientID, s.ClientSecret)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.run(t, exec.Command(path, "serve", file), "http://"+s.host+"/dex/healthz")
	return s
}

// run starts a peer and waits until it is there.
func (s *standing) run(t *testing.T, cmd *exec.Cmd, ready string) {
	t.Helper()
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	s.pid = cmd.Process.Pid
	for start := time.Now(); ; {
		answer, err := http.Get(ready)
		if err == nil && answer.Body.Close() == nil && answer.StatusCode == 200 {
			t.Logf("%s answers %s after its start; %s resident", filepath.Base(cmd.Path), time.Since(start).Round(time.Millisecond), resident(s.pid))
			return
		}
		if time.Since(start) > time.Minute {
			_ = cmd.Process.Kill()
			_ = cmd.Wait() // then the buffer is whole
			t.Fatalf("%s did not start: %s", cmd.Path, log.String())
		}
	}
}

// clientCredentialsAt is clientCredentials of a peer: its token endpoint has a place of its
// own, and some want a scope. One token is fetched before anything is measured: Hydra makes
// its RSA key for the first.
func (s *standing) clientCredentialsAt(t *testing.T, path, scope, name string) load {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}}
	if scope != "" {
		form.Set("scope", scope)
	}
	first, err := http.NewRequest("POST", "http://"+s.host+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	first.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	first.SetBasicAuth(s.ClientID, s.ClientSecret)
	answer, err := http.DefaultClient.Do(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil || answer.StatusCode != 200 {
		t.Fatal(name, answer.Status, err)
	}
	request := s.post(path, s.ClientID, s.ClientSecret, form)
	return load{"client_credentials, " + name, 16, func(int) []byte { return request }, fine}
}
