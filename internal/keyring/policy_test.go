package keyring_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/jose/jwk"
)

// configure sets the policy and arranges the keys by it.
func (b *bench) configure(list ...jwk.Algorithm) {
	b.Helper()
	if err := b.Configure(keyring.Policy{Algorithms: list, Ahead: ahead}); err != nil {
		b.Fatal(err)
	}
	if err := b.Arrange(b.Context(), root); err != nil {
		b.Fatal(err)
	}
}

// signs is the algorithm that signs where none is asked for.
func (b *bench) signs() jwk.Algorithm {
	b.Helper()
	k, err := b.Active(b.Context(), keyring.PurposeToken, "")
	if err != nil {
		b.Fatal(err)
	}
	return k.Algorithm()
}

func TestPolicyRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, p := range map[string]keyring.Policy{
		"nothing": {}, "no algorithm": {Ahead: ahead}, "no time ahead": {Algorithms: []jwk.Algorithm{jwk.ES256}},
		"twice": {Algorithms: []jwk.Algorithm{jwk.ES256, jwk.ES256}, Ahead: ahead}, "none": {Algorithms: []jwk.Algorithm{"none"}, Ahead: ahead},
		"keys that hardly sign": {Algorithms: []jwk.Algorithm{jwk.ES256}, Ahead: ahead, Every: 4*ahead - 1}, "a time before": {Algorithms: []jwk.Algorithm{jwk.ES256}, Ahead: ahead, Every: -1},
		"less than nothing":                {Algorithms: []jwk.Algorithm{jwk.ES256}, Ahead: ahead, Wait: -1},
		"a secret that would be published": {Algorithms: []jwk.Algorithm{jwk.ES256, jwk.HS256}, Ahead: ahead},
	} {
		if err := b.Configure(p); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if !b.Offers(jwk.ES256) || b.Offers(jwk.HS256) {
		t.Error("a refused policy is in force")
	}
}

