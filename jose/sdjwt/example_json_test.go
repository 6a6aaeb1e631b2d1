package sdjwt_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
	"github.com/jotward/jotward/jose/jwt"
	"github.com/jotward/jotward/jose/sdjwt"
)

// membership issues a credential of two hidden claims.
func membership(key *jwk.Key, moment time.Time) (string, error) {
	issuer, err := sdjwt.NewIssuer(key, sdjwt.IssuerOptions{Type: "member+sd-jwt"})
	if err != nil {
		return "", err
	}
	return issuer.Issue(map[string]any{"iss": "https://club.example", "iat": moment.Unix(), "exp": moment.Add(time.Hour).Unix(),
		"name": "Alice", "member": true}, sdjwt.Plan{Hide: []string{"/name", "/member"}})
}

// A turnstile asks whether somebody is a member, and not who it is. It takes no proof
// that the token is the bearer's own, and says so.
func ExampleNewVerifier() {
	moment := time.Unix(1700000000, 0)
	key, err := jwk.Generate(jwk.ES256, "2026")
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier, err := sdjwt.NewVerifier[struct {
		Name   string `json:"name"`
		Member bool   `json:"member"`
	}](key, sdjwt.Policy{
		Token: jwt.Policy{Issuers: []string{"https://club.example"}, SkipAudience: true, Algorithms: []jwk.Algorithm{jwk.ES256}, Type: "member+sd-jwt",
			Required: []string{"iss", "exp", "member"}, MaxLifetime: 24 * time.Hour, Clock: func() time.Time { return moment }},
		SkipKeyBinding: true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	issued, err := membership(key, moment)
	if err != nil {
		fmt.Println(err)
		return
	}
	credential, err := sdjwt.Open(issued)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, shown := range []string{"/member", "/name"} {
		presentation, err := credential.Present(shown)
		if err != nil {
			fmt.Println(err)
			return
		}
		token, err := verifier.Verify(context.Background(), presentation, "")
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Printf("%q %v\n", token.Claims.Name, token.Claims.Member)
	}
	// Output:
	// "" true
	// claim_missing: member is required
}

// A protocol that carries JSON takes the same token in the flattened form, and back.
func ExampleFlattenedJSON() {
	key, err := jwk.Generate(jwk.ES256, "2026")
	if err != nil {
		fmt.Println(err)
		return
	}
	issued, err := membership(key, time.Unix(1700000000, 0))
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := sdjwt.FlattenedJSON(issued)
	if err != nil {
		fmt.Println(err)
		return
	}
	var message struct {
		Header struct{ Disclosures []string }
	}
	if err := json.Unmarshal(text, &message); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(message.Header.Disclosures), "disclosures")
	again, err := sdjwt.Compact(text)
	fmt.Println(again == issued, err)
	// Output:
	// 2 disclosures
	// true <nil>
}

// What came as JSON becomes the compact form, which a Verifier judges.
func ExampleCompact() {
	_, err := sdjwt.Compact([]byte(`{"payload":"e30","signatures":[]}`))
	fmt.Println(err)
	compact, err := sdjwt.Compact([]byte(`{"payload":"e30","protected":"eyJhbGciOiJFUzI1NiJ9","signature":"` + strings.Repeat("A", 86) + `","header":{"disclosures":["WyJzIiwibiIsMV0"]}}`))
	fmt.Println(compact[:25], strings.Count(compact, "~"), err)
	// Output:
	// token_malformed: signatures is empty
	// eyJhbGciOiJFUzI1NiJ9.e30. 2 <nil>
}

// A credential whose issuer's key comes as a certificate chain in the header (RFC 7515
// 4.1.6), as profiles for wallets want it.
func ExampleNewIssuer_certificates() {
	key, err := jwk.Generate(jwk.ES256, "")
	if err != nil {
		log.Fatal(err)
	}
	chain := []string{base64.StdEncoding.EncodeToString([]byte("the certificate in DER"))}
	issuer, err := sdjwt.NewIssuer(key, sdjwt.IssuerOptions{Type: "dc+sd-jwt", Parameters: map[string]any{"x5c": chain}})
	if err != nil {
		log.Fatal(err)
	}
	issued, err := issuer.Issue(map[string]any{"iss": "https://issuer.example", "name": "Alice"}, sdjwt.Plan{Hide: []string{"/name"}})
	if err != nil {
		log.Fatal(err)
	}
	segment, _, _ := strings.Cut(issued, ".")
	header, err := jws.ParseHeader(segment)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.Contains(header.Protected, `"x5c":["dGhl`))
	// Output: true
}
