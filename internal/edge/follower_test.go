package edge

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwks"
)

// A following is an edge that follows a feed, in a bubble where time is ours.
type following struct {
	*party
	t    *testing.T
	edge *Edge
}

func inBubble(t *testing.T, stale string, story func(*following)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p, b := newParty(t, "https://a.test", time.Now), newParty(t, "https://b.test", time.Now)
		c := p.config()
		c.Feed = follow(stale)
		e, err := New(config.Edge{Issuers: []config.EdgeIssuer{c}, Routes: []config.Route{{Name: "api", Path: "/", Upstream: "http://127.0.0.1:1"}}},
			Options{Now: time.Now, Logger: slog.New(slog.DiscardHandler), Instance: "i", HTTPClient: &http.Client{Transport: network{"a.test": p, "b.test": b}}})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() { done <- e.Run(t.Context()) }()
		story(&following{p, t, e})
		e.Close()
		<-done
	})
}

func (f *following) source() *source { return f.edge.current.Load().issuers[f.name].source }

func (f *following) stale() bool {
	synctest.Wait()
	return f.edge.current.Load().issuers[f.name].freshness(time.Now()) == FeedStale
}

func (f *following) revoked(grant string) bool {
	synctest.Wait()
	_, yes := f.source().view.Check(&revoke.Subject{GrantID: grant})
	return yes
}

func (f *following) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func revokes(seq uint64, grant string) revoke.Entry {
	return revoke.Entry{Seq: seq, Kind: revoke.KindGrant, ID: grant, Expires: time.Now().Add(time.Hour), At: time.Now(), Reason: reason.RefreshReused}
}

func snapshot(log string, seq uint64, entries ...revoke.Entry) revoke.Message {
	return revoke.Message{Snapshot: &revoke.Snapshot{Log: log, Seq: seq, Part: 1, Parts: 1, Entries: entries}}
}

func beat(log string, seq uint64) revoke.Message {
	return revoke.Message{Heartbeat: &revoke.Heartbeat{Log: log, Seq: seq, At: time.Now()}}
}

// Parts of a snapshot count together; batches follow; a lost connection is
// resumed from the number; a gap asks for everything anew.
func TestFollowing(t *testing.T) {
	t.Parallel()
	inBubble(t, "", func(f *following) {
		if q := <-f.asked; len(q) != 0 {
			t.Error("the first request resumes", q)
		}
		s := <-f.streams
		f.must(s.say(revoke.Message{Snapshot: &revoke.Snapshot{Log: "l", Seq: 4, Part: 1, Parts: 2, Entries: []revoke.Entry{revokes(1, "g1")}}}))
		if !f.stale() || f.revoked("g1") {
			t.Error("half a snapshot is taken for a whole one")
		}
		f.must(s.say(revoke.Message{Snapshot: &revoke.Snapshot{Log: "l", Seq: 4, Part: 2, Parts: 2, Entries: []revoke.Entry{revokes(2, "g2")}}}))
		if f.stale() || !f.revoked("g1") || !f.revoked("g2") {
			t.Error("the snapshot is not in force")
		}
		f.must(s.say(revoke.Message{Batch: &revoke.Batch{Log: "l", After: 4, Seq: 5, Entries: []revoke.Entry{revokes(5, "g5")}}}))
		if !f.revoked("g5") {
			t.Error("the batch is not in force")
		}
		if p := <-f.positions; p["instance"] != "i" || p["log"] != "l" || p["lag_ms"] == nil || fmt.Sprint(p["keys"]) != "[map[kid:k1] map[kid:f1]]" {
			t.Error(p)
		}
		_ = s.w.Close()
		if q := <-f.asked; q.Get("log") != "l" || q.Get("after") != "5" {
			t.Error("not resumed from the number:", q)
		}
		s = <-f.streams
		f.must(s.say(beat("l", 7)))
		if q := <-f.asked; len(q) != 0 {
			t.Error("after a gap the snapshot was not asked for:", q)
		}
		f.must((<-f.streams).say(snapshot("l", 7, revokes(6, "g6"), revokes(7, "g7"))))
		if !f.revoked("g6") || !f.revoked("g1") {
			t.Error("the second snapshot is not in force, or it forgot")
		}
	})
}

