package storetest

import (
	"testing"
	"time"

	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/secret"
	"github.com/jotward/jotward/internal/token"
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

// A device is answered once and gets its tokens once.
func devices(t *testing.T, w *world) {
	ctx := t.Context()
	a, c := w.account(), w.client()
	ses := w.session(a)
	d := grant.Device{Hash: secret.Hash("device"), UserCodeHash: secret.Hash("user code"), ClientID: c.ID, Scopes: []string{"openid"}, Audiences: []string{"https://api"},
		State: grant.DevicePending, Expires: w.now.Add(time.Minute), Interval: 5 * time.Second}
	w.ok(w.SaveDevice(ctx, d))
	w.want(w.SaveDevice(ctx, grant.Device{Hash: secret.Hash("another"), UserCodeHash: d.UserCodeHash, ClientID: c.ID, State: grant.DevicePending}), reason.Conflict)
	same(w, "by user code", must[grant.Device](w)(w.DeviceByUserCode(ctx, d.UserCodeHash)), d)
	d.Polled, d.Interval = w.now, 10*time.Second
	w.ok(w.PollDevice(ctx, d.Hash, d.Polled, d.Interval))
	same(w, "the device", must[grant.Device](w)(w.Device(ctx, d.Hash)), d)
	_, err := w.Device(ctx, secret.Hash("none"))
	w.want(err, reason.NotFound)

	allow := func(client string) (bool, error) {
		g := grant.Grant{ID: secret.ID("gr_"), Subject: a.ID, ClientID: client, SessionID: ses.ID, Expires: w.now.Add(time.Hour), Ends: w.now}
		return conflicting(w.AllowDevice(ctx, d.Hash, g, w.act("grant.create")))
	}
	if must[bool](w)(allow(w.client().ID)) {
		t.Fatal("another client's grant answered it")
	}
	first := grant.Refresh{Hash: secret.Hash("rt"), Created: w.now, Expires: w.now.Add(time.Hour)}
	if must[bool](w)(w.SpendDevice(ctx, d.Hash, w.now, token.Confirmation{}, nil, w.act("code.redeem"))) {
		t.Fatal("spent before it was allowed")
	}
	if won := w.race(50, func(int) (bool, error) { return allow(c.ID) }); won != 1 {
		t.Fatalf("%d grants of one device", won)
	}
	w.want(w.DenyDevice(ctx, d.Hash, w.act("device.deny")), reason.Conflict)
	d = must[grant.Device](w)(w.Device(ctx, d.Hash))
	if won := w.race(50, func(i int) (bool, error) {
		mine := first
		mine.Hash = secret.Hash(string(rune('a' + i)))
		return w.SpendDevice(ctx, d.Hash, first.Expires, bound, &mine, w.act("code.redeem"))
	}); won != 1 {
		t.Fatalf("%d spent one device", won)
	}
	if g := must[grant.Grant](w)(w.Grant(ctx, d.GrantID)); g.Bound != bound || !g.Ends.Equal(first.Expires) {
		t.Fatalf("%+v", g)
	}

	// Who was declined gets nothing; what got nothing is forgotten, what did is not.
	no := grant.Device{Hash: secret.Hash("no"), UserCodeHash: secret.Hash("no"), ClientID: c.ID, State: grant.DevicePending, Expires: w.now.Add(time.Minute)}
	w.ok(w.SaveDevice(ctx, no))
	w.ok(w.DenyDevice(ctx, no.Hash, w.act("device.deny")))
	if must[bool](w)(w.SpendDevice(ctx, no.Hash, w.now, token.Confirmation{}, nil, w.act("code.redeem"))) {
		t.Fatal("a declined device got tokens")
	}
	must[int64](w)(w.Sweep(ctx, w.now.Add(12*time.Minute), time.Hour, time.Second))
	_, err = w.Device(ctx, no.Hash)
	w.want(err, reason.NotFound)
	if d = must[grant.Device](w)(w.Device(ctx, d.Hash)); d.State != grant.DeviceSpent {
		t.Fatalf("%+v", d)
	}
}
