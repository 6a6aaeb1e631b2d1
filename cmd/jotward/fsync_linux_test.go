package main

import (
	"bufio"
	"encoding/hex"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/jotward/jotward/internal/secret"
)

const traced = "JOTWARD_TRACED"

// TestNothingIsAnsweredBeforeItIsOnDisk reads in a trace of system calls that no
// refresh token leaves before the write that holds its hash was synced, while many
// spend at once and share a sync.
func TestNothingIsAnsweredBeforeItIsOnDisk(t *testing.T) {
	if os.Getenv(traced) != "" {
		rotateUntilEnough(t)
		return
	}
	t.Parallel()
	tool, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	if out, err := exec.Command(tool, "-qq", "-o", os.DevNull, "true").CombinedOutput(); err != nil {
		t.Skip("processes are not to be traced here: ", err, string(out))
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "trace")
	cmd := exec.Command(tool, "-f", "-qq", "-xx", "-s", "4200", "-e", "trace=write,pwrite64,fsync,fdatasync", "-o", path, self, "-test.run", "^"+t.Name()+"$", "-test.count", "1")
	cmd.Env = append(os.Environ(), traced+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var calls []call
	for lines := bufio.NewScanner(file); lines.Scan(); {
		calls = append(calls, readCall(lines.Text()))
	}
	judge(t, calls)
}

const families, turns = 8, 6

// rotateUntilEnough is the process that is traced.
func rotateUntilEnough(t *testing.T) {
	v := startDev(t)
	v.want(v.admin("POST", "/admin/v1/clients", map[string]any{"client_id": "many", "public": true, "skip_consent": true, "grant_types": []string{"authorization_code", "refresh_token"},
		"redirect_uris": []string{v.RedirectURI}, "scopes": []string{"openid", "profile", "read"}, "audiences": []string{v.Audience}}, v.AdminToken), 201, "")
	v.signIn(v.RedirectURI) // the session is all that is wanted of it
	var wg sync.WaitGroup
	for range families {
		a := v.do(http.NewRequest("GET", v.Issuer+"/authorize?"+url.Values{"response_type": {"code"}, "client_id": {"many"}, "redirect_uri": {v.RedirectURI}, "scope": {"read"},
			"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"}}.Encode(), nil))
		back, err := url.Parse(a.header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		first := v.want(v.post("/token", url.Values{"grant_type": {"authorization_code"}, "client_id": {"many"}, "code": {back.Query().Get("code")},
			"redirect_uri": {v.RedirectURI}, "code_verifier": {codeVerifier}}, false), 200, "")
		wg.Go(func() {
			token := text(first, "refresh_token")
			for range turns {
				a := v.post("/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {"many"}, "refresh_token": {token}}, false)
				if token = text(a, "refresh_token"); token == "" {
					t.Errorf("%d %s", a.status, a.body)
					return
				}
			}
		})
	}
	wg.Wait()
}

// A call is one line of the trace: a call that has ended, or its begin or its end.
type call struct {
	thread, name, fd, data string
	begun, ended           bool
}

var (
	whole   = regexp.MustCompile(`^(\d+) +(\w+)\((\d+)(?:, "((?:\\x[0-9a-f]{2})*)")?`)
	resumed = regexp.MustCompile(`^(\d+) +<\.\.\. (\w+) resumed>`)
)

func readCall(line string) call {
	if m := whole.FindStringSubmatch(line); m != nil {
		return call{thread: m[1], name: m[2], fd: m[3], data: strings.ReplaceAll(m[4], `\x`, ""), begun: true, ended: !strings.HasSuffix(line, "<unfinished ...>")}
	}
	if m := resumed.FindStringSubmatch(line); m != nil {
		return call{thread: m[1], name: m[2], ended: true}
	}
	return call{}
}

// judge follows each refresh token that was answered from the write that holds its
// hash, over a sync that began after it, to the answer.
func judge(t *testing.T, calls []call) {
	t.Helper()
	answers := map[int]string{} // by the place of the call, the hash of its token
	member := hex.EncodeToString([]byte(`"refresh_token":"`))
	for n, c := range calls {
		if _, after, ok := strings.Cut(c.data, member); ok && c.name == "write" {
			raw, err := hex.DecodeString(after)
			if err != nil {
				t.Fatal(err)
			}
			token, _, _ := strings.Cut(string(raw), `"`)
			answers[n] = hex.EncodeToString(secret.Hash(token))
		}
	}
	if want := families * (turns + 1); len(answers) < want {
		t.Fatalf("the trace has %d answers with a refresh token, want %d", len(answers), want)
	}
	hashes := map[string]bool{}
	for _, h := range answers {
		hashes[h] = true
	}
	written, synced := map[string][]string{}, map[string]bool{} // what each file has that no sync has begun to hold
	syncing := map[string][]string{}                            // by thread
	for n, c := range calls {
		sync := c.name == "fsync" || c.name == "fdatasync"
		if c.name == "pwrite64" && c.begun {
			for h := range hashes {
				if strings.Contains(c.data, h) {
					written[c.fd] = append(written[c.fd], h)
				}
			}
		}
		if sync && c.begun {
			syncing[c.thread] = append([]string(nil), written[c.fd]...)
		}
		if sync && c.ended {
			for _, h := range syncing[c.thread] {
				synced[h] = true
			}
			delete(syncing, c.thread)
		}
		if h, ok := answers[n]; ok && !synced[h] {
			t.Fatalf("call %d answers with a refresh token whose hash is on no disk", n)
		}
	}
}
