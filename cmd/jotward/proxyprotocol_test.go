package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An edge behind a balancer takes the client's address from the PROXY header, and
// says when a balancer sends none.
func TestEdgeBehindBalancer(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "edge.yaml")
	if err := os.WriteFile(file, []byte(`edge:
  listen: 127.0.0.1:0
  proxy_protocol: [127.0.0.0/8]
  issuers: [{issuer: "https://id.example.com", audience: api, algorithms: [ES256], max_lifetime: 1h}]
  routes: [{name: all, path: /, upstream: "http://127.0.0.1:1"}]
`), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := &exec.Cmd{Path: self, Args: []string{"jotward", "edge", "--config", file}}
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewScanner(said)
	until := func(message string) (line map[string]any) {
		for lines.Scan() {
			if _ = json.Unmarshal(lines.Bytes(), &line); line["msg"] == message || strings.Contains(lines.Text(), message) {
				return line
			}
		}
		t.Fatalf("it ended before it said %q", message)
		return nil
	}
	address, _ := until("guarding")["listen"].(string)
	talk := func(text string) string {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(30 * time.Second))
		_, _ = io.WriteString(c, text)
		got, _ := io.ReadAll(c) // one that is refused may be reset
		return string(got)
	}
	const request = "GET / HTTP/1.1\r\nHost: e\r\nConnection: close\r\n\r\n"
	if got := talk("PROXY TCP4 192.0.2.7 10.0.0.1 4660 443\r\n" + request); !strings.HasPrefix(got, "HTTP/1.1 401") {
		t.Errorf("%q", got)
	}
	if line := until("request"); line["client_addr"] != "192.0.2.7" {
		t.Error(line)
	}
	if got := talk(request); got != "" {
		t.Errorf("%q", got)
	}
	until("without a valid PROXY header")
}
