package storetest

import (
	"testing"
	"time"

	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/secret"
	"github.com/jotward/jotward/internal/token"
)

// A stored access token comes back whole, and is forgotten after its end and not before.
func references(t *testing.T, w *world) {
	ctx := t.Context()
	verified := bound
	r := grant.Reference{Hash: secret.Hash("at_1"), KeyID: "kid-1", Expires: w.now.Add(10 * time.Minute), Access: token.Access{Issuer: "https://id.example", Subject: "usr_1", Audience: token.Audience{"a", "b"},
		ClientID: "app", Expiry: 2, IssuedAt: 1, ID: "jti-1", Scope: "openid read", GrantID: "gr_1", SessionID: "ses_1", AuthTime: 3, SubjectVersion: 4, ClientVersion: 5,
		Roles: []string{"a\"quoted"}, Permissions: []string{"p"}, Confirmation: &verified, Actor: &token.Actor{Subject: "x", Actor: &token.Actor{Subject: "y"}}, Extra: map[string]any{"tenant": "a", "list": []any{"b"}}}}
	w.ok(w.SaveReference(ctx, r))
	w.want(w.SaveReference(ctx, r), reason.Conflict)
	same(w, "the token", must[grant.Reference](w)(w.Reference(ctx, r.Hash)), r)
	_, err := w.Reference(ctx, secret.Hash("at_2"))
	w.want(err, reason.NotFound)
	must[int64](w)(w.Sweep(ctx, r.Expires, time.Hour, time.Second))
	must[grant.Reference](w)(w.Reference(ctx, r.Hash))
	must[int64](w)(w.Sweep(ctx, r.Expires.Add(time.Millisecond), time.Hour, time.Second))
	_, err = w.Reference(ctx, r.Hash)
	w.want(err, reason.NotFound)
}
