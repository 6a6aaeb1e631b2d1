package keyring

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/jose/jwk"
)

// Rotate makes the next key of a purpose and algorithm, which the policy has; no
// algorithm means its first. It signs after ahead,
// at once when no other does; the ones before it stay published until the last
// token that they signed has expired.
func (r *Ring) Rotate(ctx context.Context, actor audit.Actor, purpose string, alg jwk.Algorithm) (next Key, err error) {
	u, err := r.use(purpose, alg)
	if err != nil {
		return Key{}, err
	}
	err = r.change(ctx, func(keys []Key) ([]Key, audit.Act, error) {
		changed, err := r.succeed(keys, u)
		if err != nil {
			return nil, audit.Act{}, err
		}
		next = changed[len(changed)-1]
		return changed, audit.New(r.now(), actor, "key.rotate", "key", next.ID, "purpose", purpose, "algorithm", string(u.algorithm)), nil
	})
	return next, err
}

// Retire revokes a key at once; NotFound when the purpose has no such key. When
// nothing would sign after it, now or later, its replacement is made in the
// same transaction.
func (r *Ring) Retire(ctx context.Context, actor audit.Actor, purpose, kid string) error {
	return r.change(ctx, func(keys []Key) ([]Key, audit.Act, error) {
		now := r.now()
		keys, k, err := kill(keys, purpose, kid, now)
		if err != nil {
			return nil, audit.Act{}, err
		}
		changed, u := []Key{k}, k.use()
		if !slices.ContainsFunc(keys, func(k Key) bool { return k.is(u) && k.Retires.IsZero() }) {
			more, err := r.succeed(keys, u)
			if err != nil {
				return nil, audit.Act{}, err
			}
			next := &more[len(more)-1]
			next.Leads = inherit(u, k, *next)
			changed = append(changed, more...)
		} else if !slices.ContainsFunc(keys, func(k Key) bool { return k.is(u) && k.State(now) == StateActive }) {
			// The next one is there but waits for its time, which has come.
			for _, k := range keys {
				if k.is(u) && k.State(now) == StatePending && k.Retires.IsZero() {
					k.Activates = now
					changed = append(changed, k)
				}
			}
		}
		return changed, r.revoking(audit.New(now, actor, "key.retire", "key", kid, "purpose", purpose), kid), nil
	})
}

// kill ends one key of a purpose, in a copy of the keys.
func kill(keys []Key, purpose, kid string, now time.Time) ([]Key, Key, error) {
	i := slices.IndexFunc(keys, func(k Key) bool { return k.ID == kid && k.Purpose == purpose && k.State(now) != StateGone })
	if i < 0 {
		return nil, Key{}, reason.New(reason.NotFound, nil)
	}
	keys = slices.Clone(keys)
	keys[i].die()
	return keys, keys[i], nil
}

// die ends a key for good. Its end is its beginning: no clock that is set back finds a
// moment at which it could sign or be believed. When it died stands in the audit trail.
func (k *Key) die() { k.Retires, k.Gone = k.Created, k.Created }

// remembered is how long a key's revocation outlasts the tokens that the issuer signed with
// it. Who has the key signs more, for as long as any verifier knows it: one that cannot
// fetch keys uses those that it has, or has written down, for an hour and more.
const remembered = 24 * time.Hour

// revoking says in the log that all that the keys signed is dead.
func (r *Ring) revoking(act audit.Act, kids ...string) audit.Act {
	for _, kid := range kids {
		act = act.Revoking(revoke.Entry{Kind: revoke.KindKey, ID: kid, Expires: act.At.Add(r.tokenLife + remembered), Reason: reason.Administrator})
	}
	return act
}

// Rollback takes the last rotation of a purpose and algorithm back and returns
// the key that signs then: a key that waits is dropped, and one that signs gives
// way to the one before it, while that is still published. What the other signed
// stays good: this is no revocation. It fails with RollbackUnavailable when there
// is nothing to go back to.
func (r *Ring) Rollback(ctx context.Context, actor audit.Actor, purpose string, alg jwk.Algorithm) (back Key, err error) {
	u, err := r.use(purpose, alg)
	if err != nil {
		return Key{}, err
	}
	err = r.change(ctx, func(keys []Key) ([]Key, audit.Act, error) {
		now := r.now()
		var from Key // newest first: the one to take back, then the one to go back to
		back = Key{}
		for _, k := range keys {
			switch state := k.State(now); {
			case !k.is(u) || state == StateGone || from.ID != "" && back.ID != "":
			case from.ID == "" && (state == StatePending || state == StateActive):
				from = k
			case from.ID != "":
				back = k
			}
		}
		if from.ID == "" || back.ID == "" {
			return nil, audit.Act{}, reason.New(reason.RollbackUnavailable, nil)
		}
		if from.Retires, from.Gone = now, now.Add(r.tokenLife); from.Activates.After(now) {
			from.Gone = now // it signed nothing
		}
		back.Retires, back.Gone, back.Leads = time.Time{}, time.Time{}, inherit(u, from, back)
		return []Key{from, back}, audit.New(now, actor, "key.rollback", "key", back.ID, "purpose", purpose, "algorithm", string(u.algorithm), "from", from.ID), nil
	})
	return back, err
}

