package storetest

import (
	"reflect"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/internal/secret"
	"github.com/jotward/jotward/internal/session"
	"github.com/jotward/jotward/internal/token"
	"github.com/jotward/jotward/jose/jwk"
)

func same[T any](w *world, what string, got, want T) {
	w.Helper()
	if !reflect.DeepEqual(got, want) {
		w.Fatalf("%s came back as\n%+v, want\n%+v", what, got, want)
	}
}

func accounts(t *testing.T, w *world) {
	ctx := t.Context()
	a := w.account()
	same(w, "the account", must[account.Account](w)(w.Account(ctx, a.ID)), a)
	same(w, "by name", must[account.Account](w)(w.AccountByUsername(ctx, a.UsernameKey)), a)
	_, err := w.Account(ctx, "usr_none")
	w.want(err, reason.NotFound)
	_, err = w.AccountByUsername(ctx, "none")
	w.want(err, reason.NotFound)
	twin := a
	twin.ID = "usr_twin"
	w.want(w.CreateAccount(ctx, twin, w.act("account.create")), reason.Conflict)

	// An update counts for the revision that was read, and for no other.
	a.Name, a.Disabled, a.Roles, a.Version, a.Revision = "Anna", true, nil, 2, 2
	w.want(w.UpdateAccount(ctx, a, 7, false, w.act("account.update")), reason.Conflict)
	w.ok(w.UpdateAccount(ctx, a, 1, false, w.act("account.update")))
	same(w, "the changed account", must[account.Account](w)(w.Account(ctx, a.ID)), a)

	// A hash is replaced only when it is still the one that was verified.
	w.want(w.RehashPassword(ctx, a.ID, "$other", "$new", w.act("account.rehash")), reason.Conflict)
	w.ok(w.RehashPassword(ctx, a.ID, "$hash", "$new", w.act("account.rehash")))
	a.PasswordHash, a.Revision = "$new", 3
	same(w, "the rehashed account", must[account.Account](w)(w.Account(ctx, a.ID)), a)

	// endAll ends all that was signed in, and nobody else's.
	b, c := w.account(), w.client()
	ses, other := w.session(b), w.session(w.account())
	g := w.grant(b, c, ses)
	b.Version, b.Revision = 2, 2
	w.ok(w.UpdateAccount(ctx, b, 1, true, w.act("account.password")))
	if !must[session.Session](w)(w.Session(ctx, ses.ID)).Ended || !must[grant.Grant](w)(w.Grant(ctx, g.ID)).Revoked {
		t.Fatal("endAll left a session or a grant")
	}
	if must[session.Session](w)(w.Session(ctx, other.ID)).Ended {
		t.Fatal("endAll ended another person's session")
	}

	w.want(w.DeleteAccount(ctx, b.ID, 1, w.act("account.delete")), reason.Conflict)
	w.ok(w.DeleteAccount(ctx, b.ID, 2, w.act("account.delete")))
	_, err = w.Grant(ctx, g.ID)
	w.want(err, reason.NotFound)
	_, err = w.Session(ctx, ses.ID)
	w.want(err, reason.NotFound)
}