// Silence makes the view stale and the connection given up; the waits between
// attempts grow to their bound, and begin anew after a word from the issuer.
func TestSilence(t *testing.T) {
	t.Parallel()
	inBubble(t, "", func(f *following) {
		<-f.asked
		s := <-f.streams
		f.must(s.say(snapshot("l", 1)))
		if f.stale() {
			t.Error("stale at once")
		}
		time.Sleep(10*time.Second + time.Millisecond)
		if !f.stale() {
			t.Error("fresh after ten silent seconds")
		}
		time.Sleep(firstBackoff)
		if synctest.Wait(); len(f.asked) == 0 {
			t.Fatal("a silent connection is not given up")
		}
		last := time.Now()
		for i := range 12 { // each connection ends without a word
			<-f.asked
			if wait := time.Since(last); i > 0 && wait > lastBackoff || i > 9 && wait < lastBackoff/2 {
				t.Errorf("attempt %d after %s", i, wait)
			}
			_ = (<-f.streams).w.Close()
			last = time.Now()
		}
		<-f.asked
		s = <-f.streams
		f.must(s.say(beat("l", 1)))
		synctest.Wait()
		_ = s.w.Close()
		last = time.Now()
		<-f.asked
		if wait := time.Since(last); wait > firstBackoff {
			t.Errorf("after a good connection it waits %s", wait)
		}
	})
}

// Only this issuer's feed key, type and audience move the view, and only forward.
func TestForgedFeeds(t *testing.T) {
	t.Parallel()
	for name, forge := range map[string]func(*following) string{
		"another key":   func(f *following) string { return f.sign(newKey(t, "f1"), revoke.Type, snapshot("l", 9)) },
		"the token key": func(f *following) string { return f.sign(f.key, revoke.Type, snapshot("l", 9)) },
		"another type":  func(f *following) string { return f.sign(f.feed, "at+jwt", snapshot("l", 9)) },
		"another issuer's": func(f *following) string {
			m := snapshot("l", 9)
			m.Issuer = "https://b.test"
			return f.sign(f.feed, revoke.Type, m)
		},
		"an old snapshot": func(f *following) string { return f.sign(f.feed, revoke.Type, snapshot("l", 3)) },
		"another log's batch": func(f *following) string {
			return f.sign(f.feed, revoke.Type, revoke.Message{Batch: &revoke.Batch{Log: "m", After: 4, Seq: 5, Entries: []revoke.Entry{revokes(5, "x")}}})
		},
		"another log's beat": func(f *following) string { return f.sign(f.feed, revoke.Type, beat("m", 5)) },
		"an old log's snapshot": func(f *following) string {
			m := snapshot("m", 1)
			m.IssuedAt = time.Now().Add(-time.Minute)
			return f.sign(f.feed, revoke.Type, m)
		},
		"a message of tomorrow": func(f *following) string {
			m := snapshot("l", 9)
			m.IssuedAt = time.Now().Add(time.Hour)
			return f.sign(f.feed, revoke.Type, m)
		},
	} {
		inBubble(t, "", func(f *following) {
			<-f.asked
			s := <-f.streams
			f.must(s.say(snapshot("l", 4, revokes(1, "g1"))))
			synctest.Wait()
			f.must(s.write(forge(f)))
			<-f.asked // it hung up
			synctest.Wait()
			if log, seq := f.source().view.Position(); log != "l" || seq != 4 || !f.revoked("g1") {
				t.Errorf("%s moved the view to %s %d", name, log, seq)
			}
		})
	}
}

// An old batch or heartbeat, sent again, makes nothing fresh.
func TestReplayKeepsNothingFresh(t *testing.T) {
	t.Parallel()
	inBubble(t, "", func(f *following) {
		<-f.asked
		s := <-f.streams
		f.must(s.say(snapshot("l", 1)))
		old := f.sign(f.feed, revoke.Type, beat("l", 1))
		for range 4 {
			time.Sleep(3 * time.Second)
			f.must(s.write(old))
		}
		if !f.stale() {
			t.Error("a replayed heartbeat counts as a new one")
		}
	})
}

// An issuer that was restored begins a new log. What the edge knew stays.
func TestRestoredIssuer(t *testing.T) {
	t.Parallel()
	inBubble(t, "", func(f *following) {
		<-f.asked
		s := <-f.streams
		f.must(s.say(snapshot("old", 9, revokes(9, "lost"))))
		f.must(s.say(snapshot("new", 2, revokes(2, "kept"))))
		synctest.Wait()
		if log, seq := f.source().view.Position(); !f.revoked("lost") || !f.revoked("kept") || log != "new" || seq != 2 {
			t.Error(log, seq)
		}
		time.Sleep(time.Hour + time.Minute)
		f.source().view.Forget(time.Now())
		if f.revoked("lost") || f.source().view.Size() != 0 {
			t.Error("not forgotten after its time")
		}
	})
}

