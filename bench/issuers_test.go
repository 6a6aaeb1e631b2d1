//go:build linux

package bench

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestIssuers measures whole issuers: client-credentials tokens, rotations of refresh
// tokens, introspections and key sets a second, with the load on the same cores, the
// seconds of CPU that 10,000 of them cost, and how long an answer took. It runs only
// when asked and judges nothing. JOTWARD_ISSUERS is the number of rounds, each five
// seconds of each, in turns; JOTWARD_PROFILE a folder for a profile of each;
// JOTWARD_FAMILIES how many refresh families there are beside those that rotate, for
// which sqlite3 has to be installed.
func TestIssuers(t *testing.T) {
	rounds, err := strconv.Atoi(os.Getenv("JOTWARD_ISSUERS"))
	if err != nil {
		t.Skip("set JOTWARD_ISSUERS to a number of rounds to measure")
	}
	program := filepath.Join(t.TempDir(), "jotward")
	build := exec.Command("go", "build", "-o", program, "./cmd/jotward")
	build.Dir, build.Env = "..", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	folder := t.TempDir()
	s := startIssuer(t, program, folder)
	if families, _ := strconv.Atoi(os.Getenv("JOTWARD_FAMILIES")); families > 0 {
		s.families(t, 1)
		s.stop()
		fill(t, filepath.Join(folder, "jotward.db"), families)
		s = startIssuer(t, program, folder)
	}
	loads := []load{s.clientCredentials(), s.rotations(t, 64), s.introspections(t), s.keySet()}
	of := map[string]*standing{}
	for _, l := range loads {
		of[l.name] = s
	}
	bare := startBare(t)
	l := bare.clientCredentials()
	l.name = "net/http and one raw ES256 signature"
	loads, of[l.name] = append(loads, l), bare
	if p := startProvider(t); p != nil {
		l := p.clientCredentials()
		l.name += ", npm oidc-provider in memory"
		loads, of[l.name] = append(loads, l), p
	}
	if p := startHydra(t); p != nil {
		l := p.clientCredentialsAt(t, "/oauth2/token", "", "Ory Hydra on SQLite, RS256")
		loads, of[l.name] = append(loads, l), p
	}
	if p := startDex(t); p != nil {
		l := p.clientCredentialsAt(t, "/dex/token", "openid", "Dex in memory, ES256")
		loads, of[l.name] = append(loads, l), p
	}
	took := map[string][]string{}
	for range rounds {
		for _, l := range loads {
			took[l.name] = append(took[l.name], of[l.name].measure(t, l))
		}
	}
	for _, l := range loads {
		for _, line := range took[l.name] {
			t.Logf("%-20s %s", l.name, line)
		}
	}
}

