package keyring

import (
	"context"
	"time"
)

// Standing is a key with what is to come of it.
type Standing struct {
	Key
	Signs   bool      // where no algorithm is asked for
	Due     time.Time // when it is to be replaced by another; zero: never, or another does already
	Overdue bool      // it signs longer than the policy wants
	Limit   time.Time // of one that waits, to sign or to take the lead: when it does at the latest
	Lacking []string  // live edges that would not know what it signs, for such a one
	Edges   []Holder
}

// Holder is an edge, by what it said last. Since is zero where it has not the key.
type Holder struct {
	ClientID, Instance string
	Since, At          time.Time
	Live               bool // it spoke just now
	Says               bool // it says what it has
}

// Report returns how the keys of a purpose stand that are not gone, newest first,
// and which edges have each.
func (r *Ring) Report(ctx context.Context, purpose string) ([]Standing, error) {
	keys, _, err := r.store.Keys(ctx)
	if err != nil {
		return nil, err
	}
	edges, err := r.store.Positions(ctx)
	if err != nil {
		return nil, err
	}
	signs := ""
	if s, err := r.snapshot(ctx); err == nil && s.active[use{purpose, ""}] != nil {
		signs = s.active[use{purpose, ""}].KeyID()
	}
	now := r.now()
	var out []Standing
	for _, k := range keys {
		state := k.State(now)
		if k.Purpose != purpose || state == StateGone {
			continue
		}
		s := Standing{Key: k, Signs: k.ID == signs}
		if state == StateActive && k.Retires.IsZero() {
			s.Due = r.due(keys, k)
			s.Overdue = !s.Due.IsZero() && now.After(s.Due.Add(2*Look))
		}
		if state == StatePending {
			s.Limit = r.limit(k)
			if before, ok := r.before(keys, k); ok {
				s.Lacking = lacking(edges, before.ID, k.ID, now)
			}
		}
		if lead, ok := r.leader(keys, now); ok && state == StateActive && k.Leads.After(now) {
			s.Limit, s.Lacking = k.Leads, lacking(edges, lead.ID, k.ID, now)
		}
		for _, e := range edges {
			since, _ := e.Holds(k.ID)
			s.Edges = append(s.Edges, Holder{e.ClientID, e.Instance, since, e.At, now.Sub(e.At) < live, len(e.Keys) > 0})
		}
		out = append(out, s)
	}
	return out, nil
}
