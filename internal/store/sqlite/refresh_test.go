package sqlite_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/reason"
)

// trail is how many of an action were audited.
func (h *house) trail(action string) int {
	h.Helper()
	list, err := h.store.AuditEntries(h.Context(), audit.Filter{Action: action}, 0, 100)
	h.ok(err)
	return len(list)
}

// An honest client that lost a race, was limited and waited as it was told is no thief;
// and that its token was shown twice is written down.
func TestThreatLimitMakesNoThief(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := h.redeem("read")
	left := 1
	h.grants.Limit = func(string) error {
		if left--; left < 0 {
			return &reason.Error{Code: reason.RateLimited, RetryAfter: time.Hour}
		}
		return nil
	}
	won, err := h.refresh(first.RefreshToken)
	h.ok(err)
	_, err = h.refresh(won.RefreshToken)
	refusal, _ := errors.AsType[*reason.Error](err)
	if refusal == nil || refusal.Code != reason.RateLimited || refusal.RetryAfter != grant.DefaultGrace/2 {
		t.Fatalf("%+v", refusal)
	}
	h.pass(refusal.RetryAfter)
	again, err := h.refresh(first.RefreshToken) // is not counted
	h.ok(err)
	if again.RefreshToken != won.RefreshToken || h.trail("refresh.retry") != 1 || h.trail("refresh.rotate") != 1 {
		t.Errorf("%d retries, %d rotations", h.trail("refresh.retry"), h.trail("refresh.rotate"))
	}
}

// Whoever got no answer because the issuer crashed comes back later than the grace is long,
// and is no thief; what was spent well before still is.
func TestThreatCrashMakesNoThief(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	early, late := h.redeem("read"), h.redeem("read")
	_, err := h.refresh(early.RefreshToken)
	h.ok(err)
	h.pass(2 * grant.DefaultGrace)
	lost, err := h.refresh(late.RefreshToken)
	h.ok(err)
	h.grants.Down.From = h.now()
	h.pass(time.Hour)
	h.grants.Down.To = h.now()
	h.pass(grant.DefaultGrace / 2)
	again, err := h.refresh(late.RefreshToken)
	if h.ok(err); again.RefreshToken != lost.RefreshToken {
		t.Error("another successor")
	}
	_, err = h.refresh(early.RefreshToken)
	h.want(err, reason.RefreshReused)
	h.pass(grant.DefaultGrace / 2)
	_, err = h.refresh(late.RefreshToken)
	h.want(err, reason.RefreshReused)
	// A clock that was set back while nobody answered takes nothing from anybody.
	h.grants.Down = grant.Downtime{From: h.now(), To: h.now().Add(-time.Hour)}
	third := h.redeem("read")
	_, err = h.refresh(third.RefreshToken)
	h.ok(err)
	_, err = h.refresh(third.RefreshToken)
	h.ok(err)
}

// No access token outlives its grant: what is over cannot be taken back by its refresh
// token any more, and whose theft it was nobody would be told.
func TestTokensEndWithTheirGrant(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.grants.Absolute = time.Hour
	h.pass(500 * time.Millisecond)
	first := h.redeem("openid read")
	h.pass(time.Hour - 90*time.Second)
	last, err := h.refresh(first.RefreshToken)
	h.ok(err)
	if last.ExpiresIn != 90 || !h.active(h.app, last.AccessToken) {
		t.Errorf("expires in %d s", last.ExpiresIn)
	}
	h.pass(90*time.Second - 300*time.Millisecond)
	_, err = h.refresh(last.RefreshToken) // less than a second is no life
	h.want(err, reason.GrantExpired)
	h.pass(time.Second)
	if h.active(h.app, last.AccessToken) {
		t.Error("the token outlives its grant")
	}
}

// meanwhile is a store where something happens just before a refresh token is spent.
type meanwhile struct {
	grant.Store
	before func()
}

func (m meanwhile) SpendRefresh(ctx context.Context, hash, sealed []byte, next grant.Refresh, act audit.Act) (bool, error) {
	m.before()
	return m.Store.SpendRefresh(ctx, hash, sealed, next, act)
}

// Whoever loses a race is judged by what is true then.
func TestThreatRefreshOutrun(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(h *house, token string){
		"another rotated, then all was revoked": func(h *house, token string) {
			won, err := h.refresh(token)
			h.ok(err)
			h.ok(h.grants.Revoke(h.Context(), h.app, "req", won.RefreshToken))
		},
		"the client was disabled": func(h *house, _ string) {
			h.ok(h.clients.Disable(h.Context(), h.root, "app", 0))
		},
		"the session was ended": func(h *house, _ string) { h.ok(h.sessions.End(h.Context(), h.root, h.ses.ID)) },
	} {
		h := newHouse(t)
		first := h.redeem("openid read")
		store := h.grants.Store
		h.grants.Store = meanwhile{store, func() {
			h.grants.Store = store
			before(h, first.RefreshToken)
		}}
		out, err := h.refresh(first.RefreshToken)
		if h.want(err, reason.RefreshInvalid); out.IDToken != "" {
			t.Errorf("%s: tokens were given", name)
		}
		if events := slices.Clone(h.events); len(events) == 0 || events[len(events)-1].Result != grant.Refused || h.trail("refresh.retry") > 0 {
			t.Errorf("%s: %v", name, events)
		}
	}
}

// A code of a client that was disabled meanwhile yields nothing, and stays unspent.
func TestThreatCodeOfADisabledClient(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code := h.code("openid read")
	h.ok(h.clients.Disable(t.Context(), h.root, "app", 0))
	_, err := h.grants.Run(t.Context(), h.redemption(code)) // with the client as it was
	h.want(err, reason.CodeInvalid)
	if h.trail("code.redeem") != 0 {
		t.Error("the code was spent")
	}
}
