package jwt_test

import (
	"context"
	"fmt"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// issued is what the examples verify: claims signed as one kind of token.
func issued(key *jwk.Key, typ string, claims map[string]any) string {
	signer, err := jwt.NewSigner(key, jwt.SignerOptions{Type: typ})
	if err != nil {
		panic(err)
	}
	token, err := signer.Sign(claims)
	if err != nil {
		panic(err)
	}
	return token
}

// exampleKey is the issuer's key of the examples, and exampleTime their clock.
func exampleKey() *jwk.Key {
	key, err := jwk.Generate(jwk.ES256, "2026")
	if err != nil {
		panic(err)
	}
	return key
}

func exampleTime() time.Time { return time.Unix(1700000000, 0) }

// A resource server takes access tokens, and nothing else that the issuer signs.
func ExampleNewAccessTokenVerifier() {
	type claims struct {
		ClientID string `json:"client_id"`
	}
	key := exampleKey()
	verifier, err := jwt.NewAccessTokenVerifier[claims](key, jwt.AccessTokenPolicy{
		Issuers: []string{"https://id.example"}, Audiences: []string{"https://api.example"},
		Algorithms: []jwk.Algorithm{jwk.ES256}, MaxLifetime: time.Hour, Clock: exampleTime,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	text := map[string]any{"iss": "https://id.example", "aud": "https://api.example", "sub": "alice", "client_id": "web",
		"iat": 1700000000, "exp": 1700000600, "jti": "a1", "scope": "read"}
	token, err := verifier.Verify(context.Background(), issued(key, "at+jwt", text))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.Subject, "by", token.Claims.ClientID)
	_, err = verifier.Verify(context.Background(), issued(key, "JWT", text))
	fmt.Println(err)
	// Output:
	// alice by web
	// type_mismatch: typ is "JWT", "at+jwt" is expected
}

// A client takes the ID token that answers its own request.
func ExampleNewIDTokenVerifier() {
	key := exampleKey()
	verifier, err := jwt.NewIDTokenVerifier[struct{}](key, jwt.IDTokenPolicy{
		Issuer: "https://id.example", ClientID: "web", Algorithms: []jwk.Algorithm{jwk.ES256}, MaxLifetime: time.Hour, Clock: exampleTime,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	hash, err := jwt.TokenHash(jwk.ES256, "the-access-token")
	if err != nil {
		fmt.Println(err)
		return
	}
	text := issued(key, "JWT", map[string]any{"iss": "https://id.example", "aud": "web", "sub": "alice",
		"iat": 1700000000, "exp": 1700000600, "nonce": "n-1", "at_hash": hash})
	token, err := verifier.Verify(context.Background(), text, jwt.IDTokenRequest{Nonce: "n-1", AccessToken: "the-access-token"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.Subject)
	_, err = verifier.Verify(context.Background(), text, jwt.IDTokenRequest{Nonce: "n-2", AccessToken: "the-access-token"})
	fmt.Println(err)
	// Output:
	// alice
	// nonce_mismatch: nonce is missing or another one
}

// A client ends the session that its provider says has ended.
func ExampleNewLogoutTokenVerifier() {
	key := exampleKey()
	replay, err := jwt.NewMemoryReplay(10000, exampleTime)
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier, err := jwt.NewLogoutTokenVerifier(key, jwt.LogoutTokenPolicy{
		Issuer: "https://id.example", ClientID: "web", Algorithms: []jwk.Algorithm{jwk.ES256}, MaxLifetime: 5 * time.Minute, Clock: exampleTime, Replay: replay,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := verifier.Verify(context.Background(), issued(key, "logout+jwt", map[string]any{
		"iss": "https://id.example", "aud": "web", "sub": "alice", "sid": "s1", "iat": 1700000000, "exp": 1700000120, "jti": "l1",
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.Subject, token.SessionID)
	// Output: alice s1
}

// A receiver takes security events.
func ExampleNewSecurityEventVerifier() {
	key := exampleKey()
	verifier, err := jwt.NewSecurityEventVerifier(key, jwt.SecurityEventPolicy{
		Issuers: []string{"https://id.example"}, Audiences: []string{"https://receiver.example"}, Algorithms: []jwk.Algorithm{jwk.ES256}, MaxAge: time.Hour, Clock: exampleTime,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	event, err := verifier.Verify(context.Background(), issued(key, "secevent+jwt", map[string]any{
		"iss": "https://id.example", "aud": "https://receiver.example", "iat": 1700000000, "jti": "e1",
		"sub_id": map[string]any{"format": "email", "email": "alice@id.example"},
		"events": map[string]any{"https://schemas.openid.net/secevent/caep/event-type/session-revoked": map[string]any{"reason_admin": "x"}},
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	for name, value := range event.Events {
		fmt.Println(name, string(value))
	}
	// Output: https://schemas.openid.net/secevent/caep/event-type/session-revoked {"reason_admin":"x"}
}

// A client proves that it holds the key to which its access token is bound. (The
// thumbprint is from Token.Confirmation of the verified access token.)
func ExampleNewDPoPVerifier() {
	key := exampleKey()
	signer, err := jwt.NewDPoPSigner(key, exampleTime)
	if err != nil {
		fmt.Println(err)
		return
	}
	proof, err := signer.Proof(jwt.DPoPTarget{Method: "GET", URL: "https://api.example/orders?page=2", AccessToken: "the-access-token"})
	if err != nil {
		fmt.Println(err)
		return
	}
	replay, err := jwt.NewMemoryReplay(60000, exampleTime)
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier, err := jwt.NewDPoPVerifier(jwt.DPoPPolicy{
		Algorithms: []jwk.Algorithm{jwk.ES256}, MaxAge: time.Minute, Clock: exampleTime, Replay: replay, SkipNonce: true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	request := jwt.DPoPRequest{Proofs: []string{proof}, Method: "GET", URL: "https://api.example/orders", AccessToken: "the-access-token", Thumbprint: signer.Thumbprint()}
	_, err = verifier.Verify(context.Background(), request)
	fmt.Println(err)
	_, err = verifier.Verify(context.Background(), request)
	fmt.Println(jose.ReasonOf(err))
	// Output:
	// <nil>
	// token_replayed
}

// An authorization server authenticates a client by its assertion.
func ExampleNewClientAssertionVerifier() {
	key := exampleKey() // of the client
	assertion := issued(key, "client-authentication+jwt", map[string]any{
		"iss": "web", "sub": "web", "aud": "https://id.example", "iat": 1700000000, "exp": 1700000060, "jti": "c1"})
	replay, err := jwt.NewMemoryReplay(10000, exampleTime)
	if err != nil {
		fmt.Println(err)
		return
	}
	clientID, err := jwt.UnverifiedClientID(assertion) // to find the client's keys
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier, err := jwt.NewClientAssertionVerifier(key, jwt.ClientAssertionPolicy{
		Issuer: "https://id.example", ClientID: clientID, Algorithms: []jwk.Algorithm{jwk.ES256}, MaxLifetime: 2 * time.Minute, Clock: exampleTime, Replay: replay,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := verifier.Verify(context.Background(), assertion)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.Subject)
	// Output: web
}

// A resource server asks the authorization server about a token, and takes the
// signed answer.
func ExampleNewIntrospectionVerifier() {
	type claims struct {
		Subject string `json:"sub"`
	}
	key := exampleKey()
	verifier, err := jwt.NewIntrospectionVerifier[claims](key, jwt.IntrospectionPolicy{
		Issuer: "https://id.example", Audience: "https://api.example", Algorithms: []jwk.Algorithm{jwk.ES256}, MaxAge: time.Minute, Clock: exampleTime,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	response, err := verifier.Verify(context.Background(), issued(key, "token-introspection+jwt", map[string]any{
		"iss": "https://id.example", "aud": "https://api.example", "iat": 1700000000, "token_introspection": map[string]any{"active": true, "sub": "alice"}}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(response.Active, response.Claims.Subject)
	// Output: true alice
}
