package revoke

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/reason"
)

func whole(log string, seq uint64, entries ...Entry) []Snapshot {
	return []Snapshot{{Log: log, Seq: seq, Part: 1, Parts: 1, Entries: entries}}
}

// A snapshot never takes back what it does not know, in either log.
func TestSnapshotKeepsWhatIsKnown(t *testing.T) {
	t.Parallel()
	v := new(View)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	subject := entry(2, KindSubject, "s")
	subject.Version = 7
	must(v.Replace(whole("a", 2, entry(1, KindToken, "t"), subject), at, at))
	older := entry(1, KindSubject, "s")
	older.Version = 3
	must(v.Replace(whole("b", 1, older), at, at))
	if _, yes := v.Check(&Subject{TokenID: "t"}); !yes {
		t.Error("the new log forgot a token")
	}
	if _, yes := v.Check(&Subject{Subject: "s", SubjectVersion: 6}); !yes {
		t.Error("the new log moved a version back")
	}
	must(v.Replace(whole("b", 2), at, at.Add(2*time.Hour)))
	if _, yes := v.Check(&Subject{TokenID: "t"}); yes || v.Size() != 0 {
		t.Error("expired entries are kept")
	}
	v.Hear(at.Add(time.Minute), at.Add(time.Minute))
	if err := v.Replace(whole("a", 99), at, at.Add(time.Minute)); !errors.Is(err, ErrBack) {
		t.Error("another log's old snapshot:", err)
	}
}

func TestPartsMustBeOneSnapshot(t *testing.T) {
	t.Parallel()
	for name, parts := range map[string][]Snapshot{
		"none": nil, "one of two": {{Log: "a", Seq: 1, Part: 1, Parts: 2}},
		"of two logs":    {{Log: "a", Seq: 1, Part: 1, Parts: 2}, {Log: "b", Seq: 1, Part: 2, Parts: 2}},
		"of two numbers": {{Log: "a", Seq: 1, Part: 1, Parts: 2}, {Log: "a", Seq: 2, Part: 2, Parts: 2}},
		"out of order":   {{Log: "a", Seq: 1, Part: 2, Parts: 2}, {Log: "a", Seq: 1, Part: 1, Parts: 2}},
	} {
		if err := new(View).Replace(parts, at, at); !errors.Is(err, ErrParts) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A message from the future does not keep the view fresh for longer.
func TestHeardIsNeverInTheFuture(t *testing.T) {
	t.Parallel()
	v := new(View)
	if err := v.Replace(whole("a", 1), at, at); err != nil {
		t.Fatal(err)
	}
	v.Hear(at.Add(time.Hour), at)
	v.Hear(at.Add(-time.Hour), at)
	if !v.Heard().Equal(at) || !v.Stale(at.Add(11*time.Second), 10*time.Second) || v.Stale(at.Add(9*time.Second), 10*time.Second) {
		t.Error(v.Heard())
	}
}

// A clock that is set back keeps no view fresh that hears nothing, and the next
// message is heard by the new time.
func TestHeardBeforeTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	const bound = 10 * time.Second
	v := new(View)
	if err := v.Replace(whole("a", 1), at, at); err != nil {
		t.Fatal(err)
	}
	v.Hear(at, at)
	if v.Stale(at.Add(-time.Second), bound) {
		t.Error("a second is no reason")
	}
	back := at.Add(-time.Hour)
	if !v.Stale(back, bound) || !v.Stale(back.Add(30*time.Minute), bound) {
		t.Error("fresh for an hour without a word")
	}
	v.Hear(back, back)
	if v.Stale(back, bound) || !v.Stale(back.Add(bound+1), bound) {
		t.Error("not heard by the new time:", v.Heard())
	}
}

// The view answers as a list of all entries would that is read from the start.
func TestViewAgainstModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		v, now := new(View), at
		var model []Entry
		log, seq := "a", uint64(0)
		if err := v.Replace(whole(log, 0), at, at); err != nil {
			t.Fatal(err)
		}
		for step := range 60 {
			e := entry(seq+1, kinds[r.IntN(len(kinds))], fmt.Sprint(r.IntN(5)))
			if e.Version > 0 {
				e.Version = r.Int64N(5) + 1
			}
			e.Expires = now.Add(time.Duration(r.IntN(20)) * time.Second)
			var err error
			switch r.IntN(6) {
			case 0: // the issuer is restored from a backup
				log, seq = fmt.Sprint("log", step), 1
				e.Seq = 1
				err = v.Replace(whole(log, 1, e), now, now)
				model = append(model, e)
			case 1:
				now = now.Add(time.Duration(r.IntN(10)) * time.Second)
				v.Forget(now)
			case 2:
				if gap := v.Apply(&Batch{Log: log, After: seq + 1, Seq: seq + 2, Entries: []Entry{e}}); !errors.Is(gap, ErrGap) {
					t.Fatal(gap)
				}
			default:
				seq++
				err = v.Apply(&Batch{Log: log, After: seq - 1, Seq: seq, Entries: []Entry{e}})
				model = append(model, e)
			}
			if err != nil {
				t.Fatal(seed, step, err)
			}
			id, version := fmt.Sprint(r.IntN(5)), r.Int64N(6)
			s := Subject{KeyID: id, TokenID: id, GrantID: id, SessionID: id, Subject: id, SubjectVersion: version, ClientID: id, ClientVersion: version, IssuedAt: now}
			must := false
			for _, m := range model {
				must = must || m.ID == id && !m.Expires.Before(now) && (m.Version == 0 || version < m.Version)
			}
			if _, yes := v.Check(&s); must && !yes { // it may remember longer, never shorter
				t.Fatalf("seed %d, step %d: %s is not revoked", seed, step, id)
			}
		}
	}
}

