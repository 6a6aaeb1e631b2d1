package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// readme returns the fenced blocks of one language.
func readme(t *testing.T, language string) []string {
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		out = append(out, m[1])
	}
	return out
}

// TestReadmeCommands runs the README's own commands in an empty folder, with
// this binary in the place of `go run ./cmd/jotward`.
func TestReadmeCommands(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("JOTWARD_CI") != "" {
				t.Fatal(err)
			}
			t.Skip(tool + " is missing")
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(self, filepath.Join(bin, "jotward")); err != nil {
		t.Fatal(err)
	}
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "the app that exists") }))
	t.Cleanup(origin.Close)
	blocks := readme(t, "sh")
	if len(blocks) != 3 {
		t.Fatalf("%d blocks of commands", len(blocks))
	}
	// The binary that is tested stands in for the one that is built.
	story, ok := strings.CutPrefix(blocks[0], "go build -o jotward ./cmd/jotward && PATH=$PWD:$PATH\n")
	if !ok {
		t.Fatal("the story does not begin with the build")
	}
	// The last call comes when the revocation has arrived, on a machine that is busy as well.
	last := "curl -i -H \"Authorization: Bearer $token\" \"$resource\"            # 401"
	if story, ok = strings.CutSuffix(story, last+", token_revoked\n"); !ok {
		t.Fatal("the story does not end with the call that is refused")
	}
	story += `until [ "$(curl -s -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $token" "$resource")" = 401 ]; do sleep 0.1; done` + "\n" + last + "\n"
	// The second block goes on with the variables of the first, in front of an app
	// on a port that is free here.
	edge := strings.NewReplacer("http://localhost:3000", origin.URL, "--from :8090", "--from 127.0.0.1:0").Replace(strings.TrimSpace(blocks[1]))
	script := "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n" + story + edge + ` 2> edge.log &
until grep -q guarding edge.log; do sleep 0.1; done
door=http://$(grep guarding edge.log | sed 's/.*"listen":"\([^"]*\)".*/\1/')
curl -s -o /dev/null -w 'door without a token %{http_code}\n' "$door/"
token=$(curl -s -u "$client" -d grant_type=client_credentials -d scope=read "$issuer/token" | get access_token)
curl -s -w ' %{http_code}\n' -H "Authorization: Bearer $token" "$door/"
curl -s -u "$client" -d "token=$token" "$issuer/revoke"
until [ "$(curl -s -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $token" "$door/")" = 401 ]; do sleep 0.1; done
curl -s -w ' %{http_code}\n' -H "Authorization: Bearer $token" "$door/"
kill %2 %1
wait
` + strings.Replace(blocks[2], "config check jotward.yaml", "config check jotward.yaml || true", 1)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // a hang is a failure
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what it started ends with it
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, errs.String())
	}
	rest := string(out)
	for _, want := range []string{"HTTP/1.1 200 OK", `"hello":"demo"`, "HTTP/1.1 200 OK", "HTTP/1.1 401 Unauthorized", "token_revoked",
		"door without a token 401", "the app that exists 200", "token_revoked"} {
		_, after, found := strings.Cut(rest, want)
		if !found {
			t.Fatalf("%q is missing, or not in this order:\n%s\n%s", want, out, errs.String())
		}
		rest = after
	}
	if !strings.Contains(errs.String(), "master.key") {
		t.Errorf("config check did not say what is missing: %s", errs.String())
	}
}

// TestReadmeLinks: what the README points at is there.
func TestReadmeLinks(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	links := regexp.MustCompile(`\]\(([A-Za-z/]+\.md)\)`).FindAllStringSubmatch(string(text), -1)
	if len(links) < 8 {
		t.Fatalf("only %d links found", len(links))
	}
	for _, m := range links {
		if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
			t.Error(err)
		}
	}
}

// TestReadmeLibrary builds the README's program against the library alone.
func TestReadmeLibrary(t *testing.T) {
	t.Parallel()
	blocks := readme(t, "go")
	if len(blocks) != 1 {
		t.Fatalf("%d blocks of Go", len(blocks))
	}
	jose, err := filepath.Abs(filepath.Join("..", "..", "jose"))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module readme\n\ngo 1.26.0\n\nrequire github.com/jotward/jotward/jose v0.0.0\n\nreplace github.com/jotward/jotward/jose => " + jose + "\n",
		"main.go": `package main

import (
	"log"
	"net/http"
	"time"

	"github.com/jotward/jotward/jose/bearer"
	"github.com/jotward/jotward/jose/jwks"
	"github.com/jotward/jotward/jose/jwt"
)

var app = http.NotFoundHandler()

func main() {
` + blocks[0] + "}\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "vet", ".")
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
