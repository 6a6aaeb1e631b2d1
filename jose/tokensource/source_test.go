package tokensource_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/tokensource"
)

func wants(t *testing.T, name string, err error, r jose.Reason) {
	t.Helper()
	if !errors.Is(err, r) {
		t.Errorf("%s: got %v, want %s", name, err, r)
	}
}

// mint is an issuer of numbered tokens of a minute each.
type mint struct {
	mu    sync.Mutex
	made  int
	asked int
	err   error
	gate  chan struct{} // when not nil, answers wait for it to be closed
}

func (m *mint) fetch(ctx context.Context) (tokensource.Token, error) {
	m.mu.Lock()
	m.asked++
	gate, err := m.gate, m.err
	m.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return tokensource.Token{}, ctx.Err()
		}
	}
	if err != nil {
		return tokensource.Token{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.made++
	return tokensource.Token{Value: fmt.Sprint("t", m.made), Expires: time.Now().Add(time.Minute)}, nil
}

func (m *mint) fails(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

func (m *mint) hold() (open func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	gate := make(chan struct{})
	m.gate = gate
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.gate = nil
		close(gate)
	}
}

func (m *mint) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked
}

func source(t *testing.T, m *mint) *tokensource.Source {
	t.Helper()
	s, err := tokensource.New(tokensource.Config{Fetch: m.fetch, Ahead: 10 * time.Second, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func has(t *testing.T, s *tokensource.Source, value string) {
	t.Helper()
	token, err := s.Token(t.Context())
	if err != nil || token.Value != value {
		t.Errorf("got %q, %v, want %q", token.Value, err, value)
	}
}

// A token is kept until shortly before its expiry; then the next one is fetched
// while the old one serves, and nobody waits.
func TestRefreshesInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mint{}
		s := source(t, m)
		if m.count() != 0 {
			t.Error("fetched without being asked")
		}
		has(t, s, "t1")
		time.Sleep(50*time.Second - 1)
		has(t, s, "t1")
		if synctest.Wait(); m.count() != 1 {
			t.Errorf("%d fetches", m.count())
		}
		time.Sleep(time.Nanosecond)
		open := m.hold() // the issuer is slow
		for range 20 {
			before := time.Now()
			has(t, s, "t1")
			if waited := time.Since(before); waited != 0 {
				t.Errorf("waited %s", waited)
			}
		}
		synctest.Wait()
		open()
		synctest.Wait()
		has(t, s, "t2")
		if m.count() != 2 {
			t.Errorf("%d fetches, want 2", m.count())
		}
	})
}

// A token that lives shorter than Ahead is not fetched all the time.
func TestShortTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mint{}
		s, err := tokensource.New(tokensource.Config{Fetch: m.fetch, Ahead: time.Hour, Clock: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		for range 30 {
			has(t, s, "t1")
			synctest.Wait()
			time.Sleep(time.Second - 1)
		}
		if m.count() != 1 {
			t.Errorf("%d fetches in half of a token's life", m.count())
		}
	})
}

func TestOnceForManyCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mint{}
		open := m.hold()
		s := source(t, m)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() { has(t, s, "t1") })
		}
		synctest.Wait() // all of them wait
		open()
		wg.Wait()
		if m.count() != 1 {
			t.Errorf("%d fetches for 50 callers", m.count())
		}
	})
}

// An error is told to those who waited and to who asks in the second after it; the next
// caller tries again.
func TestErrorDoesNotPoison(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mint{}
		cause := errors.New("no route to host")
		m.fails(cause)
		s := source(t, m)
		for i := range 3 {
			_, err := s.Token(t.Context())
			wants(t, "down", err, jose.TokenUnavailable)
			_, again := s.Token(t.Context())
			if !errors.Is(err, cause) || !errors.Is(again, cause) || m.count() != i+1 {
				t.Errorf("%v, %v after %d fetches", err, again, m.count())
			}
			time.Sleep(time.Second)
		}
		m.fails(nil)
		has(t, s, "t1")
		// Ahead of time a failure takes nothing away, and is repeated once a second.
		m.fails(cause)
		time.Sleep(55 * time.Second)
		before := m.count()
		for range 10 {
			has(t, s, "t1")
			synctest.Wait()
		}
		if m.count() != before+1 {
			t.Errorf("%d fetches within a moment", m.count()-before)
		}
		time.Sleep(time.Second)
		has(t, s, "t1")
		if synctest.Wait(); m.count() != before+2 {
			t.Errorf("%d fetches after a second", m.count()-before)
		}
		time.Sleep(4 * time.Second) // and then it has expired
		_, err := s.Token(t.Context())
		wants(t, "expired", err, jose.TokenUnavailable)
		m.fails(nil)
		time.Sleep(time.Second)
		has(t, s, "t2")
	})
}

