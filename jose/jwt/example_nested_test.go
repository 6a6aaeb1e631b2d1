package jwt_test

import (
	"context"
	"fmt"
	"time"

	"github.com/jotward/jotward/jose/jwe"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// A client that registered id_token_encrypted_response_alg opens and verifies its
// ID tokens in one step.
func ExampleNewNestedIDTokenVerifier() {
	provider := exampleKey()
	client, err := jwk.Generate(jwk.ECDHESA256KW, "client")
	if err != nil {
		fmt.Println(err)
		return
	}
	signed, err := jwt.NewIDTokenVerifier[struct{}](provider, jwt.IDTokenPolicy{
		Issuer: "https://id.example", ClientID: "web", Algorithms: []jwk.Algorithm{jwk.ES256}, MaxLifetime: time.Hour, Clock: exampleTime,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier, err := jwt.NewNestedIDTokenVerifier(client, jwe.DecryptOptions{
		Algorithms: []jwk.Algorithm{jwk.ECDHESA256KW}, Encryptions: []jwk.Algorithm{jwk.A256GCM},
	}, signed)
	if err != nil {
		fmt.Println(err)
		return
	}
	inside := issued(provider, "JWT", map[string]any{"iss": "https://id.example", "aud": "web", "sub": "alice",
		"iat": 1700000000, "exp": 1700000600, "nonce": "n-1"})
	text, err := jwt.Encrypt(inside, client, jwe.EncryptOptions{Encryption: jwk.A256GCM})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := verifier.Verify(context.Background(), text, jwt.IDTokenRequest{Nonce: "n-1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.Subject)
	_, err = verifier.Verify(context.Background(), inside, jwt.IDTokenRequest{Nonce: "n-1"})
	fmt.Println(err)
	// Output:
	// alice
	// token_malformed: not five segments
}

// boxed encrypts a signed token to a key of ECDH-ES+A256KW.
func boxed(key *jwk.Key, signed string) string {
	text, err := jwt.Encrypt(signed, key, jwe.EncryptOptions{Encryption: jwk.A256GCM})
	if err != nil {
		panic(err)
	}
	return text
}

// exampleBox is what the receivers of the examples decrypt with, and exampleOuter what
// they accept.
func exampleBox() *jwk.Key {
	key, err := jwk.Generate(jwk.ECDHESA256KW, "box")
	if err != nil {
		panic(err)
	}
	return key
}

var exampleOuter = jwe.DecryptOptions{Algorithms: []jwk.Algorithm{jwk.ECDHESA256KW}, Encryptions: []jwk.Algorithm{jwk.A256GCM}}

// A resource server has the authorization server's answers encrypted, for they say more
// of a person than the token did.
func ExampleNewNestedIntrospectionVerifier() {
	type claims struct {
		Subject string `json:"sub"`
	}
	server, box := exampleKey(), exampleBox()
	signed, err := jwt.NewIntrospectionVerifier[claims](server, jwt.IntrospectionPolicy{
		Issuer: "https://id.example", Audience: "https://api.example", Algorithms: []jwk.Algorithm{jwk.ES256}, MaxAge: time.Minute, Clock: exampleTime,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier, err := jwt.NewNestedIntrospectionVerifier(box, exampleOuter, signed)
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := verifier.Verify(context.Background(), boxed(box, issued(server, "token-introspection+jwt", map[string]any{
		"iss": "https://id.example", "aud": "https://api.example", "iat": 1700000000, "token_introspection": map[string]any{"active": true, "sub": "alice"}})))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Active, answer.Claims.Subject)
	// Output: true alice
}

// A client that has its ID tokens encrypted gets its logout tokens so as well.
func ExampleNewNestedLogoutTokenVerifier() {
	provider, box := exampleKey(), exampleBox()
	replay, err := jwt.NewMemoryReplay(10000, exampleTime)
	if err != nil {
		fmt.Println(err)
		return
	}
	signed, err := jwt.NewLogoutTokenVerifier(provider, jwt.LogoutTokenPolicy{
		Issuer: "https://id.example", ClientID: "web", Algorithms: []jwk.Algorithm{jwk.ES256}, MaxLifetime: 5 * time.Minute, Clock: exampleTime, Replay: replay,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier, err := jwt.NewNestedLogoutTokenVerifier(box, exampleOuter, signed)
	if err != nil {
		fmt.Println(err)
		return
	}
	text := boxed(box, issued(provider, "logout+jwt", map[string]any{
		"iss": "https://id.example", "aud": "web", "sid": "s1", "iat": 1700000000, "exp": 1700000120, "jti": "l1",
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}))
	token, err := verifier.Verify(context.Background(), text)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.SessionID)
	_, err = verifier.Verify(context.Background(), text)
	fmt.Println(err)
	// Output:
	// s1
	// token_replayed: its jti was used before
}

// A receiver has security events encrypted that name people.
func ExampleNewNestedSecurityEventVerifier() {
	transmitter, box := exampleKey(), exampleBox()
	signed, err := jwt.NewSecurityEventVerifier(transmitter, jwt.SecurityEventPolicy{
		Issuers: []string{"https://id.example"}, Audiences: []string{"https://receiver.example"}, Algorithms: []jwk.Algorithm{jwk.ES256}, MaxAge: time.Hour, Clock: exampleTime,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier, err := jwt.NewNestedSecurityEventVerifier(box, exampleOuter, signed)
	if err != nil {
		fmt.Println(err)
		return
	}
	event, err := verifier.Verify(context.Background(), boxed(box, issued(transmitter, "secevent+jwt", map[string]any{
		"iss": "https://id.example", "aud": "https://receiver.example", "iat": 1700000000, "jti": "e1",
		"sub_id": map[string]any{"format": "email", "email": "alice@id.example"},
		"events": map[string]any{"https://schemas.openid.net/secevent/risc/event-type/account-disabled": map[string]any{}},
	})))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(event.ID, len(event.Events))
	// Output: e1 1
}
