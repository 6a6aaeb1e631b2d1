package jwks_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwks"
	"github.com/jotward/jotward/jose/jwt"
)

// A Remote is a key source for jwt.NewVerifier. Here its issuer is a test server;
// a real one needs no AllowHTTP.
func Example() {
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"2026","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`)
	}))
	defer issuer.Close()
	keys, err := jwks.NewRemote(jwks.Config{
		URL: issuer.URL, AllowHTTP: true, // or Issuer, which finds the address by discovery
		Algorithms: []jwk.Algorithm{jwk.EdDSA},
		Clock:      time.Now,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer keys.Close()
	found, err := keys.Lookup(context.Background(), "2026", jwk.EdDSA)
	fmt.Println(found, err, keys.Health().Usable)
	// Output: [jwk.Key(EdDSA public kid="2026")] <nil> true
}

// A machine without a network verifies with keys that were fetched elsewhere.
func ExampleBundle() {
	moment := time.Unix(1700000000, 0)
	// What Remote.Export wrote on another machine.
	text := `{"issuer":"https://issuer.example","fetched_at":1699990000,"keys":[{"kty":"OKP","crv":"Ed25519","kid":"2026","alg":"EdDSA","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`
	keys, err := jwks.NewBundle([]byte(text), jwks.BundleConfig{
		Issuer: "https://issuer.example", Algorithms: []jwk.Algorithm{jwk.EdDSA}, MaxAge: 24 * time.Hour,
		Clock: func() time.Time { return moment },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(keys.Lookup(context.Background(), "2026", jwk.EdDSA))
	moment = moment.Add(24 * time.Hour)
	_, err = keys.Lookup(context.Background(), "2026", jwk.EdDSA)
	fmt.Println(err)
	// Output:
	// [jwk.Key(EdDSA public kid="2026")] <nil>
	// keys_unavailable: the bundle is 26h46m40s old, at most 24h0m0s are accepted
}

// A resource server names its issuer and nothing else: discovery says where the keys
// are. The first use fetches them, and an unknown kid asks again, within a cool-down.
func ExampleNewRemote() {
	var issuer *httptest.Server
	issuer = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/.well-known/openid-configuration" {
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, issuer.URL, issuer.URL+"/keys")
			return
		}
		fmt.Fprint(w, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"2026","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`)
	}))
	defer issuer.Close()
	keys, err := jwks.NewRemote(jwks.Config{
		Issuer: issuer.URL, AllowHTTP: true, // a test server: yours is https
		Algorithms: []jwk.Algorithm{jwk.EdDSA}, Clock: time.Now,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer keys.Close()
	verifier, err := jwt.NewVerifier[struct{}](keys, jwt.Policy{
		Issuers: []string{issuer.URL}, Audiences: []string{"https://api.example"}, Algorithms: []jwk.Algorithm{jwk.EdDSA},
		Type: "at+jwt", MaxLifetime: time.Hour, Clock: time.Now,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	const header = "eyJhbGciOiJFZERTQSIsImtpZCI6IjIwMjciLCJ0eXAiOiJhdCtqd3QifQ" // kid 2027
	_, err = verifier.Verify(context.Background(), header+".e30."+strings.Repeat("A", 86))
	fmt.Println(jose.ReasonOf(err), keys.Health().KeyIDs)
	// Output: key_not_found [2026]
}

// A program that starts while its issuer is away verifies by what it knew when it ended.
func ExampleRemote_Warm() {
	moment := time.Unix(1700000000, 0)
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"2026","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`)
	}))
	config := jwks.Config{URL: issuer.URL, AllowHTTP: true, Algorithms: []jwk.Algorithm{jwk.EdDSA}, Clock: func() time.Time { return moment }}
	before, err := jwks.NewRemote(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := before.Refresh(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	saved, err := before.Export("https://issuer.example") // into a file that nobody else can write
	if err != nil {
		fmt.Println(err)
		return
	}
	before.Close()
	issuer.Close()

	moment = moment.Add(10 * time.Minute)
	after, err := jwks.NewRemote(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer after.Close()
	if err := after.Warm(saved, "https://issuer.example"); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(after.Lookup(context.Background(), "2026", jwk.EdDSA))
	fmt.Println(after.Health().Stale)
	// Output:
	// [jwk.Key(EdDSA public kid="2026")] <nil>
	// true
}

// Whom the issuer itself told that a key was revoked does not wait for the set to
// become old, nor for the cool-down.
func ExampleRemote_Renew() {
	served := `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"stolen","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, served) }))
	defer issuer.Close()
	keys, err := jwks.NewRemote(jwks.Config{URL: issuer.URL, AllowHTTP: true, Algorithms: []jwk.Algorithm{jwk.EdDSA}, Clock: time.Now})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer keys.Close()
	if err := keys.Refresh(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	served = `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"new","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`
	fmt.Println(keys.Renew(context.Background()), keys.Health().KeyIDs)
	// Output: <nil> [new]
}
