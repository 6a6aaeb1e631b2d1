package keyring_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/jose/jwk"
)

// shelf is a store of keys in memory that counts how often it is asked.
type shelf struct {
	mu         sync.Mutex
	keys       []keyring.Key
	edges      []revoke.Position
	generation int64
	reads      int
	looks      int
	acts       []audit.Act
	err        error
	lose       int // so many changes are lost to somebody else
}

func (s *shelf) Keys(context.Context) ([]keyring.Key, int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	out := slices.Clone(s.keys)
	slices.SortStableFunc(out, func(a, b keyring.Key) int { return b.Activates.Compare(a.Activates) })
	return out, s.generation, s.err
}

func (s *shelf) Positions(context.Context) ([]revoke.Position, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.edges), s.err
}

func (s *shelf) KeyGeneration(context.Context) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
	return s.generation, s.err
}

func (s *shelf) changes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.acts)
}

func (s *shelf) SaveKeys(_ context.Context, keys []keyring.Key, from int64, act audit.Act) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lose > 0 {
		s.lose--
		s.generation++
	}
	if from != s.generation {
		return reason.New(reason.Conflict, nil)
	}
	for _, k := range keys {
		if i := slices.IndexFunc(s.keys, func(o keyring.Key) bool { return o.ID == k.ID }); i >= 0 {
			s.keys[i] = k
		} else {
			s.keys = append(s.keys, k)
		}
	}
	s.generation++
	s.acts = append(s.acts, act)
	return nil
}

const ahead, life = 10 * time.Minute, time.Hour

type bench struct {
	*testing.T
	*keyring.Ring
	store *shelf
	now   time.Time
}

var (
	masterA, masterB = bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	root             = audit.Actor{Kind: "admin", ID: "root"}
)

func (b *bench) ring(masters ...[]byte) *keyring.Ring {
	b.Helper()
	r, err := keyring.New(b.store, masters, func() time.Time { return b.now }, ahead, life)
	if err != nil {
		b.Fatal(err)
	}
	return r
}

func newBench(t *testing.T) *bench {
	b := &bench{T: t, store: &shelf{}, now: time.Unix(1_800_000_000, 0)}
	b.Ring = b.ring(masterA)
	return b
}

func (b *bench) rotate() keyring.Key {
	b.Helper()
	k, err := b.Rotate(b.Context(), root, keyring.PurposeToken, jwk.ES256)
	if err != nil {
		b.Fatal(err)
	}
	return k
}

// active is the kid that signs, and published all that are in the set.
func (b *bench) active() string {
	b.Helper()
	k, err := b.Active(b.Context(), keyring.PurposeToken, jwk.ES256)
	if err != nil {
		b.Fatal(err)
	}
	return k.KeyID()
}

func (b *bench) published(kid string) bool {
	b.Helper()
	text, _, err := b.PublicSet(b.Context(), keyring.PurposeToken)
	if err != nil {
		b.Fatal(err)
	}
	if bytes.Contains(text, []byte(`"d"`)) {
		b.Fatal("a private key was published")
	}
	return bytes.Contains(text, []byte(kid))
}

// The life of a key: published before it signs, and until the last token that
// it signed has expired.
func TestPublishedBeforeAndAfterUse(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	one := b.rotate()
	if b.active() != one.ID {
		t.Fatal("the first key signs at once")
	}
	b.now = b.now.Add(24 * time.Hour)
	two := b.rotate()
	for _, row := range []struct {
		after    time.Duration
		active   string
		one, two bool
	}{
		{0, one.ID, true, true}, {ahead - 1, one.ID, true, true}, {ahead, two.ID, true, true},
		{ahead + life - 1, two.ID, true, true}, {ahead + life, two.ID, false, true},
	} {
		start := b.now
		b.now = b.now.Add(row.after)
		if b.active() != row.active || b.published(one.ID) != row.one || b.published(two.ID) != row.two {
			t.Errorf("after %v: active %s, published %v %v", row.after, b.active(), b.published(one.ID), b.published(two.ID))
		}
		b.now = start
		b.Ring = b.ring(masterA)
	}
}