// A feed key that is published before it is used interrupts nothing.
func TestFeedKeyRotates(t *testing.T) {
	t.Parallel()
	inBubble(t, "", func(f *following) {
		<-f.asked
		s := <-f.streams
		f.must(s.say(snapshot("l", 1)))
		old := f.feed
		f.feed = newKey(t, "f2")
		f.publish(&f.feedSet, old, f.feed)
		for range 200 { // longer than a key set is fresh
			time.Sleep(4 * time.Second)
			f.must(s.write(f.sign(old, revoke.Type, beat("l", 1))))
		}
		f.must(s.say(revoke.Message{Batch: &revoke.Batch{Log: "l", After: 1, Seq: 2, Entries: []revoke.Entry{revokes(2, "g")}}}))
		if f.stale() || !f.revoked("g") || len(f.asked) != 0 {
			t.Error("the rotation broke the connection")
		}
	})
}

// The feed's keys are kept before a message asks for them.
func TestFeedKeysAreKept(t *testing.T) {
	t.Parallel()
	inBubble(t, "", func(f *following) {
		time.Sleep(time.Hour)
		if synctest.Wait(); f.feedKeys.Load() < 2 {
			t.Error("fetched", f.feedKeys.Load(), "times in a silent hour")
		}
	})
}

// The edge's secret goes to its issuer and nowhere else.
func TestFeedRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	inBubble(t, "", func(f *following) {
		<-f.asked
		s := <-f.streams
		to := "https://b.test/feed"
		f.redirect.Store(&to)
		_ = s.w.Close()
		other := f.source().follower.client.Transport.(network)["b.test"]
		time.Sleep(time.Minute)
		synctest.Wait()
		if other.visits.Load() != 0 || len(f.asked) != 0 {
			t.Error("a redirect was followed")
		}
	})
}

// An issuer that has no room says when to come back, and is believed for a minute.
func TestBusyFeed(t *testing.T) {
	t.Parallel()
	for wait, want := range map[string]time.Duration{"20": 20 * time.Second, "86400": time.Minute, "soon": 0, "-1": 0, "": 0} {
		inBubble(t, "", func(f *following) {
			<-f.asked
			s := <-f.streams
			f.must(s.say(snapshot("l", 1)))
			synctest.Wait()
			f.busy.Store(&wait)
			_ = s.w.Close()
			time.Sleep(firstBackoff)
			synctest.Wait()
			if n := f.turned.Load(); n != 1 {
				t.Fatalf("%q: asked %d times", wait, n)
			}
			f.busy.Store(nil)
			before := time.Now()
			<-f.asked
			if took := time.Since(before); took < want-firstBackoff || took > want+4*firstBackoff {
				t.Errorf("%q: asked again after %s", wait, took)
			}
		})
	}
}

// A feed key that left the published set moves nothing any more, although the
// follower knew it and no message asks for another.
func TestRetiredFeedKey(t *testing.T) {
	t.Parallel()
	inBubble(t, "", func(f *following) {
		<-f.asked
		s := <-f.streams
		f.must(s.say(snapshot("l", 1)))
		f.publish(&f.feedSet, newKey(t, "f2"))
		for range 2000 { // more than two hours
			time.Sleep(4 * time.Second)
			if s.say(beat("l", 1)) != nil || len(f.asked) > 0 {
				return // it hung up
			}
		}
		t.Error("a retired key keeps the view fresh")
	})
}

