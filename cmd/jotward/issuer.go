package main

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/authn"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/consent"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/internal/server"
	"github.com/jotward/jotward/internal/server/admin"
	"github.com/jotward/jotward/internal/server/authorize"
	"github.com/jotward/jotward/internal/server/feed"
	"github.com/jotward/jotward/internal/server/metadata"
	servertoken "github.com/jotward/jotward/internal/server/token"
	"github.com/jotward/jotward/internal/session"
	"github.com/jotward/jotward/internal/store/sqlite"
	"github.com/jotward/jotward/internal/token"
	"github.com/jotward/jotward/internal/web"
	"github.com/jotward/jotward/jose/jwt"
)

// issuerConfig is what an issuer is built from.
type issuerConfig struct {
	issuer     string // its URL, without a trailing slash
	database   string // the path of the SQLite file
	masterKey  []byte // 32 bytes
	adminToken string
	log        *slog.Logger
}

// issuer is a running issuer with the services that seed it.
type issuer struct {
	*server.Issuer
	store    *sqlite.Store
	accounts *account.Service
	clients  *client.Service
}

// sessionLife is how long a person stays signed in.
const sessionLife = 12 * time.Hour

// keyAhead is how long a key is published before it signs.
const keyAhead = 10 * time.Minute

// newIssuer wires store, domain and endpoints. It makes the first keys.
func newIssuer(ctx context.Context, c issuerConfig) (*issuer, error) {
	store, err := sqlite.Open(ctx, c.database)
	if err != nil {
		return nil, err
	}
	ring, err := keyring.New(store, [][]byte{c.masterKey}, time.Now, keyAhead, client.MaxLifetime)
	if err != nil {
		store.Close()
		return nil, err
	}
	for _, purpose := range []string{keyring.PurposeToken, keyring.PurposeFeed} {
		keys, err := ring.List(ctx, purpose)
		if err == nil && len(keys) == 0 {
			_, err = ring.Rotate(ctx, audit.Actor{Kind: "system", ID: "start"}, purpose, keyring.DefaultAlgorithm)
		}
		if err != nil {
			store.Close()
			return nil, err
		}
	}
	passwords, err := authn.NewPasswords(store, time.Now, 4)
	if err != nil {
		store.Close()
		return nil, err
	}
	i := &issuer{
		store:    store,
		accounts: &account.Service{Store: store, Hasher: passwords, Now: time.Now, TokenLife: client.MaxLifetime},
		clients:  &client.Service{Store: store, Now: time.Now, TokenLife: client.MaxLifetime},
	}
	i.Issuer = endpoints(c, i, ring, passwords)
	store.OnCommitted(i.Feed.Wake)
	return i, nil
}

func endpoints(c issuerConfig, i *issuer, ring *keyring.Ring, passwords *authn.Passwords) *server.Issuer {
	secure := strings.HasPrefix(c.issuer, "https://")
	grants := &grant.Service{Store: i.store, Minter: &token.Minter{Issuer: c.issuer, Ring: ring, Now: time.Now}, Now: time.Now}
	sessions := &session.Service{Store: i.store, Now: time.Now, Life: sessionLife, TokenLife: client.MaxLifetime}
	return &server.Issuer{
		Web:      &web.Server{Log: c.log, Now: time.Now, HSTS: secure},
		Metadata: &metadata.Endpoints{Issuer: c.issuer, Keys: ring.PublicSet},
		Token:    &servertoken.Endpoints{Clients: i.clients, Grants: grants},
		Authorize: &authorize.Endpoints{
			Issuer: c.issuer, Grants: grants, Passwords: passwords, Secure: secure,
			Sessions: sessions,
			Consents: &consent.Service{Store: i.store, Now: time.Now, TokenLife: client.MaxLifetime},
		},
		Feed: &feed.Feed{
			Issuer: c.issuer, Log: i.store, Clients: i.clients, Now: time.Now, Heartbeat: 2 * time.Second,
			Sign: feedSigner(ring),
			Positions: func(ctx context.Context, p feed.Position) error {
				return i.store.SavePosition(ctx, revoke.Position{Instance: p.Instance, ClientID: p.ClientID, Log: p.Log, Version: p.Version, Seq: p.Seq, LagMS: p.LagMS, At: p.Reported})
			},
		},
		Admin: &admin.Endpoints{
			Token: c.adminToken, Accounts: i.accounts, Clients: i.clients, Ring: ring, Sessions: sessions, Grants: grants, Now: time.Now,
			Positions: func(ctx context.Context) (any, error) { return i.store.Positions(ctx) },
		},
	}
}

func feedSigner(ring *keyring.Ring) feed.Sign {
	return func(ctx context.Context, claims []byte) (string, error) {
		key, err := ring.Active(ctx, keyring.PurposeFeed, keyring.DefaultAlgorithm)
		if err != nil {
			return "", err
		}
		signer, err := jwt.NewSigner(key, jwt.SignerOptions{Type: "secevent+jwt"})
		if err != nil {
			return "", err
		}
		return signer.Sign(claims)
	}
}

// newHTTPServer bounds what a stranger can cost before a handler sees them. The
// feed streams, so writing has no bound of its own.
func newHTTPServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10}
}