// Whatever is retired, something signs afterwards, now and later, and each act
// is one change.
func TestRetireNeverLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, retire := range map[string]func(b *bench, first, second keyring.Key) string{
		"the active":  func(b *bench, first, _ keyring.Key) string { return first.ID },
		"the pending": func(b *bench, _, second keyring.Key) string { return second.ID },
		"after the turn": func(b *bench, _, second keyring.Key) string {
			b.now = b.now.Add(ahead)
			return second.ID
		},
	} {
		b := newBench(t)
		kid := retire(b, b.rotate(), b.rotate())
		changes := len(b.store.acts)
		if err := b.Retire(t.Context(), root, keyring.PurposeToken, kid); err != nil {
			t.Fatal(err)
		}
		if len(b.store.acts) != changes+1 {
			t.Fatalf("%s: %d changes", name, len(b.store.acts)-changes)
		}
		r := b.store.acts[changes].Revocations
		if len(r) != 1 || r[0].Kind != revoke.KindKey || r[0].ID != kid {
			t.Errorf("%s: revoked %+v", name, r)
		}
		for _, after := range []time.Duration{0, ahead, 10 * ahead, 1000 * time.Hour} {
			start := b.now
			b.now = b.now.Add(after)
			if b.active() == kid || b.published(kid) {
				t.Errorf("%s: %v later the retired key is in use", name, after)
			}
			b.now = start
		}
	}
}

// A kid counts only for its own purpose.
func TestThreatKeyOfAnotherPurpose(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	k := b.rotate()
	for _, row := range [][2]string{{keyring.PurposeFeed, k.ID}, {keyring.PurposeToken, "none"}, {"", k.ID}} {
		if err := b.Retire(t.Context(), root, row[0], row[1]); !errors.Is(err, reason.New(reason.NotFound, nil)) {
			t.Errorf("%q %q: %v", row[0], row[1], err)
		}
	}
	if _, err := b.Active(t.Context(), keyring.PurposeFeed, jwk.ES256); err == nil {
		t.Error("a token key signs the feed")
	}
	if _, err := b.Active(t.Context(), keyring.PurposeToken, jwk.EdDSA); err == nil {
		t.Error("an ES256 key signs with EdDSA")
	}
	for _, alg := range []jwk.Algorithm{jwk.HS256, "none", jwk.EdDSA} {
		if _, err := b.Rotate(t.Context(), root, keyring.PurposeToken, alg); !errors.Is(err, reason.New(reason.RequestInvalid, nil)) {
			t.Errorf("%q: %v", alg, err)
		}
	}
	if _, err := b.Rotate(t.Context(), root, "other", jwk.ES256); err == nil {
		t.Error("an unknown purpose got a key")
	}
	b.configure(jwk.ES256, jwk.EdDSA)
	if _, err := b.Rotate(t.Context(), root, keyring.PurposeFeed, jwk.EdDSA); err == nil {
		t.Error("edges verify the feed with ES256 alone")
	}
	if b.active() != k.ID {
		t.Fatal("another algorithm moved this one")
	}
	if got, err := b.Active(t.Context(), keyring.PurposeToken, jwk.EdDSA); err != nil || got.Algorithm() != jwk.EdDSA {
		t.Fatal(err)
	}
}

// Tampering with a sealed key, or putting one row's into another, is found.
func TestThreatSealedKeysSwapped(t *testing.T) {
	t.Parallel()
	for name, tamper := range map[string]func(s *shelf){
		"a bit":             func(s *shelf) { s.keys[0].Sealed[20] ^= 1 },
		"cut":               func(s *shelf) { s.keys[0].Sealed = s.keys[0].Sealed[:8] },
		"another row's":     func(s *shelf) { s.keys[0].Sealed = s.keys[1].Sealed },
		"both halves":       func(s *shelf) { s.keys[0].Sealed, s.keys[0].Public = s.keys[1].Sealed, s.keys[1].Public },
		"another's public":  func(s *shelf) { s.keys[0].Public = s.keys[1].Public },
		"another purpose":   func(s *shelf) { s.keys[1].Purpose = keyring.PurposeToken; s.keys[0].Purpose = "x" },
		"another algorithm": func(s *shelf) { s.keys[0].Algorithm = jwk.ES384 },
		"another name":      func(s *shelf) { s.keys[0].ID = "evil" },
	} {
		b := newBench(t)
		b.rotate()
		if _, err := b.Rotate(t.Context(), root, keyring.PurposeFeed, jwk.ES256); err != nil {
			t.Fatal(err)
		}
		tamper(b.store)
		if k, err := b.ring(masterA).Active(t.Context(), keyring.PurposeToken, jwk.ES256); err == nil {
			t.Errorf("%s: %s signs", name, k.KeyID())
		}
	}
}

