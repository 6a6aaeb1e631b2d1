package valkey_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/limit"
	"github.com/jotward/jotward/internal/store/valkey"
	"github.com/jotward/jotward/internal/store/valkey/valkeytest"
)

// open returns a store that answers.
func open(t *testing.T, url string) *valkey.Store {
	t.Helper()
	return openWith(t, valkey.Config{URL: url, Prefix: "t:", Timeout: 5 * time.Second, Now: time.Now})
}

func openWith(t *testing.T, c valkey.Config) *valkey.Store {
	t.Helper()
	s, err := valkey.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { s.Run(ctx) })
	t.Cleanup(func() { end(); running.Wait() })
	await(t, s, nil)
	return s
}

// await waits until the store's state is of that kind.
func await(t *testing.T, s *valkey.Store, want error) {
	t.Helper()
	for {
		changed, err := s.State()
		if errors.Is(err, want) && err != valkey.ErrAway {
			return
		}
		select {
		case <-changed:
		case <-t.Context().Done():
			t.Fatalf("the state is %v, want %v", err, want)
		}
	}
}

var command = valkeytest.Command

func TestZeroConfigIsRefused(t *testing.T) {
	for _, c := range []valkey.Config{
		{}, {Now: time.Now}, {URL: "redis://127.0.0.1:1"}, {URL: "http://127.0.0.1", Now: time.Now},
		{URL: "redis://:hunter2@127.0.0.1:1", Now: time.Now}, {URL: "redis://u@127.0.0.1:1", Now: time.Now}, {URL: "redis://127.0.0.1:1", Timeout: time.Minute, Now: time.Now},
		{URL: "redis://127.0.0.1:1", Secret: "secret", Now: time.Now},
	} {
		if _, err := valkey.New(c); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", c.URL, err)
		}
	}
}

// Of many at once, on two stores over one server, one is told that it is the first.
func TestSeenOnce(t *testing.T) {
	server := valkeytest.Start(t)
	stores := []*valkey.Store{open(t, server.URL()), open(t, server.URL())}
	for _, key := range []string{"a", "b", strings.Repeat("long ", 1000)} {
		var first atomic.Int64
		var all sync.WaitGroup
		for n := range 50 {
			all.Go(func() {
				seen, err := stores[n%2].Seen(t.Context(), key, time.Now().Add(time.Minute))
				if err != nil {
					t.Error(err)
				} else if !seen {
					first.Add(1)
				}
			})
		}
		all.Wait()
		if first.Load() != 1 {
			t.Errorf("%q: %d were first", key, first.Load())
		}
	}
	for _, name := range strings.Split(command(t, server.URL(), "KEYS", "*"), "\n") {
		if !strings.HasPrefix(name, "t:used:") || strings.Contains(name, "long") {
			t.Errorf("a key shows what it is of: %q", name)
		}
		if ttl := command(t, server.URL(), "OBJECT", "ENCODING", name); ttl == "" {
			t.Error(name)
		}
	}
}

// With a secret no key is a hash that somebody else could make, of an address as
// little as of a token; who has another secret shares nothing.
func TestSecretKeys(t *testing.T) {
	server := valkeytest.Start(t)
	with := func(secret string) *valkey.Store {
		return openWith(t, valkey.Config{URL: server.URL(), Prefix: "t:", Secret: secret, Timeout: 5 * time.Second, Now: time.Now})
	}
	a, b := strings.Repeat("a", 32), strings.Repeat("b", 32)
	names := map[string]bool{}
	for n, s := range []*valkey.Store{with(a), with(b), with("")} {
		if c, err := s.Count(t.Context(), limit.Rate{Every: time.Hour, Burst: 1}, "192.0.2.1"); err != nil || !c.OK {
			t.Error(n, c, err)
		}
		if seen, err := s.Seen(t.Context(), "k", time.Now().Add(time.Minute)); err != nil || seen {
			t.Error(n, seen, err)
		}
	}
	for _, name := range strings.Split(command(t, server.URL(), "KEYS", "*"), "\n") {
		names[name] = true
	}
	if len(names) != 6 {
		t.Error(names)
	}
	if seen, err := with(a).Seen(t.Context(), "k", time.Now()); err != nil || !seen {
		t.Error("the same secret:", seen, err)
	}
}

