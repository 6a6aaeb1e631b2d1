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
