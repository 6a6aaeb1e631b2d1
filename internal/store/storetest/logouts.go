package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/logout"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/internal/secret"
	"github.com/jotward/jotward/internal/session"
	"github.com/jotward/jotward/internal/token"
)

// signedIn makes a session in which two clients got an ID token, one that is told when it
// ends and one that is not, and a third that never redeemed its code.
func (w *world) signedIn(a account.Account) (ses session.Session, told string) {
	w.Helper()
	ses = w.session(a)
	c, quiet := w.client(), w.client()
	quiet.BackchannelLogoutURI, quiet.Revision = "", 2
	w.ok(w.UpdateClient(w.Context(), quiet, 1, w.act("client.update")))
	for range 2 {
		for _, g := range []string{w.grant(a, c, ses).ID, w.grant(a, quiet, ses).ID} {
			if !must[bool](w)(w.SpendCode(w.Context(), secret.Hash("code "+g), w.now, token.Confirmation{}, nil, w.act("code.redeem"))) {
				w.Fatal("a fresh code could not be spent")
			}
		}
	}
	w.grant(a, w.client(), ses)
	if list := must[[]string](w)(w.SessionClients(w.Context(), ses.ID)); len(list) != 2 {
		w.Fatalf("%d clients are of the session, want 2", len(list))
	}
	return ses, c.ID
}

// Whatever ends a session keeps a notice for each client that is to be told, once.
func logouts(t *testing.T, w *world) {
	ctx := t.Context()
	at := func(now time.Time) (all []logout.Notice) {
		for _, id := range must[[]string](w)(w.Waiting(ctx, now)) {
			of := must[[]logout.Notice](w)(w.Notices(ctx, id, now, 10))
			if len(of) == 0 || slices.ContainsFunc(of, func(n logout.Notice) bool { return n.ClientID != id }) {
				t.Fatalf("%s waits for %+v", id, of)
			}
			all = append(all, of...)
		}
		return all
	}
	due := func() []logout.Notice { return at(w.now) }
	for name, end := range map[string]func(account.Account, session.Session) error{
		"the session": func(_ account.Account, s session.Session) error {
			return w.EndSession(ctx, s.ID, w.revoking(revoke.KindSession, s.ID))
		},
		"the person": func(a account.Account, _ session.Session) error {
			a.Version, a.Revision = a.Version+1, a.Revision+1
			return w.UpdateAccount(ctx, a, a.Revision-1, true, w.act("account.revoke"))
		},
		"the account": func(a account.Account, _ session.Session) error {
			return w.DeleteAccount(ctx, a.ID, a.Revision, w.act("account.delete"))
		},
	} {
		a := w.account()
		ses, told := w.signedIn(a)
		w.ok(end(a, ses))
		list := due()
		if len(list) != 1 {
			t.Fatalf("%s: %d notices", name, len(list))
		}
		n := list[0]
		same(w, name, n, logout.Notice{Seq: n.Seq, ClientID: told, Subject: a.ID, SessionID: ses.ID, Due: w.now, Expires: w.now.Add(logout.Life)})
		w.ok(w.EndSession(ctx, ses.ID, w.act("session.end")))
		if len(due()) != 1 {
			t.Fatalf("%s: ended twice, told twice", name)
		}
		before, _ := w.trace()
		for range 2 {
			w.ok(w.Settle(ctx, n.Seq, w.act("logout.deliver")))
		}
		if after, _ := w.trace(); after != before+1 || len(due()) != 0 {
			t.Fatalf("%s: settled by %d entries, %d left", name, after-before, len(due()))
		}
	}

	// One that is put off comes back at its time, and counts what failed.
	a := w.account()
	ses, _ := w.signedIn(a)
	w.ok(w.EndSession(ctx, ses.ID, w.act("session.end")))
	later := w.now.Add(time.Minute)
	w.ok(w.PutOff(ctx, due()[0].Seq, later))
	if len(due()) != 0 {
		t.Fatal("put off, and due all the same")
	}
	if list := at(later); len(list) != 1 || list[0].Attempts != 1 || !list[0].Due.Equal(later) {
		t.Fatalf("%+v", list)
	}
	// What ended before ends no second time with the person.
	a.Version, a.Revision = 2, 2
	w.ok(w.UpdateAccount(ctx, a, 1, true, w.act("account.revoke")))
	if list := at(later); len(list) != 1 {
		t.Fatalf("told of an ended session again: %+v", list)
	}
}

// What a client is to be told of comes oldest first, no more than is asked for, whatever others
// are to be told of.
func logoutOrder(t *testing.T, w *world) {
	ctx, a := t.Context(), w.account()
	_, app := w.signedIn(a)
	_, other := w.signedIn(a)
	for range 3 {
		g := w.grant(a, must[client.Client](w)(w.Client(ctx, app)), w.session(a))
		if !must[bool](w)(w.SpendCode(ctx, secret.Hash("code "+g.ID), w.now, token.Confirmation{}, nil, w.act("code.redeem"))) {
			t.Fatal("a fresh code could not be spent")
		}
	}
	a.Version, a.Revision = 2, 2
	w.ok(w.UpdateAccount(ctx, a, 1, true, w.act("account.revoke")))
	seqs := func(id string, now time.Time, limit int) (out []int64) {
		for _, n := range must[[]logout.Notice](w)(w.Notices(ctx, id, now, limit)) {
			out = append(out, n.Seq)
		}
		return out
	}
	all, later := seqs(app, w.now, 10), w.now.Add(time.Minute)
	if len(all) != 4 || !slices.IsSorted(all) || len(seqs(other, w.now, 10)) != 1 || len(seqs("nobody", w.now, 10)) != 0 {
		t.Fatalf("%v and %v", all, seqs(other, w.now, 10))
	}
	w.ok(w.PutOff(ctx, all[0], later))
	w.ok(w.PutOff(ctx, all[1], later.Add(-1*time.Second)))
	same(w, "now", seqs(app, w.now, 10), all[2:])
	same(w, "two of them", seqs(app, later, 2), all[2:])
	same(w, "later", seqs(app, later, 10), []int64{all[2], all[3], all[1], all[0]})
	for _, seq := range all[2:] {
		w.ok(w.PutOff(ctx, seq, later))
	}
	same(w, "waiting", must[[]string](w)(w.Waiting(ctx, w.now)), []string{other})
	if list := must[[]string](w)(w.Waiting(ctx, later)); len(list) != 2 || !slices.Contains(list, app) || !slices.Contains(list, other) {
		t.Errorf("%v wait", list)
	}
}
