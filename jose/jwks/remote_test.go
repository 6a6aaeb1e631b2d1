package jwks_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwks"
	"github.com/jotward/jotward/jose/jwt"
)

// Time in these tests is synctest's: it stands still while anything runs, and
// passes at once when all wait.

func TestDirectAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.set(keysAt, page{body: publish(t, generate(t, "a"))})
		r := remote(t, w, nil)
		if n := w.count(keysAt); n != 0 {
			t.Errorf("%d fetches before anybody asked", n)
		}
		for range 2 {
			if !has(t, r, "a") || w.count(keysAt) != 1 {
				t.Errorf("%d fetches for a known kid, want 1", w.count(keysAt))
			}
		}
		_, err := r.Lookup(t.Context(), "a", jwk.RS256)
		wants(t, err, jose.KeyMisuse)
	})
}

func TestKnownKeyNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.set(keysAt, page{body: publish(t, generate(t, "a"))})
		r := remote(t, w, nil)
		if !has(t, r, "a") {
			t.Fatal("not found")
		}
		open := w.close() // from here on the network hangs
		defer open()
		start := time.Now()
		for _, at := range []time.Duration{0, 9 * time.Minute, 11 * time.Minute, time.Hour} {
			time.Sleep(time.Until(start.Add(at)))
			before := time.Now()
			if !has(t, r, "a") {
				t.Errorf("after %s: not found", at)
			}
			r.Generation()
			r.Health()
			if waited := time.Since(before); waited != 0 {
				t.Errorf("after %s: a known kid waited %s", at, waited)
			}
		}
	})
}

func TestRefreshAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.set(keysAt, page{body: publish(t, generate(t, "a")), header: http.Header{"Cache-Control": {"max-age=1000"}}})
		r := remote(t, w, nil)
		has(t, r, "a")
		first := r.Generation()

		time.Sleep(799 * time.Second)
		has(t, r, "a")
		if synctest.Wait(); w.count(keysAt) != 1 {
			t.Errorf("%d fetches before a fifth of the lifetime is left", w.count(keysAt))
		}
		w.set(keysAt, page{body: publish(t, generate(t, "b"))})
		time.Sleep(time.Second)
		if r.Generation() != first { // which alone starts the refresh: a verifier with a warm cache asks no more
			t.Error("the answer did not come from the old set")
		}
		if synctest.Wait(); w.count(keysAt) != 2 || r.Generation() == first || !has(t, r, "b") {
			t.Errorf("%d fetches; the new set is not in use", w.count(keysAt))
		}
	})
}

func TestSameDocumentKeepsItsGeneration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.set(keysAt, page{body: publish(t, generate(t, "a"))})
		r := remote(t, w, nil)
		has(t, r, "a")
		first := r.Generation()
		time.Sleep(time.Minute)
		if err := r.Refresh(t.Context()); err != nil || w.count(keysAt) != 2 || r.Generation() != first {
			t.Errorf("%v, %d fetches, generation %d after %d", err, w.count(keysAt), r.Generation(), first)
		}
	})
}

func TestStaleIfError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.set(keysAt, page{body: publish(t, generate(t, "a")), header: http.Header{"Cache-Control": {"max-age=600"}}})
		r := remote(t, w, func(c *jwks.Config) { c.MaxStale = 30 * time.Minute })
		has(t, r, "a")
		good := r.Generation()
		w.fails(errors.New("connection refused"))

		time.Sleep(40*time.Minute - time.Second)
		if h := r.Health(); !has(t, r, "a") || !h.Stale || !h.Usable || r.Generation() != good {
			t.Errorf("a second before the bound the old keys must serve: %+v", h)
		}
		time.Sleep(time.Second)
		_, err := r.Lookup(t.Context(), "a", jwk.ES256)
		wants(t, err, jose.KeysUnavailable)
		if h := r.Health(); h.Usable || h.Stale {
			t.Errorf("%+v", h)
		}
		// A verifier that remembers headers must not outlive the bound either.
		if r.Generation() == good {
			t.Error("the generation did not change with the bound")
		}
		w.fails(nil)
		time.Sleep(jwks.DefaultCoolDown)
		if !has(t, r, "a") {
			t.Error("the issuer is back, and its keys are not")
		}
	})
}