func clients(t *testing.T, w *world) {
	ctx := t.Context()
	c := w.client()
	same(w, "the client", must[client.Client](w)(w.Client(ctx, c.ID)), c)
	_, err := w.Client(ctx, "none")
	w.want(err, reason.NotFound)
	_, err = w.CreateClient(ctx, c, w.act("client.create"))
	w.want(err, reason.Conflict)

	must[client.Client](w)(w.Client(ctx, c.ID)) // whoever keeps what he read

	c.Name, c.Disabled, c.Scopes, c.Revision, c.SecretHash = "B", true, []string{"x"}, 2, secret.Hash("t")
	c.PreviousSecretHash, c.PreviousSecretExpires, c.JWKS, c.JWKSURI, c.DPoP, c.PAR, c.PostLogoutRedirectURIs = nil, time.Time{}, "", "", false, false, nil
	c.BackchannelLogoutURI, c.BackchannelLogoutSession, c.FrontchannelLogoutURI, c.FrontchannelLogoutSession = "", false, "", false
	c.AuthMethod, c.TLSSubject, c.TLSBound = client.AuthSecret, client.TLSSubject{DNS: "x"}, false
	c.IDTokenAlgorithm, c.UserInfoAlgorithm, c.AccessTokenAlgorithm = "EdDSA", "", "RS256"
	c.IDTokenEncryption, c.IDTokenContent = "ECDH-ES", "A128GCM"
	c.AccessTokenFormat, c.AccessTokenClaims, c.IDTokenClaims = client.FormatJWT, nil, map[string]string{"a": "2"}
	w.want(w.UpdateClient(ctx, c, 2, w.act("client.update")), reason.Conflict)
	w.ok(w.UpdateClient(ctx, c, 1, w.act("client.update")))
	same(w, "the changed client", must[client.Client](w)(w.Client(ctx, c.ID)), c)
	same(w, "the algorithms that are asked for", must[map[jwk.Algorithm]string](w)(w.AlgorithmsAsked(ctx)), map[jwk.Algorithm]string{"EdDSA": c.ID, "RS256": c.ID})
	w.want(w.DeleteClient(ctx, c.ID, 1, w.act("client.delete")), reason.Conflict)

	// A client that is made again under its old id must not honour, nor be
	// refused for, the tokens of the one before it.
	gone := w.act("client.delete").Revoking(revoke.Entry{Kind: revoke.KindClient, ID: c.ID, Version: 5, Expires: w.now.Add(time.Hour), Reason: reason.ClientDisabled})
	w.ok(w.DeleteClient(ctx, c.ID, 2, gone))
	_, err = w.Client(ctx, c.ID)
	w.want(err, reason.NotFound)
	if v := must[int64](w)(w.CreateClient(ctx, c, w.act("client.create"))); v != 5 {
		t.Fatalf("made again at version %d, want 5", v)
	}
	if v := must[client.Client](w)(w.Client(ctx, c.ID)).Version; v != 5 {
		t.Fatalf("stored at version %d, want 5", v)
	}
}

