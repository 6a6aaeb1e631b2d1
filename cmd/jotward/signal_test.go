package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The first signal drains; whoever sends another one does not want to wait.
func TestSecondSignalEnds(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "edge.yaml")
	if err := os.WriteFile(file, []byte(`edge:
  listen: 127.0.0.1:0
  drain_delay: 1h
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
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := bufio.NewScanner(said)
	until := func(what string) {
		for lines.Scan() {
			if strings.Contains(lines.Text(), what) {
				return
			}
		}
		t.Fatalf("it ended before it said %q", what)
	}
	until(`"guarding"`)
	_ = cmd.Process.Signal(syscall.SIGTERM)
	until(`"draining"`)
	for cmd.Process.Signal(syscall.SIGTERM) == nil { // the very next one may still be caught
		var status syscall.WaitStatus
		if pid, err := syscall.Wait4(cmd.Process.Pid, &status, syscall.WNOHANG, nil); pid != 0 || err != nil {
			if status.Signal() != syscall.SIGTERM {
				t.Errorf("it ended by %v", status)
			}
			return
		}
	}
}
