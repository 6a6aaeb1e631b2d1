package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/authn"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/consent"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/obs"
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

// issuer is a running issuer with the services that seed it.
type issuer struct {
	*server.Issuer
	store    *sqlite.Store
	accounts *account.Service
	clients  *client.Service
	log      *slog.Logger
}

// keyAhead is how long a key is published before it signs.
const keyAhead = 10 * time.Minute

// sweepEvery is how often what has expired is forgotten.
const sweepEvery = time.Minute

// newIssuer wires store, domain and endpoints. It makes the first keys.
func newIssuer(ctx context.Context, c *config.Issuer, p *process) (*issuer, error) {
	store, err := sqlite.Open(ctx, c.Database)
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", c.Database, err)
	}
	i, err := wire(ctx, c, p, store)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return i, nil
}

func wire(ctx context.Context, c *config.Issuer, p *process, store *sqlite.Store) (*issuer, error) {
	ring, err := openRing(ctx, c, store)
	if err != nil {
		return nil, err
	}
	peers, err := trust(c.TrustedProxies, c.TLS.AtProxy)
	if err != nil {
		return nil, err
	}
	passwords := authn.NewPasswords(store, 4)
	i := &issuer{
		store:    store,
		log:      p.log.With("service", "issuer"),
		accounts: &account.Service{Store: store, Hasher: passwords, Now: time.Now, TokenLife: client.MaxLifetime},
		clients:  &client.Service{Store: store, Now: time.Now, TokenLife: client.MaxLifetime},
	}
	registry := obs.Registry(version)
	metrics := server.NewMetrics(registry)
	secure := strings.HasPrefix(c.Issuer, "https://")
	grants := &grant.Service{Store: store, Minter: &token.Minter{Issuer: c.Issuer, Ring: ring, Now: time.Now}, Now: time.Now}
	i.Issuer = &server.Issuer{
		Web:      &web.Server{Log: i.log, Now: time.Now, HSTS: secure, Peers: peers, Observe: metrics.Request},
		Ops:      &web.Ops{Health: &p.health, Metrics: obs.Metrics(registry), Profiles: obs.Profiles(), Version: versions(), Token: c.Admin.Token.Reveal()},
		Metadata: &metadata.Endpoints{Issuer: c.Issuer, Keys: ring.PublicSet},
		Token:    &servertoken.Endpoints{Clients: i.clients, Grants: grants},
		Authorize: &authorize.Endpoints{
			Issuer: c.Issuer, Grants: grants, Passwords: passwords, Accounts: i.accounts, Secure: secure,
			Sessions: &session.Service{Store: store, Now: time.Now, Life: c.SessionLifetime, TokenLife: client.MaxLifetime},
			Consents: &consent.Service{Store: store, Now: time.Now},
		},
		Feed: &feed.Feed{
			Issuer: c.Issuer, Log: store, Clients: i.clients, Now: time.Now, Heartbeat: 2 * time.Second,
			Sign: feedSigner(ring),
			Positions: func(ctx context.Context, p feed.Position) error {
				return store.SavePosition(ctx, sqlite.Position{Instance: p.Instance, ClientID: p.ClientID, Log: p.Log, Version: p.Version, Seq: p.Seq, LagMS: p.LagMS, At: p.Reported})
			},
		},
		Admin: &admin.Endpoints{
			Token: c.Admin.Token.Reveal(), Accounts: i.accounts, Clients: i.clients, Ring: ring, Revoker: store, Now: time.Now, TokenLife: client.MaxLifetime,
			Positions: func(ctx context.Context) (any, error) { return store.Positions(ctx) },
		},
	}
	store.OnCommitted(i.Feed.Wake)
	return i, nil
}

// openRing opens the keys and makes the first ones.
func openRing(ctx context.Context, c *config.Issuer, store *sqlite.Store) (*keyring.Ring, error) {
	master, err := config.MasterKey(c.MasterKey)
	if err != nil {
		return nil, err
	}
	ring, err := keyring.New(store, master, time.Now, keyAhead, client.MaxLifetime)
	if err != nil {
		return nil, err
	}
	for _, purpose := range []string{keyring.PurposeToken, keyring.PurposeFeed} {
		keys, err := ring.List(ctx, purpose)
		if err == nil && len(keys) == 0 {
			_, err = ring.Rotate(ctx, audit.Actor{Kind: "system", ID: "start"}, purpose)
		}
		if err != nil {
			return nil, err
		}
	}
	return ring, nil
}

// trust parses networks that config has checked.
func trust(networks []string, proxyTLS bool) (web.Peers, error) {
	p := web.Peers{ProxyTLS: proxyTLS}
	for _, text := range networks {
		n, err := netip.ParsePrefix(text)
		if err != nil {
			return p, err
		}
		p.Trusted = append(p.Trusted, n)
	}
	return p, nil
}

// run forgets what has expired, until ctx ends.
func (i *issuer) run(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := i.store.Sweep(ctx, time.Now().Add(-time.Minute)); err != nil && ctx.Err() == nil {
			i.log.Error("sweep failed: what has expired stays for now", "cause", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func feedSigner(ring *keyring.Ring) feed.Sign {
	return func(ctx context.Context, claims []byte) (string, error) {
		key, err := ring.Active(ctx, keyring.PurposeFeed)
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
