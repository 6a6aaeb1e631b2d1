package sqlite_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/session"
	"github.com/jotward/jotward/jose/jwk"
)

// acts returns one way to call every method that changes something, by name.
func (h *house) acts() map[string]func() error {
	ctx, root := h.Context(), h.root
	code, spent := h.code("openid"), h.redeem("openid")
	second, _ := h.newClient("second", false)
	yes, no := h.device("tv-1"), h.device("tv-2")
	keys, err := h.ring.List(ctx, keyring.PurposeToken)
	h.ok(err)
	_, err = h.ring.Rotate(ctx, root, keyring.PurposeToken, "")
	h.ok(err)
	access := h.redeem("read").AccessToken
	auth, _, err := h.grants.Authorize(ctx, request("app", "read"))
	h.ok(err)
	_, cookie := h.signIn()
	list, err := h.grants.List(ctx, h.ann.ID, "", 10)
	h.ok(err)
	h.ok(h.consents.Grant(ctx, root, h.ann.ID, "second", []string{"read"}))
	wanted := client.Wanted{AuthMethod: "none", GrantTypes: []string{"authorization_code"}, RedirectURIs: []string{"https://app.example/cb"}}
	initial, invited, err := h.registrar.NewInitialToken(ctx, root, 2, time.Hour)
	h.ok(err)
	registered, err := h.registrar.Register(ctx, "req-8", invited, wanted)
	h.ok(err)
	return map[string]func() error{
		"registrar.NewInitialToken":    func() error { _, _, err := h.registrar.NewInitialToken(ctx, root, 1, time.Hour); return err },
		"registrar.DeleteInitialToken": func() error { return h.registrar.DeleteInitialToken(ctx, root, initial.ID) },
		"registrar.Register":           func() error { _, err := h.registrar.Register(ctx, "req-9", invited, wanted); return err },
		"registrar.UpdateRegistration": func() error {
			_, err := h.registrar.UpdateRegistration(ctx, "req-9", registered.Client.ID, registered.Token, "", wanted)
			return err
		},
		"registrar.Deregister": func() error { return h.registrar.Deregister(ctx, "req-9", registered.Client.ID, registered.Token) },
		"account.Create": func() error {
			_, err := h.accounts.Create(ctx, root, account.New{Username: "bob", Password: password})
			return err
		},
		"account.Update": func() error {
			_, err := h.accounts.Update(ctx, root, h.ann.ID, 0, "A", "a@example.com")
			return err
		},
		"account.SetPassword": func() error { return h.accounts.SetPassword(ctx, root, h.ann.ID, 0, "another horse") },
		"account.SetRoles":    func() error { return h.accounts.SetRoles(ctx, root, h.ann.ID, 0, []string{"x"}, nil) },
		"account.Revoke":      func() error { return h.accounts.Revoke(ctx, root, h.ann.ID) },
		"account.Disable":     func() error { return h.accounts.Disable(ctx, root, h.ann.ID, 0) },
		"account.Enable":      func() error { return h.accounts.Enable(ctx, root, h.ann.ID, 0) },
		"account.Delete":      func() error { return h.accounts.Delete(ctx, root, h.ann.ID, 0) },
		"client.Create": func() error {
			_, _, err := h.clients.Create(ctx, root, client.Client{ID: "third"})
			return err
		},
		"client.Update": func() error {
			_, err := h.clients.Update(ctx, root, 0, second)
			return err
		},
		"client.RotateSecret": func() error { _, err := h.clients.RotateSecret(ctx, root, "second", 0, 0); return err },
		"client.RevokeTokens": func() error { return h.clients.RevokeTokens(ctx, root, "second") },
		"client.Disable":      func() error { return h.clients.Disable(ctx, root, "second", 0) },
		"client.Enable":       func() error { return h.clients.Enable(ctx, root, "second", 0) },
		"client.Delete":       func() error { return h.clients.Delete(ctx, root, "second", 0) },
		"session.Start": func() error {
			_, _, err := h.sessions.Start(ctx, root, session.Verified{Subject: h.ann.ID, Version: h.ann.Version})
			return err
		},
		"session.SignIn": func() error {
			_, _, err := h.sessions.SignIn(ctx, root, cookie, session.Verified{Subject: h.ann.ID, Version: h.ann.Version})
			return err
		},
		"session.End":      func() error { return h.sessions.End(ctx, root, h.ses.ID) },
		"session.EndOwn":   func() error { return h.sessions.EndOwn(ctx, root, h.ann.ID, h.ses.ID) },
		"session.Revoke":   func() error { ses, _ := h.signInLike(); return h.sessions.Revoke(ctx, root, ses) },
		"consent.Grant":    func() error { return h.consents.Grant(ctx, root, h.ann.ID, "app", []string{"read"}) },
		"consent.Withdraw": func() error { return h.consents.Withdraw(ctx, root, h.ann.ID, "second") },
		"grant.IssueCode":  func() error { _, err := h.grants.IssueCode(ctx, root, auth, h.ses); return err },
		"grant.Run":        func() error { _, err := h.grants.Run(ctx, h.redemption(code)); return err },
		"grant.Run/refresh": func() error {
			_, err := h.refresh(spent.RefreshToken)
			return err
		},
		"grant.AllowDevice":   func() error { return h.grants.AllowDevice(ctx, root, yes, h.ses) },
		"grant.DenyDevice":    func() error { return h.grants.DenyDevice(ctx, root, no) },
		"grant.Revoke":        func() error { return h.grants.Revoke(ctx, h.app, "req-9", access) },
		"grant.RevokeGrant":   func() error { return h.grants.RevokeGrant(ctx, root, list[0].ID) },
		"grant.RevokeTokenID": func() error { return h.grants.RevokeTokenID(ctx, root, "jti-1") },
		"keyring.Rotate": func() error {
			_, err := h.ring.Rotate(ctx, root, keyring.PurposeFeed, keyring.DefaultAlgorithm)
			return err
		},
		"keyring.Retire": func() error { return h.ring.Retire(ctx, root, keyring.PurposeToken, keys[0].ID) },
		"keyring.Replace": func() error {
			_, err := h.ring.Replace(ctx, root, keyring.PurposeToken, keys[0].ID, false)
			return err
		},
		"keyring.Rollback": func() error { _, err := h.ring.Rollback(ctx, root, keyring.PurposeToken, ""); return err },
		"keyring.Tend": func() error {
			h.ok(h.ring.Configure(keyring.Policy{Algorithms: []jwk.Algorithm{jwk.ES256, jwk.ES512}, Ahead: time.Minute}))
			return h.ring.Tend(ctx, root)
		},
		"keyring.Arrange": func() error {
			err := h.ring.Configure(keyring.Policy{Algorithms: []jwk.Algorithm{jwk.ES256, jwk.ES384}, Ahead: time.Minute})
			h.ok(err)
			return h.ring.Arrange(ctx, root)
		},
		"keyring.Reseal": func() error { return h.ring.Reseal(ctx, root) },
	}
}

