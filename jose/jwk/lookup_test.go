package jwk_test

import (
	"context"
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
)

// A single key answers to its own kid and algorithm, and to a token or a key
// without a kid.
func TestKeyLookup(t *testing.T) {
	named, nameless := generate(t, jwk.ES256, "a"), generate(t, jwk.ES256, "a")
	nameless, err := jwk.New(nameless.PublicKey(), jwk.ES256, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		key    *jwk.Key
		kid    string
		alg    jwk.Algorithm
		reason jose.Reason
	}{
		{named, "a", jwk.ES256, ""}, {named, "", jwk.ES256, ""}, {nameless, "b", jwk.ES256, ""},
		{named, "b", jwk.ES256, jose.KeyNotFound}, {named, "A", jwk.ES256, jose.KeyNotFound}, {named, "a", jwk.HS256, jose.KeyMisuse},
	} {
		keys, err := c.key.Lookup(context.Background(), c.kid, c.alg)
		if jose.ReasonOf(err) != c.reason || (err == nil) != (len(keys) == 1) {
			t.Errorf("%v asked for %q and %s: %v, %v", c.key, c.kid, c.alg, keys, err)
		}
	}
}
