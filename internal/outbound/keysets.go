package outbound

import (
	"sync"
	"time"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwks"
)

// maxSets bounds how many key sets are remembered. One that is forgotten is fetched anew.
const maxSets = 1024

// KeySets are key sets at addresses that others choose: fetched when they are needed, kept
// as long as they are fresh, and asked for no oftener than jwks.Remote's cool-down, however
// many tokens come with keys that nobody knows. It is safe for use by many goroutines.
type KeySets struct {
	Client     *Client
	Algorithms []jwk.Algorithm // that keys without an alg are bound to
	Now        func() time.Time

	mu   sync.Mutex
	sets map[string]*jwks.Remote
}

// At returns the key set at an address. It fails for one that is not https; where one
// leads is looked at when it is dialled.
func (k *KeySets) At(address string) (*jwks.Remote, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if r := k.sets[address]; r != nil {
		return r, nil
	}
	r, err := jwks.NewRemote(jwks.Config{URL: address, Algorithms: k.Algorithms, Client: k.Client.HTTP(), Timeout: k.Client.config.Timeout,
		MaxBytes: maxBody, MaxKeys: 16, Clock: k.Now, AllowHTTP: k.Client.config.AllowHTTP})
	if err != nil {
		return nil, refused("is none of a key set")
	}
	if k.sets == nil {
		k.sets = map[string]*jwks.Remote{}
	}
	for other := range k.sets { // any: which is needed next nobody knows
		if len(k.sets) < maxSets {
			break
		}
		delete(k.sets, other)
	}
	k.sets[address] = r
	return r, nil
}
