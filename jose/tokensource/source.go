package tokensource

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jotward/jotward/jose"
)

// Defaults for the fields of Config that are zero.
const (
	DefaultAhead   = 30 * time.Second
	DefaultTimeout = 10 * time.Second
)

// rest is how long nothing is fetched after a fetch that failed.
const rest = time.Second

// A Token is an access token as a client has it.
type Token struct {
	Value   string    // what goes behind "Bearer "
	Expires time.Time // when the issuer stops accepting it
}

// String returns when the token expires and nothing of its value.
func (t Token) String() string { return "token until " + t.Expires.UTC().Format(time.RFC3339) }

// GoString is String, so that %#v shows no value.
func (t Token) GoString() string { return t.String() }

// Format is String for every verb.
func (t Token) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(t.String())) }

// MarshalText is String: log handlers and text encoders show no value.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// A Fetch gets a new token from somewhere. It is called by one goroutine at a time.
type Fetch func(ctx context.Context) (Token, error)

// A Config describes a Source. It is copied and never changed.
type Config struct {
	// Fetch gets a token. Required.
	Fetch Fetch
	// Ahead is how long before a token expires the next one is fetched; never more
	// than half of what the token lives. 0 means DefaultAhead.
	Ahead time.Duration
	// Timeout bounds one fetch. 0 means DefaultTimeout.
	Timeout time.Duration
	// Clock returns the time. Required: the library reads no clock of its own.
	Clock func() time.Time
}

// A Source has a token at hand. It is safe for use by many goroutines.
type Source struct {
	config Config

	mu        sync.Mutex
	token     *Token    // nil when there is none; a pointer, so that fmt does not walk into it
	refreshAt time.Time // from then on a use of the token starts the next fetch
	restUntil time.Time // of fetching, after it failed
	failed    error     // the last fetch, nil when it did not
	flight    *flight   // nil when nobody fetches
}

// flight is one fetch that any number of callers wait for.
type flight struct {
	done  chan struct{}
	token Token // these two are set before done is closed
	err   error
}

// New builds a Source and fetches nothing yet. It fails with PolicyInvalid.
func New(c Config) (*Source, error) {
	switch {
	case c.Fetch == nil:
		return nil, fail(jose.PolicyInvalid, "nothing to fetch tokens with")
	case c.Ahead < 0 || c.Timeout < 0:
		return nil, fail(jose.PolicyInvalid, "a bound is negative")
	case c.Clock == nil:
		return nil, fail(jose.PolicyInvalid, "no clock is given; time.Now is one")
	}
	if c.Ahead == 0 {
		c.Ahead = DefaultAhead
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	return &Source{config: c}, nil
}

// Format says what it is for every verb, and nothing of the token.
func (s *Source) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("tokensource.Source")) }

// Token returns a token that has not expired: at once when there is one, else by
// fetching it, or by joining the fetch under way, until ctx ends. Shortly before
// expiry it returns the old one and fetches the next in the background. It fails
// with TokenUnavailable, which wraps the cause; a fetch that failed is not repeated within
// a second, so that a busy caller is no flood to an issuer that is down.
func (s *Source) Token(ctx context.Context) (Token, error) {
	s.mu.Lock()
	now := s.config.Clock()
	if s.token != nil && now.Before(s.token.Expires) {
		token := *s.token
		if !now.Before(s.refreshAt) && s.flight == nil && !now.Before(s.restUntil) {
			s.start()
		}
		s.mu.Unlock()
		return token, nil
	}
	f := s.flight
	if f == nil && s.failed != nil && now.Before(s.restUntil) {
		defer s.mu.Unlock()
		return Token{}, s.failed
	}
	if f == nil {
		f = s.start()
	}
	s.mu.Unlock()
	select {
	case <-f.done:
		return f.token, f.err
	case <-ctx.Done():
		return Token{}, jose.NewError(jose.TokenUnavailable, "the caller stopped waiting for a token", ctx.Err())
	}
}

// Invalidate drops a token that a resource has refused, so that the next call
// fetches another. It does nothing when a newer one has taken its place: of many
// requests that were refused with one token, one makes the difference.
func (s *Source) Invalidate(t Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token != nil && s.token.Value == t.Value {
		s.token, s.refreshAt = nil, time.Time{}
	}
}

// start begins the one fetch. s.mu is held.
func (s *Source) start() *flight {
	f := &flight{done: make(chan struct{})}
	s.flight = f
	go s.fly(f)
	return f
}

// fly runs one fetch to its end under no caller's context: whoever started it may
// leave, and the others still get their token.
func (s *Source) fly(f *flight) {
	ctx, cancel := context.WithTimeout(context.Background(), s.config.Timeout)
	defer cancel()
	started := s.config.Clock()
	token, err := s.fetchSafely(ctx)
	now := s.config.Clock()
	switch {
	case err == nil && token.Value == "":
		err = fail(jose.TokenUnavailable, "the fetch returned no token")
	case err == nil && !now.Before(token.Expires):
		err = fail(jose.TokenUnavailable, "the fetch returned a token that has expired")
	case err != nil && jose.ReasonOf(err) != jose.TokenUnavailable:
		err = jose.NewError(jose.TokenUnavailable, "fetching a token failed", err)
	}
	s.mu.Lock()
	s.flight = nil
	if err == nil {
		s.token, s.failed = &token, nil
		s.refreshAt = token.Expires.Add(-min(s.config.Ahead, token.Expires.Sub(started)/2))
	} else {
		s.restUntil, s.failed = now.Add(rest), err
	}
	s.mu.Unlock()
	if err == nil {
		f.token = token
	}
	f.err = err
	close(f.done)
}

// fetchSafely turns a panic of the caller's function into an error: a crash there
// must not leave everybody waiting.
func (s *Source) fetchSafely(ctx context.Context) (t Token, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fail(jose.TokenUnavailable, "the fetch panicked")
		}
	}()
	return s.config.Fetch(ctx)
}

func fail(r jose.Reason, detail string) *jose.Error { return jose.NewError(r, detail, nil) }
