// Package storetest is the suite that every store passes: what the domain's
// Store interfaces promise, told as tests. A store that fails one of them loses
// somebody's revocation, or honours a token twice.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/authn"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/consent"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/logout"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/internal/secret"
	"github.com/jotward/jotward/internal/session"
	"github.com/jotward/jotward/internal/token"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// Store is the union of what the domain needs, with the log and the sweep.
type Store interface {
	account.Store
	authn.Accounts
	client.Store
	client.InitialTokens
	client.Registrations
	session.Store
	consent.Store
	grant.Store
	logout.Store
	jwt.ReplayStore
	keyring.Store
	audit.Reader

	RevocationsAfter(ctx context.Context, after uint64, limit int) ([]revoke.Entry, error)
	RevocationHead(ctx context.Context) (logID string, seq uint64, err error)
	ActiveRevocations(ctx context.Context, now time.Time) ([]revoke.Entry, error)
	RestartLog(ctx context.Context, logID string, above uint64, act audit.Act) (bool, error)
	SavePosition(ctx context.Context, p revoke.Position) error
	Positions(ctx context.Context) ([]revoke.Position, error)
	AlgorithmsAsked(ctx context.Context) (map[jwk.Algorithm]string, error)
	Sweep(ctx context.Context, now time.Time, tokenLife, grace time.Duration) (int64, error)
	OnCommitted(f func(seq uint64))
	Close() error
}

// Open opens the store of one test. The first call of a test makes an empty
// one; later calls open the same again, after it was closed.
type Open func(t *testing.T) Store

// Run runs the suite. open is called with the test that uses the store.
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, *world){
		"Accounts": accounts, "Clients": clients, "Sessions": sessions, "Consents": consents, "Grants": grants, "Keys": keys,
		"Audit": trail, "Pages": pages, "Log": log, "LogRestarts": logRestarts, "LogIsGapless": gapless, "ActsAreWhole": whole, "Positions": positions,
		"OneWinner": oneWinner, "Once": once, "Logouts": logouts, "LogoutOrder": logoutOrder, "Pushed": pushed, "References": references, "Devices": devices, "Registrations": registrations, "Sweep": sweep, "SweepKeepsTheLiving": sweepLiving, "SweepIsBounded": sweepBatches, "CancelledCallers": cancelled,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			t.Cleanup(func() { s.Close() })
			test(t, &world{T: t, Store: s, now: time.UnixMilli(1_800_000_000_123).UTC()})
		})
	}
	t.Run("Reopen", func(t *testing.T) { t.Parallel(); reopen(t, open) })
}

// world is a store with the people of a test.
type world struct {
	*testing.T
	Store
	now  time.Time
	next int
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) want(err error, code reason.Code) {
	w.Helper()
	if !errors.Is(err, reason.New(code, nil)) {
		w.Fatalf("got %v, want %s", err, code)
	}
}

func must[T any](w *world) func(T, error) T {
	return func(v T, err error) T {
		w.Helper()
		w.ok(err)
		return v
	}
}

func (w *world) act(action string) audit.Act {
	return audit.New(w.now, audit.Actor{Kind: "admin", ID: "root", Request: "req-1"}, action, "thing", "t-1", "why", "test")
}

func (w *world) revoking(kind revoke.Kind, id string) audit.Act {
	e := revoke.Entry{Kind: kind, ID: id, Expires: w.now.Add(time.Hour), Reason: reason.Administrator}
	if kind == revoke.KindSubject || kind == revoke.KindClient {
		e.Version = 2
	}
	return w.act(string(kind) + ".revoke").Revoking(e)
}

// broken is an act whose entry no trail takes: it has no action.
func (w *world) broken() audit.Act {
	a := w.revoking(revoke.KindToken, "jti-broken")
	a.Action = ""
	return a
}

func (w *world) id(prefix string) string {
	w.next++
	return fmt.Sprintf("%s%03d", prefix, w.next)
}

func (w *world) account() account.Account {
	id := w.id("usr_")
	a := account.Account{ID: id, Username: "Ann " + id, UsernameKey: "ann " + id, Email: "ann@example.com", Name: "Ann", PasswordHash: "$hash",
		Roles: []string{"user", "a\"quoted,one"}, Permissions: []string{"read"}, Version: 1, Revision: 1, Created: w.now}
	w.ok(w.CreateAccount(w.Context(), a, w.act("account.create")))
	return a
}

