package authn

import (
	"sync"
	"time"

	"github.com/jotward/jotward/internal/limit"
	"github.com/jotward/jotward/internal/reason"
)

// Failed sign-ins that are let through. A name gets ten, then one every 30
// seconds: under the hundred in a row of NIST SP 800-63B 3.2.2 for hours. Whoever
// goes on guessing uses these up as they come; so that nobody is locked out by it,
// each network from which the name has signed in has as many of its own. A network
// gets fifty, then one every two seconds.
var (
	perName   = limit.Rate{Every: 30 * time.Second, Burst: 10}
	perPrefix = limit.Rate{Every: 2 * time.Second, Burst: 50}
)

// maxKeys bounds the memory of each limiter: a few megabytes.
const maxKeys = 1 << 16

// throttle counts every attempt before the password is hashed, so that many at
// once gain nothing, and gives the count back when the password was right.
type throttle struct {
	names, prefixes *limit.Limiter

	mu    sync.Mutex
	known map[string]struct{} // names with a network from which they have signed in
}

func newThrottle() (*throttle, error) {
	names, err := limit.New(perName, maxKeys)
	if err != nil {
		return nil, err
	}
	prefixes, err := limit.New(perPrefix, maxKeys)
	return &throttle{names: names, prefixes: prefixes, known: map[string]struct{}{}}, err
}

// take refuses with SignInThrottled. The prefix is asked first, so that one
// network cannot fill the table of names.
func (t *throttle) take(now time.Time, name, prefix string) error {
	if wait, ok := t.prefixes.Take(now, prefix); !ok {
		return throttled(wait)
	}
	if wait, ok := t.names.Take(now, t.bucket(name, prefix)); !ok {
		t.prefixes.Return(now, prefix)
		return throttled(wait)
	}
	return nil
}

// passed forgets the failures of the name, and this attempt of the prefix; its
// other failures stay, or one account of one's own would open every other.
func (t *throttle) passed(now time.Time, name, prefix string) {
	t.names.Clear(t.bucket(name, prefix))
	t.prefixes.Return(now, prefix)
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.known) >= maxKeys {
		for some := range t.known { // whichever: it signs in like from a new network
			delete(t.known, some)
			break
		}
	}
	t.known[nameIn(name, prefix)] = struct{}{}
}

// bucket is what an attempt is counted under. No name has a zero byte but the one
// that stands for those that cannot exist, which never signs in.
func (t *throttle) bucket(name, prefix string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.known[nameIn(name, prefix)]; ok {
		return nameIn(name, prefix)
	}
	return name
}

func nameIn(name, prefix string) string { return name + "\x00" + prefix }

// undo takes an attempt back that said nothing about the password.
func (t *throttle) undo(now time.Time, name, prefix string) {
	t.names.Return(now, t.bucket(name, prefix))
	t.prefixes.Return(now, prefix)
}

func throttled(wait time.Duration) error {
	e := reason.New(reason.SignInThrottled, nil)
	e.RetryAfter = wait
	return e
}