// A standing is an issuer that runs, as `jotward dev --json` shows itself.
type standing struct {
	Issuer       string `json:"issuer"`
	Admin        string `json:"admin"`
	AdminToken   string `json:"admin_token"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	Username     string `json:"username"`
	Password     string `json:"password"`
	Audience     string `json:"audience"`
	pid          int
	host         string
	stop         func()
}

// fill makes as many grants as are asked for, each with its refresh token, of the one
// grant that there is.
func fill(t *testing.T, database string, families int) {
	t.Helper()
	start := time.Now()
	cmd := exec.Command("sqlite3", database)
	cmd.Stdin = strings.NewReader(fmt.Sprintf(`PRAGMA cache_size = -2000000; PRAGMA synchronous = OFF;
		CREATE TEMP TABLE one AS SELECT * FROM grants LIMIT 1;
		BEGIN;
		WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %[1]d)
		INSERT INTO grants SELECT printf('gr_%%020d', i), %[2]s FROM n, one;
		WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %[1]d)
		INSERT INTO refresh_tokens (hash, grant_id, created, expires, spent) SELECT randomblob(32), printf('gr_%%020d', i), created, expires, 0 FROM n, one;
		COMMIT;`, families, strings.Join(columnsOf(t, database), ", ")))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	info, err := os.Stat(database)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d families made in %s: %d MiB", families, time.Since(start).Round(time.Second), info.Size()>>20)
}

// columnsOf are those of grants but its id, which is the first.
func columnsOf(t *testing.T, database string) []string {
	t.Helper()
	out, err := exec.Command("sqlite3", database, "SELECT name FROM pragma_table_info('grants')").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))[1:]
}

func startIssuer(t *testing.T, program, folder string) *standing {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "dev", "--json", "--data", folder)
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := sync.OnceFunc(func() { _ = cmd.Process.Signal(os.Interrupt); _ = cmd.Wait() })
	t.Cleanup(stop)
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	s := &standing{pid: cmd.Process.Pid, stop: stop}
	if err := json.Unmarshal(line, s); err != nil {
		t.Fatal(err)
	}
	t.Logf("answers %s after its start, with its database, an edge and a demonstration; %s resident", time.Since(start).Round(time.Millisecond), resident(s.pid))
	s.host = strings.TrimPrefix(s.Issuer, "http://")
	return s
}

// startBare runs what a token costs at least: net/http, which reads a form and answers as
// much as a token response has, and one raw signature.
func startBare(t *testing.T) *standing {
	t.Helper()
	s := &standing{ClientID: "demo", ClientSecret: "a-secret-of-more-than-thirty-two-characters", host: port()}
	cmd := exec.Command(os.Args[0], "-test.run=^TestBare$")
	cmd.Env = append(os.Environ(), "BENCH_BARE="+s.host)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for {
		if c, err := net.Dial("tcp", s.host); err == nil {
			_ = c.Close()
			s.pid = cmd.Process.Pid
			return s
		}
		if t.Context().Err() != nil {
			t.Fatal("the bare server did not start")
		}
	}
}

// TestBare is the process of startBare.
func TestBare(t *testing.T) {
	at := os.Getenv("BENCH_BARE")
	if at == "" {
		t.Skip("a part of TestIssuers")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	answer := bytes.Repeat([]byte("x"), 700)
	_ = http.ListenAndServe(at, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		sum := sha256.Sum256(answer)
		if _, err := ecdsa.SignASN1(rand.Reader, key, sum[:]); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	}))
}

// startProvider runs npm oidc-provider, nil where it is not installed.
func startProvider(t *testing.T) *standing {
	t.Helper()
	if _, err := os.Stat("oidc-provider/node_modules"); err != nil {
		t.Log("npm oidc-provider is missing: npm install in bench/oidc-provider")
		return nil
	}
	s := &standing{ClientID: "demo", ClientSecret: "a-secret-of-more-than-thirty-two-characters", host: port()}
	_, number, _ := strings.Cut(s.host, ":")
	cmd := exec.Command("node", "server.mjs", number, s.ClientID, s.ClientSecret)
	cmd.Dir = "oidc-provider"
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	s.pid = cmd.Process.Pid
	return s
}

func resident(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.SplitSeq(string(text), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			return strings.TrimSpace(rest)
		}
	}
	return "?"
}

// A load is what one connection after another asks. next returns the request of a
// connection and takes its answer.
type load struct {
	name        string
	connections int
	next        func(connection int) []byte
	answered    func(connection, status int, body []byte) error
}

func fine(_, status int, _ []byte) error {
	if status != 200 {
		return fmt.Errorf("status %d", status)
	}
	return nil
}

func (s *standing) post(path, id, secret string, form url.Values) []byte {
	body, head := form.Encode(), ""
	if secret != "" {
		head = "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret)) + "\r\n"
	}
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\n%sContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", path, s.host, head, len(body), body)
}

func (s *standing) clientCredentials() load {
	request := s.post("/token", s.ClientID, s.ClientSecret, url.Values{"grant_type": {"client_credentials"}})
	return load{"client_credentials", 16, func(int) []byte { return request }, fine}
}

func (s *standing) keySet() load {
	request := []byte("GET /jwks HTTP/1.1\r\nHost: " + s.host + "\r\n\r\n")
	return load{"jwks", 16, func(int) []byte { return request }, fine}
}

func (s *standing) introspections(t *testing.T) load {
	body := s.ask(t, "POST", s.Issuer+"/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {s.ClientID}, "client_secret": {s.ClientSecret}})
	request := s.post("/introspect", s.ClientID, s.ClientSecret, url.Values{"token": {body["access_token"].(string)}})
	return load{"introspection", 16, func(int) []byte { return request }, fine}
}

func (s *standing) rotations(t *testing.T, families int) load {
	tokens := s.families(t, families)
	return load{"rotation", families, func(n int) []byte {
		return s.post("/token", "", "", url.Values{"grant_type": {"refresh_token"}, "client_id": {"bench"}, "refresh_token": {tokens[n]}})
	}, func(n, status int, body []byte) error {
		var answer struct {
			RefreshToken string `json:"refresh_token"`
		}
		if err := json.Unmarshal(body, &answer); err != nil || status != 200 {
			return fmt.Errorf("status %d: %s", status, body)
		}
		tokens[n] = answer.RefreshToken
		return nil
	}}
}

// families signs a person in once and gets so many grants of a client.
func (s *standing) families(t *testing.T, n int) (tokens []string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"client_id": "bench", "public": true, "skip_consent": true, "grant_types": []string{"authorization_code", "refresh_token"},
		"redirect_uris": []string{"http://127.0.0.1/cb"}, "scopes": []string{"read"}, "audiences": []string{s.Audience}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest("POST", s.Admin+"/admin/v1/clients", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.AdminToken)
	r.Header.Set("Content-Type", "application/json")
	if answer, err := http.DefaultClient.Do(r); err != nil || answer.StatusCode != 201 && answer.StatusCode != 409 { // it may be there
		t.Fatal(answer, err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	var last *url.URL
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if last = r.URL; r.URL.Query().Has("code") {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	const verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // RFC 7636 B
	at := s.Issuer + "/authorize?" + url.Values{"response_type": {"code"}, "client_id": {"bench"}, "redirect_uri": {"http://127.0.0.1/cb"}, "scope": {"read"},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"}}.Encode()
	for len(tokens) < n {
		answer, err := browser.Get(at)
		if err != nil {
			t.Fatal(err)
		}
		page, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if strings.Contains(string(page), `name="password"`) {
			form := url.Values{"username": {s.Username}, "password": {s.Password}}
			for _, m := range regexp.MustCompile(`name="(\w+)" value="([^"]*)"`).FindAllStringSubmatch(string(page), -1) {
				form.Set(m[1], strings.ReplaceAll(m[2], "&amp;", "&"))
			}
			if answer, err = browser.PostForm(s.Issuer+"/signin", form); err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
		}
		if last == nil || !last.Query().Has("code") {
			t.Fatalf("no code at %v: %s", last, page)
		}
		out := s.ask(t, "POST", s.Issuer+"/token", url.Values{"grant_type": {"authorization_code"}, "client_id": {"bench"}, "redirect_uri": {"http://127.0.0.1/cb"},
			"code": {last.Query().Get("code")}, "code_verifier": {verifier}})
		tokens = append(tokens, out["refresh_token"].(string))
	}
	return tokens
}