// device is one that waits, of a client of its own.
func (h *house) device(id string) grant.Device {
	c, _, err := h.clients.Create(h.Context(), h.root, client.Client{ID: id, Public: true, GrantTypes: []string{grant.DeviceCode}, Scopes: []string{"read"}, Audiences: []string{"api"}})
	h.ok(err)
	out, err := h.grants.StartDevice(h.Context(), c, "read", nil)
	h.ok(err)
	d, _, err := h.grants.FindDevice(h.Context(), out.UserCode)
	h.ok(err)
	return d
}

func (h *house) signInLike() (string, error) {
	list, err := h.sessions.List(h.Context(), h.ann.ID, "", 1)
	if err != nil || len(list) == 0 {
		return "", err
	}
	return list[0].ID, nil
}

// reading are the methods that change nothing of what anybody may do: to spend an
// assertion, to keep a pushed request or a device that waits is no act.
var reading = map[string]bool{
	"account.Get": true, "account.ByUsername": true, "account.List": true, "client.Authenticate": true, "client.AuthMethods": true, "client.EncryptionKey": true, "keyring.AlgorithmsOf": true, "keyring.Purposes": true, "registrar.Admit": true, "registrar.Registration": true, "registrar.InitialTokens": true, "grant.Alive": true, "grant.Pull": true, "grant.Push": true, "grant.StartDevice": true, "grant.FindDevice": true, "grant.Within": true, "client.Get": true,
	"client.List": true, "session.ByCookie": true, "session.List": true, "session.Open": true, "session.Clients": true, "consent.Granted": true, "grant.List": true, "grant.Authorize": true,
	"grant.Introspect": true, "grant.Told": true, "grant.Ended": true, "grant.Explain": true, "keyring.Active": true, "keyring.Check": true, "keyring.Set": true, "keyring.PublicSet": true, "keyring.Use": true, "keyring.Report": true, "keyring.Policy": true, "keyring.Algorithms": true, "keyring.Offers": true, "keyring.Configure": true, "keyring.List": true,
}

