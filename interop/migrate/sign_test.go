package migrate

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// signDriver hands a program what to sign and with which key, and prints what it makes
// of it. Subjects are bytes, for JSON could not carry some of them.
const signDriver = `
func main() {
	var in []struct{ Subject []byte; PEM string }
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil { panic(err) }
	for _, one := range in {
		token, err := sign(string(one.Subject), "web", "read write", []byte(one.PEM))
		out := map[string]string{"token": token}
		if err != nil { out = map[string]string{"error": err.Error()} }
		if err := json.NewEncoder(os.Stdout).Encode(out); err != nil { panic(err) }
	}
}
`

// signed is what a program made of one order.
type signed struct{ Token, Error string }

// order is what a program is told to sign, by what the page calls it.
type order struct {
	name    string
	Subject []byte
	PEM     string
}

func TestSigningPrograms(t *testing.T) {
	page := guide(t)
	pem := func(a jwk.Algorithm) (*jwk.Key, string) {
		key, err := jwk.Generate(a, "2026")
		if err != nil {
			t.Fatal(err)
		}
		return key, string(must(key.ExportPrivatePEM()))
	}
	key, text := pem(jwk.ES256)
	_, p384 := pem(jwk.ES384)
	orders := []order{{"", []byte("alice"), text}, {"for a subject that is no UTF-8", []byte("al\xffice"), text},
		{"with a key of P-384", []byte("alice"), p384}, {"for no subject at all", nil, text}}
	in := string(must(json.Marshal(orders)))
	blocks := regexp.MustCompile("(?s)```go sign (\\w+)\n(.*?)```").FindAllStringSubmatch(page, -1)
	if len(blocks) != 4 {
		t.Fatalf("%d programs", len(blocks))
	}
	verifier, err := jwt.NewAccessTokenVerifier[struct {
		ClientID string `json:"client_id"`
	}](key, jwt.AccessTokenPolicy{Issuers: []string{"https://id.example"}, Audiences: []string{"api"}, Algorithms: []jwk.Algorithm{jwk.ES256},
		MaxLifetime: 10 * time.Minute, Leeway: time.Minute, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	verdicts, mu := map[string][]string{}, sync.Mutex{}
	t.Run("programs", func(t *testing.T) {
		for _, block := range blocks {
			t.Run(block[1], func(t *testing.T) {
				t.Parallel()
				out := run[signed](t, block[1], block[2]+signDriver, in)
				if len(out) != len(orders) {
					t.Fatalf("says %v", out)
				}
				token, err := verifier.Verify(t.Context(), out[0].Token)
				if err != nil {
					t.Fatalf("%v %v", out[0], err)
				}
				if scope, err := token.Scope(); err != nil || scope != "read write" || token.Subject != "alice" || token.Claims.ClientID != "web" || token.Header.KeyID != "2026" {
					t.Errorf("signs %s: %v", token.Payload, err)
				}
				var said []string
				for i, made := range out[1:] {
					verdict := "signed"
					if made.Error != "" {
						verdict = "refused"
					} else if token, err := verifier.Verify(t.Context(), made.Token); err == nil && strings.Contains(token.Subject, "\ufffd") {
						verdict = "signed, for somebody else"
					} else if err != nil && orders[1+i].PEM == text {
						verdict = "signed; the verifier refuses it"
					}
					if reason, _, _ := strings.Cut(made.Error, ":"); block[1] == "jotward" && reason != "" {
						verdict = "`" + reason + "`"
					}
					said = append(said, verdict)
				}
				mu.Lock()
				defer mu.Unlock()
				verdicts[block[1]] = said
			})
		}
	})
	if t.Failed() {
		return
	}
	for i, o := range orders[1:] {
		row := "| " + o.name
		for _, program := range []string{"golangjwt", "gojose", "jwx", "jotward"} {
			row += " | " + verdicts[program][i]
		}
		if row += " |"; !slices.Contains(strings.Split(page, "\n"), row) {
			t.Errorf("the page has no row\n%s", row)
		}
	}
}
