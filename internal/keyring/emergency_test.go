package keyring_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/jose/jwk"
)

// A key that others may have dies with the one that lay beside it, in one act, and
// what signs then is new; a key of before takes nobody's place.
func TestReplace(t *testing.T) {
	t.Parallel()
	for name, choose := range map[string]func(b *bench, retired, active, pending keyring.Key) (kid, signs string, dead []string){
		"the active": func(_ *bench, _, active, pending keyring.Key) (string, string, []string) {
			return active.ID, "", []string{active.ID, pending.ID}
		},
		"the pending": func(_ *bench, _, active, pending keyring.Key) (string, string, []string) {
			return pending.ID, active.ID, []string{pending.ID}
		},
		"one that is still published": func(_ *bench, retired, active, pending keyring.Key) (string, string, []string) {
			return retired.ID, active.ID, []string{retired.ID, pending.ID}
		},
	} {
		b := newBench(t)
		retired := b.rotate()
		active := b.rotate()
		b.now = b.now.Add(ahead + time.Minute)
		pending := b.rotate()
		acts := len(b.store.acts)
		kid, signs, dead := choose(b, retired, active, pending)
		got, err := b.Replace(t.Context(), root, keyring.PurposeToken, kid, false)
		next := got.Next
		if err != nil || len(b.store.acts) != acts+1 {
			t.Fatalf("%s: %v, %d acts", name, err, len(b.store.acts)-acts)
		}
		if b.active() != next.ID || signs != "" && next.ID != signs || slices.Contains([]string{retired.ID, pending.ID}, next.ID) || signs == "" && next.ID == active.ID {
			t.Errorf("%s: %s signs, want %s", name, next.ID, signs)
		}
		var revoked []string
		for _, r := range b.store.acts[acts].Revocations {
			if r.Kind != revoke.KindKey || !r.Expires.Equal(b.now.Add(life+24*time.Hour)) {
				t.Errorf("%s: %+v", name, r)
			}
			revoked = append(revoked, r.ID)
		}
		slices.Sort(revoked)
		slices.Sort(dead)
		if !slices.Equal(revoked, dead) {
			t.Errorf("%s: revoked %v, want %v", name, revoked, dead)
		}
		for _, after := range []time.Duration{0, 2 * ahead, 1000 * time.Hour} {
			start := b.now
			b.now = b.now.Add(after)
			if slices.Contains(dead, b.active()) || slices.ContainsFunc(dead, b.published) {
				t.Errorf("%s: %v later a dead key is in use", name, after)
			}
			b.now = start
			b.Ring = b.ring(masterA)
		}
		for _, row := range [][2]string{{keyring.PurposeToken, dead[0]}, {keyring.PurposeToken, "none"}, {keyring.PurposeFeed, next.ID}} {
			if _, err := b.Replace(t.Context(), root, row[0], row[1], false); !errors.Is(err, reason.New(reason.NotFound, nil)) {
				t.Errorf("%s: %v again: %v", name, row, err)
			}
		}
	}
}

// Who replaces a key is told which keys lay beside it and go on; with all they die too,
// those of other purposes and algorithms among them, and new ones sign at once.
func TestReplaceAll(t *testing.T) {
	t.Parallel()
	for _, all := range []bool{false, true} {
		b := newBench(t)
		b.configure(jwk.ES256, jwk.ES384)
		retired := b.active()
		active := b.rotate()
		b.now = b.now.Add(ahead + time.Minute)
		b.rotate() // waits
		if _, err := b.Rotate(t.Context(), root, keyring.PurposeFeed, ""); err != nil {
			t.Fatal(err)
		}
		before := map[string]bool{}
		for _, k := range b.store.keys {
			before[k.ID] = true
		}
		acts := len(b.store.acts)
		got, err := b.Replace(t.Context(), root, keyring.PurposeToken, retired, all)
		if err != nil || len(b.store.acts) != acts+1 {
			t.Fatal(err)
		}
		var beside []string
		for _, k := range got.Beside {
			beside = append(beside, k.ID)
		}
		revoked := len(b.store.acts[acts].Revocations)
		if !all { // the retired key and the one that waits are dead
			if b.active() != active.ID || len(beside) != 3 || !slices.Contains(beside, active.ID) || revoked != 2 {
				t.Errorf("%s signs, beside it lay %v, %d are revoked", b.active(), beside, revoked)
			}
			continue
		}
		if len(beside) != 0 || revoked != 5 || b.active() != got.Next.ID {
			t.Errorf("%s signs, beside it lay %v, %d are revoked", b.active(), beside, revoked)
		}
		for _, u := range []struct {
			purpose string
			alg     jwk.Algorithm
		}{{keyring.PurposeToken, jwk.ES256}, {keyring.PurposeToken, jwk.ES384}, {keyring.PurposeFeed, jwk.ES256}} {
			if k, err := b.Active(t.Context(), u.purpose, u.alg); err != nil || before[k.KeyID()] {
				t.Errorf("%v: %v, %v", u, k, err)
			}
		}
		for kid := range before {
			if b.published(kid) {
				t.Errorf("%s is published", kid)
			}
		}
	}
}

