package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/internal/secret"
	"github.com/jotward/jotward/internal/session"
	"github.com/jotward/jotward/internal/token"
)

// Fifty at once: one winner, every time.
func oneWinner(t *testing.T, w *world) {
	ctx := t.Context()
	for round := range 5 {
		a, c := w.account(), w.client()
		g := w.grant(a, c, w.session(a))
		for name, try := range map[string]func(i int) (bool, error){
			"code": func(i int) (bool, error) {
				first := w.refresh(g, fmt.Sprint(g.ID, " first ", i))
				return w.SpendCode(ctx, secret.Hash("code "+g.ID), first.Expires, token.Confirmation{}, &first, w.act("code.redeem"))
			},
			"account": func(i int) (bool, error) {
				b := a
				b.Name, b.Revision = fmt.Sprint(i), 2
				return conflicting(w.UpdateAccount(ctx, b, 1, false, w.act("account.update")))
			},
			"client": func(i int) (bool, error) {
				d := c
				d.Name, d.Revision = fmt.Sprint(i), 2
				return conflicting(w.UpdateClient(ctx, d, 1, w.act("client.update")))
			},
		} {
			if n := w.race(50, try); n != 1 {
				t.Fatalf("round %d: %d winners for one %s", round, n, name)
			}
		}
		h := w.redeemed(fmt.Sprint("rt ", round))
		if n := w.race(50, func(i int) (bool, error) {
			return w.SpendRefresh(ctx, secret.Hash(fmt.Sprint("rt ", round)), []byte("s"), w.refresh(h, fmt.Sprint(h.ID, " next ", i)), w.act("refresh.rotate"))
		}); n != 1 {
			t.Fatalf("round %d: %d winners for one refresh token", round, n)
		}
	}
	if n := len(must[[]audit.Entry](w)(w.AuditEntries(ctx, audit.Filter{Action: "refresh.rotate"}, 0, 100))); n != 5 {
		t.Fatalf("%d entries for five rotations: losers left a trace", n)
	}
}

func conflicting(err error) (bool, error) {
	if reason.New(reason.Conflict, nil).Is(err) {
		return false, nil
	}
	return err == nil, err
}

const life, grace = time.Hour, 10 * time.Second

// What has ended is forgotten, each thing at its own moment.
func sweep(t *testing.T, w *world) {
	ctx := t.Context()
	a, c := w.account(), w.client()
	ses := w.session(a)
	unused := w.grant(a, c, ses)
	used := w.redeemed("rt1")
	if !must[bool](w)(w.SpendRefresh(ctx, secret.Hash("rt1"), []byte("sealed"), w.refresh(used, "rt2"), w.act("refresh.rotate"))) {
		t.Fatal("not spent")
	}
	w.ok(w.Record(ctx, w.revoking(revoke.KindToken, "jti-1")))
	w.ok(w.SavePosition(ctx, revoke.Position{ClientID: c.ID, Instance: "e", At: w.now}))
	w.ok(w.SaveKeys(ctx, []keyring.Key{key(w, "k1")}, 0, w.act("key.rotate")))
	has := func(err error) bool {
		if err != nil {
			w.want(err, reason.NotFound)
		}
		return err == nil
	}
	checks := []struct {
		what string
		ends time.Duration // the last moment at which it is still there
		is   func() bool
	}{
		{"the sealed successor", grace, func() bool {
			v, err := w.Refresh(ctx, secret.Hash("rt1"))
			return err == nil && v.Sealed != nil
		}},
		{"the unused code", time.Minute, func() bool { _, err := w.Code(ctx, secret.Hash("code "+unused.ID)); return has(err) }},
		{"the unused grant", time.Minute + life, func() bool { _, err := w.Grant(ctx, unused.ID); return has(err) }},
		{"the session", time.Minute + life, func() bool { _, err := w.Session(ctx, ses.ID); return has(err) }},
		{"the revocation", time.Hour, func() bool { return len(must[[]revoke.Entry](w)(w.RevocationsAfter(ctx, 0, 9))) == 1 }},
		{"the position", 24 * time.Hour, func() bool { return len(must[[]revoke.Position](w)(w.Positions(ctx))) == 1 }},
		{"the key", 2*time.Hour + 30*24*time.Hour, func() bool {
			keys, _, err := w.Keys(ctx)
			w.ok(err)
			return len(keys) == 1
		}},
		{"the spent token", 14*24*time.Hour + life, func() bool { _, err := w.Refresh(ctx, secret.Hash("rt1")); return has(err) }},
		{"the spent code", 14*24*time.Hour + life, func() bool { _, err := w.Code(ctx, secret.Hash("code "+used.ID)); return has(err) }},
		{"the used grant", 14*24*time.Hour + life, func() bool { _, err := w.Grant(ctx, used.ID); return has(err) }},
		{"its session", 14*24*time.Hour + life, func() bool { _, err := w.Session(ctx, used.SessionID); return has(err) }},
	}
	moments := map[time.Duration]bool{}
	for _, c := range checks {
		moments[c.ends], moments[c.ends+time.Millisecond] = true, true
	}
	for _, m := range sorted(moments) {
		_, err := w.Sweep(ctx, w.now.Add(m), life, grace)
		w.ok(err)
		for _, c := range checks {
			if got := c.is(); got != (m <= c.ends) {
				t.Errorf("after %v: %s is there: %v", m, c.what, got)
			}
		}
	}
	if audits, _ := w.trace(); audits == 0 {
		t.Error("the trail was swept")
	}
}

