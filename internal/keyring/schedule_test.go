package keyring_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/jose/jwk"
)

const every, wait = 24 * time.Hour, time.Hour

func (b *bench) schedule(change func(*keyring.Policy)) {
	b.Helper()
	p := keyring.Policy{Algorithms: []jwk.Algorithm{jwk.ES256}, Ahead: ahead, Every: every, Wait: wait}
	change(&p)
	if err := b.Configure(p); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) tend() {
	b.Helper()
	if err := b.Tend(b.Context(), root); err != nil {
		b.Fatal(err)
	}
}

// pass lets so many minutes pass, and has the keys looked after in each, as a process does.
func (b *bench) pass(d time.Duration) {
	b.Helper()
	for range int(d / keyring.Look) {
		b.now = b.now.Add(keyring.Look)
		b.tend()
	}
}

func (b *bench) report() []keyring.Standing {
	b.Helper()
	list, err := b.Report(b.Context(), keyring.PurposeToken)
	if err != nil {
		b.Fatal(err)
	}
	return list
}

// says is what an edge reports: the keys that it has.
func (b *bench) says(instance string, kids ...string) {
	p := revoke.Position{ClientID: "edge", Instance: instance, At: b.now}
	for _, kid := range kids {
		p.Keys = append(p.Keys, revoke.HeldKey{KeyID: kid, Since: b.now})
	}
	b.store.edges = slices.DeleteFunc(b.store.edges, func(o revoke.Position) bool { return o.Instance == instance })
	b.store.edges = append(b.store.edges, p)
}

// A key is followed by another before it has signed for as long as the policy lets it;
// the next one is published ahead, and what was signed before stays verifiable.
func TestSchedule(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.schedule(func(*keyring.Policy) {})
	b.tend()
	first := b.active()
	due := b.report()[0].Due
	if from := b.now.Add(every - every/20); due.Before(from) || due.After(b.now.Add(every)) {
		t.Fatalf("due %s, want within a twentieth of %s", due, b.now.Add(every))
	}
	b.pass(due.Sub(b.now) - ahead - 2*keyring.Look)
	if n := len(b.report()); n != 1 || b.active() != first {
		t.Fatalf("%d keys before it is time", n)
	}
	b.pass(4 * keyring.Look)
	list := b.report()
	if len(list) != 2 || b.active() != first {
		t.Fatalf("%d keys, %s signs: the next one is published first", len(list), b.active())
	}
	next := list[slices.IndexFunc(list, func(s keyring.Standing) bool { return s.ID != first })]
	if !b.published(next.ID) || next.Activates.Sub(b.now) < ahead-4*keyring.Look {
		t.Fatalf("the next key signs at %s, now it is %s", next.Activates, b.now)
	}
	b.pass(ahead)
	if b.active() != next.ID || !b.published(first) {
		t.Errorf("%s signs, want %s; the first is published: %v", b.active(), next.ID, b.published(first))
	}
	if after := b.report(); slices.ContainsFunc(after, func(s keyring.Standing) bool { return s.Overdue }) {
		t.Errorf("something is overdue: %+v", after)
	}
}

// Many processes on one store change the keys once.
func TestScheduleOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.schedule(func(*keyring.Policy) {})
	b.tend()
	b.now = b.now.Add(every)
	before := b.store.changes()
	var all sync.WaitGroup
	for range 10 {
		r := b.ring(masterA)
		if err := r.Configure(keyring.Policy{Algorithms: []jwk.Algorithm{jwk.ES256}, Ahead: ahead, Every: every, Wait: wait}); err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			if err := r.Tend(t.Context(), root); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	tokens := 0
	for _, k := range b.store.keys {
		if k.Purpose == keyring.PurposeToken {
			tokens++
		}
	}
	if n := b.store.changes() - before; tokens != 2 || n > 2 { // one for tokens, one for the feed
		t.Errorf("%d changes, %d keys for tokens", n, tokens)
	}
}

// Where an operator rotates by hand, what is late is said, and nothing done.
func TestScheduleByHand(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.schedule(func(p *keyring.Policy) { p.Manual = true })
	b.tend()
	first := b.active()
	b.now = b.now.Add(every + 3*keyring.Look)
	b.tend()
	if list := b.report(); len(list) != 1 || !list[0].Overdue || b.active() != first {
		t.Errorf("%+v", list)
	}
}

// A key waits for live edges that know what signs now and have not said that they know it,
// and for no longer than the policy lets it: an edge must not hold rotation up for ever.
func TestScheduleWaitsForEdges(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.schedule(func(*keyring.Policy) {})
	b.tend()
	first := b.active()
	next := b.rotate()
	b.says("gone", first)
	b.now = b.now.Add(2 * time.Minute) // it is not heard any more
	step := func(says func()) {
		b.now = b.now.Add(keyring.Look)
		says()
		b.tend()
	}
	for range 30 {
		step(func() { b.says("late", first); b.says("mute"); b.says("other", "a key of another issuer") })
	}
	list := b.report()
	of := func(id string) keyring.Standing {
		return list[slices.IndexFunc(list, func(s keyring.Standing) bool { return s.ID == id })]
	}
	if b.active() != first || !slices.Equal(of(next.ID).Lacking, []string{"edge/late"}) {
		t.Fatalf("%s signs, lacking %v", b.active(), of(next.ID).Lacking)
	}
	waiting := *b // the same, for the edge that never learns
	waiting.store = &shelf{keys: slices.Clone(b.store.keys), edges: slices.Clone(b.store.edges), generation: b.store.generation}
	waiting.Ring = waiting.ring(masterA)
	waiting.schedule(func(*keyring.Policy) {})

	for range 8 { // it says that it has the key
		step(func() { b.says("late", first, next.ID) })
	}
	if list = b.report(); b.active() != next.ID {
		t.Errorf("%s signs after every edge has the next: %+v", b.active(), of(next.ID))
	}
	for range 60 {
		waiting.now = waiting.now.Add(keyring.Look)
		waiting.says("late", first)
		waiting.tend()
	}
	if waiting.active() != next.ID {
		t.Errorf("%s signs: one edge holds rotation up for ever", waiting.active())
	}
}
