package jwt_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwt"
)

// Two requests with one proof that come in its last moment reach the store after it.
// The second is refused all the same.
func TestDPoPReplayAtTheEnd(t *testing.T) {
	k := newKit(t)
	moment := time.Unix(1700000090+60+5, 0)
	read := func() time.Time { return moment }
	inner, err := jwt.NewMemoryReplay(10, read)
	k.must(err)
	var v *jwt.DPoPVerifier
	r := jwt.DPoPRequest{Method: "POST", URL: proof, NoAccessToken: true, Proofs: []string{k.proof(k.key, proofClaims)}}
	var second error
	first := true
	v, err = jwt.NewDPoPVerifier(jwt.DPoPPolicy{Algorithms: k.algorithms(), MaxAge: time.Minute, Leeway: 5 * time.Second, Clock: read, SkipNonce: true,
		Replay: storeFunc(func(key string, until time.Time) (bool, error) {
			if first { // the other one is verified before this one is remembered
				first = false
				_, second = v.Verify(ctx, r)
			}
			moment = moment.Add(time.Millisecond)
			return inner.Seen(ctx, key, until)
		})})
	k.must(err)
	_, err = v.Verify(ctx, r)
	if second != nil {
		t.Fatal(second)
	}
	wants(t, err, jose.TokenReplayed)
}

// The store in memory forgets nothing before its time, and everything after it.
func TestMemoryReplay(t *testing.T) {
	moment := now
	s, err := jwt.NewMemoryReplay(3, func() time.Time { return moment })
	if err != nil {
		t.Fatal(err)
	}
	seen := func(key string, after time.Duration) string {
		was, err := s.Seen(ctx, key, now.Add(after))
		if err != nil {
			return "full"
		}
		return fmt.Sprint(was)
	}
	for i, c := range []struct {
		at    time.Duration
		key   string
		until time.Duration
		want  string
	}{
		{0, "c", 30, "false"}, {0, "a", 10, "false"}, {0, "b", 20, "false"}, {0, "d", 40, "full"},
		{10, "a", 10, "true"}, {10, "d", 40, "full"}, {11, "d", 40, "false"}, {11, "a", 50, "full"},
		{20, "b", 99, "true"}, {21, "b", 99, "false"}, {30, "c", 1, "true"}, {41, "d", 60, "false"}, {41, "c", 60, "false"}, {41, "x", 60, "full"}, {100, "b", 200, "false"},
	} {
		moment = now.Add(c.at)
		if got := seen(c.key, c.until); got != c.want {
			t.Errorf("step %d: %s at %d: %s, want %s", i, c.key, c.at, got, c.want)
		}
	}
}

// Another size forgets nothing: what is too much is refused until there is room.
func TestMemoryReplayResize(t *testing.T) {
	moment := now
	s, err := jwt.NewMemoryReplay(2, func() time.Time { return moment })
	if err != nil {
		t.Fatal(err)
	}
	wants(t, s.Resize(0), jose.PolicyInvalid)
	for n, c := range []struct {
		limit int
		key   string
		want  string
	}{{2, "a", "false"}, {2, "b", "false"}, {1, "a", "true"}, {1, "b", "true"}, {1, "c", "full"}, {3, "c", "false"}, {3, "d", "full"}} {
		if err := s.Resize(c.limit); err != nil {
			t.Fatal(err)
		}
		was, err := s.Seen(ctx, c.key, now.Add(time.Minute))
		got := fmt.Sprint(was)
		if errors.Is(err, jwt.ErrReplayFull) {
			got = "full"
		}
		if got != c.want {
			t.Errorf("%d: %s, want %s", n, got, c.want)
		}
	}
}
