package sqlite_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/reason"
)

// A full disk fails acts whole, and as a fault of ours: the token that was to be
// rotated is not spent, nothing of an act stays, reading goes on. When there is
// space again everything goes on without a restart, and no number is missing.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.redeem("read").RefreshToken
	h.store.TestOnlyFull(t, true)
	fill := func(act func(i int) error) (done int) {
		for ; ; done++ {
			if err := act(done); err != nil {
				if _, refused := errors.AsType[*reason.Error](err); refused || !strings.Contains(err.Error(), "disk is full") {
					t.Errorf("on a full disk: %v", err)
				}
				return done
			}
		}
	}
	made := fill(func(i int) error {
		_, _, err := h.clients.Create(t.Context(), h.root, client.Client{ID: fmt.Sprint("c", i), Audiences: []string{strings.Repeat("a", 2000)}})
		return err
	})
	revoked := fill(func(i int) error { return h.grants.RevokeTokenID(t.Context(), h.root, fmt.Sprint("jti-", i)) })
	rotated := fill(func(int) error {
		out, err := h.refresh(token)
		if err == nil {
			token = out.RefreshToken
		}
		return err
	})

	if !h.active(h.app, token) {
		t.Error("a rotation that failed spent the token")
	}
	if _, err := h.clients.Get(t.Context(), fmt.Sprint("c", made)); !is(err, reason.NotFound) {
		t.Errorf("the client that did not fit: %v", err)
	}
	if gone, err := h.store.TokenRevoked(t.Context(), fmt.Sprint("jti-", revoked)); gone || err != nil {
		t.Errorf("the revocation that did not fit: %v %v", gone, err)
	}
	for action, want := range map[string]int{"client.create": made + 1, "token.revoke": revoked, "refresh.rotate": rotated} {
		if acts, err := h.store.AuditEntries(t.Context(), audit.Filter{Action: action}, 0, 1000); err != nil || len(acts) != want {
			t.Errorf("%s: %d entries for %d acts: %v", action, len(acts), want, err)
		}
	}

	h.store.TestOnlyFull(t, false)
	_, err := h.refresh(token)
	h.ok(err)
	h.ok(h.grants.RevokeTokenID(t.Context(), h.root, "after"))
	log, err := h.store.RevocationsAfter(t.Context(), 0, 1000)
	h.ok(err)
	if len(log) != revoked+1 || log[revoked].ID != "after" || log[revoked].Seq != uint64(revoked)+1 {
		t.Errorf("%d entries for %d revocations", len(log), revoked+1)
	}
}
