package jwks_test

import (
	"sync"
	"testing"
	"time"

	"github.com/jotward/jotward/jose"
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

// A caller that read its clock, then was held up for as long as a whole fetch
// took, comes with a time before that fetch's start. It is no clock that was set
// back, and it shares the cool-down like everybody.
func TestLateCallerSharesTheCoolDown(t *testing.T) {
	w := &world{}
	w.set(keysAt, page{body: publish(t, generate(t, "a"))})
	now := time.Unix(1700000000, 0)
	var held func()
	r := remote(t, w, func(c *jwks.Config) {
		c.Clock = func() time.Time {
			read := now
			if f := held; f != nil {
				held = nil
				f()
			}
			return read
		}
	})
	held = func() {
		now = now.Add(time.Millisecond)
		if err := r.Refresh(t.Context()); err != nil {
			t.Error(err)
		}
		now = now.Add(time.Millisecond)
	}
	_, err := r.Lookup(t.Context(), "unknown", jwk.ES256)
	wants(t, err, jose.KeyNotFound)
	if n := w.count(keysAt); n != 1 {
		t.Errorf("%d fetches within one cool-down", n)
	}
}