func (s *standing) ask(t *testing.T, method, at string, form url.Values) (out map[string]any) {
	t.Helper()
	r, err := http.NewRequest(method, at, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&out); err != nil || answer.StatusCode != 200 {
		t.Fatal(answer.Status, out, err)
	}
	return out
}

// measure plays a load for five seconds and says what came of it.
func (s *standing) measure(t *testing.T, l load) string {
	t.Helper()
	const long = 5 * time.Second
	var wg sync.WaitGroup
	var failed atomic.Pointer[error]
	all := make([][]time.Duration, l.connections)
	before, start := spentBy(s.pid), time.Now()
	for n := range l.connections {
		wg.Go(func() {
			if err := s.connection(l, n, start.Add(long), &all[n]); err != nil {
				failed.Store(&err)
			}
		})
	}
	if folder := os.Getenv("JOTWARD_PROFILE"); folder != "" && s.Admin != "" {
		wg.Go(func() { s.profile(t, filepath.Join(folder, l.name+".pprof")) })
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		t.Fatalf("%s: %v", l.name, *err)
	}
	elapsed, spent := time.Since(start), spentBy(s.pid)-before
	took := slices.Concat(all...)
	slices.Sort(took)
	return fmt.Sprintf("%6.0f a second, %.2f CPU seconds for 10,000, p50 %s, p99 %s, %s resident", float64(len(took))/elapsed.Seconds(),
		spent/float64(len(took))*10_000, took[len(took)/2].Round(time.Microsecond), took[len(took)*99/100].Round(time.Microsecond), resident(s.pid))
}

// profile keeps what the issuer spends its time with.
func (s *standing) profile(t *testing.T, path string) {
	r, err := http.NewRequest("GET", s.Admin+"/debug/pprof/profile?seconds=4", nil)
	if err != nil {
		t.Error(err)
		return
	}
	r.Header.Set("Authorization", "Bearer "+s.AdminToken)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Error(err)
		return
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil || answer.StatusCode != 200 {
		t.Error(answer.Status, err)
	}
}

// connection asks one request after another. It reads answers by their length alone,
// for the load has to leave the cores to what it measures.
func (s *standing) connection(l load, n int, until time.Time, took *[]time.Duration) error {
	c, err := net.Dial("tcp", s.host)
	if err != nil {
		return err
	}
	defer c.Close()
	in := bufio.NewReader(c)
	for time.Now().Before(until) {
		request, start := l.next(n), time.Now()
		if _, err := c.Write(request); err != nil {
			return err
		}
		status, body, err := readAnswer(in)
		if err != nil {
			return err
		}
		*took = append(*took, time.Since(start))
		if err := l.answered(n, status, body); err != nil {
			return err
		}
	}
	return nil
}

func readAnswer(in *bufio.Reader) (status int, body []byte, err error) {
	length, chunked := 0, false
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return 0, nil, err
		}
		if len(line) <= 2 {
			break
		}
		if first {
			status, _ = strconv.Atoi(string(line[9:12]))
		} else if name, value, _ := bytes.Cut(line, []byte(":")); bytes.EqualFold(name, []byte("Content-Length")) {
			length, _ = strconv.Atoi(string(bytes.TrimSpace(value)))
		} else if bytes.EqualFold(name, []byte("Transfer-Encoding")) {
			chunked = true
		}
	}
	if chunked {
		return 0, nil, fmt.Errorf("a chunked answer")
	}
	body = make([]byte, length)
	_, err = io.ReadFull(in, body)
	return status, body, err
}
