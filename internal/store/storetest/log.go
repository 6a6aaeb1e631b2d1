package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/internal/secret"
	"github.com/jotward/jotward/internal/session"
)

func trail(t *testing.T, w *world) {
	ctx := t.Context()
	start := w.now
	for i, row := range []struct{ actor, action, target string }{{"ann", "a.one", "x"}, {"ann", "a.two", "y"}, {"bob", "a.one", "y"}, {"bob", "a.two", "x"}} {
		w.now = start.Add(time.Duration(i) * time.Minute)
		act := audit.New(w.now, audit.Actor{Kind: "user", ID: row.actor, Request: fmt.Sprint("req-", i)}, row.action, "thing", row.target, "n", fmt.Sprint(i))
		w.ok(w.Record(ctx, act))
	}
	all := must[[]audit.Entry](w)(w.AuditEntries(ctx, audit.Filter{}, 0, 10))
	if len(all) != 4 || all[0].Detail["n"] != "3" || all[0].Actor != (audit.Actor{Kind: "user", ID: "bob", Request: "req-3"}) || !all[0].At.Equal(w.now) {
		t.Fatalf("the trail: %+v", all)
	}
	for _, row := range []struct {
		name   string
		filter audit.Filter
		want   string
	}{
		{"by actor", audit.Filter{Actor: audit.Actor{ID: "ann"}}, "1 0"},
		{"by actor and action", audit.Filter{Actor: audit.Actor{ID: "ann"}, Action: "a.one"}, "0"},
		{"by actor and target", audit.Filter{Actor: audit.Actor{ID: "bob"}, Target: audit.Target{ID: "y"}}, "2"},
		{"by kind of actor", audit.Filter{Actor: audit.Actor{Kind: "admin"}}, ""},
		{"by request", audit.Filter{Actor: audit.Actor{Request: "req-2"}}, "2"},
		{"by action", audit.Filter{Action: "a.two"}, "3 1"},
		{"by target", audit.Filter{Target: audit.Target{Kind: "thing", ID: "x"}}, "3 0"},
		{"by another kind of target", audit.Filter{Target: audit.Target{Kind: "other", ID: "x"}}, ""},
		{"by time", audit.Filter{From: start.Add(time.Minute), Until: start.Add(3 * time.Minute)}, "2 1"},
	} {
		var got []string
		for _, e := range must[[]audit.Entry](w)(w.AuditEntries(ctx, row.filter, 0, 10)) {
			got = append(got, e.Detail["n"])
		}
		if strings.Join(got, " ") != row.want {
			t.Errorf("%s: %v, want %s", row.name, got, row.want)
		}
	}
	page := must[[]audit.Entry](w)(w.AuditEntries(ctx, audit.Filter{}, all[1].Seq, 1))
	if len(page) != 1 || page[0].Seq != all[2].Seq {
		t.Fatalf("below the cursor: %+v", page)
	}
}

func pages(t *testing.T, w *world) {
	ctx := t.Context()
	a, c := w.account(), w.client()
	ses := w.session(a)
	w.grant(a, c, ses)
	for range 4 {
		w.account()
		w.client()
		w.grant(a, c, w.session(a))
	}
	for name, page := range map[string]func(after string) ([]string, error){
		"accounts": func(after string) ([]string, error) {
			v, err := w.Accounts(ctx, after, 2)
			return ids(v, func(v account.Account) string { return v.ID }), err
		},
		"clients": func(after string) ([]string, error) {
			v, err := w.Clients(ctx, after, 2)
			return ids(v, func(v client.Client) string { return v.ID }), err
		},
		"sessions": func(after string) ([]string, error) {
			v, err := w.Sessions(ctx, a.ID, after, 2)
			return ids(v, func(v session.Session) string { return v.ID }), err
		},
		"grants": func(after string) ([]string, error) {
			v, err := w.Grants(ctx, a.ID, after, 2)
			return ids(v, func(v grant.Grant) string { return v.ID }), err
		},
	} {
		var all []string
		for after := ""; ; after = all[len(all)-1] {
			got, err := page(after)
			w.ok(err)
			if all = append(all, got...); len(got) < 2 {
				break
			}
		}
		if len(all) != 5 || !slices.IsSorted(all) || len(slices.Compact(slices.Clone(all))) != 5 {
			t.Errorf("%s page by page: %v", name, all)
		}
	}
}

func ids[T any](list []T, id func(T) string) (out []string) {
	for _, v := range list {
		out = append(out, id(v))
	}
	return out
}