func TestViewRace(t *testing.T) {
	t.Parallel()
	v := new(View)
	if err := v.Replace(whole("a", 0), at, at); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 1000 {
				before := v.Epoch()
				_, seq := v.Position()
				if _, yes := v.Check(&Subject{TokenID: fmt.Sprint(seq)}); seq > 0 && !yes {
					t.Error("an entry whose number is known is not in force", seq, before)
				}
			}
		})
	}
	for i := range uint64(500) {
		e := entry(i+1, KindToken, fmt.Sprint(i+1))
		if err := v.Apply(&Batch{Log: "a", After: i, Seq: i + 1, Entries: []Entry{e}}); err != nil {
			t.Error(err)
		}
		if i%100 == 99 {
			v.Forget(at)
			if err := v.Replace(whole("a", i+1), at, at); err != nil {
				t.Error(err)
			}
		}
	}
	wait.Wait()
}

func BenchmarkCheck(b *testing.B) {
	for _, n := range []int{10, 1000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			v := new(View)
			t := &tables{log: "a"}
			for i := range n {
				e := entry(uint64(i+1), KindToken, fmt.Sprintf("token-%016x", i))
				t.put(&e)
			}
			v.current.Store(t)
			runtime.GC()
			runtime.ReadMemStats(&after)
			s := &Subject{KeyID: "k", TokenID: "none", GrantID: "g", SessionID: "s", Subject: "u", ClientID: "c"}
			b.ReportAllocs()
			for b.Loop() {
				_, _ = v.Check(s)
			}
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(n), "B/entry")
		})
	}
}

// Entries of one identifier only ever add up, in whatever order they come:
// an issuer may publish a late, weaker one.
func TestVersionsNeverGoBack(t *testing.T) {
	t.Parallel()
	v := new(View)
	if err := v.Replace(whole("a", 0), at, at); err != nil {
		t.Fatal(err)
	}
	strong, weak := entry(1, KindSubject, "s"), entry(2, KindSubject, "s")
	strong.Version, strong.Before, strong.Expires = 7, at, at.Add(time.Hour)
	weak.Version, weak.Before, weak.Expires = 3, at.Add(-time.Hour), at.Add(time.Minute)
	for i, e := range []Entry{strong, weak} {
		if err := v.Apply(&Batch{Log: "a", After: uint64(i), Seq: uint64(i) + 1, Entries: []Entry{e}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, yes := v.Check(&Subject{Subject: "s", SubjectVersion: 6, IssuedAt: at}); !yes {
		t.Error("a version came back")
	}
	if _, yes := v.Check(&Subject{Subject: "s", SubjectVersion: 9, IssuedAt: at.Add(-time.Minute)}); !yes {
		t.Error("a moment came back")
	}
	if v.Forget(at.Add(30 * time.Minute)); v.Size() != 1 {
		t.Error("forgotten before its time")
	}
	if _, yes := v.Check(&Subject{Subject: "s", SubjectVersion: 9, IssuedAt: at}); yes {
		t.Error("what is newer is revoked, too")
	}
}

// What is about a client that got its own token exchanged dies with that client's tokens,
// and not with another's of the same version.
func TestThreatExchangedOfARevokedClient(t *testing.T) {
	t.Parallel()
	v := new(View)
	e := entry(1, KindClient, "batch")
	e.Version = 3
	if err := v.Replace(whole("a", 1, e), at, at); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		of   Subject
		dead bool
	}{
		{Subject{Subject: "batch", SubjectVersion: 2, ClientID: "gateway", ClientVersion: 1}, true},
		{Subject{Subject: "batch", SubjectVersion: 3, ClientID: "gateway", ClientVersion: 1}, false},
		{Subject{Subject: "batch", ClientID: "batch", ClientVersion: 3}, false}, // its own, which says no sub_ver
		{Subject{Subject: "usr_1", SubjectVersion: 1, ClientID: "gateway", ClientVersion: 1}, false},
	} {
		if code, dead := v.Check(&c.of); dead != c.dead || dead && code != reason.ClientRevoked {
			t.Errorf("%+v: %q %v", c.of, code, dead)
		}
	}
}
