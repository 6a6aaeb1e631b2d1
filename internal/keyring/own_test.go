package keyring_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/jose/jwk"
)

const orders = "token-orders"

// own gives a resource keys of its own, or takes them away.
func (b *bench) own(keys map[string]jwk.Algorithm) {
	b.Helper()
	if err := b.Configure(keyring.Policy{Algorithms: []jwk.Algorithm{jwk.ES256}, Own: keys, Ahead: ahead}); err != nil {
		b.Fatal(err)
	}
	b.tend()
}

// kids are those that a purpose publishes, and which of them signs; "" for none.
func (b *bench) kids(purpose string) (all []string, signs string) {
	b.Helper()
	set, err := b.Set(b.Context(), purpose)
	if err != nil {
		b.Fatal(err)
	}
	for _, k := range set.Keys() {
		all = append(all, k.KeyID())
	}
	if k, err := b.Active(b.Context(), purpose, ""); err == nil {
		signs = k.KeyID()
	}
	slices.Sort(all)
	return all, signs
}

// A resource's own key is published before it signs, beside all others and by itself; it is
// replaced and revoked without touching what signs for the others.
func TestKeysOfOneResource(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.own(nil)
	general := b.active()
	b.now = b.now.Add(time.Hour)
	b.own(map[string]jwk.Algorithm{"orders": jwk.EdDSA})
	all, _ := b.kids(keyring.PurposeToken)
	only, signs := b.kids(orders)
	if len(all) != 2 || len(only) != 1 || signs != "" || !slices.Contains(all, only[0]) || only[0] == general {
		t.Fatalf("%v, of the resource %v, which %q signs", all, only, signs)
	}
	b.now = b.now.Add(ahead)
	if _, signs = b.kids(orders); signs != only[0] || b.active() != general {
		t.Fatalf("%q signs for the resource, %q for all others", signs, b.active())
	}
	if k, err := b.Active(t.Context(), orders, ""); err != nil || k.Algorithm() != jwk.EdDSA {
		t.Errorf("%v %v", k, err)
	}
	got, err := b.Replace(t.Context(), root, orders, signs, false)
	next := got.Next
	if err != nil {
		t.Fatal(err)
	}
	if only, now := b.kids(orders); now != next.ID || !slices.Equal(only, []string{next.ID}) || b.active() != general {
		t.Errorf("%v, %q signs, and %q for all others", only, now, b.active())
	}
	if err := b.Retire(t.Context(), root, keyring.PurposeToken, next.ID); !errors.Is(err, reason.New(reason.NotFound, nil)) {
		t.Errorf("it is one of all others': %v", err)
	}
	// Another algorithm comes as any key does; what the configuration has no more stays published
	// until its last token is over, and can be revoked until then.
	b.own(map[string]jwk.Algorithm{"orders": jwk.ES384})
	if _, now := b.kids(orders); now != next.ID {
		t.Errorf("%q signs", now)
	}
	b.now = b.now.Add(ahead)
	b.tend()
	if k, err := b.Active(t.Context(), orders, ""); err != nil || k.Algorithm() != jwk.ES384 {
		t.Errorf("%v %v", k, err)
	}
	b.own(nil)
	only, signs = b.kids(orders)
	if purposes, err := b.Purposes(t.Context()); err != nil || signs != "" || len(only) != 2 || !slices.Contains(purposes, orders) {
		t.Errorf("%v %q %v %v", only, signs, purposes, err)
	}
	b.now = b.now.Add(2 * time.Hour)
	if _, _, err := b.PublicSet(t.Context(), orders); !errors.Is(err, reason.New(reason.NotFound, nil)) {
		t.Errorf("a key set of nobody: %v", err)
	}
	if all, _ := b.kids(keyring.PurposeToken); !slices.Equal(all, []string{general}) {
		t.Errorf("%v", all)
	}
}

// On a new ring a resource's key signs at once, and nothing that lacks it is to be cached.
func TestFirstKeyOfAResource(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if err := b.Configure(keyring.Policy{Algorithms: []jwk.Algorithm{jwk.ES256}, Own: map[string]jwk.Algorithm{"orders": jwk.ES256}, Ahead: ahead}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Rotate(t.Context(), root, keyring.PurposeToken, ""); err != nil {
		t.Fatal(err)
	}
	if _, fresh, err := b.PublicSet(t.Context(), keyring.PurposeToken); err != nil || fresh != 0 {
		t.Errorf("a set that lacks a key is cached for %v: %v", fresh, err)
	}
	b.tend()
	if _, signs := b.kids(orders); signs == "" {
		t.Error("nothing signs for the resource")
	}
	for _, bad := range []map[string]jwk.Algorithm{{"": jwk.ES256}, {"x": jwk.HS256}, {"x": "none"}, {"x": ""}} {
		if err := b.Configure(keyring.Policy{Algorithms: []jwk.Algorithm{jwk.ES256}, Own: bad, Ahead: ahead}); err == nil {
			t.Errorf("%v: taken", bad)
		}
	}
}