func log(t *testing.T, w *world) {
	ctx := t.Context()
	id, seq, err := w.RevocationHead(ctx)
	if err != nil || len(id) < 16 || seq != 0 {
		t.Fatalf("a new log: %q %d %v", id, seq, err)
	}
	var woken []uint64
	w.OnCommitted(func(seq uint64) {
		_, head, err := w.RevocationHead(ctx) // what the hook tells of can be read
		if err != nil || head < seq {
			t.Errorf("woken for %d before it was committed: head %d, %v", seq, head, err)
		}
		woken = append(woken, seq)
	})
	act := w.revoking(revoke.KindToken, "jti-1").Revoking(revoke.Entry{Kind: revoke.KindClient, ID: "c", Version: 3, Before: w.now, Expires: w.now.Add(-time.Hour), Reason: reason.ClientDisabled})
	w.ok(w.Record(ctx, act))
	w.ok(w.Record(ctx, w.act("nothing.revoked")))
	want := []revoke.Entry{
		{Seq: 1, Kind: revoke.KindToken, ID: "jti-1", Expires: w.now.Add(time.Hour), At: w.now, Reason: reason.Administrator},
		{Seq: 2, Kind: revoke.KindClient, ID: "c", Version: 3, Before: w.now, Expires: w.now.Add(-time.Hour), At: w.now, Reason: reason.ClientDisabled},
	}
	same(w, "the log", must[[]revoke.Entry](w)(w.RevocationsAfter(ctx, 0, 10)), want)
	same(w, "after 1", must[[]revoke.Entry](w)(w.RevocationsAfter(ctx, 1, 10)), want[1:])
	same(w, "bounded", must[[]revoke.Entry](w)(w.RevocationsAfter(ctx, 0, 1)), want[:1])
	same(w, "the active", must[[]revoke.Entry](w)(w.ActiveRevocations(ctx, w.now)), want[:1])
	if !slices.Equal(woken, []uint64{2}) {
		t.Fatalf("woken for %v, want once for 2", woken)
	}
	if !must[bool](w)(w.TokenRevoked(ctx, "jti-1")) || must[bool](w)(w.TokenRevoked(ctx, "c")) {
		t.Fatal("TokenRevoked looks at tokens only")
	}
}

func logRestarts(t *testing.T, w *world) {
	ctx := t.Context()
	w.ok(w.Record(ctx, w.revoking(revoke.KindToken, "jti-1")))
	old, _, err := w.RevocationHead(ctx)
	w.ok(err)
	for _, row := range []struct {
		log   string
		above uint64
	}{{old, 1}, {old, 0}, {"another", 9}} {
		if must[bool](w)(w.RestartLog(ctx, row.log, row.above, w.act("log.restart"))) {
			t.Fatalf("restarted for %+v without cause", row)
		}
	}
	if n := w.race(20, func(int) (bool, error) { return w.RestartLog(ctx, old, 1<<63, w.act("log.restart")) }); n != 1 {
		t.Fatalf("restarted %d times", n)
	}
	id, seq, err := w.RevocationHead(ctx)
	if err != nil || id == old || len(id) < 16 || seq != 1 {
		t.Fatalf("after the restart: %q %d %v", id, seq, err)
	}
	if n := len(must[[]audit.Entry](w)(w.AuditEntries(ctx, audit.Filter{Action: "log.restart"}, 0, 10))); n != 1 {
		t.Fatalf("%d entries for one restart", n)
	}
}

