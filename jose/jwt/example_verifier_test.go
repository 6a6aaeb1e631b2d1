package jwt_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// What a policy leaves unsaid is an error when the verifier is built, and no check
// that is left out.
func ExampleNewVerifier() {
	type claims struct {
		Tenant string   `json:"tenant"`
		Roles  []string `json:"roles"`
	}
	key := exampleKey() // in a service, a *jwks.Remote
	policy := jwt.Policy{
		Issuers: []string{"https://id.example"}, Algorithms: []jwk.Algorithm{jwk.ES256}, Type: "JWT",
		Required: []string{"iss", "exp", "aud", "tenant"}, SkipLifetime: true, Leeway: 5 * time.Second, Clock: exampleTime,
	}
	_, err := jwt.NewVerifier[claims](key, policy)
	fmt.Println(err)

	policy.Audiences = []string{"https://api.example"}
	verifier, err := jwt.NewVerifier[claims](key, policy)
	if err != nil {
		fmt.Println(err)
		return
	}
	text := issued(key, "JWT", map[string]any{"iss": "https://id.example", "aud": []string{"https://api.example", "https://other.example"},
		"sub": "alice", "exp": 1700000600, "tenant": "acme", "roles": []string{"admin"}})
	token, err := verifier.Verify(context.Background(), text)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.Subject, "of", token.Claims.Tenant, token.Claims.Roles, "until", token.Expiry.UTC().Format(time.TimeOnly))
	// Output:
	// policy_invalid: no audience is named; SkipAudience leaves the check out
	// alice of acme [admin] until 22:23:20
}

// TokenHash is at_hash or c_hash for whoever issues ID tokens; a verifier computes it
// by itself.
func ExampleTokenHash() {
	fmt.Println(jwt.TokenHash(jwk.ES256, "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"))
	// Output: 77QmUPtjPfzWtF2AnpK9RQ <nil>
}

// An authorization server finds a client's keys by what the assertion says, before
// anything of it is verified.
func ExampleUnverifiedClientID() {
	registered := map[string]*jwk.Key{"web": exampleKey()}
	assertion := issued(registered["web"], "client-authentication+jwt", map[string]any{
		"iss": "web", "sub": "web", "aud": "https://id.example", "iat": 1700000000, "exp": 1700000060, "jti": "c1"})
	id, err := jwt.UnverifiedClientID(assertion)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(id, registered[id].CanVerify()) // for NewClientAssertionVerifier, which verifies
	// Output: web true
}

// What was seen is refused until it has expired, and what there is no room for is
// refused as well: forgetting would accept a replay.
func ExampleNewMemoryReplay() {
	seen, err := jwt.NewMemoryReplay(1, exampleTime)
	if err != nil {
		fmt.Println(err)
		return
	}
	until := exampleTime().Add(time.Minute)
	fmt.Println(seen.Seen(context.Background(), "l1", until))
	fmt.Println(seen.Seen(context.Background(), "l1", until))
	_, err = seen.Seen(context.Background(), "l2", until)
	fmt.Println(errors.Is(err, jwt.ErrReplayFull))
	// Output:
	// false <nil>
	// true <nil>
	// true
}

// A client makes a new proof for each request.
func ExampleNewDPoPSigner() {
	signer, err := jwt.NewDPoPSigner(exampleKey(), exampleTime)
	if err != nil {
		fmt.Println(err)
		return
	}
	target := jwt.DPoPTarget{Method: "GET", URL: "https://api.example/orders?page=2", AccessToken: "the-access-token"}
	first, err := signer.Proof(target) // the DPoP header field, beside Authorization: DPoP the-access-token
	if err != nil {
		fmt.Println(err)
		return
	}
	second, err := signer.Proof(target)
	fmt.Println(first == second, err)
	_, err = signer.Proof(jwt.DPoPTarget{Method: "GET", URL: "/orders"})
	fmt.Println(jose.ReasonOf(err))
	// Output:
	// false <nil>
	// policy_invalid
}

// A server demands a nonce of its own: 400 use_dpop_nonce, and the nonce in the field
// DPoP-Nonce.
func ExampleNewDPoPNonces() {
	nonces, err := jwt.NewDPoPNonces(time.Minute)
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier, err := jwt.NewDPoPVerifier(jwt.DPoPPolicy{Algorithms: []jwk.Algorithm{jwk.ES256}, MaxAge: time.Minute, Clock: exampleTime, SkipReplay: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	signer, err := jwt.NewDPoPSigner(exampleKey(), exampleTime)
	if err != nil {
		fmt.Println(err)
		return
	}
	ask := func(nonce string) error {
		proof, err := signer.Proof(jwt.DPoPTarget{Method: "POST", URL: "https://id.example/token", Nonce: nonce})
		if err != nil {
			return err
		}
		_, err = verifier.Verify(context.Background(), jwt.DPoPRequest{Proofs: []string{proof}, Method: "POST", URL: "https://id.example/token",
			NoAccessToken: true, Nonces: nonces.Accepted(exampleTime())})
		return err
	}
	fmt.Println(errors.Is(ask(""), jose.NonceMismatch))
	fmt.Println(ask(nonces.Current(exampleTime())))
	// Output:
	// true
	// <nil>
}
