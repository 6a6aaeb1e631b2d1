package jwks

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/jotward/jotward/jose/jwk"
)

type unreachable struct{}

func (unreachable) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("connection refused")
}

// While an issuer is down every request finds that a refresh is due. None of
// them may wait for another's lock to learn that it is too soon to try again.
func TestRestingTakesNoLock(t *testing.T) {
	t.Parallel()
	key, err := jwk.Generate(jwk.ES256, "a")
	if err != nil {
		t.Fatal(err)
	}
	set, err := jwk.NewSet(key)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1700000000, 0)
	r, err := NewRemote(Config{URL: "https://issuer.example/keys", Algorithms: []jwk.Algorithm{jwk.ES256},
		Client: &http.Client{Transport: unreachable{}}, Clock: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.now.Store(&snapshot{set: set, generation: 2, refreshAt: now, expires: now, staleUntil: now.Add(time.Hour)})
	if r.Refresh(t.Context()) == nil {
		t.Fatal("the issuer answered")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	done := make(chan struct{})
	go func() {
		r.Generation()
		_, _ = r.Lookup(t.Context(), "a", jwk.ES256)
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second): // far above: the lock is held until the test ends
		t.Error("a known kid waits for the lock")
	}
}