// A key that was replaced takes its place with it: the edge fetches what signs now,
// although it had just fetched.
func TestReplacedKeyIsFetched(t *testing.T) {
	t.Parallel()
	inBubble(t, "", func(f *following) {
		<-f.asked
		s := <-f.streams
		f.must(s.say(snapshot("l", 1)))
		synctest.Wait()
		has := func(kid string) bool {
			synctest.Wait()
			keys, err := f.source().keys.Lookup(f.t.Context(), kid, jwk.ES256)
			return err == nil && len(keys) == 1
		}
		if !has("k1") {
			t.Fatal("no keys were fetched")
		}
		f.publish(&f.set, newKey(t, "k2"))
		f.must(s.say(revoke.Message{Batch: &revoke.Batch{Log: "l", After: 1, Seq: 2, Entries: []revoke.Entry{revokes(2, "g2")}}}))
		if has("k2") {
			t.Error("a grant's end is no reason to fetch keys")
		}
		gone := revoke.Entry{Seq: 3, Kind: revoke.KindKey, ID: "k1", Expires: time.Now().Add(time.Hour), At: time.Now(), Reason: reason.Administrator}
		f.must(s.say(revoke.Message{Batch: &revoke.Batch{Log: "l", After: 2, Seq: 3, Entries: []revoke.Entry{gone}}}))
		if !has("k2") || has("k1") {
			t.Error("the key that signs now is not known")
		}
		// What the old one signed is refused for that, though the set has it no more.
		for _, c := range []struct{ token, was, want string }{
			{f.token(nil), "key_not_found", "key_revoked"}, {f.tokenBy(newKey(t, "k3"), "at+jwt", nil), "key_not_found", "key_not_found"},
			{f.token(nil), "signature_invalid", "signature_invalid"}, {"x", "key_not_found", "key_not_found"},
		} {
			if no := f.edge.current.Load().issuers[f.name].why(&refusal{code: reason.Code(c.was)}, c.token); string(no.code) != c.want {
				t.Errorf("%s: %s, want %s", c.was, no.code, c.want)
			}
		}
	})
}

// An issuer that is away just when it says that a key was revoked is asked again until
// it answers: nothing on the stream says it twice.
func TestRenewalIsTriedAgain(t *testing.T) {
	t.Parallel()
	inBubble(t, "", func(f *following) {
		<-f.asked
		s := <-f.streams
		f.must(s.say(snapshot("l", 1)))
		synctest.Wait()
		keys := f.source().keys
		f.must(keys.Refresh(f.t.Context()))
		f.publish(&f.set, newKey(t, "k2"))
		f.away.Store(true)
		before := f.visits.Load()
		gone := revoke.Entry{Seq: 2, Kind: revoke.KindKey, ID: "k1", Expires: time.Now().Add(time.Hour), At: time.Now(), Reason: reason.Administrator}
		f.must(s.say(revoke.Message{Batch: &revoke.Batch{Log: "l", After: 1, Seq: 2, Entries: []revoke.Entry{gone}}}))
		synctest.Wait()
		if f.visits.Load() == before || !slices.Equal(keys.Health().KeyIDs, []string{"k1"}) {
			t.Fatalf("%v after %d requests", keys.Health().KeyIDs, f.visits.Load()-before)
		}
		f.away.Store(false)
		time.Sleep(jwks.DefaultCoolDown + 2*time.Second)
		synctest.Wait()
		if got := keys.Health().KeyIDs; !slices.Equal(got, []string{"k2"}) {
			t.Errorf("the edge still has %v", got)
		}
	})
}

// A stale view refuses, or serves and says so.
func TestStale(t *testing.T) {
	t.Parallel()
	for stale, want := range map[string]string{"": "revocation_stale", "refuse": "revocation_stale", "serve": ""} {
		w := build(t, func(_ *world, c *config.Edge) { c.Issuers[0].Feed = follow(stale) })
		a := w.get("/api/x", w.bearer(nil))
		if a.code() != want || a.event.Feed != FeedStale || !strings.Contains(w.log.String(), `"feed":"stale"`) || !strings.Contains(w.log.String(), `"level":"WARN"`) {
			t.Error(stale, a, a.event)
		}
		for _, c := range w.edge.Ready() {
			if strings.HasPrefix(c.Name, "revocations") && c.OK != (want == "") {
				t.Error(c)
			}
		}
	}
}

// An edge without a feed says so in the log, in every event and in a metric.
func TestNoFeedIsLoud(t *testing.T) {
	t.Parallel()
	w := build(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.edge.Run(ctx) }()
	if a := w.get("/api/x", w.bearer(nil)); a.event.Feed != FeedNone {
		t.Error(a.event)
	}
	cancel()
	<-done
	if !strings.Contains(w.log.String(), "NO REVOCATION FEED") || !strings.Contains(w.scrape(), `jotward_revocation_feed_followed{issuer="https://a.test"} 0`) {
		t.Error(w.log, w.scrape())
	}
}
