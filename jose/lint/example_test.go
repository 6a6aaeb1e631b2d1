package lint_test

import (
	"fmt"
	"time"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
	"github.com/jotward/jotward/jose/lint"
)

// A program's own test looks at a token as it issues them, and fails for what is grave.
func ExampleCheck() {
	moment := time.Unix(1700000000, 0)
	key, err := jwk.Generate(jwk.ES256, "2026")
	if err != nil {
		fmt.Println(err)
		return
	}
	signer, err := jwt.NewSigner(key, jwt.SignerOptions{Type: "at+jwt"})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := signer.Sign(map[string]any{"iss": "https://issuer.example", "aud": "https://api.example", "sub": "u-4711", "client_id": "web", "jti": "t1",
		"iat": moment.Unix(), "exp": moment.Add(10 * time.Minute).Unix(), "password": "hunter2"})
	if err != nil {
		fmt.Println(err)
		return
	}
	findings, err := lint.Check(token, lint.Options{Now: moment, Kind: lint.Access})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range findings {
		fmt.Println(f.Severity, f.Code, f.Where)
	}
	// Output: error secret_in_claims claims/password
}
