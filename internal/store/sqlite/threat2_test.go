package sqlite_test

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/session"
	"github.com/jotward/jotward/internal/token"
)

func grantAct(h *house) audit.Act {
	return audit.New(h.now(), h.root, "test.change", "account", h.ann.ID)
}

// Client and user ids never collide (RFC 9700 4.15): a client's token has the
// client as its sub, its own roles, and nothing of a person.
func TestThreatClientAndUserCollide(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if !strings.HasPrefix(h.ann.ID, account.Prefix) {
		t.Fatalf("an account's id is %s", h.ann.ID)
	}
	_, _, err := h.clients.Create(t.Context(), h.root, client.Client{ID: h.ann.ID})
	h.want(err, reason.RequestInvalid)
	service, _ := h.newClient("service", false)
	out, err := h.grants.Run(t.Context(), grant.Request{Client: service, GrantType: "client_credentials", Scope: "read"})
	h.ok(err)
	c := claims(t, out.AccessToken)
	if c["sub"] != "service" || c["client_id"] != "service" || c["sid"] != nil || c["grant_id"] != nil || c["auth_time"] != nil || out.RefreshToken != "" || out.IDToken != "" {
		t.Errorf("a client's token says %v", c)
	}
	if fmt.Sprint(c["roles"], c["permissions"]) != "[robot] [lift]" {
		t.Errorf("roles %v, permissions %v", c["roles"], c["permissions"])
	}
	_, err = h.grants.Run(t.Context(), grant.Request{Client: h.app, GrantType: "client_credentials"})
	h.want(err, reason.ClientUnauthorized)
}

// Fifty refreshes at once: all get the same successor, nobody is signed out.
func TestThreatRefreshRace(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.grants.Observe, h.grants.Minter.Minted = nil, nil
	first := h.redeem("read")
	var wg sync.WaitGroup
	got := make([]string, 50)
	for i := range got {
		wg.Go(func() {
			out, err := h.refresh(first.RefreshToken)
			if err != nil {
				t.Error(err)
			}
			got[i] = out.RefreshToken
		})
	}
	wg.Wait()
	for _, v := range got {
		if v != got[0] || v == "" {
			t.Fatal("racers got different successors")
		}
	}
}

