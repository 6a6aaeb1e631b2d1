package jwks_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwks"
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
