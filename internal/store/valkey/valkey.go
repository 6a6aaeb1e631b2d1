// Package valkey counts and remembers, in Valkey or Redis, what several edges
// have to count and remember together. It holds no names and no tokens: every key
// is a hash. A store that does not answer says so at once, and is tried again
// once a second; what a caller then does is the caller's to say.
package valkey

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// ErrAway is the error of a store that does not answer.
var ErrAway = errors.New("valkey: the store does not answer")

// ErrForgets is the error of a store that may forget keys before their time, or was
// not heard to say that it does not. To remember what was used in such a place is
// to accept it again.
var ErrForgets = errors.New("valkey: maxmemory-policy is not noeviction: keys are forgotten when memory is short")

// Config says where the store is. Its zero value is refused.
type Config struct {
	// URL is redis://host:port[/db], rediss:// for TLS, or unix:///path. A cluster
	// is found through any of its nodes. It holds no password.
	URL string
	// Username and Password, of an ACL user; empty for none.
	Username, Password string
	// Prefix stands before every key. Edges that share have the same.
	Prefix string
	// Secret, of 32 bytes at least, has keys be hashes that nobody can guess who reads
	// the store. Edges that share have the same. Empty for none.
	Secret string
	// Timeout bounds one question. 0 means 100 ms.
	Timeout time.Duration
	// Now returns the time; required.
	Now func() time.Time
}

const (
	defaultTimeout = 100 * time.Millisecond
	retryAfter     = time.Second
	checkEvery     = 5  // rounds of retryAfter
	minSecret      = 32 // as long as the hash (RFC 2104 3)
)

// A Store is one place that edges share. It is safe for use by many goroutines.
type Store struct {
	config  Config
	option  rueidis.ClientOption
	client  atomic.Pointer[rueidis.Client]
	retry   atomic.Int64 // until when nobody asks, in nanoseconds since 1970
	mu      sync.Mutex   // for state and changed
	state   error        // what the last look found; nil: all is well
	changed chan struct{}
	keeps   atomic.Bool // the last look saw that no key is forgotten; the zero value is that nobody knows
}

// New checks a Config. It connects nowhere before Run.
func New(c Config) (*Store, error) {
	if c.Now == nil {
		return nil, errors.New("valkey: no clock")
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.Timeout < 0 || c.Timeout > 10*time.Second {
		return nil, errors.New("timeout is not between 0s and 10s")
	}
	if c.Secret != "" && len(c.Secret) < minSecret {
		return nil, fmt.Errorf("secret is shorter than %d bytes", minSecret)
	}
	o, err := rueidis.ParseURL(c.URL)
	if err != nil || c.URL == "" {
		// The text is not repeated: it may hold a password.
		return nil, errors.New("url is not redis://host:port, rediss://host:port or unix:///path")
	}
	if o.Password != "" || o.Username != "" {
		return nil, errors.New("url holds a user or a password: give them as username and password")
	}
	o.Username, o.Password = c.Username, c.Password
	o.DisableRetry, o.DisableCache = true, true
	o.ClientName = "jotward"
	o.PipelineMultiplex = -1 // one connection: when one question was answered, the next finds it standing
	o.Dialer = net.Dialer{Timeout: 2 * time.Second, KeepAlive: 10 * time.Second}
	o.ConnWriteTimeout = 2 * time.Second
	if o.TLSConfig != nil {
		o.TLSConfig.MinVersion = tls.VersionTLS12
	}
	return &Store{config: c, option: o, state: ErrAway, changed: make(chan struct{})}, nil
}

// Run keeps the store connected until ctx ends, and looks every five seconds
// whether it is fit to remember anything.
func (s *Store) Run(ctx context.Context) {
	tick := time.NewTicker(retryAfter)
	defer tick.Stop()
	for n := 0; ; n++ {
		if s.client.Load() == nil {
			s.connect()
		}
		if _, state := s.State(); s.client.Load() != nil && (state != nil || n%checkEvery == 0) {
			s.look(ctx)
		}
		select {
		case <-ctx.Done():
			if c := s.client.Swap(nil); c != nil {
				(*c).Close()
			}
			return
		case <-tick.C:
		}
	}
}

func (s *Store) connect() {
	c, err := rueidis.NewClient(s.option)
	if err != nil {
		s.note(fmt.Errorf("%w: %s", ErrAway, plainText(err)))
		return
	}
	s.client.Store(&c) // look says whether it is any good
}

// look asks whether the store may forget. One that does not say, such as to a user
// without INFO, is one that may.
func (s *Store) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	c := *s.client.Load()
	info, err := c.Do(ctx, c.B().Info().Section("memory").Build()).ToString()
	if err != nil {
		s.keeps.Store(false)
		s.note(fmt.Errorf("%w: %s", ErrAway, plainText(err)))
		return
	}
	keeps := false
	for line := range strings.Lines(info) {
		if policy, ok := strings.CutPrefix(strings.TrimSpace(line), "maxmemory_policy:"); ok {
			keeps = policy == "noeviction"
		}
	}
	s.retry.Store(0)
	s.keeps.Store(keeps)
	if !keeps {
		s.note(ErrForgets)
		return
	}
	s.note(nil)
}

func (s *Store) note(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == err || s.state != nil && err != nil && s.state.Error() == err.Error() {
		return
	}
	s.state = err
	close(s.changed)
	s.changed = make(chan struct{})
}

// State says what is wrong with the store, as the last look found it: ErrAway or
// ErrForgets, or nil; ErrAway itself, without a detail, before the first. The
// channel is closed when that changes.
func (s *Store) State() (changed <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed, s.state
}

// ask runs one question, bounded, unless the store is known to be away.
func (s *Store) ask(ctx context.Context, f func(context.Context, rueidis.Client) error) error {
	p := s.client.Load()
	if p == nil || s.config.Now().UnixNano() < s.retry.Load() {
		return ErrAway
	}
	bounded, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	err := f(bounded, *p)
	if err == nil || rueidis.IsRedisNil(err) || ctx.Err() != nil {
		return err
	}
	if _, answered := rueidis.IsRedisErr(err); answered { // such as OOM or READONLY
		return fmt.Errorf("valkey: %s", plainText(err))
	}
	s.retry.Store(s.config.Now().Add(retryAfter).UnixNano()) // from the end of the wait
	s.note(fmt.Errorf("%w: %s", ErrAway, plainText(err)))
	return ErrAway
}

// plainText is an error's first line, bounded.
func plainText(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return text[:min(len(text), 200)]
}