// Numbers without a hole, in the order in which they can be seen: a reader who
// has seen n has seen everything up to n.
func gapless(t *testing.T, w *world) {
	ctx := t.Context()
	const writers, each = 50, 4
	var readers sync.WaitGroup
	stop := make(chan struct{})
	readers.Go(func() {
		for seen := uint64(0); ; {
			for _, e := range must[[]revoke.Entry](w)(w.RevocationsAfter(ctx, seen, 1000)) {
				if e.Seq != seen+1 {
					t.Errorf("number %d was seen after %d", e.Seq, seen)
				}
				seen = e.Seq
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	w.race(writers, func(i int) (bool, error) {
		for j := range each {
			act := w.revoking(revoke.KindToken, fmt.Sprintf("jti-%d-%d", i, j))
			if (i+j)%3 == 0 { // some acts fail: their numbers must not be missed
				act.Action = ""
			}
			_ = w.Record(ctx, act)
		}
		return true, nil
	})
	close(stop)
	readers.Wait()
	entries := must[[]revoke.Entry](w)(w.RevocationsAfter(ctx, 0, 1000))
	failed := 0
	for i := range writers {
		for j := range each {
			if (i+j)%3 == 0 {
				failed++
			}
		}
	}
	if len(entries) != writers*each-failed {
		t.Fatalf("%d entries, want %d", len(entries), writers*each-failed)
	}
	for i, e := range entries {
		if e.Seq != uint64(i+1) {
			t.Fatalf("entry %d has number %d", i+1, e.Seq)
		}
	}
}

// An act whose entry cannot be written does not happen, and takes its
// revocations back; one whose change fails writes neither.
func whole(t *testing.T, w *world) {
	ctx := t.Context()
	g := w.redeemed("rt1")
	a := must[account.Account](w)(w.Account(ctx, g.Subject))
	audits, seq := w.trace()
	bad := w.broken()
	next := w.refresh(g, "rt2")
	changed := a
	changed.Name, changed.Revision = "Mallory", 2
	spend := func() error {
		_, err := w.SpendRefresh(ctx, secret.Hash("rt1"), nil, next, bad)
		return err
	}
	for name, err := range map[string]error{
		"UpdateAccount": w.UpdateAccount(ctx, changed, 1, true, bad), "DeleteAccount": w.DeleteAccount(ctx, a.ID, 1, bad),
		"RevokeGrant": w.RevokeGrant(ctx, g.ID, bad), "EndSession": w.EndSession(ctx, g.SessionID, bad), "SpendRefresh": spend(),
		"RevokeToken": w.Record(ctx, bad), "AddConsent": w.AddConsent(ctx, a.ID, g.ClientID, []string{"x"}, bad),
	} {
		if err == nil {
			t.Errorf("%s happened without its entry", name)
		}
	}
	wrong := w.revoking(revoke.Kind("nonsense"), "x")
	if err := w.UpdateAccount(ctx, changed, 1, true, wrong); err == nil {
		t.Error("an act happened without its revocation")
	}
	w.want(w.UpdateAccount(ctx, changed, 9, true, w.revoking(revoke.KindSubject, a.ID)), reason.Conflict)
	if n, s := w.trace(); n != audits || s != seq {
		t.Errorf("failed acts left %d entries and %d revocations", n-audits, s-seq)
	}
	same(w, "the account", must[account.Account](w)(w.Account(ctx, a.ID)), a)
	if must[grant.Grant](w)(w.Grant(ctx, g.ID)).Revoked || !must[grant.Refresh](w)(w.Refresh(ctx, secret.Hash("rt1"))).Spent.IsZero() ||
		must[session.Session](w)(w.Session(ctx, g.SessionID)).Ended {
		t.Error("failed acts left a mark")
	}
	_, err := w.Refresh(ctx, next.Hash)
	w.want(err, reason.NotFound)
}

func positions(t *testing.T, w *world) {
	ctx := t.Context()
	c, d := w.client(), w.client()
	p := revoke.Position{ClientID: c.ID, Instance: "edge-1", Log: "l", Version: "v1", Seq: 7, LagMS: 3, At: w.now}
	other := revoke.Position{ClientID: d.ID, Instance: "edge-1", Log: "l", Seq: 1, At: w.now}
	w.ok(w.SavePosition(ctx, p))
	w.ok(w.SavePosition(ctx, other)) // a namesake of another client is another edge
	p.Seq = 8
	w.ok(w.SavePosition(ctx, p))
	same(w, "the positions", must[[]revoke.Position](w)(w.Positions(ctx)), []revoke.Position{p, other})

	// A key is had since it was first said, and no more when it is said no more.
	for i, step := range []struct{ say, have []string }{
		{[]string{"k1"}, []string{"k1 0"}}, {[]string{"k1", "k2"}, []string{"k1 0", "k2 1"}}, {[]string{"k2"}, []string{"k2 1"}}, {[]string{"k1", "k2"}, []string{"k1 3", "k2 1"}}, {nil, nil},
	} {
		p.Keys, p.At = nil, w.now.Add(time.Duration(i)*time.Minute)
		for _, kid := range step.say {
			p.Keys = append(p.Keys, revoke.HeldKey{KeyID: kid, Since: w.now.Add(-time.Hour)}) // it is not the edge that says since when
		}
		w.ok(w.SavePosition(ctx, p))
		var have []string
		for _, k := range must[[]revoke.Position](w)(w.Positions(ctx))[0].Keys {
			have = append(have, fmt.Sprint(k.KeyID, " ", k.Since.Sub(w.now).Minutes()))
		}
		same(w, "the keys of an edge", have, step.have)
	}
	p.Keys = []revoke.HeldKey{{KeyID: "k1"}}
	w.ok(w.SavePosition(ctx, p))
	w.ok(w.DeleteClient(ctx, c.ID, 1, w.act("client.delete")))
	same(w, "the positions that are left", must[[]revoke.Position](w)(w.Positions(ctx)), []revoke.Position{other})
}

// A caller who gives up gets an answer that holds: either nothing happened, or
// the act is whole. The others do not notice.
func cancelled(t *testing.T, w *world) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	won := w.race(60, func(i int) (bool, error) {
		ctx := t.Context()
		if i%3 == 0 {
			ctx = gone
		}
		err := w.Record(ctx, w.revoking(revoke.KindToken, fmt.Sprint("jti-", i)))
		if i%3 == 0 && errors.Is(err, context.Canceled) {
			return false, nil
		}
		return err == nil, err
	})
	if audits, seq := w.trace(); audits != won || seq != uint64(won) || won < 40 {
		t.Fatalf("%d acts were acknowledged, %d entries and %d revocations are there", won, audits, seq)
	}
}
