package logout

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jotward/jotward/internal/reason"
)

// A client that accepts connections and never answers, with ten thousand notices due, is
// told of few at a time; another is told at once, at any moment of the day that it takes.
func TestThreatSilentClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.answers["silent"] = silent
		w.owe("silent", 10_000)
		end := w.runs(t)
		const rounds = 1500
		for i := range rounds {
			time.Sleep(59*time.Second + 100*time.Millisecond) // at another moment of the pauses each time
			w.owe("app", 1)
			w.after(0, func() {
				if told := w.posts["app"]; len(told) != i+1 || !told[i].Equal(time.Now()) {
					t.Fatalf("told of %d of %d", len(told), i+1)
				}
			})
		}
		w.after(0, func() {
			if w.most["silent"] != batch || w.most[""] > batch+1 {
				t.Errorf("%d attempts at once", w.most["silent"])
			}
			// 5 s of waiting and 5 s of rest.
			if n, day := len(w.posts["silent"]), int(Life/time.Second); n < batch*day/15 || n > batch*(day/10+1) {
				t.Errorf("%d attempts in a day", n)
			}
			if left := len(w.notices["silent"]) + len(w.notices["app"]); left != 0 || len(w.errs) != 0 || len(w.acts) != 10_000+rounds {
				t.Errorf("%d are left, %d acts, %v", left, len(w.acts), w.errs)
			}
		})
		end()
	})
}

// However many do not answer: what is under way is bounded, and so is the wait of the
// others, by two turns of all.
func TestThreatSilentClients(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		const times = 10
		for i := range times * lanes {
			id := fmt.Sprintf("silent-%04d", i)
			w.answers[id] = silent
			w.owe(id, 20)
		}
		end := w.runs(t)
		synctest.Wait()
		w.owe("z", 1)
		w.after(2*times*5*time.Second, func() {
			if len(w.posts["z"]) != 1 || w.most[""] != lanes*batch {
				t.Errorf("told %d times, %d attempts at once", len(w.posts["z"]), w.most[""])
			}
		})
		end()
	})
}

// Clients that answer slowly, with more to be told of than ever ends, take turns with the rest.
func TestClientsTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		for i := range 2 * lanes {
			id := fmt.Sprintf("busy-%04d", i)
			w.answers[id] = status(200, time.Second)
			w.owe(id, 1000)
		}
		w.owe("z", 10)
		end := w.runs(t)
		w.after(20*time.Second, func() {
			if len(w.posts["z"]) != 10 {
				t.Errorf("told of %d of 10", len(w.posts["z"]))
			}
			least, most := 1000, 0
			for id, posts := range w.posts {
				if id != "z" {
					least, most = min(least, len(posts)), max(most, len(posts))
				}
			}
			if len(w.posts) != 2*lanes+1 || most-least > batch {
				t.Errorf("%d clients were told, of %d to %d", len(w.posts), least, most)
			}
		})
		end()
	})
}

// A client that does not answer is left alone for a moment, however fast it fails; one that
// says anything is not.
func TestRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.answers["away"] = func(context.Context) (int, error) { return 0, reason.New(reason.AddressUnreachable, nil) }
		w.answers["refuses"] = status(500, 0)
		w.owe("away", 100)
		w.owe("refuses", 100)
		end := w.runs(t)
		for range 10 {
			w.after(100*time.Millisecond, func() {
				if n, m := len(w.posts["away"]), len(w.posts["refuses"]); n != batch || m != 100 {
					t.Fatalf("%d and %d attempts", n, m)
				}
				w.Wake()
			})
		}
		w.after(firstPause, func() {
			if n := len(w.posts["away"]); n != 2*batch {
				t.Errorf("%d attempts", n)
			}
			w.answers["away"] = nil
		})
		// Once it is back it is told of all, as fast as it answers.
		w.after(30*time.Second, func() {
			if left := len(w.notices["away"]); left != 0 {
				t.Errorf("%d are left", left)
			}
		})
		end()
	})
}

