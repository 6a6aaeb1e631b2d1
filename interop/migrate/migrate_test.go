// Package migrate compiles and runs the programs of docs/guide/migrate.md, and
// holds its table to what they say.
package migrate

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"

	_ "github.com/golang-jwt/jwt/v5" // the programs' own dependency
)

// driver hands a program its key and tokens, and prints what it says of each.
const driver = `
func main() {
	var in struct{ PEM string; Tokens []string }
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil { panic(err) }
	for _, token := range in.Tokens {
		subject, scope, err := verify(token, []byte(in.PEM))
		out := map[string]string{"subject": subject, "scope": scope}
		if err != nil { out = map[string]string{"error": err.Error()} }
		if err := json.NewEncoder(os.Stdout).Encode(out); err != nil { panic(err) }
	}
}
`

// said is what a program said of one token.
type said struct{ Subject, Scope, Error string }

// sample is a token by what the page calls it.
type sample struct{ name, token string }

// written signs a header and claims exactly as they are written.
func written(t *testing.T, key *jwk.Key, header, claims string) string {
	t.Helper()
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	sig, err := jws.SignInput(key, []byte(input))
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(sig)
}

// samples are the good token, those that nobody may take, and those of the page's
// table, all of whose signatures hold.
func samples(t *testing.T, key *jwk.Key) (good string, refused []string, table []sample) {
	const header = `{"alg":"ES256","typ":"at+jwt"}`
	now := time.Now().Unix()
	iat, exp := fmt.Sprintf(`"iat":%d`, now-60), fmt.Sprintf(`"exp":%d`, now+600)
	all := `{"iss":"https://id.example","aud":"api","sub":"alice","scope":"read",` + iat + `,` + exp + `}`
	claims := func(change ...string) string { return strings.NewReplacer(change...).Replace(all) }
	with := func(header string, change ...string) string { return written(t, key, header, claims(change...)) }
	good = with(header)
	refused = []string{
		with(header, "//id.example", "//evil.example"),
		with(header, `"api"`, `"other"`),
		with(header, exp, fmt.Sprintf(`"exp":%d`, now-1)),
		good[:len(good)-8] + strings.Repeat("A", 8),
	}
	table = []sample{
		{"without `exp`", with(header, ","+exp, "")},
		{"without `iat`", with(header, iat+",", "")},
		{"without `sub`", with(header, `"sub":"alice",`, "")},
		{"of `typ` `JWT`", with(`{"alg":"ES256","typ":"JWT"}`)},
		{"without `typ`", with(`{"alg":"ES256"}`)},
		{"of `typ` `logout+jwt`", with(`{"alg":"ES256","typ":"logout+jwt"}`)},
		{"with ten years of life", with(header, exp, fmt.Sprintf(`"exp":%d`, now+315360000))},
		{"issued in a minute", with(header, iat, fmt.Sprintf(`"iat":%d`, now+60))},
		{"whose `nbf` is 1e30", with(header, exp, exp+`,"nbf":1e30`)},
		{"of 32 KiB", with(header, `"read"`, `"`+strings.Repeat("r", 24<<10)+`"`)},
		{"with `Scope` for `scope`", with(header, `"scope"`, `"Scope"`)},
		{"with unknown `crit`", with(`{"alg":"ES256","typ":"at+jwt","crit":["x"],"x":1}`)},
		{"with `alg` twice", with(`{"alg":"none","alg":"ES256","typ":"at+jwt"}`)},
		{"with `sub` twice", with(header, `"sub":"alice"`, `"sub":"bob","sub":"alice"`)},
		{"with `AUD` for `aud`", with(header, `"aud"`, `"AUD"`)},
		{"with data after the claims", written(t, key, header, claims()+"{}")},
		{"that is not UTF-8", with(header, "alice", "\xff")},
		{"with a line break", good[:len(good)-4] + "\n" + good[len(good)-4:]},
		{"with other last bits in base64", otherBits(good)},
	}
	return good, refused, table
}

// otherBits changes the last character where it stands for the same bytes.
func otherBits(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(token) - 1
	return token[:last] + string(alphabet[strings.IndexByte(alphabet, token[last])+1]) // 64 bytes leave four bits of it
}

// guide is the page whose programs are run.
func guide(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "guide", "migrate.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestPrograms(t *testing.T) {
	page := guide(t)
	key, err := jwk.Generate(jwk.ES256, "")
	if err != nil {
		t.Fatal(err)
	}
	pem, err := key.MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	good, refused, table := samples(t, key)
	tokens := append([]string{good}, refused...)
	for _, s := range table {
		tokens = append(tokens, s.token)
	}
	in := must(json.Marshal(map[string]any{"PEM": string(pem), "Tokens": tokens}))
	blocks := regexp.MustCompile("(?s)```go (\\w+)\n(.*?)```").FindAllStringSubmatch(page, -1)
	if len(blocks) != 4 {
		t.Fatalf("%d programs", len(blocks))
	}
	answers, mu := map[string][]said{}, sync.Mutex{}
	t.Run("programs", func(t *testing.T) {
		for _, block := range blocks {
			t.Run(block[1], func(t *testing.T) {
				t.Parallel()
				out := run[said](t, block[1], block[2]+driver, string(in))
				if len(out) != len(tokens) || out[0] != (said{Subject: "alice", Scope: "read"}) {
					t.Fatalf("says %v of the good token", out)
				}
				for i := range refused {
					if out[1+i].Error == "" {
						t.Errorf("takes what nobody may take, number %d", i)
					}
				}
				mu.Lock()
				answers[block[1]] = out[1+len(refused):]
				mu.Unlock()
			})
		}
	})
	if t.Failed() {
		return
	}
	for i, s := range table {
		row := "| " + s.name
		for _, program := range []string{"golangjwt", "gojose", "jwx"} {
			verdict := "taken"
			switch a := answers[program][i]; {
			case a.Error != "":
				verdict = "refused"
			case a.Scope == "":
				verdict += `, scope ""`
			}
			row += " | " + verdict
		}
		reason, _, _ := strings.Cut(answers["jotward"][i].Error, ":")
		if reason = "`" + reason + "`"; reason == "``" {
			reason = fmt.Sprintf("taken, scope %q", answers["jotward"][i].Scope)
		}
		row += " | " + reason + " |"
		if !slices.ContainsFunc(strings.Split(page, "\n"), func(line string) bool { return strings.HasPrefix(line, row) }) {
			t.Errorf("the page has no row\n%s", row)
		}
	}
}

// run builds a program inside this module, where its imports resolve.
func run[A any](t *testing.T, name, source, in string) (answers []A) {
	t.Helper()
	dir, err := os.MkdirTemp(".", "program-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	text := "package main\n\nimport (\n\t\"encoding/json\"\n\t\"os\"\n)\n\n" + source
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "run", "./"+dir)
	cmd.Env = append(os.Environ(), "GOWORK=off")
	cmd.Stdin = strings.NewReader(in)
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var a A
		if err := d.Decode(&a); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, a)
	}
	return answers
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}
