package keyring_test

import (
	"slices"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/jose/jwk"
)

// algs sets the order of the policy, has the keys looked after, and returns the key that
// each algorithm signs with.
func (b *bench) algs(list ...jwk.Algorithm) {
	b.Helper()
	b.schedule(func(p *keyring.Policy) { p.Algorithms, p.Every = list, 0 })
	b.tend()
}

func (b *bench) of(alg jwk.Algorithm) string {
	b.Helper()
	k, err := b.Active(b.Context(), keyring.PurposeToken, alg)
	if err != nil {
		b.Fatal(err)
	}
	return k.KeyID()
}

func (b *bench) standing(kid string) keyring.Standing {
	b.Helper()
	list := b.report()
	return list[slices.IndexFunc(list, func(s keyring.Standing) bool { return s.ID == kid })]
}

// two is a ring whose ES256 signs where nothing is asked for, and ES384 where it is.
func two(t *testing.T) *bench {
	b := newBench(t)
	b.algs(jwk.ES256, jwk.ES384)
	b.pass(time.Hour)
	return b
}

// A new order of algorithms that both sign waits for edges as a new key does: for those that
// know what signs now and lack the other, and for no longer than the policy says; and so
// when the process was started anew meanwhile.
func TestOrderWaitsForEdges(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		has   bool // the edge gets the second key
		list  []jwk.Algorithm
		after time.Duration
	}{
		"it learns":         {true, []jwk.Algorithm{jwk.ES384, jwk.ES256}, 2 * keyring.Look},
		"it never learns":   {false, []jwk.Algorithm{jwk.ES384, jwk.ES256}, wait + keyring.Look},
		"the first is gone": {true, []jwk.Algorithm{jwk.ES384}, 2 * keyring.Look},
		"gone, unlearnt":    {false, []jwk.Algorithm{jwk.ES384}, wait + keyring.Look},
	} {
		b := two(t)
		old, next := b.of(jwk.ES256), b.of(jwk.ES384)
		b.says("late", old)
		b.algs(row.list...)
		for range 20 {
			b.now = b.now.Add(keyring.Look)
			b.Ring = b.ring(masterA)
			b.says("late", old)
			b.algs(row.list...)
			if b.signs() != jwk.ES256 {
				t.Fatalf("%s: it leads before the edge knows it", name)
			}
		}
		if algs, err := b.Algorithms(t.Context()); err != nil || algs[0] != jwk.ES256 {
			t.Errorf("%s: said to sign: %v %v", name, algs, err)
		}
		if s := b.standing(next); !slices.Equal(s.Lacking, []string{"edge/late"}) || s.Limit.Sub(b.now) != wait-20*keyring.Look || s.Signs || !b.standing(old).Signs {
			t.Errorf("%s: %+v", name, s)
		}
		for range int(row.after / keyring.Look) {
			b.now = b.now.Add(keyring.Look)
			if b.says("late", old); row.has {
				b.says("late", old, next)
			}
			b.tend()
		}
		if algs, err := b.Algorithms(t.Context()); err != nil || algs[0] != jwk.ES384 || b.signs() != jwk.ES384 || !b.published(old) {
			t.Errorf("%s: %s signs, %v %v, the old key is published: %v", name, b.signs(), algs, err, b.published(old))
		}
		if s := b.standing(next); s.Lacking != nil || !s.Limit.IsZero() {
			t.Errorf("%s: it waits still: %+v", name, s)
		}
	}
}

