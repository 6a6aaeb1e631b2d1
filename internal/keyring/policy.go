package keyring

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/jose/jwk"
)

// Policy is what an operator decides of the keys.
type Policy struct {
	// Algorithms sign tokens; the first does unless another is asked for. The feed
	// is signed with DefaultAlgorithm alone.
	Algorithms []jwk.Algorithm
	// Own are the resources that have keys of their own, each with its algorithm, by name.
	Own map[string]jwk.Algorithm
	// Ahead is how long a key is published before it signs.
	Ahead time.Duration
	// Every is how long a key signs before it is replaced; 0: without an end.
	Every time.Duration
	// Manual leaves that to an operator: what is overdue is only said.
	Manual bool
	// Wait is how much longer a key waits, at most, for edges that do not have it.
	Wait time.Duration
}

// Algorithms returns those that a Policy may name: keys are published, so none
// of them is symmetric.
func Algorithms() []jwk.Algorithm {
	return slices.DeleteFunc(jwk.SignatureAlgorithms(), jwk.Algorithm.IsSymmetric)
}

func (p Policy) check() error {
	if p.Every < 0 || p.Every > 0 && p.Every < 4*p.Ahead || p.Wait < 0 {
		return errors.New("keyring: keys sign for at least four times as long as they are published before, and do not wait for less than nothing")
	}
	if len(p.Algorithms) == 0 || p.Ahead <= 0 {
		return errors.New("keyring: a policy names an algorithm and how long keys are published before they sign")
	}
	for i, alg := range p.Algorithms {
		if !slices.Contains(Algorithms(), alg) || slices.Contains(p.Algorithms[:i], alg) {
			return errors.New("keyring: " + string(alg) + " is no asymmetric signature algorithm, or is there twice")
		}
	}
	for name, alg := range p.Own {
		if name == "" || !slices.Contains(Algorithms(), alg) {
			return errors.New("keyring: a resource with keys of its own needs a name and an asymmetric signature algorithm")
		}
	}
	return nil
}

// Configure replaces the policy. Arrange then makes the keys that it wants.
func (r *Ring) Configure(p Policy) error {
	if err := p.check(); err != nil {
		return err
	}
	p.Algorithms, p.Own = slices.Clone(p.Algorithms), maps.Clone(p.Own)
	r.policy.Store(&p)
	r.settle()
	return nil
}

// Policy returns what is in force.
func (r *Ring) Policy() Policy { return *r.policy.Load() }

// Offers reports whether the policy has an algorithm for tokens.
func (r *Ring) Offers(alg jwk.Algorithm) bool {
	return slices.Contains(r.policy.Load().Algorithms, alg)
}

// first is the algorithm that a purpose signs with unless another is asked for.
func (r *Ring) first(purpose string) jwk.Algorithm {
	p := r.policy.Load()
	if purpose == PurposeToken {
		return p.Algorithms[0]
	}
	if name, own := strings.CutPrefix(purpose, ownPrefix); own && p.Own[name] != "" {
		return p.Own[name]
	}
	return DefaultAlgorithm
}

