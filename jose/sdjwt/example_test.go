package sdjwt_test

import (
	"context"
	"fmt"
	"time"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
	"github.com/jotward/jotward/jose/sdjwt"
)

// An issuer signs four claims; their holder shows a verifier one of them, and that
// the token is its own.
func Example() {
	moment := time.Unix(1700000000, 0)
	issuerKey, err := jwk.Generate(jwk.ES256, "2026")
	if err != nil {
		fmt.Println(err)
		return
	}
	holderKey, err := jwk.Generate(jwk.ES256, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	issuer, err := sdjwt.NewIssuer(issuerKey, sdjwt.IssuerOptions{Type: "member+sd-jwt"})
	if err != nil {
		fmt.Println(err)
		return
	}
	issued, err := issuer.Issue(map[string]any{
		"iss": "https://issuer.example", "iat": moment.Unix(), "exp": moment.Add(time.Hour).Unix(),
		"cnf":  map[string]any{"jwk": holderKey}, // its public half
		"name": "Alice", "born": 1990, "over_18": true, "langs": []string{"de", "en"},
	}, sdjwt.Plan{
		Hide:   []string{"/name", "/born", "/over_18", "/langs/0", "/langs/1"},
		Decoys: map[string]int{"": 3},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	credential, err := sdjwt.Open(issued) // in the holder's hands
	if err != nil {
		fmt.Println(err)
		return
	}
	presentation, err := credential.PresentBound(sdjwt.Binding{
		Key: holderKey, Audience: "https://bar.example", Nonce: "d3f0", IssuedAt: moment,
	}, "/over_18", "/langs/1")
	if err != nil {
		fmt.Println(err)
		return
	}

	type claims struct {
		Name  string   `json:"name"`
		Adult bool     `json:"over_18"`
		Langs []string `json:"langs"`
	}
	verifier, err := sdjwt.NewVerifier[claims](issuerKey, sdjwt.Policy{
		Token: jwt.Policy{
			Issuers: []string{"https://issuer.example"}, SkipAudience: true, Algorithms: []jwk.Algorithm{jwk.ES256}, Type: "member+sd-jwt",
			Required: []string{"iss", "iat", "exp", "over_18"}, MaxLifetime: 24 * time.Hour, Clock: func() time.Time { return moment },
		},
		KeyBinding: sdjwt.KeyBinding{Audience: "https://bar.example", Algorithms: []jwk.Algorithm{jwk.ES256}, MaxAge: time.Minute},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := verifier.Verify(context.Background(), presentation, "d3f0")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%q %v %q\n", token.Claims.Name, token.Claims.Adult, token.Claims.Langs)
	_, err = verifier.Verify(context.Background(), presentation, "another transaction's nonce")
	fmt.Println(err)
	// Output:
	// "" true ["en"]
	// claim_mismatch: key binding: nonce is not this transaction's
}
