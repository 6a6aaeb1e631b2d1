package jose_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jws"
)

// Every refusal has a reason from a closed list, which errors.Is compares with.
func Example() {
	key, err := jwk.Generate(jwk.HS256, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = jws.Verify(context.Background(), "not.a.token", key, jws.Options{Algorithms: []jwk.Algorithm{jwk.HS256}})
	switch {
	case errors.Is(err, jose.KeysUnavailable):
		fmt.Println("503, for it may pass by itself")
	case err != nil:
		fmt.Println("401, and for the log:", err)
	}
	// Output: 401, and for the log: token_malformed: header: base64url: non-zero trailing bits
}

// ReasonOf is for a metric's label or a switch; DetailOf for who reads the log.
func ExampleReasonOf() {
	_, err := jwk.Parse([]byte(`{"kty":"oct","alg":"HS256","k":"c2VjcmV0"}`), jwk.Options{})
	err = fmt.Errorf("reading the configuration: %w", err)
	fmt.Println(jose.ReasonOf(err))
	fmt.Println(jose.DetailOf(errors.Unwrap(err)))
	fmt.Printf("%q\n", jose.ReasonOf(errors.New("an error of somebody else")))
	// Output:
	// key_weak
	// HS256 needs a secret of 32 bytes or more, this one has 6
	// ""
}
