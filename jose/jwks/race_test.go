package jwks_test

import (
	"sync"
	"testing"
	"time"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwks"
)

// Fifty goroutines use a Remote in every way while its issuer rotates and fails.
func TestRemoteRace(t *testing.T) {
	t.Parallel()
	w := &world{}
	sets := []string{publish(t, generate(t, "stays"), generate(t, "a")), publish(t, generate(t, "stays"), generate(t, "b")), `{"keys":[]}`}
	w.set(keysAt, page{body: sets[0]})
	r := remote(t, w, func(c *jwks.Config) { c.CoolDown, c.MinAge, c.MaxAge = 1, time.Nanosecond, time.Nanosecond })
	if err := r.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for g := range 50 {
		wg.Go(func() {
			for i := range 40 {
				switch g % 5 {
				case 0:
					w.set(keysAt, page{body: sets[i%len(sets)]})
				case 1:
					_ = r.Refresh(t.Context())
				case 2:
					r.Health()
				case 3:
					if _, err := r.Lookup(t.Context(), "unknown", jwk.ES256); err == nil {
						t.Error("a key for an unknown kid")
					}
				}
				r.Generation()
				if !has(t, r, "stays") {
					t.Error("a kid that every good set holds was not found")
				}
			}
		})
	}
	wg.Wait()
	_ = r.Close()
}
