package outbound

import (
	"maps"
	"sync"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwks"
)

// maxSets bounds how many key sets are remembered. One that is forgotten is fetched anew, when
// the time has come at which it might have been fetched again; maxResting bounds how many such
// times there are.
const maxSets, maxResting = 1024, 1 << 16

// KeySets are key sets at addresses that others choose: fetched when they are needed, kept
// as long as they are fresh, and asked for no oftener than jwks.Remote's cool-down, however
// many tokens come with keys that nobody knows. It is safe for use by many goroutines.
type KeySets struct {
	Client     *Client
	Algorithms []jwk.Algorithm // that keys without an alg are bound to
	Now        func() time.Time

	mu      sync.Mutex
	sets    map[string]*jwks.Remote
	resting map[string]time.Time // forgotten sets by address: until when they are not fetched
	swept   time.Time            // when resting was looked through last
}

// At returns the key set at an address. It fails for one that is not https, and with
// KeysUnavailable for one that was fetched just now and forgotten; where one
// leads is looked at when it is dialled.
func (k *KeySets) At(address string) (*jwks.Remote, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if r := k.sets[address]; r != nil {
		return r, nil
	}
	now := k.Now()
	if until, ok := k.resting[address]; ok && now.Before(until) {
		return nil, jose.NewError(jose.KeysUnavailable, "the last fetch is too recent to try again", nil)
	}
	r, err := jwks.NewRemote(jwks.Config{URL: address, Algorithms: k.Algorithms, Client: k.Client.HTTP(), Timeout: k.Client.config.Timeout,
		MaxBytes: maxBody, MaxKeys: 16, Clock: k.Now, AllowHTTP: k.Client.config.AllowHTTP})
	if err != nil {
		return nil, refused("is none of a key set")
	}
	if k.sets == nil {
		k.sets, k.resting = map[string]*jwks.Remote{}, map[string]time.Time{}
	}
	if len(k.sets) >= maxSets && !k.evict(now) {
		return nil, jose.NewError(jose.KeysUnavailable, "too many key sets were fetched just now", nil)
	}
	delete(k.resting, address)
	k.sets[address] = r
	return r, nil
}

// evict forgets one set, but not that it rests: who has many addresses must not have us
// fetch each of them as often as he likes. It reports whether there was room for that.
func (k *KeySets) evict(now time.Time) bool {
	if now.Sub(k.swept) >= jwks.DefaultCoolDown {
		maps.DeleteFunc(k.resting, func(_ string, until time.Time) bool { return !now.Before(until) })
		k.swept = now
	}
	for address, r := range k.sets { // any: which is needed next nobody knows
		if until := r.Health().Attempted.Add(jwks.DefaultCoolDown); now.Before(until) {
			if len(k.resting) >= maxResting {
				return false
			}
			k.resting[address] = until
		}
		delete(k.sets, address)
		return true
	}
	return false
}