// The living stay: also a session that has run out while its grant has not, and
// a revoked grant whose access tokens may still be shown.
func sweepLiving(t *testing.T, w *world) {
	ctx := t.Context()
	alive, dead := w.redeemed("rt1"), w.redeemed("rt2")
	w.ok(w.RevokeGrant(ctx, dead.ID, w.revoking(revoke.KindGrant, dead.ID)))
	for _, row := range []struct {
		after time.Duration
		kept  bool
	}{{life, true}, {life + time.Millisecond, false}} {
		_, err := w.Sweep(ctx, w.now.Add(row.after), life, grace)
		w.ok(err)
		if _, err := w.Grant(ctx, dead.ID); (err == nil) != row.kept {
			t.Fatalf("a revoked grant after %v: %v", row.after, err)
		}
	}
	_, err := w.Sweep(ctx, w.now.Add(13*24*time.Hour), life, grace)
	w.ok(err)
	must[grant.Grant](w)(w.Grant(ctx, alive.ID))
	must[session.Session](w)(w.Session(ctx, alive.SessionID))
	must[grant.Refresh](w)(w.Refresh(ctx, secret.Hash("rt1")))
	must[account.Account](w)(w.Account(ctx, alive.Subject))
	must[client.Client](w)(w.Client(ctx, alive.ClientID))
}

// More than one batch is swept too.
func sweepBatches(t *testing.T, w *world) {
	act := w.act("many.revoke")
	for i := range 1100 {
		act = act.Revoking(revoke.Entry{Kind: revoke.KindToken, ID: fmt.Sprint("jti-", i), Expires: w.now, Reason: reason.Requested})
	}
	w.ok(w.Record(t.Context(), act))
	if n := must[int64](w)(w.Sweep(t.Context(), w.now.Add(time.Second), life, grace)); n != 1100 {
		t.Fatalf("swept %d of 1100", n)
	}
	// The numbers go on where they were: what is forgotten is not given again.
	w.ok(w.Record(t.Context(), w.revoking(revoke.KindToken, "next")))
	if _, seq := w.trace(); seq != 1101 {
		t.Fatalf("the next number is %d", seq)
	}
}

func sorted(set map[time.Duration]bool) (out []time.Duration) {
	for d := range set {
		i := 0
		for i < len(out) && out[i] < d {
			i++
		}
		out = append(out[:i], append([]time.Duration{d}, out[i:]...)...)
	}
	return out
}

// A store that is opened again has kept everything.
func reopen(t *testing.T, open Open) {
	w := &world{T: t, Store: open(t), now: time.UnixMilli(1_800_000_000_123).UTC()}
	ctx := t.Context()
	g := w.redeemed("rt1")
	w.ok(w.Record(ctx, w.revoking(revoke.KindToken, "jti-1")))
	audits, seq := w.trace()
	log, _, err := w.RevocationHead(ctx)
	w.ok(err)
	before := must[grant.Grant](w)(w.Grant(ctx, g.ID))
	w.ok(w.Close())
	w.ok(w.Close()) // once more is nothing more
	if err := w.Record(ctx, w.act("late")); err == nil {
		t.Fatal("a closed store took a write")
	}
	w.Store = open(t)
	defer w.Close()
	again, _, err := w.RevocationHead(ctx)
	w.ok(err)
	if n, s := w.trace(); n != audits || s != seq || log != again {
		t.Fatalf("before: %d entries, number %d of log %s; after: %d, %d, %s", audits, seq, log, n, s, again)
	}
	same(w, "the grant", must[grant.Grant](w)(w.Grant(ctx, g.ID)), before)
	must[grant.Refresh](w)(w.Refresh(ctx, secret.Hash("rt1")))
	if !must[bool](w)(w.TokenRevoked(ctx, "jti-1")) {
		t.Fatal("a revocation was forgotten")
	}
}
