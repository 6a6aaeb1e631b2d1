// Package keyring holds the signing keys; only here are private halves open.
// They are stored sealed with AES-256-GCM under a master key, and are opened
// once. The hot path reads a snapshot: no SQL, no lock.
package keyring

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/jose/jwk"
)

// reloadEvery bounds how late a change made by another process is seen.
const reloadEvery = time.Second

// maxCache is how long a key set may be cached at most.
const maxCache = 5 * time.Minute

// Ring signs and publishes. It is built by New.
type Ring struct {
	store     Store
	now       func() time.Time
	tokenLife time.Duration
	masters   *masters
	policy    atomic.Pointer[Policy]

	current atomic.Pointer[snapshot]
	signing sync.RWMutex       // read while something is signed, so that a change can wait for it
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
	active     map[use]*jwk.Key // under no algorithm: the purpose's own
	algorithms []jwk.Algorithm  // of tokens: those that sign now, the purpose's own first
	complete   bool             // every algorithm of the policy has a key
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
	r := &Ring{store: s, now: now, tokenLife: tokenLife, masters: m, opened: map[string]opening{}}
	r.policy.Store(&Policy{Algorithms: []jwk.Algorithm{DefaultAlgorithm}, Ahead: ahead})
	return r, nil
}

// Use signs with the active key, inside f: a change of the keys is answered when
// nothing is being signed any more with what it took away. f must not change keys.
func (r *Ring) Use(ctx context.Context, purpose string, alg jwk.Algorithm, f func(*jwk.Key) error) error {
	r.signing.RLock()
	defer r.signing.RUnlock()
	k, err := r.Active(ctx, purpose, alg)
	if err != nil {
		return err
	}
	return f(k)
}

// Active returns the key to sign with: the same pointer until it changes. No
// algorithm means the purpose's own: the first of the policy that has a key.
func (r *Ring) Active(ctx context.Context, purpose string, alg jwk.Algorithm) (*jwk.Key, error) {
	s, err := r.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	if k := s.active[use{purpose, alg}]; k != nil {
		return k, nil
	}
	return nil, reason.New(reason.SigningAlgorithmUnavailable, fmt.Errorf("keyring: no active %s key for %s", alg, purpose))
}

// Algorithms returns those that sign tokens now, the default first.
func (r *Ring) Algorithms(ctx context.Context) ([]jwk.Algorithm, error) {
	s, err := r.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return slices.Clone(s.algorithms), nil
}

// Set returns the public keys that tokens may still be signed with: the same
// pointer until it changes.
func (r *Ring) Set(ctx context.Context, purpose string) (*jwk.Set, error) {
	s, err := r.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return s.set(purpose)
}

func (s *snapshot) set(purpose string) (*jwk.Set, error) {
	if set := s.sets[purpose]; set != nil {
		return set, nil
	}
	return jwk.NewSet()
}

// PublicSet returns the JWK Set to publish and how long it may be cached: at most
// half of the time that a key is published before it signs, so that it is known
// everywhere by then. A set that lacks the first key of an algorithm must not be
// cached. It fails with NotFound for a resource that has no keys of its own.
func (r *Ring) PublicSet(ctx context.Context, purpose string) (text []byte, fresh time.Duration, err error) {
	s, err := r.snapshot(ctx)
	if err != nil {
		return nil, 0, err
	}
	if s.sets[purpose] == nil && strings.HasPrefix(purpose, ownPrefix) {
		return nil, 0, reason.New(reason.NotFound, nil)
	}
	set, err := s.set(purpose)
	if err != nil {
		return nil, 0, err
	}
	if s.complete || purpose != PurposeToken {
		fresh = min(r.policy.Load().Ahead/2, maxCache)
	}
	text, err = set.MarshalJSON()
	return text, fresh, err
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
	s := &snapshot{generation: generation, keys: keys, active: map[use]*jwk.Key{}, sets: map[string]*jwk.Set{}, complete: true}
	s.checked.Store(now.UnixNano())
	public := map[string][]*jwk.Key{}
	opened := map[string]opening{}
	for i := range keys {
		k := &keys[i]
		for _, t := range []time.Time{k.Activates, k.Retires, k.Gone, k.Leads} {
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
		if strings.HasPrefix(k.Purpose, ownPrefix) { // who reads the key set of the issuer knows them all
			public[PurposeToken] = append(public[PurposeToken], pub)
		}
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
	s.choose(keys, r.policy.Load())
	if lead, ok := r.leader(keys, now); ok && s.active[lead.use()] != nil {
		s.active[use{PurposeToken, ""}] = s.active[lead.use()]
		s.algorithms = append([]jwk.Algorithm{lead.Algorithm}, slices.DeleteFunc(s.algorithms, func(a jwk.Algorithm) bool { return a == lead.Algorithm })...)
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

// choose settles which key signs where no algorithm is asked for, and nothing is written
// down of it: the first of the policy that has one, else the newest, so that a new order
// never leaves nothing while its first key waits.
func (s *snapshot) choose(keys []Key, p *Policy) {
	for i := range keys { // newest first
		u := use{keys[i].Purpose, keys[i].Algorithm}
		if k := s.active[u]; k != nil && s.active[use{u.purpose, ""}] == nil {
			s.active[use{u.purpose, ""}] = k
		}
	}
	for _, alg := range slices.Backward(p.Algorithms) {
		u := use{PurposeToken, alg}
		s.complete = s.complete && slices.ContainsFunc(keys, func(k Key) bool { return k.is(u) })
		if k := s.active[u]; k != nil {
			s.active[use{PurposeToken, ""}] = k
			s.algorithms = slices.Insert(s.algorithms, 0, alg)
		}
	}
	for name, alg := range p.Own {
		s.complete = s.complete && slices.ContainsFunc(keys, func(k Key) bool { return k.is(use{OwnPurpose(name), alg}) })
	}
	// What goes on signing until the first of the policy may.
	if k := s.active[use{PurposeToken, ""}]; k != nil && len(s.algorithms) == 0 {
		s.algorithms = []jwk.Algorithm{k.Algorithm()}
	}
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