func sessions(t *testing.T, w *world) {
	ctx := t.Context()
	a := w.account()
	v := w.session(a)
	same(w, "the session", must[session.Session](w)(w.Session(ctx, v.ID)), v)
	same(w, "by cookie", must[session.Session](w)(w.SessionByCookie(ctx, secret.Hash("cookie "+v.ID))), v)
	_, err := w.SessionByCookie(ctx, secret.Hash("another"))
	w.want(err, reason.NotFound)

	// It goes on with another cookie, once: of two that sign in at once the second is told.
	cookie, next := secret.Hash("cookie "+v.ID), secret.Hash("next")
	v.AuthTime, v.Expires, v.AMR, v.From = v.AuthTime.Add(time.Minute), v.Expires.Add(time.Minute), []string{"otp"}, session.From{Network: "2001:db8::/64"}
	w.want(w.ContinueSession(ctx, v, cookie, next, a.Version+1, w.act("session.continue")), reason.Conflict)
	w.ok(w.ContinueSession(ctx, v, cookie, next, a.Version, w.act("session.continue")))
	w.want(w.ContinueSession(ctx, v, cookie, secret.Hash("late"), a.Version, w.act("session.continue")), reason.Conflict)
	same(w, "the session that goes on", must[session.Session](w)(w.SessionByCookie(ctx, next)), v)
	_, err = w.SessionByCookie(ctx, cookie)
	w.want(err, reason.NotFound)

	g := w.grant(a, w.client(), v)
	before, _ := w.trace()
	w.ok(w.EndSession(ctx, v.ID, w.revoking(revoke.KindSession, v.ID)))
	w.ok(w.EndSession(ctx, v.ID, w.revoking(revoke.KindSession, v.ID)))
	if after, seq := w.trace(); after != before+1 || seq != 1 {
		t.Fatalf("ending twice left %d entries and number %d, want one of each", after-before, seq)
	}
	if !must[grant.Grant](w)(w.Grant(ctx, g.ID)).Revoked {
		t.Fatal("the session's grant lives on")
	}

	w.want(w.ContinueSession(ctx, v, next, secret.Hash("late"), a.Version, w.act("session.continue")), reason.Conflict) // it has ended

	// A person sees those of their own that go on, the newest first: by their browser, or by
	// what a client may do; with what may act, and when it did last.
	b, app := w.account(), w.client()
	first, second := w.session(b), w.session(b)
	g = w.grant(b, app, first)
	must[bool](w)(w.SpendCode(ctx, secret.Hash("code "+g.ID), w.now.Add(48*time.Hour), token.Confirmation{}, &grant.Refresh{Hash: secret.Hash("r1 " + g.ID), GrantID: g.ID, Created: w.now.Add(time.Minute), Expires: w.now.Add(48 * time.Hour)}, w.act("grant.redeem")))
	w.session(w.account()) // another's
	now := w.now.Add(30 * time.Minute)
	same(w, "what goes on", must[[]session.Open](w)(w.OpenSessions(ctx, b.ID, now, 10)), []session.Open{
		{Session: first, Used: w.now.Add(time.Minute), Clients: []string{"App"}}, {Session: second, Used: second.AuthTime}})
	if n := len(must[[]session.Open](w)(w.OpenSessions(ctx, b.ID, now, 1))); n != 1 {
		t.Fatalf("%d sessions where one was asked for", n)
	}
	late := must[[]session.Open](w)(w.OpenSessions(ctx, b.ID, w.now.Add(47*time.Hour), 10)) // whose browsers are asked again
	if len(late) != 1 || late[0].ID != first.ID || len(late[0].Clients) != 1 {
		t.Fatalf("a client may act, and of its session stands %+v", late)
	}
	w.ok(w.RevokeGrant(ctx, g.ID, w.act("grant.revoke")))
	w.ok(w.EndSession(ctx, second.ID, w.revoking(revoke.KindSession, second.ID)))
	if list := must[[]session.Open](w)(w.OpenSessions(ctx, b.ID, now, 10)); len(list) != 1 || list[0].ID != first.ID || list[0].Clients != nil {
		t.Fatalf("%+v", list)
	}
	if list := must[[]session.Open](w)(w.OpenSessions(ctx, b.ID, w.now.Add(47*time.Hour), 10)); len(list) != 0 {
		t.Fatalf("it ran out, and nothing may act: %+v", list)
	}

	// What was verified before the password changed opens nothing after it.
	a.Version, a.Revision = 2, 2
	w.ok(w.UpdateAccount(ctx, a, 1, true, w.act("account.password")))
	unborn := session.Session{ID: "ses_late", Subject: a.ID, AuthTime: w.now, Expires: w.now}
	w.want(w.CreateSession(ctx, unborn, secret.Hash("late"), 1, w.act("session.start")), reason.Conflict)
	goesOn := w.session(a)
	a.Disabled, a.Revision = true, 3
	w.ok(w.UpdateAccount(ctx, a, 2, false, w.act("account.disable")))
	w.want(w.CreateSession(ctx, unborn, secret.Hash("late"), 2, w.act("session.start")), reason.Conflict)
	w.want(w.ContinueSession(ctx, goesOn, secret.Hash("cookie "+goesOn.ID), secret.Hash("late"), 2, w.act("session.continue")), reason.Conflict)
}

