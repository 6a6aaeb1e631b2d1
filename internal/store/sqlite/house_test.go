package sqlite_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/netip"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/authn"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/consent"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/session"
	"github.com/jotward/jotward/internal/store/sqlite"
	"github.com/jotward/jotward/internal/token"
)

// house is every service of the domain on one database file, with a clock that
// only the test moves.
type house struct {
	testing.TB
	path      string
	store     *sqlite.Store
	clock     atomic.Int64
	master    []byte
	ring      *keyring.Ring
	passwords *authn.Passwords
	accounts  *account.Service
	clients   *client.Service
	sessions  *session.Service
	consents  *consent.Service
	grants    *grant.Service
	registrar *client.Registrar
	events    []grant.Event
	minted    []token.Minted

	ann  account.Account
	app  client.Client // public
	ses  session.Session
	root audit.Actor
}

const (
	password = "correct horse battery"
	redirect = "http://127.0.0.1:9/cb"
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636 appendix B
)

var home = netip.MustParseAddr("192.0.2.7")

func (h *house) now() time.Time           { return time.UnixMilli(h.clock.Load()).UTC() }
func (h *house) pass(d time.Duration)     { h.clock.Add(d.Milliseconds()) }
func is(err error, code reason.Code) bool { return errors.Is(err, reason.New(code, nil)) }

func (h *house) ok(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *house) want(err error, code reason.Code) {
	h.Helper()
	if !is(err, code) {
		h.Fatalf("got %v, want %s", err, code)
	}
}

func newHouse(t testing.TB) *house {
	t.Helper()
	master := make([]byte, 32)
	rand.Read(master)
	h := openHouse(t, filepath.Join(t.TempDir(), "jotward.db"), master)
	_, err := h.ring.Rotate(t.Context(), h.root, keyring.PurposeToken, keyring.DefaultAlgorithm)
	h.ok(err)
	h.ann, err = h.accounts.Create(t.Context(), h.root, account.New{Username: "Ann", Name: "Ann Lee", Email: "ann@example.com", Password: password, Roles: []string{"user"}})
	h.ok(err)
	h.app, _ = h.newClient("app", true)
	h.ses, _ = h.signIn()
	return h
}

// openHouse is a house over a database that may have been lived in.
func openHouse(t testing.TB, path string, master []byte) *house {
	t.Helper()
	h := &house{TB: t, path: path, master: master, root: audit.Actor{Kind: "admin", ID: "root", Request: "req-7"}}
	h.clock.Store(1_800_000_000_000)
	var err error
	h.store, err = sqlite.Open(t.Context(), h.path)
	h.ok(err)
	t.Cleanup(func() { h.store.Close() })
	h.ring, err = keyring.New(h.store, [][]byte{h.master}, h.now, 10*time.Minute, client.TokenLife)
	h.ok(err)
	h.passwords, err = authn.NewPasswords(h.store, h.now, 2)
	h.ok(err)
	h.accounts = &account.Service{Store: h.store, Hasher: h.passwords, Now: h.now, TokenLife: client.TokenLife}
	h.clients = &client.Service{Store: h.store, Now: h.now, TokenLife: client.TokenLife}
	h.registrar = &client.Registrar{Clients: h.clients, Tokens: h.store, Store: h.store, Policy: client.RegistrationPolicy{Access: client.WithToken, GrantTypes: []string{"authorization_code"},
		AuthMethods: []string{"none"}, RedirectURIs: []string{"https"}, Scopes: []string{"openid"}, Audiences: []string{"api"}, MaxClients: 10}}
	h.sessions = &session.Service{Store: h.store, Now: h.now, Life: time.Hour, TokenLife: client.TokenLife}
	h.consents = &consent.Service{Store: h.store, Now: h.now, TokenLife: client.TokenLife}
	minter := &token.Minter{Issuer: "https://issuer.example", Ring: h.ring, Now: h.now, Minted: func(m token.Minted) { h.minted = append(h.minted, m) }}
	h.grants = &grant.Service{Store: h.store, Minter: minter, Now: h.now, Observe: func(e grant.Event) { h.events = append(h.events, e) }}
	return h
}

func (h *house) newClient(id string, public bool) (client.Client, string) {
	h.Helper()
	c := client.Client{ID: id, Public: public, GrantTypes: []string{"authorization_code", "refresh_token"}, RedirectURIs: []string{"http://127.0.0.1/cb"},
		Scopes: []string{"openid", "profile", "email", "read", "write"}, Audiences: []string{"https://api", "https://other"}}
	if !public {
		c.GrantTypes = append(c.GrantTypes, "client_credentials")
		c.Roles, c.Permissions = []string{"robot"}, []string{"lift"}
	}
	c, secret, err := h.clients.Create(h.Context(), h.root, c)
	h.ok(err)
	return c, secret
}

func (h *house) signIn() (session.Session, string) {
	h.Helper()
	a, err := h.passwords.Verify(h.Context(), audit.Actor{Kind: "user"}, "ann", password, home)
	h.ok(err)
	ses, cookie, err := h.sessions.Start(h.Context(), audit.Actor{Kind: "user", ID: a.ID, Request: "req-1"}, session.Verified{Subject: a.ID, Version: a.Version, AMR: []string{"pwd"}})
	h.ok(err)
	return ses, cookie
}

func request(clientID, scope string) grant.AuthRequest {
	sum := sha256.Sum256([]byte(verifier))
	return grant.AuthRequest{ResponseType: "code", ClientID: clientID, RedirectURI: redirect, Scope: scope, Nonce: "nonce-1",
		CodeChallenge: base64.RawURLEncoding.EncodeToString(sum[:]), CodeChallengeMethod: "S256"}
}

// code gives the app a code of Ann's.
func (h *house) code(scope string) string {
	h.Helper()
	a, _, err := h.grants.Authorize(h.Context(), request("app", scope))
	h.ok(err)
	code, err := h.grants.IssueCode(h.Context(), audit.Actor{Kind: "user", ID: h.ann.ID}, a, h.ses)
	h.ok(err)
	return code
}

func (h *house) redemption(code string) grant.Request {
	return grant.Request{Client: h.app, GrantType: "authorization_code", Code: code, RedirectURI: redirect, CodeVerifier: verifier, RequestID: "req-9"}
}

func (h *house) redeem(scope string) grant.Response {
	h.Helper()
	out, err := h.grants.Run(h.Context(), h.redemption(h.code(scope)))
	h.ok(err)
	return out
}

func (h *house) refresh(token string) (grant.Response, error) {
	return h.grants.Run(h.Context(), grant.Request{Client: h.app, GrantType: "refresh_token", RefreshToken: token, RequestID: "req-9"})
}

func (h *house) active(c client.Client, token string) bool {
	h.Helper()
	in, err := h.grants.Introspect(h.Context(), c, token)
	h.ok(err)
	return in.Active
}
