// Package play builds the binary and runs its dev mode, for clients and
// browsers that play the main job against it.
package play

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Story is the line that `jotward dev --json` prints.
type Story struct {
	Issuer         string `json:"issuer"`
	Edge           string `json:"edge"`
	Admin          string `json:"admin"`
	AdminToken     string `json:"admin_token"`
	Audience       string `json:"audience"`
	Resource       string `json:"resource"`
	Username       string `json:"username"`
	Password       string `json:"password"`
	Scope          string `json:"scope"`
	ClientID       string `json:"client_id"`
	ClientSecret   string `json:"client_secret"`
	PublicClientID string `json:"public_client_id"`
	RedirectURI    string `json:"redirect_uri"`
	App            string `json:"app"`
	Console        string `json:"console"`
}

// Build builds the binary that ships and returns its path.
func Build(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "jotward")
	build := exec.Command("go", "build", "-o", bin, "./cmd/jotward")
	build.Dir = filepath.Join("..", "..")
	build.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return bin
}

// Dev runs the binary's dev mode until the test ends.
func Dev(t *testing.T) Story {
	t.Helper()
	cmd := exec.Command(Build(t), "dev", "--json")
	var log strings.Builder
	cmd.Stderr = &log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("dev did not end well: %v", err)
		}
		if t.Failed() {
			t.Log(log.String())
		}
	})
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var s Story
	if err := json.Unmarshal(line, &s); err != nil {
		t.Fatal(err)
	}
	return s
}