func consents(t *testing.T, w *world) {
	ctx := t.Context()
	a, c := w.account(), w.client()
	if v := must[[]string](w)(w.Consent(ctx, a.ID, c.ID)); v != nil {
		t.Fatalf("a consent from nowhere: %v", v)
	}
	w.ok(w.AddConsent(ctx, a.ID, c.ID, nil, w.act("consent.grant")))
	if v := must[[]string](w)(w.Consent(ctx, a.ID, c.ID)); v == nil || len(v) != 0 {
		t.Fatalf("a consent to nothing in particular: %v", v)
	}
	if n := w.race(20, func(i int) (bool, error) {
		return true, w.AddConsent(ctx, a.ID, c.ID, []string{string(rune('a' + i)), "z"}, w.act("consent.grant"))
	}); n != 20 {
		t.Fatalf("%d of 20 consents", n)
	}
	if v := must[[]string](w)(w.Consent(ctx, a.ID, c.ID)); len(v) != 21 {
		t.Fatalf("two pages at once lost a scope: %v", v)
	}
	ses := w.session(a)
	one, two := w.grant(a, c, ses), w.grant(a, c, ses)
	other := w.grant(a, w.client(), ses)
	w.ok(w.DeleteConsent(ctx, a.ID, c.ID, revoke.Entry{Kind: revoke.KindGrant, At: w.now, Expires: w.now.Add(time.Hour), Reason: reason.Requested}, w.act("consent.withdraw")))
	if v := must[[]string](w)(w.Consent(ctx, a.ID, c.ID)); v != nil {
		t.Fatalf("withdrawn, and still %v", v)
	}
	revoked := map[string]bool{}
	for _, e := range must[[]revoke.Entry](w)(w.RevocationsAfter(ctx, 0, 10)) {
		revoked[e.ID] = e.Kind == revoke.KindGrant
	}
	if len(revoked) != 2 || !revoked[one.ID] || !revoked[two.ID] || must[grant.Grant](w)(w.Grant(ctx, other.ID)).Revoked {
		t.Fatalf("withdrawing revoked %v", revoked)
	}
}

func grants(t *testing.T, w *world) {
	ctx := t.Context()
	a, c := w.account(), w.client()
	ses := w.session(a)
	g := w.grant(a, c, ses)
	same(w, "the grant", must[grant.Grant](w)(w.Grant(ctx, g.ID)), g)
	hash := secret.Hash("code " + g.ID)
	code := must[grant.Code](w)(w.Code(ctx, hash))
	same(w, "the code", code, grant.Code{Hash: hash, GrantID: g.ID, RedirectURI: "https://app.example/cb", Challenge: "ch", Nonce: "n", Expires: g.Ends})
	for _, miss := range []error{
		func() error { _, err := w.Grant(ctx, "gr_none"); return err }(),
		func() error { _, err := w.Code(ctx, secret.Hash("none")); return err }(),
		func() error { _, err := w.Refresh(ctx, secret.Hash("none")); return err }(),
		func() error { _, err := w.Renewal(ctx, secret.Hash("none")); return err }(),
	} {
		w.want(miss, reason.NotFound)
	}

	// A code is spent once; the grant then lives as long as its token.
	first := w.refresh(g, "rt1")
	if !must[bool](w)(w.SpendCode(ctx, hash, first.Expires, bound, &first, w.act("code.redeem"))) || must[bool](w)(w.SpendCode(ctx, hash, first.Expires, token.Confirmation{}, nil, w.act("code.redeem"))) {
		t.Fatal("a code must be spent exactly once")
	}
	if must[grant.Grant](w)(w.Grant(ctx, g.ID)).Bound != bound {
		t.Fatal("the grant is bound to no key")
	}
	if !must[grant.Code](w)(w.Code(ctx, hash)).Spent || !must[grant.Grant](w)(w.Grant(ctx, g.ID)).Ends.Equal(first.Expires) {
		t.Fatal("spending left no mark")
	}
	same(w, "the refresh token", must[grant.Refresh](w)(w.Refresh(ctx, first.Hash)), first)

	next := w.refresh(g, "rt2")
	next.Expires = next.Expires.Add(time.Hour)
	if !must[bool](w)(w.SpendRefresh(ctx, first.Hash, []byte("sealed"), next, w.act("refresh.rotate"))) {
		t.Fatal("a fresh token could not be spent")
	}
	first.Spent, first.Successor, first.Sealed = w.now, next.Hash, []byte("sealed")
	same(w, "the spent token", must[grant.Refresh](w)(w.Refresh(ctx, first.Hash)), first)
	for _, token := range []grant.Refresh{first, next} { // with all that it hangs on
		same(w, "the renewal", must[grant.Renewal](w)(w.Renewal(ctx, token.Hash)), grant.Renewal{Refresh: token, Grant: must[grant.Grant](w)(w.Grant(ctx, g.ID)), Session: ses, Account: a})
	}
	if must[bool](w)(w.SpendRefresh(ctx, first.Hash, nil, w.refresh(g, "rt3"), w.act("refresh.rotate"))) {
		t.Fatal("spent twice")
	}
	if !must[grant.Grant](w)(w.Grant(ctx, g.ID)).Ends.Equal(next.Expires) {
		t.Fatal("a rotation must move the grant's end")
	}

	// A revoked grant yields nothing, and is revoked once.
	pending := w.grant(a, c, ses)
	for range 2 {
		w.ok(w.RevokeGrant(ctx, g.ID, w.revoking(revoke.KindGrant, g.ID)))
		w.ok(w.RevokeGrant(ctx, pending.ID, w.revoking(revoke.KindGrant, pending.ID)))
	}
	if _, seq := w.trace(); seq != 2 {
		t.Fatalf("two grants were revoked by %d entries", seq)
	}
	if must[bool](w)(w.SpendRefresh(ctx, next.Hash, nil, w.refresh(g, "rt4"), w.act("refresh.rotate"))) ||
		must[bool](w)(w.SpendCode(ctx, secret.Hash("code "+pending.ID), w.now, token.Confirmation{}, nil, w.act("code.redeem"))) {
		t.Fatal("a revoked grant yielded a token")
	}

	// Nothing begins on what has ended.
	w.ok(w.EndSession(ctx, ses.ID, w.act("session.end")))
	late := grant.Grant{ID: "gr_late", Subject: a.ID, ClientID: c.ID, SessionID: ses.ID}
	w.want(w.CreateGrant(ctx, late, grant.Code{Hash: secret.Hash("late")}, w.act("grant.create")), reason.Conflict)
	c.Disabled, c.Revision = true, 2
	w.ok(w.UpdateClient(ctx, c, 1, w.act("client.disable")))
	late.SessionID = w.session(a).ID
	w.want(w.CreateGrant(ctx, late, grant.Code{Hash: secret.Hash("late")}, w.act("grant.create")), reason.Conflict)
}