// Every method of every service either changes nothing or is among the acts.
func TestEveryMethodIsAnActOrReads(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	acts := h.acts()
	for name, service := range map[string]any{"account": h.accounts, "client": h.clients, "registrar": h.registrar, "session": h.sessions, "consent": h.consents, "grant": h.grants, "keyring": h.ring} {
		for m := range reflect.TypeOf(service).Methods() {
			if full := name + "." + m.Name; (acts[full] == nil) == !reading[full] {
				t.Errorf("%s: say whether it changes anything, and play it here if so", full)
			}
		}
	}
}

// Every act leaves exactly one entry, with its actor and its request.
func TestEveryActIsAudited(t *testing.T) {
	t.Parallel()
	names := newHouse(t).acts()
	for name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			act := h.acts()[name]
			before, err := h.store.AuditEntries(t.Context(), audit.Filter{}, 0, 1)
			h.ok(err)
			h.ok(act())
			after, err := h.store.AuditEntries(t.Context(), audit.Filter{}, 0, 10)
			h.ok(err)
			if after[0].Seq != before[0].Seq+1 {
				t.Fatalf("%d entries for one act", after[0].Seq-before[0].Seq)
			}
			if e := after[0]; e.Actor.ID == "" || e.Actor.Request == "" || e.Action == "" || e.Target.ID == "" || !e.At.Equal(h.now()) {
				t.Errorf("an entry that says too little: %+v", e)
			}
		})
	}
}

// What a person allowed is in the trail, in the words of the wire.
func TestAuditNamesWhatWasAllowed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.ok(h.consents.Grant(t.Context(), h.root, h.ann.ID, "app", []string{"openid", "read"}))
	h.code("openid read")
	for _, action := range []string{"consent.grant", "grant.create"} {
		list, err := h.store.AuditEntries(t.Context(), audit.Filter{Action: action}, 0, 1)
		h.ok(err)
		if d := list[0].Detail; d["client_id"] != "app" || d["scope"] != "openid read" {
			t.Errorf("%s: %v", action, d)
		}
	}
}

// When the trail cannot be written, no act changes anything: the whole database
// stays as it was, to the byte of every row.
func TestNoActWithoutItsEntry(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	acts := h.acts()
	db, err := sql.Open("sqlite", h.path)
	h.ok(err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), `CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'the trail is full'); END`)
	h.ok(err)
	before := dump(h, db)
	for name, act := range acts {
		if err := act(); err == nil || !strings.Contains(err.Error(), "the trail is full") {
			t.Errorf("%s: %v", name, err)
		}
		if after := dump(h, db); after != before {
			t.Fatalf("%s left a trace without its entry", name)
		}
	}
}

func dump(h *house, db *sql.DB) string {
	h.Helper()
	tables, err := db.QueryContext(h.Context(), `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name`)
	h.ok(err)
	defer tables.Close()
	var names []string
	for tables.Next() {
		var name string
		h.ok(tables.Scan(&name))
		names = append(names, name)
	}
	if len(names) < 12 {
		h.Fatalf("only %d tables", len(names))
	}
	var out strings.Builder
	for _, name := range names {
		rows, err := db.QueryContext(h.Context(), `SELECT * FROM `+name+` ORDER BY 1, 2`)
		h.ok(err)
		columns, err := rows.Columns()
		h.ok(err)
		for rows.Next() {
			row := make([]any, len(columns))
			to := make([]any, len(columns))
			for i := range row {
				to[i] = &row[i]
			}
			h.ok(rows.Scan(to...))
			fmt.Fprintln(&out, name, row)
		}
		h.ok(rows.Close())
	}
	return out.String()
}