// What did not have its turn in a day is forgotten, and that is said; nothing is sent.
func TestExpiredIsNotSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.owe("app", 50)
		time.Sleep(Life - 1)
		w.owe("app", 1)
		time.Sleep(time.Nanosecond)
		if err := w.Deliver(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(w.posts["app"]) != 1 || w.events[Event{"app", Expired, ""}] != 50 || w.events[Event{"app", Delivered, ""}] != 1 {
			t.Errorf("%d attempts, %v", len(w.posts["app"]), w.events)
		}
		if a := w.acts[0]; len(w.acts) != 51 || a.Action != "logout.expire" || a.Target.ID != "app" || a.Detail["attempts"] != "0" || a.Detail["session_id"] != "sid" {
			t.Errorf("%d acts, %+v", len(w.acts), a)
		}
	})
}

// What fails on our side for one client is said, and does not end the round of the others,
// nor is it tried without a pause.
func TestFaultOfOneClient(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"signing", "client", "notices"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				fault := errors.New("a key without a curve")
				w.broken[what+" app-1"] = fault
				for i := range 3 {
					w.owe(fmt.Sprintf("app-%d", i), 20)
				}
				end := w.runs(t)
				w.after(0, func() {
					if a, b, c := len(w.posts["app-0"]), len(w.posts["app-1"]), len(w.posts["app-2"]); a != 20 || b != 0 || c != 20 {
						t.Errorf("%d, %d and %d attempts", a, b, c)
					}
					if len(w.errs) != 1 || !errors.Is(w.errs[0], fault) {
						t.Errorf("%v", w.errs)
					}
				})
				w.after(20*time.Second, func() {
					if n := len(w.errs); n < 4 || n > 5 {
						t.Errorf("it failed %d times in 20 s", n)
					}
				})
				end()
				w.owe("app-2", 1)
				if err := w.Deliver(t.Context()); !errors.Is(err, fault) || len(w.posts["app-2"]) != 21 {
					t.Errorf("%v, %d attempts", err, len(w.posts["app-2"]))
				}
			})
		})
	}
}

// A notice whose token cannot be signed is put off, so that it is not in the way of the next.
func TestFaultOfSigningIsCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.broken["signing app"] = errors.New("a key without a curve")
		w.owe("app", 1)
		if err := w.Deliver(t.Context()); err == nil {
			t.Error("nothing is said")
		}
		n := w.notices["app"][0]
		if n.Attempts != 1 || !n.Due.Equal(time.Now().Add(firstPause)) || w.events[Event{"app", Failed, reason.Internal}] != 1 {
			t.Errorf("%+v, %v", n, w.events)
		}
	})
}

// Nothing outlives the context, nor waits for a client; what was under way counts as no attempt.
func TestRunEnds(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(context.Context) (int, error){
		"silent":  func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() },
		"refused": func(context.Context) (int, error) { return 0, reason.New(reason.AddressRefused, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // which ends when every goroutine has
				w := newWorld()
				for i := range 2 * lanes {
					id := fmt.Sprintf("app-%d", i)
					w.answers[id] = answer
					w.owe(id, 20)
				}
				end := w.runs(t)
				before, began := 0, time.Now()
				w.after(0, func() { before = len(w.acts) + len(w.events) })
				end()
				if took := time.Since(began); took != 0 || len(w.errs) != 0 || len(w.acts)+len(w.events) != before || w.now[""] != 0 {
					t.Errorf("after %v: %v, %v", took, w.errs, w.events)
				}
			})
		})
	}
}

// A store that fails is asked again after a pause.
func TestStoreFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.broken["waiting"] = errors.New("disk")
		w.owe("app", 1)
		end := w.runs(t)
		w.after(0, func() {
			if n := len(w.errs); n < 1 || n > 2 || !errors.Is(w.errs[0], w.broken["waiting"]) || len(w.posts) != 0 { // begun, and woken
				t.Errorf("%v, %v", w.errs, w.posts)
			}
			delete(w.broken, "waiting")
		})
		w.after(firstPause, func() {
			if len(w.posts["app"]) != 1 {
				t.Errorf("told %d times", len(w.posts["app"]))
			}
		})
		end()
	})
}
