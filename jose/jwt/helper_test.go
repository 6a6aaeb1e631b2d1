package jwt_test

import (
	"context"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
	"github.com/jotward/jotward/jose/jwt"
)

const (
	issuer   = "https://issuer.example"
	audience = "https://api.example"
	// goodClaims hold at now, under goodPolicy.
	goodClaims = `{"iss":"https://issuer.example","sub":"alice","aud":"https://api.example","iat":1700000000,"exp":1700000600,"jti":"t1","role":"clerk"}`
)

var (
	ctx = context.Background()
	now = time.Unix(1700000100, 0)
)

func clock() time.Time { return now }

// claims is what most tests read.
type claims struct {
	Role   string   `json:"role"`
	Level  int8     `json:"level"`
	Groups []string `json:"groups"`
	Inner  struct {
		Name string `json:"name"`
	} `json:"inner"`
}

func goodPolicy(list ...jwk.Algorithm) jwt.Policy {
	return jwt.Policy{
		Issuers: []string{issuer}, Audiences: []string{audience}, Algorithms: list, Type: "at+jwt",
		MaxLifetime: time.Hour, Clock: clock,
	}
}

func generate(t testing.TB, a jwk.Algorithm, kid string) *jwk.Key {
	t.Helper()
	k, err := jwk.Generate(a, kid)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func public(t testing.TB, k *jwk.Key) *jwk.Key {
	t.Helper()
	pub, err := k.Public()
	if err != nil {
		t.Fatal(err)
	}
	return pub
}

func verifier(t testing.TB, keys jwt.KeySource, p jwt.Policy) *jwt.Verifier[claims] {
	t.Helper()
	v, err := jwt.NewVerifier[claims](keys, p)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// sign signs any payload, also one that is no claims set.
func sign(t testing.TB, k *jwk.Key, payload string) string {
	t.Helper()
	token, err := jws.Sign([]byte(payload), k, jws.SignOptions{Type: "at+jwt"})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// forge frames a header and a payload and signs them with k, whatever they say.
func forge(t testing.TB, k *jwk.Key, header, payload string) string {
	t.Helper()
	input := encode(header) + "." + encode(payload)
	sig, err := jws.SignInput(k, []byte(input))
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + encode(string(sig))
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func decode(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func wants(t *testing.T, err error, r jose.Reason) {
	t.Helper()
	if !errors.Is(err, r) {
		t.Errorf("got %v, want %s", err, r)
	}
}

// refused checks that a token is refused for one of the reasons, before and
// after a good token has filled the verifier's cache.
func refused(t *testing.T, v *jwt.Verifier[claims], token string, reasons ...jose.Reason) {
	t.Helper()
	got, err := v.Verify(ctx, token)
	agrees(t, v, token, err)
	if got != nil {
		t.Errorf("accepted: %s", token)
		return
	}
	typed := (*jose.Error)(nil)
	if !errors.As(err, &typed) {
		t.Errorf("a %T: %v", err, err)
		return
	}
	for _, r := range reasons {
		if typed.Reason == r {
			return
		}
	}
	t.Errorf("got %v, want %v", err, reasons)
}

func accepted(t *testing.T, v *jwt.Verifier[claims], token string) *jwt.Token[claims] {
	t.Helper()
	got, err := v.Verify(ctx, token)
	agrees(t, v, token, err)
	if err != nil {
		t.Errorf("refused: %v", err)
		return &jwt.Token[claims]{}
	}
	return got
}

// agrees holds Explain to what Verify said, so that every test of an attack is
// one of Explain as well: its first failure has Verify's reason, it accepts
// exactly what Verify accepts, and it shows no signature.
func agrees(t *testing.T, v *jwt.Verifier[claims], token string, err error) {
	t.Helper()
	e := v.Explain(ctx, token)
	if jose.ReasonOf(e.Failure()) != jose.ReasonOf(err) {
		t.Errorf("Verify says %v, Explain %v", err, e.Failure())
	}
	for i, c := range e.Checks {
		switch {
		case (c.State == jwt.CheckFailed) != (c.Reason != "") || (c.Remedy != "") != (c.Reason != ""):
			t.Errorf("check %d: %+v", i, c)
		case c.State == jwt.CheckNotReached && err == nil:
			t.Errorf("accepted, and %s was not reached", c.Name)
		case len(c.Found) > 8192:
			t.Errorf("%s: found is of %d bytes", c.Name, len(c.Found))
		}
		if dot := strings.LastIndexByte(token, '.'); dot >= 0 && len(token)-dot > 20 && strings.Contains(c.Found, token[dot+1:]) {
			t.Errorf("%s shows the signature", c.Name)
		}
	}
}

// rejectedClaims are the files of testdata/reject: claims sets that must be
// refused with the reason that the file's name begins with.
func rejectedClaims(t testing.TB) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "reject", "*"))
	if err != nil || len(files) < 100 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	out := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(file), ".json")] = string(text)
	}
	return out
}