func TestNoStaleness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.set(keysAt, page{body: publish(t, generate(t, "a"))})
		r := remote(t, w, func(c *jwks.Config) { c.MaxStale = -1 })
		has(t, r, "a")
		w.fails(errors.New("connection refused"))
		time.Sleep(jwks.DefaultAge)
		_, err := r.Lookup(t.Context(), "a", jwk.ES256)
		wants(t, err, jose.KeysUnavailable)
	})
}

// A flood of invented kids starts one fetch a cool-down and no more, and the
// rotation that hides in it is found.
func TestUnknownKidFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.set(keysAt, page{body: publish(t, generate(t, "a"))})
		r := remote(t, w, nil)
		flood := func() {
			var wg sync.WaitGroup
			for g := range 50 {
				wg.Go(func() {
					for i := range 200 {
						_, err := r.Lookup(t.Context(), fmt.Sprintf("invented-%d-%d", g, i), jwk.ES256)
						wants(t, err, jose.KeyNotFound)
					}
				})
			}
			wg.Wait()
		}
		flood()
		if n := w.count(keysAt); n != 1 {
			t.Errorf("%d fetches for 10000 invented kids at a cold start, want 1", n)
		}
		time.Sleep(jwks.DefaultCoolDown)
		w.set(keysAt, page{body: publish(t, generate(t, "a"), generate(t, "rotated"))})
		flood()
		if n := w.count(keysAt); n != 2 {
			t.Errorf("%d fetches, want 2", n)
		}
		if !has(t, r, "rotated") || w.count(keysAt) != 2 {
			t.Error("the rotated key is not found")
		}
		// Refresh is no way around the cool-down.
		if err := r.Refresh(t.Context()); err != nil || w.count(keysAt) != 2 {
			t.Errorf("%v, %d fetches", err, w.count(keysAt))
		}
	})
}

// Who was told by the issuer that its keys changed is not held up by the cool-down, once;
// what was asked for before does not count.
func TestRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.set(keysAt, page{body: publish(t, generate(t, "a"))})
		r := remote(t, w, nil)
		if !has(t, r, "a") {
			t.Fatal("no key")
		}
		w.set(keysAt, page{body: publish(t, generate(t, "b"))})
		if err := r.Renew(t.Context()); err != nil || !has(t, r, "b") || has(t, r, "a") || w.count(keysAt) != 2 {
			t.Errorf("%v, %d fetches", err, w.count(keysAt))
		}
		// The next ones wait for the cool-down, and share what comes then: no nil without
		// having asked.
		w.set(keysAt, page{body: publish(t, generate(t, "b2"))})
		began, together := time.Now(), make(chan error, 100)
		for range 100 {
			go func() { together <- r.Renew(t.Context()) }()
		}
		for range 100 {
			if err := <-together; err != nil {
				t.Error(err)
			}
		}
		if n := w.count(keysAt); n != 3 || !has(t, r, "b2") || time.Since(began) != jwks.DefaultCoolDown {
			t.Errorf("%d fetches after %v, want 3", n, time.Since(began))
		}
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Renew(soon); !errors.Is(err, jose.KeysUnavailable) || !errors.Is(err, context.DeadlineExceeded) || w.count(keysAt) != 3 {
			t.Errorf("who cannot wait: %v", err)
		}

		// A fetch under way brings what was so before.
		time.Sleep(jwks.DefaultCoolDown)
		open := w.close()
		go func() { _ = r.Refresh(t.Context()) }()
		synctest.Wait()
		// Who stops waiting for it has asked nothing, and takes nobody's turn.
		brief, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := r.Renew(brief); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who stops waiting: %v", err)
		}
		done := make(chan error)
		go func() { done <- r.Renew(t.Context()) }()
		synctest.Wait()
		w.set(keysAt, page{body: publish(t, generate(t, "c"))})
		open()
		began = time.Now()
		if err := <-done; err != nil || time.Since(began) > 0 || !slices.Equal(r.Health().KeyIDs, []string{"c"}) || w.count(keysAt) != 5 {
			t.Errorf("%v, %v, %d fetches", err, r.Health().KeyIDs, w.count(keysAt))
		}

		// A fetch that fails is no renewal, and those that wait for it are told.
		time.Sleep(jwks.DefaultCoolDown)
		w.fails(errors.New("connection refused"))
		if err := r.Renew(t.Context()); jose.ReasonOf(err) != jose.KeysUnavailable {
			t.Errorf("a fetch that fails: %v", err)
		}
		w.fails(nil)
		if err := r.Renew(t.Context()); err != nil || w.count(keysAt) != 7 {
			t.Errorf("the next: %v, %d fetches", err, w.count(keysAt))
		}

		go func() { done <- r.Renew(t.Context()) }()
		synctest.Wait()
		r.Close()
		if err := <-done; jose.ReasonOf(err) != jose.KeysUnavailable {
			t.Errorf("waiting while it is closed: %v", err)
		}
		if err := r.Renew(t.Context()); jose.ReasonOf(err) != jose.KeysUnavailable {
			t.Errorf("after Close: %v", err)
		}
	})
}

