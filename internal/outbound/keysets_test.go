package outbound

import (
	"fmt"
	"net/http"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
)

func TestKeySets(t *testing.T) {
	t.Parallel()
	key, err := jwk.Generate(jwk.ES256, "k1")
	if err != nil {
		t.Fatal(err)
	}
	set, err := jwk.NewSet(key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := set.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var fetched atomic.Int32
	w := start(t, Config{}, func(rw http.ResponseWriter, _ *http.Request) {
		fetched.Add(1)
		_, _ = rw.Write(text)
	})
	w.names = []netip.Addr{netip.MustParseAddr("1.1.1.1")}
	at := time.Unix(1_800_000_000, 0)
	k := &KeySets{Client: w.Client, Algorithms: []jwk.Algorithm{jwk.ES256}, Now: func() time.Time { return at }}
	lookup := func(address, kid string) error {
		r, err := k.At(address)
		if err != nil {
			return err
		}
		_, err = r.Lookup(t.Context(), kid, jwk.ES256)
		return err
	}
	for range 3 {
		if err := lookup("https://example.com/keys", "k1"); err != nil {
			t.Fatal(err)
		}
	}
	// Unknown keys do not have us fetch without end.
	for i := range 20 {
		if err := lookup("https://example.com/keys", fmt.Sprint(i)); jose.ReasonOf(err) != jose.KeyNotFound {
			t.Fatal(err)
		}
	}
	if n := fetched.Load(); n != 1 {
		t.Errorf("%d fetches", n)
	}
	at = at.Add(time.Minute)
	if err := lookup("https://example.com/keys", "k2"); jose.ReasonOf(err) != jose.KeyNotFound || fetched.Load() != 2 {
		t.Errorf("after the cool-down: %v, %d fetches", err, fetched.Load())
	}
	// What may not be dialled is not, at once or when its name says so.
	for _, address := range []string{"http://example.com/keys", "https://169.254.169.254/keys", "https://[::1]/"} {
		if err := lookup(address, "k1"); !is(err, reason.AddressRefused) {
			t.Errorf("%s: %v", address, err)
		}
	}
	w.http.CloseIdleConnections()
	w.names = []netip.Addr{netip.MustParseAddr("10.0.0.1")}
	if err := lookup("https://www.example.com/keys", "k1"); err == nil || fetched.Load() != 2 {
		t.Errorf("inside by name: %v, %d fetches", err, fetched.Load())
	}
	for i := range maxSets + 10 {
		if _, err := k.At(fmt.Sprintf("https://example.com/%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	if len(k.sets) > maxSets {
		t.Errorf("%d are remembered", len(k.sets))
	}
}

// Who has more addresses than are remembered does not have us fetch one as often as he
// likes: a set that was forgotten rests as long as it would have.
func TestThreatForgottenKeySets(t *testing.T) {
	t.Parallel()
	var fetched atomic.Int32
	w := start(t, Config{}, func(rw http.ResponseWriter, _ *http.Request) {
		fetched.Add(1)
		_, _ = rw.Write([]byte(`{"keys":[]}`))
	})
	w.names = []netip.Addr{netip.MustParseAddr("1.1.1.1")}
	at := time.Unix(1_800_000_000, 0)
	k := &KeySets{Client: w.Client, Algorithms: []jwk.Algorithm{jwk.ES256}, Now: func() time.Time { return at }}
	ask := func(address string) error {
		r, err := k.At(address)
		if err == nil {
			_, err = r.Lookup(t.Context(), "k1", jwk.ES256)
		}
		return err
	}
	const victim = "https://example.com/keys"
	_ = ask(victim) // it has no such key
	for range 3 {
		for i := 0; k.sets[victim] != nil; i++ {
			if _, err := k.At(fmt.Sprintf("https://example.com/%d", i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := ask(victim); jose.ReasonOf(err) != jose.KeysUnavailable || fetched.Load() != 1 {
			t.Fatalf("%v, %d fetches", err, fetched.Load())
		}
	}
	at = at.Add(16 * time.Second)
	if _ = ask(victim); fetched.Load() != 2 || len(k.resting) != 0 {
		t.Errorf("%d fetches, %d rest", fetched.Load(), len(k.resting))
	}
	for i := range maxResting {
		k.resting[fmt.Sprint(i)] = at.Add(time.Second)
	}
	for _, r := range k.sets {
		_, _ = r.Lookup(t.Context(), "k1", jwk.ES256) // all were fetched just now
	}
	for i := range 2 * maxSets {
		_, err := k.At(fmt.Sprintf("https://example.com/more/%d", i))
		if err != nil {
			if jose.ReasonOf(err) != jose.KeysUnavailable {
				t.Error(err)
			}
			return
		}
	}
	t.Error("what rests is remembered without end")
}