// Where all edges that are heard know the key, the new order is in force at once; and one
// that is taken back while it waits never is.
func TestOrderAtOnceOrNever(t *testing.T) {
	t.Parallel()
	b := two(t)
	b.says("knows", b.of(jwk.ES256), b.of(jwk.ES384))
	b.says("other", "a key of another issuer")
	if b.algs(jwk.ES384, jwk.ES256); b.signs() != jwk.ES384 {
		t.Error("nobody lacks it, and it waits")
	}
	b = two(t)
	b.says("late", b.of(jwk.ES256))
	b.algs(jwk.ES384, jwk.ES256)
	b.algs(jwk.ES256, jwk.ES384)
	if b.now = b.now.Add(2 * wait); b.signs() != jwk.ES256 {
		t.Error("an order of before is in force")
	}
	b.tend()
	acts := len(b.store.acts)
	if b.pass(10 * keyring.Look); len(b.store.acts) != acts {
		t.Error("nothing to do, and an act of it")
	}
}

// A key that is younger than what may cache the key set does not lead, whatever edges say.
func TestOrderOfAYoungKey(t *testing.T) {
	t.Parallel()
	b := two(t)
	if _, err := b.Replace(t.Context(), root, keyring.PurposeToken, b.of(jwk.ES384), false); err != nil {
		t.Fatal(err)
	}
	b.algs(jwk.ES384, jwk.ES256)
	if b.pass(ahead - keyring.Look); b.signs() != jwk.ES256 {
		t.Error("it leads before it is known")
	}
	if b.pass(2 * keyring.Look); b.signs() != jwk.ES384 {
		t.Error("it never leads")
	}
}

// A roll-back within an algorithm that leads leaves the lead where it is.
func TestLeadOfARollback(t *testing.T) {
	t.Parallel()
	b := two(t)
	if _, err := b.Rotate(t.Context(), root, keyring.PurposeToken, jwk.ES384); err != nil {
		t.Fatal(err)
	}
	b.pass(2 * ahead)
	b.algs(jwk.ES384, jwk.ES256)
	if b.signs() != jwk.ES384 {
		t.Fatal("it does not lead")
	}
	if _, err := b.Rollback(t.Context(), root, keyring.PurposeToken, jwk.ES384); err != nil || b.signs() != jwk.ES384 {
		t.Errorf("%s leads, %v", b.signs(), err)
	}
}

// What leads goes on to lead by its next key, however it got that.
func TestLeadIsInherited(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(b *bench) error{
		"rotated": func(b *bench) error {
			_, err := b.Rotate(b.Context(), root, keyring.PurposeToken, jwk.ES256)
			return err
		},
		"rotated, and retired": func(b *bench) error {
			old := b.of(jwk.ES256)
			b.rotate()
			return b.Retire(b.Context(), root, keyring.PurposeToken, old)
		},
		"retired": func(b *bench) error {
			return b.Retire(b.Context(), root, keyring.PurposeToken, b.of(jwk.ES256))
		},
		"replaced": func(b *bench) error {
			_, err := b.Replace(b.Context(), root, keyring.PurposeToken, b.of(jwk.ES256), true)
			return err
		},
		"rolled back": func(b *bench) error {
			old := b.of(jwk.ES256)
			b.rotate()
			for range 2 * ahead / keyring.Look {
				b.now = b.now.Add(keyring.Look)
				b.says("late", old)
				b.tend()
			}
			_, err := b.Rollback(b.Context(), root, keyring.PurposeToken, jwk.ES256)
			return err
		},
	} {
		b := two(t)
		b.algs(jwk.ES384, jwk.ES256)
		b.pass(time.Hour)
		b.says("late", b.of(jwk.ES384))
		b.algs(jwk.ES256, jwk.ES384) // which the edge keeps from the lead for now
		if b.signs() != jwk.ES384 {
			t.Fatal(name)
		}
		b.store.edges = nil
		b.tend()
		for range 3 {
			b.says("late", b.of(jwk.ES256))
			b.algs(jwk.ES384, jwk.ES256)
		}
		if b.signs() != jwk.ES256 {
			t.Fatal(name)
		}
		if err := act(b); err != nil {
			t.Fatal(name, err)
		}
		if b.signs() != jwk.ES256 {
			t.Errorf("%s: %s leads", name, b.signs())
		}
	}
}
