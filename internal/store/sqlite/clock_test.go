package sqlite_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/reason"
)

// The clock is set a day ahead and back, and a day back and right again, with a
// sweep each time. What was spent, revoked or swept stays so, keys are those of
// the time, the log has no gap, and nobody is kept out.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const day = 24 * time.Hour
	sweep := func() {
		_, err := h.store.Sweep(t.Context(), h.now(), client.TokenLife, grant.DefaultGrace)
		h.ok(err)
	}
	old, err := h.ring.List(t.Context(), keyring.PurposeToken)
	h.ok(err)
	_, err = h.ring.Rotate(t.Context(), h.root, keyring.PurposeToken, keyring.DefaultAlgorithm)
	h.ok(err)
	access, code := h.redeem("read"), h.code("read")
	first := h.redeem("read").RefreshToken
	after, err := h.refresh(first)
	h.ok(err)
	gone := h.redeem("read")
	h.ok(h.grants.Revoke(t.Context(), h.app, "req-1", gone.RefreshToken))

	for _, jump := range []time.Duration{day, -day, -day, day} {
		h.pass(jump)
		sweep()
		// One failure, or a wait for what was counted in the future: half a minute at most.
		if _, err := h.passwords.Verify(t.Context(), audit.Actor{Kind: "user"}, "ann", "wrong", home); err == nil {
			t.Fatal("a wrong password")
		}
		h.pass(30 * time.Second)
		if _, err := h.passwords.Verify(t.Context(), audit.Actor{Kind: "user"}, "ann", password, home); err != nil {
			t.Fatalf("after %v: %v", jump, err)
		}
		h.ok(h.grants.RevokeTokenID(t.Context(), h.root, "jti-"+jump.String()))
		if h.active(h.app, gone.RefreshToken) || h.active(h.app, gone.AccessToken) {
			t.Errorf("after %v: what was revoked is back", jump)
		}
		if _, err := h.refresh(gone.RefreshToken); !is(err, reason.RefreshInvalid) {
			t.Errorf("after %v: a revoked refresh token: %v", jump, err)
		}
		if _, err := h.grants.Run(t.Context(), h.redemption(code)); !is(err, reason.CodeInvalid) && jump == day {
			t.Errorf("after %v: a code that has expired: %v", jump, err)
		}
	}
	// The key that signed before the jump is published as long as its tokens live.
	set, _, err := h.ring.PublicSet(t.Context(), keyring.PurposeToken)
	h.ok(err)
	if !bytes.Contains(set, []byte(old[0].ID)) || !h.active(h.app, access.AccessToken) {
		t.Errorf("a key or a token of before the jumps is gone: %s", set)
	}
	_, seq, err := h.store.RevocationHead(t.Context())
	h.ok(err)
	log, err := h.store.RevocationsAfter(t.Context(), 0, 100)
	h.ok(err)
	if seq != 5 || log[len(log)-1].Seq != 5 {
		t.Errorf("the head is %d, the last entry %+v", seq, log[len(log)-1])
	}
	// Set back, nobody knows how long ago a token was spent: its thief gets
	// nothing, and the family lives.
	h.pass(-time.Hour)
	_, err = h.refresh(first)
	h.want(err, reason.RefreshInvalid)
	h.pass(time.Hour)
	_, err = h.refresh(after.RefreshToken)
	h.ok(err)
}

// A request that read its client, or its person, just before a revocation may
// sign just after it: the revocation is remembered longer than that token lives.
func TestRevocationOutlivesWhatWasOnItsWay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	stale, _ := h.newClient("service", false)
	settings := stale
	settings.AccessTokenLifetime = client.MaxLifetime
	stale, err := h.clients.Update(t.Context(), h.root, 0, settings)
	h.ok(err)
	h.ok(h.clients.Disable(t.Context(), h.root, "service", 0))
	h.pass(time.Minute)
	late, err := h.grants.Run(t.Context(), grant.Request{Client: stale, GrantType: "client_credentials"})
	h.ok(err)
	log, err := h.store.RevocationsAfter(t.Context(), 0, 10)
	h.ok(err)
	if exp := time.Unix(int64(claims(t, late.AccessToken)["exp"].(float64)), 0); log[0].Expires.Before(exp) {
		t.Errorf("the token lives until %v, its revocation until %v", exp, log[0].Expires)
	}
}

// TestRevokedTokenIsRememberedLonger: an edge whose clock is behind accepts a token
// after the issuer thinks that it has expired, and may have started since.
func TestRevokedTokenIsRememberedLonger(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c, _ := h.newClient("service", false)
	out, err := h.grants.Run(t.Context(), grant.Request{Client: c, GrantType: "client_credentials"})
	h.ok(err)
	h.ok(h.grants.Revoke(t.Context(), c, "r", out.AccessToken))
	h.pass(client.DefaultLifetime + client.Room - time.Second)
	_, err = h.store.Sweep(t.Context(), h.now(), client.TokenLife, grant.DefaultGrace)
	h.ok(err)
	if left, err := h.store.ActiveRevocations(t.Context(), h.now()); err != nil || len(left) != 1 {
		t.Errorf("an edge that starts now hears %d revocations, %v", len(left), err)
	}
}