// Each fetch is for what the issuer says now: a cache on the way is told so.
func TestFetchesGoAroundCaches(t *testing.T) {
	w := &world{}
	w.set(keysAt, page{body: publish(t, generate(t, "a"))})
	r := remote(t, w, nil)
	if err := r.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, asked := range w.asked {
		if got := asked.Header.Get("Cache-Control"); got != "no-cache" {
			t.Errorf("%s: Cache-Control %q", asked.URL, got)
		}
	}
}

func TestUnreachableIssuerIsAskedOncePerCoolDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.fails(errors.New("connection refused"))
		r := remote(t, w, nil)
		for range 100 {
			_, err := r.Lookup(t.Context(), "a", jwk.ES256)
			wants(t, err, jose.KeysUnavailable)
		}
		if n := w.count(keysAt); n != 1 {
			t.Errorf("%d fetches, want 1", n)
		}
	})
}

func TestSingleFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.set(keysAt, page{body: publish(t, generate(t, "a"))})
		open := w.close()
		r := remote(t, w, func(c *jwks.Config) { c.CoolDown = time.Nanosecond })
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if !has(t, r, "a") {
					t.Error("one of them got no key")
				}
			})
		}
		synctest.Wait() // all of them wait
		time.Sleep(time.Second)
		open()
		wg.Wait()
		if n := w.count(keysAt); n != 1 {
			t.Errorf("%d fetches for 50 callers, want 1", n)
		}
	})
}

func TestUnknownKidWaitsNoLongerThanItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.set(keysAt, page{body: publish(t, generate(t, "a"))})
		open := w.close()
		r := remote(t, w, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := r.Lookup(ctx, "a", jwk.ES256)
		wants(t, err, jose.KeysUnavailable)
		if waited := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || waited != time.Second {
			t.Errorf("waited %s: %v", waited, err)
		}
		// The caller's end is not the fetch's: the next one finds its result.
		open()
		synctest.Wait()
		if !has(t, r, "a") || w.count(keysAt) != 1 {
			t.Errorf("%d fetches", w.count(keysAt))
		}
	})
}

func TestFetchTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		defer w.close()()
		r := remote(t, w, nil)
		start := time.Now()
		_, err := r.Lookup(t.Context(), "a", jwk.ES256)
		wants(t, err, jose.KeysUnavailable)
		if waited := time.Since(start); waited != jwks.DefaultTimeout {
			t.Errorf("waited %s", waited)
		}
	})
}

func TestClockSetBackDoesNotHoldFetches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		var back time.Duration
		r := remote(t, w, func(c *jwks.Config) { c.Clock = func() time.Time { return time.Now().Add(-back) } })
		w.fails(errors.New("connection refused"))
		_ = r.Refresh(t.Context())
		back = 24 * time.Hour
		w.fails(nil)
		w.set(keysAt, page{body: publish(t, generate(t, "a"))})
		if !has(t, r, "a") {
			t.Error("no fetch until the clock has caught up")
		}
	})
}