// Reseal seals every private key under the first master key, after which the
// other master keys may be thrown away.
func (r *Ring) Reseal(ctx context.Context, actor audit.Actor) error {
	return r.change(ctx, func(keys []Key) ([]Key, audit.Act, error) {
		keys = slices.Clone(keys)
		for i := range keys {
			private, err := r.masters.open(&keys[i])
			if err != nil {
				return nil, audit.Act{}, err
			}
			r.masters.seal(&keys[i], private)
			clear(private)
		}
		return keys, audit.New(r.now(), actor, "key.reseal", "master_key", r.masters.first, "keys", strconv.Itoa(len(keys))), nil
	})
}

// change reads the keys, has them changed, and writes them when nobody else
// wrote meanwhile; a lost round is played again.
func (r *Ring) change(ctx context.Context, change func([]Key) ([]Key, audit.Act, error)) error {
	for range 16 {
		keys, from, err := r.store.Keys(ctx)
		if err != nil {
			return err
		}
		changed, act, err := change(keys)
		if err != nil {
			return err
		}
		err = r.store.SaveKeys(ctx, changed, from, act)
		if err == nil {
			r.settle()
			return nil
		}
		if !errors.Is(err, reason.New(reason.Conflict, nil)) {
			return err
		}
	}
	return reason.New(reason.Conflict, errors.New("keyring: others keep changing the keys"))
}

// settle has this process see a change at once, and waits until nothing is being
// signed any more with the keys of before.
func (r *Ring) settle() {
	r.reload.Lock()
	r.current.Store(nil)
	r.reload.Unlock()
	r.signing.Lock() // after reload, which a signer takes inside
	defer r.signing.Unlock()
}

// use names what keys are meant; no algorithm means the purpose's own.
func (r *Ring) use(purpose string, alg jwk.Algorithm) (use, error) {
	if alg == "" {
		alg = r.first(purpose)
	}
	if u := (use{purpose, alg}); slices.Contains(r.uses(), u) {
		return u, nil
	}
	return use{}, &reason.Error{Code: reason.RequestInvalid, Detail: "purpose is token, token-NAME for a resource with a key_name, or feed; the algorithm is one of issuer.signing.algorithms, the resource's own, or for the feed ES256"}
}

func (k Key) use() use { return use{k.Purpose, k.Algorithm} }

func (k Key) is(u use) bool { return k.Purpose == u.purpose && k.Algorithm == u.algorithm }

// succeed ends the keys of a use and adds the next, which is the last of what
// it returns. A key that waits for its time already is replaced before it signs.
func (r *Ring) succeed(keys []Key, u use) ([]Key, error) {
	now := r.now()
	from := now
	if slices.ContainsFunc(keys, func(k Key) bool { return k.is(u) && k.State(now) == StateActive }) {
		from = now.Add(r.policy.Load().Ahead)
	}
	var changed []Key
	for _, k := range keys {
		switch {
		case !k.is(u):
			continue
		case k.State(now) == StateActive:
			// The one in use goes on until the next may sign, also when its end was
			// set for an earlier moment by a successor that will never be.
			k.Retires, k.Gone = from, from.Add(r.tokenLife)
		case k.State(now) == StatePending:
			k.Retires, k.Gone = now, now
		default:
			continue
		}
		changed = append(changed, k)
	}
	next, err := r.generate(u, now, from)
	next.Leads = inherit(u, changed...)
	if _, led := r.leader(keys, now); !led && u == (use{PurposeToken, r.first(PurposeToken)}) {
		next.Leads = from // the first of all
	}
	return append(changed, next), err
}

func (r *Ring) generate(u use, now, from time.Time) (Key, error) {
	k, err := jwk.Generate(u.algorithm, "")
	// A kid that begins with a dash reads as a flag in `jotward keys retire`.
	for err == nil && strings.HasPrefix(k.KeyID(), "-") {
		k, err = jwk.Generate(u.algorithm, "")
	}
	if err != nil {
		return Key{}, err
	}
	private, err := k.ExportPrivate()
	if err != nil {
		return Key{}, err
	}
	defer clear(private)
	public, err := k.MarshalJSON()
	if err != nil {
		return Key{}, err
	}
	row := Key{ID: k.KeyID(), Purpose: u.purpose, Algorithm: u.algorithm, Public: public, Created: now, Activates: from}
	r.masters.seal(&row, private)
	return row, nil
}
