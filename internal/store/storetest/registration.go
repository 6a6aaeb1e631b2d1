package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/secret"
)

// initial makes a token for so many registrations.
func (w *world) initial(text string, uses int) client.InitialToken {
	v := client.InitialToken{ID: w.id("iat_"), Hash: secret.Hash(text), Uses: uses, Created: w.now, Expires: w.now.Add(time.Hour)}
	w.ok(w.SaveInitialToken(w.Context(), v, w.act("registration_token.create")))
	return v
}

func (w *world) registration() client.Registration {
	c := client.Client{ID: w.id("dcr_"), Public: true, AuthMethod: client.AuthNone, Version: 1, Revision: 1, Created: w.now, Registered: true}
	return client.Registration{Client: c, TokenHash: secret.Hash("rat " + c.ID), AuthMethod: "none"}
}

// A token makes as many clients as it has uses, and no more; what fails leaves it as it was.
func registrations(t *testing.T, w *world) {
	ctx := t.Context()
	v := w.initial("first", 2)
	same(w, "the initial token", must[client.InitialToken](w)(w.InitialToken(ctx, v.Hash)), v)
	register := func(r client.Registration, text string, most int) error {
		_, err := w.Register(ctx, r, secret.Hash(text), most, w.act("client.register"))
		return err
	}
	one := w.registration()
	w.ok(register(one, "first", 9))
	got := must[client.Registration](w)(w.Registration(ctx, one.Client.ID))
	if !got.Client.Registered || string(got.TokenHash) != string(one.TokenHash) || got.AuthMethod != "none" || must[client.Client](w)(w.Client(ctx, w.client().ID)).Registered {
		t.Fatalf("%+v", got)
	}
	w.want(register(w.registration(), "first", 1), reason.RegistrationsExceeded)
	w.want(register(one, "first", 9), reason.Conflict)
	w.want(register(w.registration(), "none", 9), reason.RegistrationTokenInvalid)
	if left := must[client.InitialToken](w)(w.InitialToken(ctx, v.Hash)).Uses; left != 1 {
		t.Fatalf("%d uses are left", left)
	}
	if _, err := w.Register(ctx, w.registration(), nil, 9, w.act("client.register")); err != nil {
		t.Fatal(err)
	}
	w.changes(got)

	list := must[[]client.InitialToken](w)(w.ListInitialTokens(ctx, "", 9))
	if len(list) != 1 || list[0].ID != v.ID {
		t.Fatalf("%+v", list)
	}
	w.ok(w.DeleteInitialToken(ctx, v.ID, w.act("registration_token.delete")))
	w.want(w.DeleteInitialToken(ctx, v.ID, w.act("registration_token.delete")), reason.NotFound)
	late := w.initial("late", 5)
	w.now = late.Expires
	w.want(register(w.registration(), "late", 9), reason.RegistrationTokenInvalid)
	must[int64](w)(w.Sweep(ctx, late.Expires.Add(time.Second), time.Hour, time.Second))
	_, err := w.InitialToken(ctx, late.Hash)
	w.want(err, reason.NotFound)
}

// changes makes fifty changes under one token at once: one wins. A client that goes takes its
// registration with it.
func (w *world) changes(r client.Registration) {
	ctx := w.Context()
	for range 5 {
		if won := w.race(50, func(i int) (bool, error) {
			next := r
			next.Client.Revision++
			next.TokenHash = secret.Hash(w.Name() + string(rune('a'+i)))
			return conflicting(w.UpdateRegistration(ctx, next, r.Client.Revision, w.act("client.update")))
		}); won != 1 {
			w.Fatalf("%d of fifty changes were made", won)
		}
		r = must[client.Registration](w)(w.Registration(ctx, r.Client.ID))
	}
	for range 5 {
		text := w.id("token")
		w.initial(text, 1)
		if won := w.race(50, func(int) (bool, error) {
			c := client.Client{ID: secret.ID("dcr_"), Public: true, AuthMethod: client.AuthNone, Version: 1, Revision: 1, Created: w.now}
			_, err := w.Register(ctx, client.Registration{Client: c, TokenHash: secret.Hash(c.ID), AuthMethod: c.AuthMethod}, secret.Hash(text), 99, w.act("client.register"))
			if errors.Is(err, reason.New(reason.RegistrationTokenInvalid, nil)) {
				return false, nil
			}
			return err == nil, err
		}); won != 1 {
			w.Fatalf("%d clients of one use", won)
		}
	}
	for _, t := range must[[]client.InitialToken](w)(w.ListInitialTokens(ctx, "", 99)) {
		if t.Uses == 0 {
			w.ok(w.DeleteInitialToken(ctx, t.ID, w.act("registration_token.delete")))
		}
	}
	w.ok(w.DeleteClient(ctx, r.Client.ID, r.Client.Revision, w.act("client.delete")))
	_, err := w.Registration(ctx, r.Client.ID)
	w.want(err, reason.NotFound)
}