// Two issuers use the same kid, as many do. Neither's key holds for the other
// (RFC 8725 3.8).
func TestIssuersDoNotShareKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		one, two := generate(t, "1"), generate(t, "1")
		w.set(keysAt, page{body: publish(t, one)})
		w.set("https://two.example/keys", page{body: publish(t, two)})
		verify := func(address, iss string, by *jwk.Key) error {
			r := remote(t, w, func(c *jwks.Config) { c.URL = address })
			v, err := jwt.NewVerifier[struct{}](r, jwt.Policy{Issuers: []string{iss}, SkipAudience: true, SkipType: true,
				Algorithms: []jwk.Algorithm{jwk.ES256}, Required: []string{}, SkipLifetime: true, Clock: time.Now})
			if err != nil {
				t.Fatal(err)
			}
			s, err := jwt.NewSigner(by, jwt.SignerOptions{})
			if err != nil {
				t.Fatal(err)
			}
			token, err := s.Sign(map[string]string{"iss": iss})
			if err != nil {
				t.Fatal(err)
			}
			_, err = v.Verify(t.Context(), token)
			return err
		}
		if err := verify(keysAt, issuer, one); err != nil {
			t.Error(err)
		}
		wants(t, verify(keysAt, issuer, two), jose.SignatureInvalid)
		wants(t, verify("https://two.example/keys", issuer, one), jose.SignatureInvalid)
	})
}

func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.fails(errors.New("connection refused"))
		r := remote(t, w, nil)
		if h := r.Health(); h.Usable || h.Fetches != 0 || h.Source != keysAt || h.Reason != "" {
			t.Errorf("at first: %+v", h)
		}
		_ = r.Refresh(t.Context())
		h := r.Health()
		if h.Usable || h.Failures != 1 || h.InARow != 1 || h.Reason != jose.KeysUnavailable ||
			h.Detail != "request to issuer.example failed: connection refused" || !h.Attempted.Equal(time.Now()) {
			t.Errorf("after a failure: %+v", h)
		}
		w.fails(nil)
		w.set(keysAt, page{body: publish(t, generate(t, "a"))})
		time.Sleep(time.Minute)
		_ = r.Refresh(t.Context())
		h = r.Health()
		if !h.Usable || h.Stale || h.Fetches != 2 || h.Failures != 1 || h.InARow != 0 || h.Reason != "" || len(h.KeyIDs) != 1 || h.KeyIDs[0] != "a" ||
			!h.Fetched.Equal(time.Now()) || h.Expires.Sub(h.Fetched) != jwks.DefaultAge || h.StaleUntil.Sub(h.Expires) != jwks.DefaultMaxStale {
			t.Errorf("after a success: %+v", h)
		}
	})
}

func TestRunKeepsTheSetFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.set(keysAt, page{body: publish(t, generate(t, "a"))})
		r := remote(t, w, nil)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 2)
		go func() { done <- r.Run(ctx) }()
		time.Sleep(time.Hour)
		if n := w.count(keysAt); n != 8 { // at once, and every 8 of 10 minutes
			t.Errorf("%d fetches in an hour in which nobody asked", n)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		go func() { done <- r.Run(t.Context()) }()
		synctest.Wait()
		_ = r.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
		wants(t, r.Refresh(t.Context()), jose.KeysUnavailable)
		if !has(t, r, "a") {
			t.Error("Close must leave cached keys in use")
		}
	})
}

type panics struct{}

func (panics) RoundTrip(*http.Request) (*http.Response, error) { panic("a broken client") }

func TestPanicOfAClientIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := remote(t, nil, func(c *jwks.Config) { c.Client = &http.Client{Transport: panics{}} })
		_, err := r.Lookup(t.Context(), "a", jwk.ES256)
		wants(t, err, jose.KeysUnavailable)
	})
}
