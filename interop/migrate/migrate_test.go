// Package migrate compiles and runs the programs of docs/guide/migrate.md.
package migrate

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"

	_ "github.com/golang-jwt/jwt/v5" // the programs' own dependency
)

// main hands a program its key and tokens, and prints what it says of each.
const driver = `
func main() {
	var in struct{ PEM string; Tokens []string }
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil { panic(err) }
	for _, token := range in.Tokens {
		subject, scope, err := verify(token, []byte(in.PEM))
		fmt.Println(err == nil, subject, scope)
	}
}
`

func TestPrograms(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "guide", "migrate.md"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := jwk.Generate(jwk.ES256, "")
	if err != nil {
		t.Fatal(err)
	}
	pem, err := key.MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	sign := func(typ, claims string) string {
		signer, err := jwt.NewSigner(key, jwt.SignerOptions{Type: typ})
		if err != nil {
			t.Fatal(err)
		}
		token, err := signer.Sign([]byte(claims))
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	now := time.Now()
	stamp := func(d time.Duration) string { return string(must(json.Marshal(now.Add(d).Unix()))) }
	claims := func(iss, aud string, life time.Duration) string {
		return `{"iss":"` + iss + `","aud":"` + aud + `","sub":"alice","scope":"read","iat":` + stamp(-time.Minute) + `,"exp":` + stamp(life) + `}`
	}
	tokens := []string{
		sign("at+jwt", claims("https://id.example", "api", time.Minute)),         // good
		sign("at+jwt", claims("https://evil.example", "api", time.Minute)),       // another issuer
		sign("at+jwt", claims("https://id.example", "other", time.Minute)),       // another audience
		sign("at+jwt", claims("https://id.example", "api", -time.Second)),        // expired
		sign("JWT", claims("https://id.example", "api", time.Minute)),            // another kind
		sign("at+jwt", claims("https://id.example", "api", 10*365*24*time.Hour)), // ten years
	}
	in := must(json.Marshal(map[string]any{"PEM": string(pem), "Tokens": tokens}))
	blocks := regexp.MustCompile("(?s)```go (\\w+)\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) != 4 {
		t.Fatalf("%d programs", len(blocks))
	}
	for _, block := range blocks {
		t.Run(block[1], func(t *testing.T) {
			t.Parallel()
			out := run(t, block[1], block[2], string(in))
			want := "true alice read\nfalse\nfalse\nfalse\n"
			got := regexp.MustCompile(`(?m)^false.*$`).ReplaceAllString(out, "false")
			if !strings.HasPrefix(got, want) {
				t.Errorf("says\n%s", out)
			}
			strict := strings.HasPrefix(got, want+"false\nfalse\n")
			if strict != (block[1] == "jotward") {
				t.Errorf("another kind of token and ten years of life:\n%s", out)
			}
		})
	}
}

// run builds a program inside this module, where its imports resolve.
func run(t *testing.T, name, source, in string) string {
	t.Helper()
	dir, err := os.MkdirTemp(".", "program-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	text := "package main\n\nimport (\n\t\"encoding/json\"\n\t\"fmt\"\n\t\"os\"\n)\n\n" + source + driver
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "run", "./"+dir)
	cmd.Env = append(os.Environ(), "GOWORK=off")
	cmd.Stdin = strings.NewReader(in)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}
