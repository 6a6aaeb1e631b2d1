package keyring

import (
	"slices"
	"time"

	"github.com/jotward/jotward/internal/revoke"
)

// leader is the key that signs tokens where no algorithm is asked for, as it was written
// down: of those that sign the one that leads since last. There is none in a store that is
// older than the record.
func (r *Ring) leader(keys []Key, now time.Time) (lead Key, ok bool) {
	list := r.policy.Load().Algorithms
	rank := func(k Key) int {
		if i := slices.Index(list, k.Algorithm); i >= 0 {
			return i
		}
		return len(list)
	}
	for _, k := range keys { // newest first
		if k.Purpose != PurposeToken || k.State(now) != StateActive || k.Leads.IsZero() || k.Leads.After(now) {
			continue
		}
		if c := k.Leads.Compare(lead.Leads); !ok || c > 0 || c == 0 && rank(k) < rank(lead) {
			lead, ok = k, true
		}
	}
	return lead, ok
}

// inherit is since when a new key of the use leads: since that whose place it takes did.
func inherit(u use, before ...Key) (since time.Time) {
	for _, k := range before {
		if k.is(u) && k.Leads.After(since) {
			since = k.Leads
		}
	}
	return since
}

// order returns the keys that change so that the first algorithm of the policy leads. One
// that signs already, for clients that ask for it, is no more known to every verifier than
// a new key is: it takes the lead once it was published for long enough and no live edge
// lacks it, and then, whatever edges say, after the time that the policy has for them.
func (r *Ring) order(keys []Key, edges []revoke.Position) (changed []Key) {
	now, p, first := r.now(), r.policy.Load(), use{PurposeToken, r.first(PurposeToken)}
	lead, ok := r.leader(keys, now)
	if !ok {
		if lead, ok = r.fallback(keys, now); !ok {
			return nil
		}
		lead.Leads = now
		changed = append(changed, lead)
	}
	next, ok := newest(keys, first, now)
	for _, k := range keys {
		// What was to lead, by an order that is not the present one any more, does not.
		if k.Purpose == PurposeToken && !k.is(first) && !k.is(lead.use()) && k.State(now) != StateGone && k.Leads.After(lead.Leads) {
			k.Leads = time.Time{}
			changed = append(changed, k)
		}
	}
	if !ok || lead.is(first) {
		return changed
	}
	was, known := next.Leads, next.Created.Add(p.Ahead)
	if isYoung(keys, now) {
		known = now
	}
	scheduled := was.After(lead.Leads)
	switch {
	case next.State(now) == StatePending: // which waits for edges by itself
		if !scheduled {
			next.Leads = now
		}
	case !now.Before(known) && len(lacking(edges, lead.ID, next.ID, now)) == 0:
		next.Leads = now
	case !scheduled:
		if next.Leads = now.Add(p.Wait); next.Leads.Before(known) {
			next.Leads = known
		}
	}
	if !next.Leads.Equal(was) {
		changed = append(changed, next)
	}
	return changed
}

// fallback is what leads where nothing is written down: the first of the policy that
// signs, else the newest.
func (r *Ring) fallback(keys []Key, now time.Time) (Key, bool) {
	for _, alg := range r.policy.Load().Algorithms {
		if k, ok := newest(keys, use{PurposeToken, alg}, now); ok && k.State(now) == StateActive {
			return k, true
		}
	}
	i := slices.IndexFunc(keys, func(k Key) bool { return k.Purpose == PurposeToken && k.State(now) == StateActive })
	if i < 0 {
		return Key{}, false
	}
	return keys[i], true
}

// newest is the newest key of a use that signs, else the newest that waits to.
func newest(keys []Key, u use, now time.Time) (Key, bool) {
	for _, state := range []string{StateActive, StatePending} {
		if i := slices.IndexFunc(keys, func(k Key) bool { return k.is(u) && k.State(now) == state }); i >= 0 {
			return keys[i], true
		}
	}
	return Key{}, false
}

// over is the keys with what is changed of them, newest first.
func over(keys, changed []Key) []Key {
	out := slices.Clone(keys)
	for _, c := range changed {
		if i := slices.IndexFunc(out, func(k Key) bool { return k.ID == c.ID }); i >= 0 {
			out[i] = c
		} else {
			out = append(out, c)
		}
	}
	slices.SortStableFunc(out, func(a, b Key) int { return b.Activates.Compare(a.Activates) })
	return out
}