// Every algorithm of the policy signs on a new ring at once; what was published
// without its key was not to be cached. Later ones wait like any key.
func TestFirstKeysOfAlgorithms(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.rotate()
	if err := b.Configure(keyring.Policy{Algorithms: []jwk.Algorithm{jwk.ES256, jwk.ES384}, Ahead: ahead}); err != nil {
		t.Fatal(err)
	}
	fresh := func() time.Duration {
		_, d, err := b.PublicSet(t.Context(), keyring.PurposeToken)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if fresh() != 0 {
		t.Error("a set without its first ES384 key may be cached")
	}
	b.now = b.now.Add(time.Second)
	b.configure(jwk.ES256, jwk.ES384)
	if k, err := b.Active(t.Context(), keyring.PurposeToken, jwk.ES384); err != nil || fresh() != ahead/2 || b.signs() != jwk.ES256 {
		t.Fatalf("%v, %v, cached %v", k, err, fresh())
	}
	b.now = b.now.Add(time.Hour)
	b.configure(jwk.ES256, jwk.ES384, jwk.EdDSA)
	if _, err := b.Active(t.Context(), keyring.PurposeToken, jwk.EdDSA); !errors.Is(err, reason.New(reason.SigningAlgorithmUnavailable, nil)) {
		t.Fatalf("a key signs that nobody can know: %v", err)
	}
	algs, err := b.Algorithms(t.Context())
	if err != nil || !slices.Equal(algs, []jwk.Algorithm{jwk.ES256, jwk.ES384}) {
		t.Fatalf("said to sign: %v, %v", algs, err)
	}
	b.now = b.now.Add(ahead)
	if algs, _ = b.Algorithms(t.Context()); len(algs) != 3 {
		t.Fatalf("said to sign: %v", algs)
	}
	acts := len(b.store.acts)
	b.configure(jwk.ES256, jwk.ES384, jwk.EdDSA)
	if len(b.store.acts) != acts {
		t.Error("nothing to do, and an act of it")
	}
	if err := b.Configure(keyring.Policy{Algorithms: []jwk.Algorithm{jwk.ES256}, Ahead: 24 * time.Hour}); err != nil || fresh() != 5*time.Minute {
		t.Errorf("cached %v, %v", fresh(), err)
	}
}

// A migration moves the signer when its key has been published long enough, and
// keeps the key before until its last token has expired.
func TestMigration(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old := b.rotate()
	b.now = b.now.Add(time.Hour)
	b.configure(jwk.EdDSA)
	for _, row := range []struct {
		after     time.Duration
		signs     jwk.Algorithm
		published bool
	}{{0, jwk.ES256, true}, {ahead - 1, jwk.ES256, true}, {ahead, jwk.EdDSA, true}, {ahead + life - 1, jwk.EdDSA, true}, {ahead + life, jwk.EdDSA, false}} {
		start := b.now
		b.now = b.now.Add(row.after)
		if got := b.signs(); got != row.signs || b.published(old.ID) != row.published {
			t.Errorf("after %v: %s signs, the old key published: %v", row.after, got, b.published(old.ID))
		}
		b.now = start
		b.settle(jwk.EdDSA)
	}
	// Taken back while the old key is still published: it goes on, and the new one ends.
	b.now = b.now.Add(ahead + time.Minute)
	b.configure(jwk.ES256)
	if b.signs() != jwk.ES256 || b.active() != old.ID {
		t.Fatalf("%s signs", b.signs())
	}
	keys, err := b.List(t.Context(), keyring.PurposeToken)
	if err != nil || len(keys) != 2 || !keys[0].Retires.Equal(b.now) || !keys[1].Retires.IsZero() {
		t.Fatalf("%+v, %v", keys, err)
	}
	// An algorithm that is dropped while its key waits never signs.
	b.configure(jwk.ES256, jwk.ES512)
	b.configure(jwk.ES256)
	b.now = b.now.Add(2 * ahead)
	if _, err := b.Active(t.Context(), keyring.PurposeToken, jwk.ES512); err == nil {
		t.Fatal("it signs")
	}
}

// settle is another ring on the same store, whose clock stood still.
func (b *bench) settle(list ...jwk.Algorithm) {
	b.Ring = b.ring(masterA)
	if err := b.Configure(keyring.Policy{Algorithms: list, Ahead: ahead}); err != nil {
		b.Fatal(err)
	}
}

// A revocation is answered when nothing is being signed any more with the key,
// and nothing is afterwards.
func TestThreatSignedAfterRevocation(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	kid := b.rotate().ID
	var answered atomic.Bool
	var all sync.WaitGroup
	if err := b.Use(t.Context(), keyring.PurposeToken, "", func(*jwk.Key) error {
		all.Go(func() {
			if err := b.Retire(t.Context(), root, keyring.PurposeToken, kid); err != nil {
				t.Error(err)
			}
			answered.Store(true)
		})
		for b.store.changes() < 2 {
			runtime.Gosched()
		}
		for range 10_000 { // it is written down; were it answered, it would be now
			runtime.Gosched()
		}
		if answered.Load() {
			t.Error("answered while the key signs")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	if b.active() == kid {
		t.Error("it signs")
	}
}

// Whoever signs while a key is revoked gets the old key or the new, the old never
// after the answer; run with -race.
func TestRevocationDuringIssuing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	kid := b.rotate().ID
	start := make(chan struct{})
	var all sync.WaitGroup
	var mu sync.Mutex
	var order []string
	for range 8 {
		all.Go(func() {
			<-start
			for range 200 {
				if err := b.Use(t.Context(), keyring.PurposeToken, "", func(k *jwk.Key) error {
					mu.Lock()
					defer mu.Unlock()
					order = append(order, k.KeyID())
					return nil
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	close(start)
	if err := b.Retire(t.Context(), root, keyring.PurposeToken, kid); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	at := len(order)
	mu.Unlock()
	all.Wait()
	if slices.Contains(order[at:], kid) {
		t.Errorf("the dead key signed %s after the answer", fmt.Sprint(strings.Count(strings.Join(order[at:], " "), kid)))
	}
}