func (w *world) client() client.Client {
	c := client.Client{ID: w.id("cl_"), Name: "App", GrantTypes: []string{"authorization_code"}, RedirectURIs: []string{"https://app.example/cb"},
		Scopes: []string{"openid"}, Audiences: []string{"https://api"}, Roles: []string{"r"}, Permissions: []string{"p"},
		AccessTokenLifetime: 7 * time.Minute, SkipConsent: true, Version: 1, Revision: 1, SecretHash: secret.Hash("s"), Created: w.now,
		PreviousSecretHash: secret.Hash("r"), PreviousSecretExpires: w.now, JWKS: "{}", JWKSURI: "https://app.example/keys", DPoP: true, PAR: true, PostLogoutRedirectURIs: []string{"https://app.example/out"},
		BackchannelLogoutURI: "https://app.example/back", BackchannelLogoutSession: true, FrontchannelLogoutURI: "https://app.example/front", FrontchannelLogoutSession: true,
		AuthMethod: client.AuthTLS, TLSSubject: client.TLSSubject{DN: "CN=a", DNS: "b", URI: "c:d", IP: "::1", Mail: "e@f"}, TLSBound: true,
		IDTokenAlgorithm: "RS256", IDTokenEncryption: "RSA-OAEP", IDTokenContent: "A256GCM", UserInfoAlgorithm: "ES384", AccessTokenAlgorithm: "EdDSA", AccessTokenFormat: client.FormatOpaque,
		AccessTokenClaims: map[string]string{"a": "1"}, IDTokenClaims: map[string]string{"b": "\"x\"", "c": "2"}}
	version := must[int64](w)(w.CreateClient(w.Context(), c, w.act("client.create")))
	if version != 1 {
		w.Fatalf("a new client begins at version %d", version)
	}
	return c
}

func (w *world) session(a account.Account) session.Session {
	v := session.Session{ID: w.id("ses_"), Subject: a.ID, AMR: []string{"pwd"}, AuthTime: w.now, Expires: w.now.Add(time.Hour), From: session.From{Network: "192.0.2.0/24", Browser: "Firefox on Linux"}}
	w.ok(w.CreateSession(w.Context(), v, secret.Hash("cookie "+v.ID), a.Version, w.act("session.start")))
	return v
}

// grant makes a grant with an unspent code, whose text is "code " and its id.
func (w *world) grant(a account.Account, c client.Client, ses session.Session) grant.Grant {
	g := grant.Grant{ID: w.id("gr_"), Subject: a.ID, ClientID: c.ID, SessionID: ses.ID, Scopes: []string{"openid"}, Audiences: []string{"https://api"}, IDTokenClaims: []string{"email"}, UserInfoClaims: []string{"name"},
		AMR: []string{"pwd"}, AuthTime: w.now, Created: w.now, Expires: w.now.Add(90 * 24 * time.Hour), Ends: w.now.Add(time.Minute)}
	code := grant.Code{Hash: secret.Hash("code " + g.ID), GrantID: g.ID, RedirectURI: "https://app.example/cb", Challenge: "ch", Nonce: "n", Expires: w.now.Add(time.Minute)}
	w.ok(w.CreateGrant(w.Context(), g, code, w.act("grant.create")))
	return g
}

func (w *world) refresh(g grant.Grant, text string) grant.Refresh {
	return grant.Refresh{Hash: secret.Hash(text), GrantID: g.ID, Created: w.now, Expires: w.now.Add(14 * 24 * time.Hour)}
}

// redeemed makes a grant whose code was spent for the refresh token text.
func (w *world) redeemed(text string) grant.Grant {
	a, c := w.account(), w.client()
	g := w.grant(a, c, w.session(a))
	first := w.refresh(g, text)
	if !must[bool](w)(w.SpendCode(w.Context(), secret.Hash("code "+g.ID), first.Expires, token.Confirmation{}, &first, w.act("code.redeem"))) {
		w.Fatal("a fresh code could not be spent")
	}
	return g
}

// trace is what an act would leave: entries of the trail and of the log.
func (w *world) trace() (audits int, seq uint64) {
	w.Helper()
	entries := must[[]audit.Entry](w)(w.AuditEntries(w.Context(), audit.Filter{}, 0, 10000))
	_, seq, err := w.RevocationHead(w.Context())
	w.ok(err)
	return len(entries), seq
}

// race runs n at once and returns how many won.
func (w *world) race(n int, try func(i int) (bool, error)) (won int) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			ok, err := try(i)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				w.Error(err)
			}
			if ok {
				won++
			}
		})
	}
	close(start)
	wg.Wait()
	return won
}

// bound is what the grants of the suite are bound to.
var bound = token.Confirmation{JKT: "jkt-1", X5T: "x5t-1"}
