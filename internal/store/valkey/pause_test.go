package valkey

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/rueidis"
)

// A question that was waited for longer than the pause is followed by one all the
// same: otherwise every request would wait.
func TestPauseAfterWaiting(t *testing.T) {
	now := time.Now()
	s, err := New(Config{URL: "unix:///nowhere", Timeout: 5 * time.Second, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	var nobody rueidis.Client
	s.client.Store(&nobody)
	asked := 0
	ask := func() {
		err := s.ask(t.Context(), func(context.Context, rueidis.Client) error {
			asked++
			now = now.Add(s.config.Timeout)
			return context.DeadlineExceeded
		})
		if !errors.Is(err, ErrAway) {
			t.Error(err)
		}
	}
	if ask(); asked != 1 {
		t.Fatal("not asked")
	}
	if ask(); asked != 1 {
		t.Error("asked again without a pause")
	}
	now = now.Add(retryAfter)
	if ask(); asked != 2 {
		t.Error("not asked after the pause")
	}
}