// What is remembered lives longer than it is asked for, by what clocks may differ.
func TestSeenOutlivesClocks(t *testing.T) {
	server := valkeytest.Start(t)
	s := open(t, server.URL())
	if _, err := s.Seen(t.Context(), "past", time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if seen, err := s.Seen(t.Context(), "past", time.Now().Add(-time.Hour)); err != nil || !seen {
		t.Fatal(seen, err)
	}
}

// A store that evicts, or is full, refuses: to forget is to accept a replay.
func TestSeenRefusesWhereKeysAreForgotten(t *testing.T) {
	server := valkeytest.Start(t)
	s := open(t, server.URL())
	command(t, server.URL(), "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
	await(t, s, valkey.ErrForgets)
	if _, err := s.Seen(t.Context(), "k", time.Now()); !errors.Is(err, valkey.ErrForgets) {
		t.Error(err)
	}
	command(t, server.URL(), "CONFIG", "SET", "maxmemory-policy", "noeviction")
	await(t, s, nil)
	command(t, server.URL(), "CONFIG", "SET", "maxmemory", "1")
	if seen, err := s.Seen(t.Context(), "k", time.Now()); err == nil || seen {
		t.Error("a full store:", seen, err)
	}
}

// A store that cannot be asked whether it forgets is not believed that it does
// not: it counts, and remembers nothing.
func TestSeenRefusesWhereNobodyMayAsk(t *testing.T) {
	server := valkeytest.Start(t)
	command(t, server.URL(), "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
	command(t, server.URL(), "ACL", "SETUSER", "edge", "on", ">p", "~*", "&*", "+@all", "-info")
	s, err := valkey.New(valkey.Config{URL: server.URL(), Username: "edge", Password: "p", Timeout: 5 * time.Second, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if seen, err := s.Seen(t.Context(), "k", time.Now()); err == nil || seen {
		t.Error("before it was asked:", seen, err)
	}
	ctx, end := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { s.Run(ctx) })
	defer func() { end(); running.Wait() }()
	await(t, s, valkey.ErrAway)
	if c, err := s.Count(t.Context(), limit.Rate{Every: time.Hour, Burst: 1}, "k"); err != nil || !c.OK {
		t.Error(c, err)
	}
	if seen, err := s.Seen(t.Context(), "k", time.Now().Add(time.Minute)); err == nil || seen {
		t.Error("it remembers where it may forget:", seen, err)
	}
}

// The rule is limit.Limiter's: a burst, then none, with the wait that helps.
func TestCount(t *testing.T) {
	server := valkeytest.Start(t)
	a, b := open(t, server.URL()), open(t, server.URL())
	r := limit.Rate{Every: time.Hour, Burst: 3}
	for n, s := range []*valkey.Store{a, b, a} {
		c, err := s.Count(t.Context(), r, "k")
		if err != nil || !c.OK || c.Left != 2-n || c.Wait != 0 || c.Reset > time.Duration(n+1)*time.Hour || c.Reset < time.Duration(n+1)*time.Hour-time.Minute {
			t.Fatalf("%d: %+v %v", n, c, err)
		}
	}
	for range 10 { // refused ones are not counted
		c, err := b.Count(t.Context(), r, "k")
		if err != nil || c.OK || c.Left != 0 || c.Wait > time.Hour || c.Wait < time.Hour-time.Minute {
			t.Fatalf("%+v %v", c, err)
		}
	}
	if c, err := b.Count(t.Context(), r, "another"); err != nil || !c.OK {
		t.Fatalf("%+v %v", c, err)
	}
	if c, err := b.Count(t.Context(), limit.Rate{Every: time.Hour, Burst: 4}, "k"); err != nil || !c.OK {
		t.Fatalf("another rate: %+v %v", c, err)
	}
	fast := limit.Rate{Every: time.Microsecond, Burst: 1}
	for range 10 {
		if c, err := b.Count(t.Context(), fast, "fast"); err != nil || !c.OK && c.Wait > time.Microsecond {
			t.Fatalf("%+v %v", c, err)
		}
	}
	if _, err := b.Count(t.Context(), limit.Rate{}, "k"); err == nil {
		t.Error("a zero rate was taken")
	}
}

func TestManyCountTheBurstOnce(t *testing.T) {
	server := valkeytest.Start(t)
	stores := []*valkey.Store{open(t, server.URL()), open(t, server.URL())}
	var passed atomic.Int64
	var all sync.WaitGroup
	for n := range 100 {
		all.Go(func() {
			if c, err := stores[n%2].Count(t.Context(), limit.Rate{Every: time.Hour, Burst: 10}, "k"); err != nil {
				t.Error(err)
			} else if c.OK {
				passed.Add(1)
			}
		})
	}
	all.Wait()
	if passed.Load() != 10 {
		t.Errorf("%d of a burst of 10", passed.Load())
	}
}

// A store that goes away says so at once, also to those who come after, and is
// found again when it is back.
func TestAway(t *testing.T) {
	server := valkeytest.Start(t)
	s := open(t, server.URL())
	server.Down()
	for range 3 {
		if _, err := s.Seen(t.Context(), "k", time.Now()); !errors.Is(err, valkey.ErrAway) {
			t.Error(err)
		}
		if _, err := s.Count(t.Context(), limit.Rate{Every: time.Second, Burst: 1}, "k"); !errors.Is(err, valkey.ErrAway) {
			t.Error(err)
		}
	}
	await(t, s, valkey.ErrAway)
	server.Up()
	await(t, s, nil)
	if seen, err := s.Seen(t.Context(), "k", time.Now()); err != nil || seen {
		t.Error(seen, err)
	}
}

// An edge starts although the store is not there, and finds it later.
func TestLate(t *testing.T) {
	server := valkeytest.Start(t)
	server.Down()
	s, err := valkey.New(valkey.Config{URL: server.URL(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Seen(t.Context(), "k", time.Now()); !errors.Is(err, valkey.ErrAway) {
		t.Error(err)
	}
	var running sync.WaitGroup
	ctx, end := context.WithCancel(t.Context())
	running.Go(func() { s.Run(ctx) })
	await(t, s, valkey.ErrAway)
	server.Up()
	await(t, s, nil)
	end()
	running.Wait()
	if _, err := s.Seen(t.Context(), "k", time.Now()); !errors.Is(err, valkey.ErrAway) {
		t.Error("after its end:", err)
	}
}