// The database holds no secret: what was played through it is not found in the
// raw files. (That the sealed successor opens with the presented token only is
// told in package grant.)
func TestDatabaseHoldsNoSecret(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, cookie := h.signIn()
	service, secret := h.newClient("service", false)
	rotated, err := h.clients.RotateSecret(t.Context(), h.root, "service", 0, time.Hour)
	h.ok(err)
	pushed, err := h.grants.Push(t.Context(), service, "client_id=service")
	h.ok(err)
	tv, _, err := h.clients.Create(t.Context(), h.root, client.Client{ID: "tv", Public: true, GrantTypes: []string{grant.DeviceCode}, Audiences: []string{"api"}})
	h.ok(err)
	device, err := h.grants.StartDevice(t.Context(), tv, "", nil)
	h.ok(err)
	machine, err := h.grants.Run(t.Context(), grant.Request{Client: service, GrantType: "client_credentials"})
	h.ok(err)
	quiet, _, err := h.clients.Create(t.Context(), h.root, client.Client{ID: "quiet", GrantTypes: []string{"client_credentials"}, Audiences: []string{"api"}, AccessTokenFormat: client.FormatOpaque})
	h.ok(err)
	opaque, err := h.grants.Run(t.Context(), grant.Request{Client: quiet, GrantType: "client_credentials"})
	h.ok(err)
	code := h.code("openid read")
	first, err := h.grants.Run(t.Context(), h.redemption(code))
	h.ok(err)
	second, err := h.refresh(first.RefreshToken)
	h.ok(err)
	key, err := h.ring.Active(t.Context(), keyring.PurposeToken, keyring.DefaultAlgorithm)
	h.ok(err)
	private, err := key.ExportPrivate()
	h.ok(err)
	_, d, _ := strings.Cut(string(private), `"d":"`)
	d, _, _ = strings.Cut(d, `"`)
	_, invited, err := h.registrar.NewInitialToken(t.Context(), h.root, 1, time.Hour)
	h.ok(err)
	agent, err := h.registrar.Register(t.Context(), "", invited, client.Wanted{AuthMethod: "none", GrantTypes: []string{"authorization_code"}, RedirectURIs: []string{"https://app.example/cb"}})
	h.ok(err)
	if len(d) < 40 || second.RefreshToken == "" || cookie == "" || rotated == "" {
		t.Fatal("the story lost a secret")
	}
	secrets := map[string]string{"password": password, "cookie": cookie, "client secret": secret, "new client secret": rotated, "code": code, "verifier": verifier,
		"refresh token": first.RefreshToken, "successor": second.RefreshToken, "access token": first.AccessToken, "ID token": first.IDToken,
		"machine's token": machine.AccessToken, "opaque token": opaque.AccessToken, "master key": string(h.master), "private key": d,
		"request_uri": strings.TrimPrefix(pushed, grant.PushedPrefix), "device code": device.DeviceCode, "user code": device.UserCode,
		"initial access token": invited, "registration access token": agent.Token}
	for _, file := range []string{h.path, h.path + "-wal"} {
		raw, err := os.ReadFile(file)
		h.ok(err)
		if len(raw) == 0 || file == h.path+"-wal" && !bytes.Contains(raw, []byte("refresh.rotate")) {
			t.Fatalf("%s: nothing to search", file)
		}
		for what, text := range secrets {
			short := regexp.MustCompile("^(rt|at|iat|rat)_").ReplaceAllString(text, "")
			if bytes.Contains(raw, []byte(text)) || bytes.Contains(raw, []byte(short)) {
				t.Errorf("%s holds the %s", file, what)
			}
		}
	}
}
