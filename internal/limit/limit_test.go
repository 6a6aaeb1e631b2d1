package limit_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/limit"
)

func newLimiter(t *testing.T, r limit.Rate, keys int) *limit.Limiter {
	t.Helper()
	l, err := limit.New(r, keys)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestZeroRateIsRefused(t *testing.T) {
	t.Parallel()
	for _, r := range []limit.Rate{{}, {Every: time.Second}, {Burst: 1}} {
		if _, err := limit.New(r, 1); err == nil {
			t.Errorf("%+v was taken", r)
		}
	}
	if _, err := limit.New(limit.Rate{Every: 1, Burst: 1}, 0); err == nil {
		t.Error("a limiter without room was made")
	}
}

// A burst, then one each second; the wait that is told is the one that helps.
func TestBurstThenOneByOne(t *testing.T) {
	t.Parallel()
	l := newLimiter(t, limit.Rate{Every: time.Second, Burst: 3}, 1000)
	now := time.Unix(1_800_000_000, 0)
	for i := range 3 {
		if _, ok := l.Take(now, "a"); !ok {
			t.Fatalf("take %d of the burst was refused", i)
		}
	}
	for range 100 { // refused takes are not counted: nobody is locked out for trying
		if wait, ok := l.Take(now, "a"); ok || wait != time.Second {
			t.Fatalf("after the burst: %v %v", wait, ok)
		}
	}
	if _, ok := l.Take(now, "b"); !ok {
		t.Fatal("another key was refused")
	}
	if _, ok := l.Take(now.Add(time.Second-1), "a"); ok {
		t.Fatal("too early")
	}
	if _, ok := l.Take(now.Add(time.Second), "a"); !ok {
		t.Fatal("the wait was too short")
	}
	l.Return(now.Add(time.Second), "a")
	if _, ok := l.Take(now.Add(time.Second), "a"); !ok {
		t.Fatal("what was returned is gone")
	}
	l.Clear("a")
	for i := range 3 {
		if _, ok := l.Take(now, "a"); !ok {
			t.Fatalf("take %d after Clear was refused", i)
		}
	}
}

// A clock that is set back costs a key no more than a spent burst does.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	l := newLimiter(t, limit.Rate{Every: time.Second, Burst: 3}, 1000)
	now := time.Unix(1_800_000_000, 0)
	for range 4 {
		l.Take(now, "a")
	}
	now = now.Add(-24 * time.Hour)
	if wait, ok := l.Take(now, "a"); ok || wait != time.Second {
		t.Fatalf("a day back: %v %v", wait, ok)
	}
	if _, ok := l.Take(now.Add(time.Second), "a"); !ok {
		t.Fatal("the wait that was told did not help")
	}
}

// A full limiter refuses who is new and forgets nobody who is in debt.
func TestFullRefusesRatherThanForgets(t *testing.T) {
	t.Parallel()
	l := newLimiter(t, limit.Rate{Every: time.Second, Burst: 1}, 64)
	now := time.Unix(1_800_000_000, 0)
	var held []string
	refused := 0
	for i := range 10000 {
		key := fmt.Sprint("key ", i)
		if wait, ok := l.Take(now, key); ok {
			held = append(held, key)
		} else if refused++; wait <= 0 || wait > time.Second {
			t.Fatalf("refused for %v", wait)
		}
	}
	if l.Len() > 64 || refused < 9900 {
		t.Fatalf("%d keys are held, %d were refused", l.Len(), refused)
	}
	for _, key := range held {
		if _, ok := l.Take(now, key); ok {
			t.Fatalf("%s was forgotten", key)
		}
	}
	if _, ok := l.Take(now.Add(time.Second), "new"); !ok {
		t.Fatal("there is room again, and the new key was refused")
	}
}

func TestManyAtOnceGetTheBurst(t *testing.T) {
	t.Parallel()
	l := newLimiter(t, limit.Rate{Every: time.Hour, Burst: 10}, 1000)
	var wg sync.WaitGroup
	var mu sync.Mutex
	n := 0
	for range 100 {
		wg.Go(func() {
			if _, ok := l.Take(time.Unix(1_800_000_000, 0), "a"); ok {
				mu.Lock()
				n++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if n != 10 {
		t.Fatalf("%d of a burst of 10", n)
	}
}

func TestCount(t *testing.T) {
	l, err := limit.New(limit.Rate{Every: time.Second, Burst: 3}, 64)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	for _, want := range []limit.Count{{true, 0, 2, time.Second}, {true, 0, 1, 2 * time.Second}, {true, 0, 0, 3 * time.Second}, {false, time.Second, 0, 3 * time.Second}} {
		if got := l.Count(now, "a"); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	if got := l.Count(now.Add(2500*time.Millisecond), "a"); got != (limit.Count{true, 0, 1, 1500 * time.Millisecond}) {
		t.Errorf("%+v", got)
	}
}

func TestParseRate(t *testing.T) {
	for text, want := range map[string]limit.Rate{"100/s": {10 * time.Millisecond, 100}, "2/m": {30 * time.Second, 2}, "1/h": {time.Hour, 1}, "1/d": {24 * time.Hour, 1}} {
		if got, err := limit.ParseRate(text, 0); err != nil || got != want {
			t.Errorf("%s: %+v %v", text, got, err)
		}
	}
	if got, err := limit.ParseRate("1/m", 5); err != nil || got != (limit.Rate{time.Minute, 5}) {
		t.Errorf("%+v %v", got, err)
	}
	for _, text := range []string{"", "1", "/s", "0/s", "-1/s", "1/w", "1/s/s", "1.5/s", "9999999999/s", "99999999999999999999/s"} {
		if got, err := limit.ParseRate(text, 0); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
	for _, burst := range []int{-1, 2_000_000_000} {
		if got, err := limit.ParseRate("1/d", burst); err == nil {
			t.Errorf("%d: %+v", burst, got)
		}
	}
}
