package keyring

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/internal/secret"
)

// Look is how often Tend is to be called.
const Look = time.Minute

// Tend does what is due: it arranges the keys by the policy, makes the next key in
// time to be published before the one that signs is too old, and puts a key off
// that live edges do not have. Processes that share a store may all call it: each
// change is one conditional statement, and whoever is late finds nothing to do.
func (r *Ring) Tend(ctx context.Context, actor audit.Actor) error {
	err := r.Arrange(ctx, actor)
	for _, u := range r.uses() {
		if more := r.change(ctx, func(keys []Key) ([]Key, audit.Act, error) { return r.tend(ctx, actor, keys, u) }); !errors.Is(more, errNothing) {
			err = errors.Join(err, more)
		}
	}
	return err
}

// tend returns what there is to do for one use, or errNothing.
func (r *Ring) tend(ctx context.Context, actor audit.Actor, keys []Key, u use) ([]Key, audit.Act, error) {
	now := r.now()
	if i := slices.IndexFunc(keys, func(k Key) bool { return k.is(u) && k.State(now) == StatePending }); i >= 0 {
		edges, err := r.store.Positions(ctx)
		if err != nil {
			return nil, audit.Act{}, err
		}
		return r.putOff(actor, keys, keys[i], edges)
	}
	p := r.policy.Load()
	i := slices.IndexFunc(keys, func(k Key) bool { return k.is(u) && k.State(now) == StateActive && k.Retires.IsZero() })
	if i < 0 || p.Manual {
		return nil, audit.Act{}, errNothing
	}
	if due := r.due(keys, keys[i]); due.IsZero() || now.Before(due.Add(-p.Ahead)) {
		return nil, audit.Act{}, errNothing
	}
	changed, err := r.succeed(keys, u)
	if err != nil {
		return nil, audit.Act{}, err
	}
	return changed, audit.New(now, actor, "key.rotate", "key", changed[len(changed)-1].ID, "purpose", u.purpose, "algorithm", string(u.algorithm)), nil
}

// due is when a key that signs is to be replaced; zero for never. It counts from
// when the key began, or began again after a roll-back. Keys of one age are spread
// over a twentieth of the time, each by its own id, so that all processes agree.
func (r *Ring) due(keys []Key, k Key) time.Time {
	every := r.policy.Load().Every
	if every == 0 {
		return time.Time{}
	}
	now, from := r.now(), k.Activates
	for _, o := range keys {
		if o.is(k.use()) && o.ID != k.ID && !o.Retires.IsZero() && !o.Retires.After(now) && o.Retires.After(from) {
			from = o.Retires
		}
	}
	share := float64(binary.BigEndian.Uint32(secret.Hash(k.ID))) / (1 << 32)
	return from.Add(every - time.Duration(share*float64(every/20)))
}

// live is how long after its last report an edge counts as running.
const live = time.Minute

// lacking are the live edges that verify what signs now and would not know the key
// that comes: an edge that takes nothing of an algorithm is not waited for, nor is
// one that does not say what it has.
func lacking(edges []revoke.Position, signs, next string, now time.Time) (names []string) {
	for _, e := range edges {
		_, has := e.Holds(signs)
		if _, will := e.Holds(next); has && !will && now.Sub(e.At) < live {
			names = append(names, e.ClientID+"/"+e.Instance)
		}
	}
	return names
}

// before is the key whose place another takes: the one of its use, or what signs
// while none is asked for, where that is to be it.
func (r *Ring) before(keys []Key, next Key) (Key, bool) {
	now := r.now()
	of := func(u use) (Key, bool) {
		i := slices.IndexFunc(keys, func(k Key) bool { return k.is(u) && k.State(now) == StateActive })
		if i < 0 {
			return Key{}, false
		}
		return keys[i], true
	}
	if k, ok := of(next.use()); ok || next.Algorithm != r.first(next.Purpose) {
		return k, ok
	}
	for _, alg := range r.policy.Load().Algorithms {
		if k, ok := of(use{next.Purpose, alg}); ok {
			return k, ok
		}
	}
	for _, k := range keys {
		if k.Purpose == next.Purpose && k.State(now) == StateActive {
			return k, true
		}
	}
	return Key{}, false
}

// limit is when a key signs at the latest.
func (r *Ring) limit(k Key) time.Time {
	p := r.policy.Load()
	return k.Created.Add(p.Ahead + p.Wait)
}

// putOff moves a key that is about to sign while a live edge lacks it, together
// with the end of what it follows. It goes by what the edges say, and for no longer
// than the policy allows: an edge must not keep an old key signing for ever.
func (r *Ring) putOff(actor audit.Actor, keys []Key, next Key, edges []revoke.Position) ([]Key, audit.Act, error) {
	now := r.now()
	to := next.Activates.Add(5 * Look)
	if limit := r.limit(next); to.After(limit) {
		to = limit
	}
	signs, ok := r.before(keys, next)
	if !ok || next.Activates.Sub(now) > 2*Look || !to.After(next.Activates) {
		return nil, audit.Act{}, errNothing
	}
	late := lacking(edges, signs.ID, next.ID, now)
	if len(late) == 0 {
		return nil, audit.Act{}, errNothing
	}
	var changed []Key
	for _, k := range keys {
		if k.Purpose == next.Purpose && k.ID != next.ID && k.Retires.Equal(next.Activates) {
			k.Retires, k.Gone = to, to.Add(r.tokenLife)
			changed = append(changed, k)
		}
	}
	next.Activates = to
	return append(changed, next), audit.New(now, actor, "key.wait", "key", next.ID, "purpose", next.Purpose,
		"until", to.UTC().Format(time.RFC3339), "edges", strings.Join(late[:min(len(late), 10)], " ")), nil
}