// Fifty redemptions at once: at most one gets tokens, and since a code was
// presented twice the grant is gone in the end.
func TestThreatCodeRace(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.grants.Observe, h.grants.Minter.Minted = nil, nil
	r := h.redemption(h.code("read"))
	var wg sync.WaitGroup
	var mu sync.Mutex
	var won []grant.Response
	for range 50 {
		wg.Go(func() {
			out, err := h.grants.Run(t.Context(), r)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won = append(won, out)
			} else if !is(err, reason.CodeReused) && !is(err, reason.CodeInvalid) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(won) != 1 || h.active(h.app, won[0].AccessToken) {
		t.Fatalf("%d winners", len(won))
	}
}

// What raises a version revokes the tokens before it, and no others.
func TestVersionsRevoke(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		act     func(*house) error
		refresh bool // the next refresh yields a token again
	}{
		"roles":          {func(h *house) error { return h.accounts.SetRoles(h.Context(), h.root, h.ann.ID, 0, []string{"x"}, nil) }, true},
		"person revoked": {func(h *house) error { return h.accounts.Revoke(h.Context(), h.root, h.ann.ID) }, false},
		"client revoked": {func(h *house) error { return h.clients.RevokeTokens(h.Context(), h.root, "app") }, true},
		"scope taken": {func(h *house) error {
			c := h.app
			c.Scopes = []string{"read"}
			_, err := h.clients.Update(h.Context(), h.root, 0, c)
			return err
		}, true},
		"password":        {func(h *house) error { return h.accounts.SetPassword(h.Context(), h.root, h.ann.ID, 0, "another horse") }, false},
		"account disable": {func(h *house) error { return h.accounts.Disable(h.Context(), h.root, h.ann.ID, 0) }, false},
		"client disable":  {func(h *house) error { return h.clients.Disable(h.Context(), h.root, "app", 0) }, false},
	} {
		h := newHouse(t)
		first := h.redeem("read")
		if !h.active(h.app, first.AccessToken) {
			t.Fatal("a new token is not active")
		}
		h.ok(row.act(h))
		if h.active(h.app, first.AccessToken) {
			t.Errorf("%s: the token before it is active", name)
		}
		log, err := h.store.RevocationsAfter(t.Context(), 0, 10)
		h.ok(err)
		if len(log) != 1 || log[0].Version != 2 {
			t.Errorf("%s: the log has %+v", name, log)
		}
		var cerr error
		if h.app, cerr = h.clients.Get(t.Context(), "app"); cerr != nil {
			t.Fatal(cerr)
		}
		out, err := h.refresh(first.RefreshToken)
		if (err == nil) != row.refresh || row.refresh && !h.active(h.app, out.AccessToken) {
			t.Errorf("%s: the refresh after it: %v", name, err)
		}
	}
}

// If-Match: a change counts for the revision that was read; without one it is
// played again until it counts.
func TestExpectedRevision(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	a, err := h.accounts.Update(ctx, h.root, h.ann.ID, 1, "One", "")
	h.ok(err)
	_, err = h.accounts.Update(ctx, h.root, h.ann.ID, 1, "Two", "")
	h.want(err, reason.Conflict)
	h.want(h.accounts.SetRoles(ctx, h.root, h.ann.ID, 1, nil, nil), reason.Conflict)
	h.want(h.accounts.Delete(ctx, h.root, h.ann.ID, 1), reason.Conflict)
	_, err = h.clients.RotateSecret(ctx, h.root, "app", 9, 0)
	h.want(err, reason.Conflict)
	if a.Revision != 2 || a.Version != 1 {
		t.Fatalf("an update made revision %d, version %d", a.Revision, a.Version)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if err := h.accounts.SetRoles(ctx, h.root, h.ann.ID, 0, []string{fmt.Sprint(i)}, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	a, err = h.accounts.Get(ctx, h.ann.ID)
	h.ok(err)
	if a.Revision != 10 || a.Version != 9 {
		t.Fatalf("eight changes made revision %d, version %d", a.Revision, a.Version)
	}
}

// A token over 4096 bytes is issued and reported; over 8192 it is refused.
func TestTokenSize(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		roles          int
		large, refused bool
	}{{1, false, false}, {30, true, false}, {60, true, true}} {
		h := newHouse(t)
		roles := make([]string, row.roles)
		for i := range roles {
			roles[i] = strings.Repeat(string(rune('a'+i%26)), 100)
		}
		h.ok(h.accounts.SetRoles(t.Context(), h.root, h.ann.ID, 0, roles, nil))
		out, err := h.grants.Run(t.Context(), h.redemption(h.code("read")))
		if is(err, reason.TokenOversize) != row.refused || (err == nil) == row.refused {
			t.Fatalf("%d roles: %v", row.roles, err)
		}
		if e, ok := errors.AsType[*reason.Error](err); ok && e.OAuthCode() != "invalid_request" {
			t.Errorf("the token endpoint says %s, which is none of RFC 6749 5.2", e.OAuthCode())
		}
		m := h.minted[len(h.minted)-1]
		if m.Large != row.large || m.Refused != row.refused || m.Kind != token.KindAccess || m.ClientID != "app" || m.Algorithm != "ES256" || m.SignatureBytes != 86 ||
			!row.refused && m.HeaderBytes+m.ClaimsBytes+m.SignatureBytes+2 != len(out.AccessToken) {
			t.Fatalf("%d roles: %+v", row.roles, m)
		}
	}
}

// A session that was planted or outlived opens nothing, and an administrator's
// acts end what they name.
func TestAdministratorEndsSessionsAndGrants(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	first := h.redeem("read")
	list, err := h.grants.List(ctx, h.ann.ID, "", 10)
	h.ok(err)
	h.want(h.grants.RevokeGrant(ctx, h.root, "gr_none"), reason.NotFound)
	h.want(h.sessions.Revoke(ctx, h.root, "ses_none"), reason.NotFound)
	h.ok(h.grants.RevokeGrant(ctx, h.root, list[0].ID))
	if h.active(h.app, first.AccessToken) || h.active(h.app, first.RefreshToken) {
		t.Fatal("a revoked grant's tokens are active")
	}
	ses, cookie := h.signIn()
	if _, err := h.sessions.ByCookie(ctx, cookie); err != nil {
		t.Fatal(err)
	}
	h.ok(h.sessions.Revoke(ctx, h.root, ses.ID))
	_, err = h.sessions.ByCookie(ctx, cookie)
	h.want(err, reason.NotFound)
	_, late := h.signIn()
	h.pass(time.Hour)
	_, err = h.sessions.ByCookie(ctx, late)
	h.want(err, reason.NotFound)
}

// A code in another client's hands is worth nothing, also to one that is
// registered with the same redirect_uri and knows the verifier.
func TestThreatCodeOfAnotherClient(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	other, _ := h.newClient("other", true)
	r := h.redemption(h.code("read"))
	stolen := r
	stolen.Client = other
	_, err := h.grants.Run(t.Context(), stolen)
	h.want(err, reason.CodeInvalid)
	first, err := h.grants.Run(t.Context(), r)
	h.ok(err)
	// Nor can it end the grant of the rightful one by presenting a spent code.
	_, err = h.grants.Run(t.Context(), stolen)
	h.want(err, reason.CodeInvalid)
	if !h.active(h.app, first.AccessToken) {
		t.Fatal("another client ended the grant")
	}
}

// A session that was ended counts for its grants even if they were not revoked.
func TestRefreshSeesAnEndedSession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := h.redeem("read")
	db, err := sql.Open("sqlite", h.path)
	h.ok(err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), `UPDATE sessions SET ended = 1`)
	h.ok(err)
	_, err = h.refresh(first.RefreshToken)
	h.want(err, reason.RefreshInvalid)
	if h.active(h.app, first.RefreshToken) || h.active(h.app, first.AccessToken) {
		t.Fatal("an ended session's tokens are active")
	}
}

// Session fixation, and the race of a sign-in with a change of the password:
// each sign-in has a secret of its own, and what was verified with the old
// password opens nothing after it was changed.
func TestThreatSessionFixation(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	one, first := h.signIn()
	two, second := h.signIn()
	if one.ID == two.ID || first == second {
		t.Fatal("two sign-ins share a session")
	}
	if _, err := h.sessions.ByCookie(ctx, one.ID); !is(err, reason.NotFound) {
		t.Fatalf("a session's id, which tokens show, opens it: %v", err)
	}
	verified, err := h.passwords.Verify(ctx, h.root, "ann", password, home)
	h.ok(err)
	h.ok(h.accounts.SetPassword(ctx, h.root, h.ann.ID, 0, "another horse"))
	_, _, err = h.sessions.Start(ctx, h.root, session.Verified{Subject: verified.ID, Version: verified.Version})
	h.want(err, reason.SignInFailed)
	for _, cookie := range []string{first, second} {
		_, err := h.sessions.ByCookie(ctx, cookie)
		h.want(err, reason.NotFound)
	}
}