// The clock does not stand still within an act.
func TestReplaceWhileTimePasses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ring, err := keyring.New(b.store, [][]byte{masterA}, func() time.Time { b.now = b.now.Add(time.Millisecond); return b.now }, ahead, life)
	if err != nil {
		t.Fatal(err)
	}
	b.Ring = ring
	first := b.rotate()
	got, err := b.Replace(t.Context(), root, keyring.PurposeToken, first.ID, false)
	second := got.Next
	if err != nil || second.ID == first.ID || b.active() != second.ID {
		t.Fatalf("%s after %s, %v", second.ID, first.ID, err)
	}
	b.rotate()
	if err := b.Retire(t.Context(), root, keyring.PurposeToken, second.ID); err != nil || b.active() == second.ID {
		t.Fatalf("%s signs, %v", b.active(), err)
	}
}

// Of many who replace one key at once, one does.
func TestReplaceAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	kid := b.rotate().ID
	var all sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for range 50 {
		all.Go(func() {
			_, err := b.Replace(t.Context(), root, keyring.PurposeToken, kid, false)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else if !errors.Is(err, reason.New(reason.NotFound, nil)) && !errors.Is(err, reason.New(reason.Conflict, nil)) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if won != 1 || len(b.store.keys) != 2 {
		t.Errorf("%d won, %d keys", won, len(b.store.keys))
	}
}

// A rotation is taken back in one act: before the key signs it never will, and
// after that what it signed stays good. There is one way back, and only while the
// key before is published.
func TestRollback(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		after     time.Duration
		back, new bool // whether it can be taken back, and whether the new key stays published
	}{{0, true, false}, {ahead - 1, true, false}, {ahead, true, true}, {ahead + life - 1, true, true}, {ahead + life, false, true}} {
		b := newBench(t)
		one := b.rotate()
		two := b.rotate()
		b.now = b.now.Add(row.after)
		acts := len(b.store.acts)
		key, err := b.Rollback(t.Context(), root, keyring.PurposeToken, "")
		if !row.back {
			if !errors.Is(err, reason.New(reason.RollbackUnavailable, nil)) || b.active() != two.ID {
				t.Errorf("after %v: %v", row.after, err)
			}
			continue
		}
		if err != nil || key.ID != one.ID || b.active() != one.ID || len(b.store.acts) != acts+1 || len(b.store.acts[acts].Revocations) != 0 {
			t.Fatalf("after %v: %v, %s signs, %+v", row.after, err, b.active(), b.store.acts[acts:])
		}
		if b.published(two.ID) != row.new {
			t.Errorf("after %v: the new key is published: %v", row.after, !row.new)
		}
		if _, err := b.Rollback(t.Context(), root, keyring.PurposeToken, ""); !errors.Is(err, reason.New(reason.RollbackUnavailable, nil)) {
			t.Errorf("after %v, again: %v", row.after, err)
		}
		b.now = b.now.Add(life)
		if b.active() != one.ID || b.published(two.ID) || !b.published(one.ID) {
			t.Errorf("after %v: the end of what was taken back", row.after)
		}
	}
}

// A revoked key is nothing to go back to, and neither is one of another use.
func TestThreatRollbackToRevoked(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.configure(jwk.ES256, jwk.ES384)
	one := b.active()
	b.rotate()
	b.now = b.now.Add(ahead)
	if err := b.Retire(t.Context(), root, keyring.PurposeToken, one); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		purpose string
		alg     jwk.Algorithm
		want    reason.Code
	}{{keyring.PurposeToken, jwk.ES256, reason.RollbackUnavailable}, {keyring.PurposeToken, jwk.ES384, reason.RollbackUnavailable},
		{keyring.PurposeFeed, "", reason.RollbackUnavailable}, {keyring.PurposeToken, jwk.HS256, reason.RequestInvalid}, {"other", "", reason.RequestInvalid}} {
		if k, err := b.Rollback(t.Context(), root, row.purpose, row.alg); !errors.Is(err, reason.New(row.want, nil)) {
			t.Errorf("%v: back to %s, %v", row, k.ID, err)
		}
	}
}

// A clock that is set back gives no dead key back: not to sign with, not to be believed,
// not to go back to.
func TestThreatClockRevivesNoKey(t *testing.T) {
	t.Parallel()
	for name, kill := range map[string]func(b *bench, kid string) error{
		"replaced": func(b *bench, kid string) error {
			_, err := b.Replace(b.Context(), root, keyring.PurposeToken, kid, false)
			return err
		},
		"retired": func(b *bench, kid string) error { return b.Retire(b.Context(), root, keyring.PurposeToken, kid) },
	} {
		b := newBench(t)
		dead := b.rotate()
		b.now = b.now.Add(24 * time.Hour)
		if err := kill(b, dead.ID); err != nil {
			t.Fatal(name, err)
		}
		living := b.active()
		for _, back := range []time.Duration{time.Second, 12 * time.Hour, 48 * time.Hour} {
			b.now = b.now.Add(-back)
			b.Ring = b.ring(masterA) // and nothing is remembered
			if key, err := b.Active(t.Context(), keyring.PurposeToken, jwk.ES256); err == nil && key.KeyID() == dead.ID {
				t.Errorf("%s, %s back: it signs", name, back)
			}
			if b.published(dead.ID) {
				t.Errorf("%s, %s back: it is published", name, back)
			}
			if k, err := b.Rollback(t.Context(), root, keyring.PurposeToken, jwk.ES256); err == nil && k.ID == dead.ID {
				t.Errorf("%s, %s back: it is there to go back to", name, back)
			}
			b.now = b.now.Add(back)
		}
		if b.Ring = b.ring(masterA); b.active() != living {
			t.Errorf("%s: %s signs", name, b.active())
		}
	}
}
