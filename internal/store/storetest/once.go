package storetest

import (
	"testing"
	"time"

	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/secret"
)

// What may be used once is used once, and is forgotten when it can hold no more.
func once(t *testing.T, w *world) {
	ctx := t.Context()
	until := w.now.Add(time.Minute)
	for range 5 {
		key := w.id("key")
		if won := w.race(50, func(int) (bool, error) { seen, err := w.Seen(ctx, key, until); return !seen, err }); won != 1 {
			t.Fatalf("%d of fifty were the first", won)
		}
	}
	must[int64](w)(w.Sweep(ctx, until.Add(4*time.Minute), time.Hour, time.Second))
	if !must[bool](w)(w.Seen(ctx, "key001", until)) {
		t.Fatal("forgotten before a clock could be set right")
	}
	must[int64](w)(w.Sweep(ctx, until.Add(6*time.Minute), time.Hour, time.Second))
	if must[bool](w)(w.Seen(ctx, "key001", until)) {
		t.Fatal("remembered for ever")
	}
}

// A pushed request makes one grant, of its own client.
func pushed(t *testing.T, w *world) {
	ctx := t.Context()
	a, c := w.account(), w.client()
	ses := w.session(a)
	p := grant.Pushed{Hash: secret.Hash("pushed"), ClientID: c.ID, Parameters: "a=b&c=%26", Created: w.now, Expires: w.now.Add(time.Minute)}
	w.ok(w.SavePushed(ctx, p))
	same(w, "the pushed request", must[grant.Pushed](w)(w.Pushed(ctx, p.Hash)), p)
	_, err := w.Pushed(ctx, secret.Hash("none"))
	w.want(err, reason.NotFound)

	make1 := func(client string) (bool, error) {
		g := grant.Grant{ID: secret.ID("gr_"), Subject: a.ID, ClientID: client, SessionID: ses.ID, Expires: w.now, Ends: w.now}
		return conflicting(w.CreateGrant(ctx, g, grant.Code{Hash: secret.Hash(g.ID), Expires: w.now, JKT: "k", Pushed: p.Hash}, w.act("grant.create")))
	}
	if must[bool](w)(make1(w.client().ID)) {
		t.Fatal("another client's grant spent it")
	}
	if won := w.race(50, func(int) (bool, error) { return make1(c.ID) }); won != 1 {
		t.Fatalf("%d grants of one request", won)
	}
	if !must[grant.Pushed](w)(w.Pushed(ctx, p.Hash)).Spent {
		t.Fatal("spending left no mark")
	}
	must[int64](w)(w.Sweep(ctx, p.Expires.Add(time.Second), time.Hour, time.Second))
	_, err = w.Pushed(ctx, p.Hash)
	w.want(err, reason.NotFound)
}