// A key under a master key that is not here: the error names both, and neither.
func TestUnknownMasterKey(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sealed := b.rotate().MasterID
	_, err := b.ring(masterB).Active(t.Context(), keyring.PurposeToken, jwk.ES256)
	other := newBench(t)
	other.Ring = other.ring(masterB)
	if id := other.rotate().MasterID; err == nil || !strings.Contains(err.Error(), sealed) || !strings.Contains(err.Error(), id) || id == sealed {
		t.Fatalf("%v: want %s and %s", err, sealed, id)
	}
	// It is found before anybody asks for a token, also for a key that waits.
	b.now = b.now.Add(ahead)
	if err := b.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.ring(masterB).Check(t.Context()); err == nil || !strings.Contains(err.Error(), sealed) {
		t.Fatalf("at the start: %v", err)
	}
	b.Ring = b.ring(masterB, masterA) // the next one is sealed under another
	b.rotate()
	if err := b.ring(masterA).Check(t.Context()); err == nil {
		t.Fatal("a key that waits was not opened")
	}
	for _, master := range [][]byte{masterA, masterB} {
		if strings.Contains(err.Error(), string(master)) || strings.Contains(err.Error(), fmt.Sprintf("%x", master)[:16]) {
			t.Fatal("the error shows a master key")
		}
	}
	for _, masters := range [][][]byte{nil, {nil}, {make([]byte, 31)}, {masterA, make([]byte, 16)}} {
		if _, err := keyring.New(b.store, masters, time.Now, ahead, life); err == nil {
			t.Errorf("%d master keys of the wrong length were taken", len(masters))
		}
	}
}

// Changing the master key: the new one seals, the old one still opens, and after
// Reseal it is not needed any more.
func TestReseal(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	one := b.rotate()
	b.rotate()
	b.Ring = b.ring(masterB, masterA)
	if b.active() != one.ID {
		t.Fatal("the old master key does not open")
	}
	if err := b.Reseal(t.Context(), root); err != nil {
		t.Fatal(err)
	}
	if len(b.store.acts) != 3 || b.store.acts[2].Action != "key.reseal" {
		t.Fatalf("resealing is one act: %d", len(b.store.acts))
	}
	b.Ring = b.ring(masterB)
	if b.active() != one.ID {
		t.Fatal("resealing lost the key")
	}
	if _, err := b.ring(masterA).Active(t.Context(), keyring.PurposeToken, jwk.ES256); err == nil {
		t.Fatal("the old master key still opens")
	}
}

// The hot path asks the store nothing within a second, sees its own changes at
// once, another process's within the second, and fails closed.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.rotate()
	first, err := b.Active(t.Context(), keyring.PurposeToken, jwk.ES256)
	if err != nil {
		t.Fatal(err)
	}
	reads, looks := b.store.reads, b.store.looks
	for range 1000 {
		if k, _ := b.Active(t.Context(), keyring.PurposeToken, jwk.ES256); k != first {
			t.Fatal("the key was unsealed again")
		}
	}
	if b.store.reads != reads || b.store.looks != looks {
		t.Fatalf("the hot path asked the store %d times", b.store.reads-reads+b.store.looks-looks)
	}
	b.now = b.now.Add(time.Second)
	if k, _ := b.Active(t.Context(), keyring.PurposeToken, jwk.ES256); k != first || b.store.looks != looks+1 || b.store.reads != reads {
		t.Fatal("after a second one small look is due")
	}
	if err := b.ring(masterA).Retire(t.Context(), root, keyring.PurposeToken, first.KeyID()); err != nil { // another process
		t.Fatal(err)
	}
	b.now = b.now.Add(time.Second)
	if b.active() == first.KeyID() {
		t.Fatal("another process's change was not seen")
	}
	second := b.active()
	if err := b.Retire(t.Context(), root, keyring.PurposeToken, second); err != nil {
		t.Fatal(err)
	}
	if b.active() == second {
		t.Fatal("an own change was not seen at once")
	}
	b.store.err = errors.New("the disk is gone")
	b.now = b.now.Add(time.Second)
	if _, err := b.Active(t.Context(), keyring.PurposeToken, jwk.ES256); !errors.Is(err, b.store.err) {
		t.Fatalf("signs with what may be revoked: %v", err)
	}
}

// A change that was lost to another process is played again on what is there.
func TestLostChangesArePlayedAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.store.lose = 3
	b.rotate()
	if len(b.store.keys) != 1 || len(b.store.acts) != 1 {
		t.Fatalf("%d keys, %d acts", len(b.store.keys), len(b.store.acts))
	}
	b.store.lose = 100
	if _, err := b.Rotate(t.Context(), root, keyring.PurposeToken, jwk.ES256); !errors.Is(err, reason.New(reason.Conflict, nil)) {
		t.Fatal(err)
	}
}
