package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
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
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		_ = cmd.Process.Signal(syscall.SIGTERM) // the very next one may still be caught: then another
		select {
		case err := <-ended:
			if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGTERM {
				t.Errorf("it ended by %v", err)
			}
			return
		case <-time.After(time.Second):
		}
	}
}
