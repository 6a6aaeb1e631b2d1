package keyring

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/jotward/jotward/internal/audit"
)

// Replaced is what a replacement led to.
type Replaced struct {
	Next Key // signs now in place of the key
	// Beside are the keys that go on, newest first, though they lay in the same store as
	// the one that was replaced. Who had the whole store has them.
	Beside []Key
}

// Replace is Retire for when a private key may be in other hands: one that waits
// for its time to sign in its place is revoked with it, and a new key, which nobody
// had before, signs at once. Where another of its use signs already, that goes on. With all
// every other key of the store dies as well, whatever its purpose: whoever had the store
// and its master key had all of them.
func (r *Ring) Replace(ctx context.Context, actor audit.Actor, purpose, kid string, all bool) (out Replaced, err error) {
	err = r.change(ctx, func(keys []Key) ([]Key, audit.Act, error) {
		now := r.now()
		keys, k, err := kill(keys, purpose, kid, now)
		if err != nil {
			return nil, audit.Act{}, err
		}
		changed, dead := []Key{k}, []string{kid}
		for i := range keys {
			if state := keys[i].State(now); state != StateGone && (all || keys[i].is(k.use()) && state == StatePending) {
				keys[i].die()
				changed, dead = append(changed, keys[i]), append(dead, keys[i].ID)
			}
		}
		next, err := r.instead(keys, changed, k.use(), now)
		if err != nil {
			return nil, audit.Act{}, err
		}
		out = Replaced{Next: next[0]}
		for _, k := range keys {
			if k.State(now) != StateGone {
				out.Beside = append(out.Beside, k)
			}
		}
		act := audit.New(now, actor, "key.replace", "key", kid, "purpose", purpose, "next", next[0].ID, "revoked", strconv.Itoa(len(dead)), "beside", strconv.Itoa(len(out.Beside)))
		return append(changed, next...), r.revoking(act, dead...), nil
	})
	return out, err
}

// instead returns the keys that sign now in place of those that are dead: first that of
// the use, then one of every other use of the policy that has none any more.
func (r *Ring) instead(keys, dead []Key, u use, now time.Time) (next []Key, err error) {
	uses := []use{u}
	for _, other := range r.uses() {
		if other != u && slices.ContainsFunc(dead, func(k Key) bool { return k.is(other) }) {
			uses = append(uses, other)
		}
	}
	for _, u := range uses {
		var k Key
		if i := slices.IndexFunc(keys, func(k Key) bool { return k.is(u) && k.State(now) == StateActive }); i >= 0 {
			k = keys[i] // another signs already; it goes on, also if its end was set for one that is dead
			k.Retires, k.Gone = time.Time{}, time.Time{}
		} else if k, err = r.generate(u, now, now); err != nil {
			return nil, err
		}
		k.Leads = inherit(u, append(dead, k)...)
		next = append(next, k)
	}
	return next, nil
}
