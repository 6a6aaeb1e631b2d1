package jwks_test

import (
	"testing"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwks"
	"github.com/jotward/jotward/jose/jwt"
)

// A source that nobody built has no keys, and panics nowhere.
func TestSourcesThatWereNotBuilt(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]jwt.KeySource{
		"no Remote": (*jwks.Remote)(nil), "the zero Remote": &jwks.Remote{}, "no Bundle": (*jwks.Bundle)(nil), "the zero Bundle": &jwks.Bundle{},
	} {
		if keys, err := source.Lookup(t.Context(), "k", jwk.ES256); len(keys) > 0 || jose.ReasonOf(err) != jose.KeysUnavailable {
			t.Errorf("%s: %v, %v", name, keys, err)
		}
		source.Generation()
		if r, ok := source.(*jwks.Remote); ok {
			_, exported := r.Export("https://issuer.example")
			for what, err := range map[string]error{"Refresh": r.Refresh(t.Context()), "Renew": r.Renew(t.Context()), "Run": r.Run(t.Context()), "Export": exported, "Warm": r.Warm(nil, "")} {
				if jose.ReasonOf(err) != jose.KeysUnavailable {
					t.Errorf("%s, %s: %v", name, what, err)
				}
			}
			if h := r.Health(); h.Usable || r.Close() != nil {
				t.Errorf("%s: %+v", name, h)
			}
		}
	}
}
