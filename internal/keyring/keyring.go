// Package keyring holds the signing keys; only here are private halves open.
// They are stored sealed with AES-256-GCM under a master key, and are opened
// once. The hot path reads a snapshot: no SQL, no lock.
package keyring

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/jose/jwk"
)

// reloadEvery bounds how late a change made by another process is seen.
const reloadEvery = time.Second

// Ring signs and publishes. It is built by New.
type Ring struct {
	store            Store
	now              func() time.Time
	ahead, tokenLife time.Duration
	masters          *masters

	current atomic.Pointer[snapshot]
	reload  sync.Mutex         // held while the snapshot is renewed
	opened  map[string]opening // by kid; guarded by reload
}

// opening is a private key with the row's ciphertext that it came from.
type opening struct {
	sealed string
	key    *jwk.Key
}

// use is what a key is for.
type use struct {
	purpose   string
	algorithm jwk.Algorithm
}

// snapshot is what the ring knows at one moment. It is immutable but for
// checked, the time of the last look at the store.
type snapshot struct {
	generation int64
	keys       []Key
	active     map[use]*jwk.Key
	sets       map[string]*jwk.Set
	until      time.Time // some key changes its state here; zero: none will
	checked    atomic.Int64
}

// New makes a ring. The first master key seals; the others only open what they
// sealed before. ahead is how long a key is published before use, tokenLife the
// longest life of what it signs.
func New(s Store, masterKeys [][]byte, now func() time.Time, ahead, tokenLife time.Duration) (*Ring, error) {
	m, err := newMasters(masterKeys)
	if err != nil {
		return nil, err
	}
	return &Ring{store: s, now: now, ahead: ahead, tokenLife: tokenLife, masters: m, opened: map[string]opening{}}, nil
}

// Active returns the key to sign with: the same pointer until it changes.
func (r *Ring) Active(ctx context.Context, purpose string, alg jwk.Algorithm) (*jwk.Key, error) {
	s, err := r.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	if k := s.active[use{purpose, alg}]; k != nil {
		return k, nil
	}
	return nil, reason.New(reason.Internal, fmt.Errorf("keyring: no active %s key for %s: rotate it", alg, purpose))
}

// Set returns the public keys that tokens may still be signed with: the same
// pointer until it changes.
func (r *Ring) Set(ctx context.Context, purpose string) (*jwk.Set, error) {
	s, err := r.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	if set := s.sets[purpose]; set != nil {
		return set, nil
	}
	return jwk.NewSet()
}

// PublicSet returns the JWK Set to publish and how long it may be cached:
// half of ahead, so that a key is known everywhere before it signs.
func (r *Ring) PublicSet(ctx context.Context, purpose string) ([]byte, time.Duration, error) {
	set, err := r.Set(ctx, purpose)
	if err != nil {
		return nil, 0, err
	}
	text, err := set.MarshalJSON()
	return text, r.ahead / 2, err
}

// Check opens every key that signs or will: a master key that is not theirs is
// found at the start, and not by the first who asks for a token.
func (r *Ring) Check(ctx context.Context) error {
	keys, _, err := r.store.Keys(ctx)
	for i := range keys {
		if state := keys[i].State(r.now()); err == nil && (state == StateActive || state == StatePending) {
			_, err = r.openKey(&keys[i])
		}
	}
	return err
}

// List returns all keys of a purpose, newest first; private halves stay sealed.
func (r *Ring) List(ctx context.Context, purpose string) ([]Key, error) {
	keys, _, err := r.store.Keys(ctx)
	return slices.DeleteFunc(keys, func(k Key) bool { return k.Purpose != purpose }), err
}

// holds reports whether no key has changed its state since the snapshot was
// made. A clock that was set back, by more than readers can be apart, may have
// given a key back the state that it had.
func (s *snapshot) holds(now time.Time) bool {
	return s != nil && (s.until.IsZero() || now.Before(s.until)) && now.UnixNano()-s.checked.Load() > -int64(reloadEvery)
}

// snapshot returns a snapshot that is at most reloadEvery behind the store and
// in which no key has changed its state since. While one caller renews it the
// others go on with the old one, unless a key's time has come.
func (r *Ring) snapshot(ctx context.Context) (*snapshot, error) {
	now := r.now()
	s := r.current.Load()
	due := !s.holds(now)
	if !due && now.UnixNano()-s.checked.Load() < int64(reloadEvery) {
		return s, nil
	}
	if due {
		r.reload.Lock()
	} else if !r.reload.TryLock() {
		return s, nil
	}
	defer r.reload.Unlock()
	if s = r.current.Load(); s.holds(now) {
		generation, err := r.store.KeyGeneration(ctx)
		if err != nil {
			return nil, err // fail closed: a key may have been retired meanwhile
		}
		if generation == s.generation {
			s.checked.Store(now.UnixNano())
			return s, nil
		}
	}
	keys, generation, err := r.store.Keys(ctx)
	if err != nil {
		return nil, err
	}
	s, err = r.build(keys, generation, now)
	if err == nil {
		r.current.Store(s)
	}
	return s, err
}

func (r *Ring) build(keys []Key, generation int64, now time.Time) (*snapshot, error) {
	s := &snapshot{generation: generation, keys: keys, active: map[use]*jwk.Key{}, sets: map[string]*jwk.Set{}}
	s.checked.Store(now.UnixNano())
	public := map[string][]*jwk.Key{}
	opened := map[string]opening{}
	for i := range keys {
		k := &keys[i]
		for _, t := range []time.Time{k.Activates, k.Retires, k.Gone} {
			if t.After(now) && (s.until.IsZero() || t.Before(s.until)) {
				s.until = t
			}
		}
		state := k.State(now)
		if state == StateGone {
			continue
		}
		pub, err := jwk.Parse(k.Public, jwk.Options{PublicOnly: true})
		if err != nil {
			return nil, err
		}
		public[k.Purpose] = append(public[k.Purpose], pub)
		u := use{k.Purpose, k.Algorithm}
		if state != StateActive || s.active[u] != nil { // newest first
			continue
		}
		o, ok := r.opened[k.ID]
		if !ok || o.sealed != string(k.Sealed) {
			if o, err = r.openKey(k); err != nil {
				return nil, err
			}
		}
		opened[k.ID] = o
		s.active[u] = o.key
	}
	for purpose, list := range public {
		set, err := jwk.NewSet(list...)
		if err != nil {
			return nil, err
		}
		s.sets[purpose] = set
	}
	r.opened = opened // only what is active stays open
	return s, nil
}

func (r *Ring) openKey(k *Key) (opening, error) {
	private, err := r.masters.open(k)
	if err != nil {
		return opening{}, err
	}
	key, err := jwk.Parse(private, jwk.Options{})
	clear(private)
	if err != nil {
		return opening{}, errors.New("keyring: key " + k.ID + " cannot be read")
	}
	// The public half is published from its own column: it must be this key's.
	pub, err := jwk.Parse(k.Public, jwk.Options{PublicOnly: true})
	if err != nil || pub.Thumbprint() != key.Thumbprint() || key.Algorithm() != k.Algorithm || key.KeyID() != k.ID {
		return opening{}, errors.New("keyring: key " + k.ID + " was tampered with: its halves differ: restore the database")
	}
	return opening{string(k.Sealed), key}, nil
}