func key(w *world, id string) keyring.Key {
	return keyring.Key{ID: id, Purpose: keyring.PurposeToken, Algorithm: jwk.ES256, MasterID: "m1", Public: []byte("{}"), Sealed: []byte("x"),
		Created: w.now, Activates: w.now, Retires: w.now.Add(time.Hour), Gone: w.now.Add(2 * time.Hour)}
}

func keys(t *testing.T, w *world) {
	ctx := t.Context()
	one, two := key(w, "k1"), key(w, "k2")
	one.Leads = w.now.Add(-time.Minute)
	two.Activates = w.now.Add(time.Minute)
	w.ok(w.SaveKeys(ctx, []keyring.Key{one, two}, 0, w.act("key.rotate")))
	got, generation, err := w.Keys(ctx)
	w.ok(err)
	same(w, "the keys, newest first", got, []keyring.Key{two, one})
	if generation != 1 || must[int64](w)(w.KeyGeneration(ctx)) != 1 {
		t.Fatalf("generation %d after one change", generation)
	}
	one.Sealed, one.MasterID, one.Gone, one.Leads = []byte("y"), "m2", w.now, w.now
	w.want(w.SaveKeys(ctx, []keyring.Key{one}, 0, w.act("key.reseal")), reason.Conflict)
	w.ok(w.SaveKeys(ctx, []keyring.Key{one}, 1, w.act("key.reseal")))
	got, _, err = w.Keys(ctx)
	w.ok(err)
	same(w, "the resealed keys", got, []keyring.Key{two, one})
	if n := w.race(50, func(i int) (bool, error) {
		err := w.SaveKeys(ctx, []keyring.Key{key(w, string(rune('A'+i)))}, 2, w.act("key.rotate"))
		if err != nil {
			w.want(err, reason.Conflict)
		}
		return err == nil, nil
	}); n != 1 {
		t.Fatalf("%d of 50 changed the keys at once", n)
	}
}