// Who leaves stops nobody else's fetch.
func TestCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mint{}
		open := m.hold()
		s := source(t, m)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := s.Token(ctx)
		wants(t, "left", err, jose.TokenUnavailable)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		open()
		synctest.Wait()
		has(t, s, "t1")
		if m.count() != 1 {
			t.Errorf("%d fetches", m.count())
		}
	})
}

func TestFetchTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mint{}
		open := m.hold()
		s := source(t, m)
		before := time.Now()
		_, err := s.Token(t.Context())
		wants(t, "hanging", err, jose.TokenUnavailable)
		if waited := time.Since(before); waited != tokensource.DefaultTimeout {
			t.Errorf("waited %s", waited)
		}
		open()
		time.Sleep(time.Second)
		has(t, s, "t1")
	})
}

func TestInvalidate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mint{}
		s := source(t, m)
		first, err := s.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.Invalidate(first)
		has(t, s, "t2")
		for range 20 { // requests that were under way with the first
			s.Invalidate(first)
		}
		has(t, s, "t2")
		if m.count() != 2 {
			t.Errorf("%d fetches", m.count())
		}
		s.Invalidate(tokensource.Token{})
		has(t, s, "t2")
	})
}

// What a fetch returns is checked.
func TestFetchIsNotBelieved(t *testing.T) {
	t.Parallel()
	for name, fetch := range map[string]tokensource.Fetch{
		"nothing": func(context.Context) (tokensource.Token, error) { return tokensource.Token{}, nil },
		"no value": func(context.Context) (tokensource.Token, error) {
			return tokensource.Token{Expires: time.Unix(1700000060, 0)}, nil
		},
		"no expiry": func(context.Context) (tokensource.Token, error) {
			return tokensource.Token{Value: "x"}, nil
		},
		"expired": func(context.Context) (tokensource.Token, error) {
			return tokensource.Token{Value: "x", Expires: time.Unix(1700000000, 0)}, nil
		},
		"panic": func(context.Context) (tokensource.Token, error) { panic("secret in a panic") },
		"a token beside an error": func(context.Context) (tokensource.Token, error) {
			return tokensource.Token{Value: "x", Expires: time.Unix(1700000001, 0)}, errors.New("no")
		},
	} {
		s, err := tokensource.New(tokensource.Config{Fetch: fetch, Clock: func() time.Time { return time.Unix(1700000000, 0) }})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			token, err := s.Token(t.Context())
			wants(t, name, err, jose.TokenUnavailable)
			if token.Value != "" || strings.Contains(fmt.Sprint(err), "secret") {
				t.Errorf("%s: %q, %v", name, token.Value, err)
			}
		}
	}
	for name, c := range map[string]tokensource.Config{
		"the zero value":   {},
		"no fetch":         {Clock: time.Now},
		"no clock":         {Fetch: (&mint{}).fetch},
		"negative ahead":   {Fetch: (&mint{}).fetch, Clock: time.Now, Ahead: -1},
		"negative timeout": {Fetch: (&mint{}).fetch, Clock: time.Now, Timeout: -1},
	} {
		_, err := tokensource.New(c)
		wants(t, name, err, jose.PolicyInvalid)
	}
}

func TestNothingPrintsTheToken(t *testing.T) {
	t.Parallel()
	token := tokensource.Token{Value: "s3cr3t", Expires: time.Unix(1700000000, 0)}
	s, err := tokensource.New(tokensource.Config{Clock: func() time.Time { return time.Unix(0, 0) }, Fetch: func(context.Context) (tokensource.Token, error) { return token, nil }})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Token(t.Context()); err != nil || got != token {
		t.Fatal(err)
	}
	client := tokensource.ClientConfig{ClientID: "web", ClientSecret: "s3cr3t"}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+" "+verb+" "+verb+" ", s, struct{ S *tokensource.Source }{s}, struct{ s *tokensource.Source }{s})
		fmt.Fprintf(&out, verb+" "+verb+" ", client, struct{ C *tokensource.ClientConfig }{&client})
		fmt.Fprintf(&out, verb+" "+verb+" ", token, &token)
		fmt.Fprintf(&out, verb+" ", struct{ T tokensource.Token }{token})
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "token", token, "source", s, "client", client)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "token", token)
	if err := json.NewEncoder(&out).Encode(map[string]any{"token": token}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "s3cr3t") || strings.Contains(out.String(), fmt.Sprintf("%x", "s3cr3t")) || !strings.Contains(out.String(), "2023-11-14") {
		t.Error(out.String())
	}
}