// Purposes are what there are keys for: the feed, tokens, and those of single resources,
// also of one that the policy has no more and whose keys are still published.
func (r *Ring) Purposes(ctx context.Context) ([]string, error) {
	s, err := r.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	list := []string{PurposeFeed, PurposeToken}
	for _, u := range r.uses() {
		list = append(list, u.purpose)
	}
	for purpose := range s.sets {
		list = append(list, purpose)
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// AlgorithmsOf are those that the policy has for a purpose.
func (r *Ring) AlgorithmsOf(purpose string) []jwk.Algorithm {
	list := []jwk.Algorithm{}
	for _, u := range r.uses() {
		if u.purpose == purpose {
			list = append(list, u.algorithm)
		}
	}
	return list
}

// uses are what there are keys for.
func (r *Ring) uses() []use {
	list := []use{{PurposeFeed, DefaultAlgorithm}}
	p := r.policy.Load()
	for _, alg := range p.Algorithms {
		list = append(list, use{PurposeToken, alg})
	}
	for _, name := range slices.Sorted(maps.Keys(p.Own)) {
		list = append(list, use{OwnPurpose(name), p.Own[name]})
	}
	return list
}

// errNothing ends a change that found nothing to do.
var errNothing = errors.New("keyring: nothing to do")

// Arrange makes the keys of tokens what the policy wants, in one change: an
// algorithm that is new gets a key, which is published like any other before it
// signs, and one that is gone signs until the first of the policy may. Its keys
// stay published until their last token has expired, so that a migration
// rejects nothing. An algorithm that comes back goes on with what it had.
func (r *Ring) Arrange(ctx context.Context, actor audit.Actor) error {
	err := r.change(ctx, func(keys []Key) ([]Key, audit.Act, error) {
		changed, err := r.begin(keys)
		if err != nil {
			return nil, audit.Act{}, err
		}
		edges, err := r.store.Positions(ctx)
		if err != nil {
			return nil, audit.Act{}, err
		}
		changed = over(changed, r.order(over(keys, changed), edges))
		changed = over(changed, r.end(over(keys, changed)))
		if len(changed) == 0 {
			return nil, audit.Act{}, errNothing
		}
		var ids []string
		for _, k := range changed {
			ids = append(ids, k.ID)
		}
		return changed, audit.New(r.now(), actor, "key.arrange", "purpose", PurposeToken,
			"algorithms", names(r.policy.Load().Algorithms), "keys", strings.Join(ids, " ")), nil
	})
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}

func names(list []jwk.Algorithm) string {
	var out []string
	for _, alg := range list {
		out = append(out, string(alg))
	}
	return strings.Join(out, " ")
}

// young is how long after its first key a ring counts as new. What it published
// until then was not to be cached while it lacked a key (see PublicSet), so that
// the first key of each algorithm signs at once.
const young = time.Minute

func isYoung(keys []Key, now time.Time) bool {
	return !slices.ContainsFunc(keys, func(k Key) bool { return k.Purpose == PurposeToken && now.Sub(k.Created) > young })
}

// begin returns the keys of algorithms that have none with an open end.
func (r *Ring) begin(keys []Key) (changed []Key, err error) {
	now := r.now()
	from := now
	if !isYoung(keys, now) {
		from = now.Add(r.policy.Load().Ahead)
	}
	for _, u := range r.uses() {
		if u.purpose == PurposeFeed {
			continue // whose first key is made at the start
		}
		if slices.ContainsFunc(keys, func(k Key) bool { return k.is(u) && k.Retires.IsZero() }) {
			continue
		}
		if i := slices.IndexFunc(keys, func(k Key) bool { return k.is(u) && k.State(now) != StateGone }); i >= 0 {
			k := keys[i] // the newest; still published
			k.Retires, k.Gone = time.Time{}, time.Time{}
			changed = append(changed, k)
			continue
		}
		k, err := r.generate(u, now, from)
		if err != nil {
			return nil, err
		}
		changed = append(changed, k)
	}
	return changed, nil
}

// end returns the keys of uses that the policy has no more, with their end: when the first
// algorithm of their purpose signs, which it may do now.
func (r *Ring) end(keys []Key) (out []Key) {
	now, wanted := r.now(), r.uses()
	begins := func(u use) (from time.Time) {
		for _, k := range keys {
			leads := k.Activates
			if k.Leads.After(leads) {
				leads = k.Leads
			}
			if state := k.State(now); k.is(u) && (state == StateActive || state == StatePending) && (from.IsZero() || leads.Before(from)) {
				from = leads
			}
		}
		if from.Before(now) {
			from = now
		}
		return from
	}
	for _, k := range keys {
		if k.Purpose == PurposeFeed || slices.Contains(wanted, k.use()) || !k.Retires.IsZero() {
			continue
		}
		from := begins(use{k.Purpose, r.first(k.Purpose)})
		if k.State(now) == StatePending {
			k.Retires, k.Gone = now, now
		} else {
			k.Retires, k.Gone = from, from.Add(r.tokenLife)
		}
		out = append(out, k)
	}
	return out
}
