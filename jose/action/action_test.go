package action_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/action"
)

var ctx = context.Background()

// desk is Tokens over a store of ten, with a clock.
type desk struct {
	*action.Tokens
	store *action.MemoryStore
	now   time.Time
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	d := &desk{now: time.Unix(1700000000, 0)}
	var err error
	if d.store, err = action.NewMemoryStore(10); err != nil {
		t.Fatal(err)
	}
	if d.Tokens, err = action.New(action.Config{Store: d.store, MaxLifetime: time.Hour, Clock: func() time.Time { return d.now }}); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) issue(t testing.TB, purpose, subject string) string {
	t.Helper()
	token, err := d.Issue(ctx, purpose, subject, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func wants(t *testing.T, name string, err error, r jose.Reason) {
	t.Helper()
	if !errors.Is(err, r) {
		t.Errorf("%s: got %v, want %s", name, err, r)
	}
}

func TestOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	token := d.issue(t, "reset", "alice")
	if len(token) != 43 || strings.ContainsAny(token, "+/=") {
		t.Errorf("token %q", token)
	}
	for range 3 { // scanners look as often as they like
		r, err := d.Peek(ctx, "reset", token)
		if err != nil || r.Purpose != "reset" || r.Subject != "alice" || !r.Expires.Equal(d.now.Add(time.Hour)) {
			t.Errorf("%+v, %v", r, err)
		}
	}
	r, err := d.Spend(ctx, "reset", token)
	if err != nil || r.Subject != "alice" {
		t.Errorf("%+v, %v", r, err)
	}
	_, err = d.Spend(ctx, "reset", token)
	wants(t, "again", err, jose.ActionInvalid)
	_, err = d.Peek(ctx, "reset", token)
	wants(t, "looked at again", err, jose.ActionInvalid)
}

// Whatever is wrong with a token, strangers read the same, and the token that
// would work is not used up by it.
func TestAttackOneAnswer(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	good := d.issue(t, "reset", "alice")
	spent := d.issue(t, "reset", "alice")
	if _, err := d.Spend(ctx, "reset", spent); err != nil {
		t.Fatal(err)
	}
	revoked := d.issue(t, "reset", "bob")
	if n, err := d.Revoke(ctx, "reset", "bob"); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	last := good[:42] + string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", good[42])+1])
	texts := map[string]bool{}
	for _, c := range []struct{ name, purpose, token string }{
		{"unknown", "reset", strings.Repeat("A", 43)}, {"spent", "reset", spent}, {"revoked", "reset", revoked},
		{"another purpose", "invite", good}, {"no purpose", "", good}, {"folded purpose", "Reset", good}, {"a piece of the purpose", "rese", good},
		{"empty", "reset", ""}, {"short", "reset", good[:42]}, {"long", "reset", good + "A"}, {"padded", "reset", good + "="},
		{"a second spelling", "reset", last}, {"with a break", "reset", good[:20] + "\n" + good[20:]}, {"blank before", "reset", " " + good},
		{"huge", "reset", strings.Repeat("A", 1<<20)},
	} {
		for _, act := range []func(context.Context, string, string) (action.Record, error){d.Peek, d.Spend} {
			r, err := act(ctx, c.purpose, c.token)
			wants(t, c.name, err, jose.ActionInvalid)
			if r != (action.Record{}) {
				t.Errorf("%s: %+v", c.name, r)
			}
			texts[fmt.Sprint(err)] = true
		}
	}
	d.now = d.now.Add(time.Hour - 1)
	if _, err := d.Peek(ctx, "reset", good); err != nil {
		t.Errorf("used up, or expired early: %v", err)
	}
	d.now = d.now.Add(1)
	for _, act := range []func(context.Context, string, string) (action.Record, error){d.Peek, d.Spend} {
		_, err := act(ctx, "reset", good)
		wants(t, "expired", err, jose.ActionInvalid)
		texts[fmt.Sprint(err)] = true
	}
	if len(texts) != 1 {
		t.Errorf("%d texts: %v", len(texts), texts)
	}
}

// The store never sees a token.
type spy struct {
	action.Store
	seen []string
}

func (s *spy) Put(ctx context.Context, r action.Record, now time.Time) error {
	s.seen = append(s.seen, fmt.Sprintf("%s %x %v", r.Hash[:], r.Hash, r))
	return s.Store.Put(ctx, r, now)
}

func TestStoreSeesHashes(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := &spy{Store: d.store}
	tokens, err := action.New(action.Config{Store: s, MaxLifetime: time.Hour, Clock: func() time.Time { return d.now }})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range 5 {
		token, err := tokens.Issue(ctx, "reset", "alice", time.Minute)
		if err != nil || seen[token] {
			t.Fatal(token, err)
		}
		seen[token] = true
		for _, text := range s.seen {
			if strings.Contains(text, token) {
				t.Fatal("the token is in the store")
			}
		}
	}
}

// Fifty goroutines, one token, one winner.
func TestRaceOneWinner(t *testing.T) {
	t.Parallel()
	for range 20 {
		d := newDesk(t)
		token := d.issue(t, "reset", "alice")
		var winners, losers atomic.Int64
		var wg sync.WaitGroup
		start := make(chan struct{})
		for range 50 {
			wg.Go(func() {
				<-start
				switch r, err := d.Spend(ctx, "reset", token); {
				case err == nil && r.Subject == "alice":
					winners.Add(1)
				case errors.Is(err, jose.ActionInvalid):
					losers.Add(1)
				}
			})
		}
		close(start)
		wg.Wait()
		if winners.Load() != 1 || losers.Load() != 49 {
			t.Fatalf("%d winners, %d losers", winners.Load(), losers.Load())
		}
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for name, c := range map[string]action.Config{
		"the zero value": {},
		"no store":       {MaxLifetime: time.Hour, Clock: time.Now},
		"no lifetime":    {Store: d.store, Clock: time.Now},
		"negative":       {Store: d.store, MaxLifetime: -1, Clock: time.Now},
		"no clock":       {Store: d.store, MaxLifetime: time.Hour},
	} {
		_, err := action.New(c)
		wants(t, name, err, jose.PolicyInvalid)
	}
	for _, c := range []struct {
		purpose, subject string
		lifetime         time.Duration
	}{
		{"", "a", time.Hour}, {"p", "", time.Hour}, {strings.Repeat("p", 65), "a", time.Hour}, {"p", strings.Repeat("a", 1025), time.Hour},
		{"p", "a", 0}, {"p", "a", -1}, {"p", "a", time.Hour + 1},
	} {
		token, err := d.Issue(ctx, c.purpose, c.subject, c.lifetime)
		wants(t, fmt.Sprint(c), err, jose.PolicyInvalid)
		if token != "" {
			t.Error(token)
		}
	}
	_, err := action.NewMemoryStore(0)
	wants(t, "no room", err, jose.PolicyInvalid)
}

// The purpose is in the hash: a store that knows nothing of purposes tells them
// apart all the same, and no two pairs run into one.
func TestAttackPurposeInTheHash(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	b := &recorder{}
	tokens, err := action.New(action.Config{Store: b, MaxLifetime: time.Hour, Clock: func() time.Time { return d.now }})
	if err != nil {
		t.Fatal(err)
	}
	token := strings.Repeat("A", 43)
	for _, purpose := range []string{"reset", "rese", "reset\x00", "invite", ""} {
		_, err := tokens.Spend(ctx, purpose, token)
		wants(t, purpose, err, jose.ActionInvalid)
	}
	for i, h := range b.asked {
		for _, other := range b.asked[:i] {
			if h == other {
				t.Fatal("one hash for two purposes")
			}
		}
	}
	if len(b.asked) != 5 {
		t.Errorf("the store was asked %d times", len(b.asked))
	}
}

// What is no token is refused before the store is asked.
func TestMalformedAsksNobody(t *testing.T) {
	t.Parallel()
	b := &recorder{}
	tokens, err := action.New(action.Config{Store: b, MaxLifetime: time.Hour, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"", "AAAA", strings.Repeat("A", 44), strings.Repeat("A", 1<<20), strings.Repeat("A", 42) + "B", strings.Repeat("A", 42) + "="} {
		_, err := tokens.Spend(ctx, "reset", token)
		wants(t, "malformed", err, jose.ActionInvalid)
	}
	if len(b.asked) != 0 {
		t.Errorf("the store was asked %d times", len(b.asked))
	}
}

// recorder is an empty store that remembers what it was asked for.
type recorder struct {
	action.Store
	asked []action.Hash
}

func (r *recorder) Spend(_ context.Context, h action.Hash, _ time.Time) (action.Record, bool, error) {
	r.asked = append(r.asked, h)
	return action.Record{}, false, nil
}

// A store that lies or fails lets nobody in.
type broken struct {
	action.Store
	record action.Record
	ok     bool
	err    error
}

func (b *broken) Put(context.Context, action.Record, time.Time) error { return b.err }
func (b *broken) Get(context.Context, action.Hash) (action.Record, bool, error) {
	return b.record, b.ok, b.err
}
func (b *broken) Spend(context.Context, action.Hash, time.Time) (action.Record, bool, error) {
	return b.record, b.ok, b.err
}
func (b *broken) Revoke(context.Context, string, string) (int, error) { return 7, b.err }

func TestAttackStoreIsNotBelieved(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	token := d.issue(t, "reset", "alice")
	good, err := d.Peek(ctx, "reset", token)
	if err != nil {
		t.Fatal(err)
	}
	b := &broken{}
	tokens, err := action.New(action.Config{Store: b, MaxLifetime: time.Hour, Clock: func() time.Time { return d.now }})
	if err != nil {
		t.Fatal(err)
	}
	b.record, b.ok = good, true
	if _, err := tokens.Spend(ctx, "reset", token); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*action.Record){
		"another hash":    func(r *action.Record) { r.Hash[0]++ },
		"another purpose": func(r *action.Record) { r.Purpose = "invite" },
		"expired":         func(r *action.Record) { r.Expires = d.now },
		"nothing":         func(r *action.Record) { *r = action.Record{} },
	} {
		b.record = good
		change(&b.record)
		_, err := tokens.Spend(ctx, "reset", token)
		wants(t, name, err, jose.ActionInvalid)
		_, err = tokens.Peek(ctx, "reset", token)
		wants(t, name, err, jose.ActionInvalid)
	}
	b.record, b.err = good, errors.New("disk on fire")
	for name, act := range map[string]func() error{
		"issue":  func() error { _, err := tokens.Issue(ctx, "reset", "alice", time.Hour); return err },
		"peek":   func() error { _, err := tokens.Peek(ctx, "reset", token); return err },
		"spend":  func() error { _, err := tokens.Spend(ctx, "reset", token); return err },
		"revoke": func() error { n, err := tokens.Revoke(ctx, "reset", "alice"); return errors.Join(err, count(n)) },
	} {
		err := act()
		wants(t, name, err, jose.StoreUnavailable)
		if !errors.Is(err, b.err) || errors.Is(err, jose.ActionInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func count(n int) error {
	if n != 0 {
		return fmt.Errorf("%d beside an error", n)
	}
	return nil
}

// The memory store is exact: full is full, expired makes room, spent and revoked too.
func TestMemoryStoreIsBounded(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	var tokens []string
	for i := range 10 {
		token, err := d.Issue(ctx, "invite", fmt.Sprint(i%2), time.Duration(60-i)*time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, token)
	}
	full := func(want int) {
		t.Helper()
		if _, err := d.Issue(ctx, "invite", "x", time.Minute); !errors.Is(err, jose.StoreUnavailable) || d.store.Len() != want {
			t.Errorf("%v with %d records", err, d.store.Len())
		}
	}
	full(10)
	for _, token := range tokens {
		if _, err := d.Peek(ctx, "invite", token); err != nil {
			t.Errorf("given up to make room: %v", err)
		}
	}
	if _, err := d.Spend(ctx, "invite", tokens[4]); err != nil || d.store.Len() != 9 {
		t.Fatal(err, d.store.Len())
	}
	d.issue(t, "invite", "again")
	full(10)
	d.now = d.now.Add(51 * time.Minute) // the last one of the loop
	d.issue(t, "invite", "again")
	full(10)
	if n, err := d.Revoke(ctx, "invite", "0"); err != nil || n != 4 || d.store.Len() != 6 { // 0, 2, 6, 8; 4 is spent
		t.Errorf("%d revoked, %d left, %v", n, d.store.Len(), err)
	}
	_, err := d.Spend(ctx, "invite", tokens[0])
	wants(t, "revoked", err, jose.ActionInvalid)
	if _, err := d.Spend(ctx, "invite", tokens[1]); err != nil {
		t.Errorf("another subject's is revoked: %v", err)
	}
	d.now = d.now.Add(24 * time.Hour)
	d.issue(t, "invite", "fresh")
	if d.store.Len() != 1 {
		t.Errorf("%d records after all have expired", d.store.Len())
	}
	r := action.Record{Hash: action.Hash{1}, Purpose: "p", Subject: "s", Expires: d.now.Add(time.Hour)}
	if err := d.store.Put(ctx, r, d.now); err != nil {
		t.Fatal(err)
	}
	wants(t, "a hash twice", d.store.Put(ctx, r, d.now), jose.StoreUnavailable)
}

// FuzzSpend: nobody guesses.
func FuzzSpend(f *testing.F) {
	d := newDesk(f)
	d.issue(f, "reset", "alice")
	f.Add("reset", strings.Repeat("A", 43))
	f.Add("", "")
	f.Fuzz(func(t *testing.T, purpose, token string) {
		r, err := d.Spend(ctx, purpose, token)
		if jose.ReasonOf(err) != jose.ActionInvalid || r != (action.Record{}) {
			t.Fatalf("%q, %q: %+v, %v", purpose, token, r, err)
		}
	})
}
