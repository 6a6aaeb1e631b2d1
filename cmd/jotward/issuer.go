package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/jotward/jotward/internal/account"
	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/authn"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/consent"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/limit"
	"github.com/jotward/jotward/internal/logout"
	"github.com/jotward/jotward/internal/outbound"
	"github.com/jotward/jotward/internal/server"
	"github.com/jotward/jotward/internal/server/admin"
	"github.com/jotward/jotward/internal/server/authorize"
	"github.com/jotward/jotward/internal/server/feed"
	"github.com/jotward/jotward/internal/server/metadata"
	"github.com/jotward/jotward/internal/server/registration"
	servertoken "github.com/jotward/jotward/internal/server/token"
	"github.com/jotward/jotward/internal/server/userinfo"
	"github.com/jotward/jotward/internal/session"
	"github.com/jotward/jotward/internal/store/sqlite"
	"github.com/jotward/jotward/internal/token"
	"github.com/jotward/jotward/internal/web"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// issuer is a running issuer with the services that seed it.
type issuer struct {
	*server.Issuer
	store    *sqlite.Store
	ring     *keyring.Ring
	accounts *account.Service
	clients  *client.Service
	logouts  *logout.Service
	log      *slog.Logger
	metrics  *server.Metrics
	grants   *grant.Service
	warning  sync.Mutex
	warned   map[string]time.Time // when something was said of a key; guarded by warning
}

// sweepEvery is how often what has expired is forgotten, and the keys are looked after.
const sweepEvery = keyring.Look

// maxGuessers bounds the memory of who tried user codes: a few megabytes.
const maxGuessers = 1 << 16

// newIssuer wires store, domain and endpoints. It makes the first keys.
func newIssuer(ctx context.Context, c *config.Issuer, p *process) (*issuer, error) {
	store, err := openStore(ctx, c.Database)
	if err != nil {
		return nil, err
	}
	i, err := wire(ctx, c, p, store)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return i, nil
}

// downtime is how long nobody answered, as far as the audit trail knows.
func downtime(ctx context.Context, store *sqlite.Store) (grant.Downtime, error) {
	last, err := store.AuditEntries(ctx, audit.Filter{}, 0, 1)
	if err != nil || len(last) == 0 {
		return grant.Downtime{}, err
	}
	return grant.Downtime{From: last[0].At, To: time.Now()}, nil
}

func openStore(ctx context.Context, path string) (*sqlite.Store, error) {
	store, err := sqlite.Open(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", path, err)
	}
	return store, nil
}

func wire(ctx context.Context, c *config.Issuer, p *process, store *sqlite.Store) (*issuer, error) {
	down, err := downtime(ctx, store) // before anything is written
	if err != nil {
		return nil, err
	}
	ring, err := openRing(ctx, c, store)
	if err != nil {
		return nil, err
	}
	peers, err := trust(c.TrustedProxies, c.TLS.AtProxy)
	if err != nil {
		return nil, err
	}
	passwords, err := authn.NewPasswords(store, time.Now, 4)
	if err != nil {
		return nil, err
	}
	i := &issuer{
		store:    store,
		ring:     ring,
		log:      p.log.With("service", "issuer"),
		accounts: &account.Service{Store: store, Hasher: passwords, Now: time.Now, TokenLife: client.TokenLife},
		clients:  &client.Service{Store: store, Now: time.Now, TokenLife: client.TokenLife, Issuer: c.Issuer, Replay: store, Offers: ring.Offers},
		metrics:  server.NewMetrics(p.registry),
		warned:   map[string]time.Time{},
	}
	minter := &token.Minter{Issuer: c.Issuer, Ring: ring, Now: time.Now, Minted: i.minted}
	abroad, err := abroad(c)
	if err != nil {
		return nil, err
	}
	i.clients.Reachable = abroad.Check
	sets := &outbound.KeySets{Client: abroad, Algorithms: client.AssertionAlgorithms(), Now: time.Now}
	i.clients.Keys = func(address string) (jwt.KeySource, error) { return sets.At(address) }
	i.logouts = &logout.Service{Store: store, Sign: minter.Logout, Post: abroad.Post, Now: time.Now, Observe: i.metrics.Logout}
	limits, err := limitsOf(c.Limits)
	if err != nil {
		return nil, err
	}
	grants := &grant.Service{Store: store, Minter: minter, Now: time.Now, Down: down, Observe: i.metrics.Grant, Found: i.metrics.Found, EncryptionKey: i.clients.EncryptionKey, Limit: func(subject string) error { return limits.Person(subject, time.Now()) }}
	if grants.Resources, err = c.ResourceTerms(); err != nil {
		return nil, err
	}
	i.grants = grants
	sessions := &session.Service{Store: store, Now: time.Now, Life: c.SessionLifetime, TokenLife: client.TokenLife}
	secure := strings.HasPrefix(c.Issuer, "https://")
	mtls, err := certificates(c.MTLS, i.clients)
	if err != nil {
		return nil, err
	}
	proofs, err := web.NewProofs(c.Issuer, mtls.URL, time.Now)
	if err != nil {
		return nil, err
	}
	userCodes, err := limit.New(authorize.UserCodeRate, maxGuessers)
	if err != nil {
		return nil, err
	}
	refused, err := web.NewBudget(web.RefusedRate)
	strangers, more := web.NewBudget(web.StrangerRate)
	registering, most := web.NewBudget(registration.Rate)
	if err := errors.Join(err, more, most); err != nil {
		return nil, err
	}
	registrar := &client.Registrar{Clients: i.clients, Tokens: store, Store: store, Policy: c.Registration.Policy()}
	i.Issuer = &server.Issuer{
		Web:      &web.Server{Log: i.log, Now: time.Now, HSTS: secure, Peers: peers, Limits: limits, Certificates: web.CertificateSource(mtls.ClientCertificates), Observe: i.metrics.Request, Refused: refused},
		Ops:      p.ops(c.Admin.Token.Reveal()),
		Metadata: &metadata.Endpoints{Issuer: c.Issuer, Keys: ring.PublicSet, Algorithms: ring.Algorithms, AuthMethods: i.clients.AuthMethods(), Certificates: i.clients.Certificates, Alias: mtls.URL, Registration: c.Registration != nil},
		Register: &registration.Endpoints{Issuer: c.Issuer, Registrar: registrar, Budget: registering, Algorithms: ring.Algorithms},
		Token:    &servertoken.Endpoints{Clients: i.clients, Grants: grants, Proofs: proofs},
		UserInfo: &userinfo.Endpoints{Grants: grants, Clients: i.clients, Proofs: proofs},
		Authorize: &authorize.Endpoints{
			Issuer: c.Issuer, Clients: i.clients, Proofs: proofs, UserCodes: userCodes, Strangers: strangers, Grants: grants, Passwords: passwords, Accounts: i.accounts, Sessions: sessions, Secure: secure,
			Consents: &consent.Service{Store: store, Now: time.Now, TokenLife: client.TokenLife},
		},
		Feed: &feed.Feed{
			Issuer: c.Issuer, Log: store, Clients: i.clients, Now: time.Now, Heartbeat: 2 * time.Second,
			Sign: feedSigner(ring), Positions: store.SavePosition,
		},
		Admin: &admin.Endpoints{
			Token: c.Admin.Token.Reveal(), Accounts: i.accounts, Clients: i.clients, Register: registrar, Ring: ring, Sessions: sessions, Grants: grants, Now: time.Now,
			Log: store,
		},
	}
	p.health.Ready = ready(ring)
	store.OnCommitted(func(seq uint64) {
		i.Feed.Wake(seq)
		i.logouts.Wake() // every end of a session is a revocation
	})
	return i, nil
}

// abroad is the client for addresses that clients chose. An issuer on plain http is one
// of development, and so are its clients.
func abroad(c *config.Issuer) (*outbound.Client, error) {
	out := outbound.Config{AllowHTTP: strings.HasPrefix(c.Issuer, "http://")}
	networks := c.OutboundNetworks
	if out.AllowHTTP {
		networks = append(networks[:len(networks):len(networks)], "127.0.0.0/8", "::1/128")
	}
	for _, text := range networks {
		n, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, err
		}
		out.Networks = append(out.Networks, n)
	}
	return outbound.New(out), nil
}

// limitsOf makes what counts by the operator's limits.
func limitsOf(c config.IssuerLimits) (l web.Limits, err error) {
	for _, of := range []struct {
		budget config.Budget
		to     **limit.Limiter
	}{{c.Network, &l.Network}, {c.Client, &l.Client}, {c.Subject, &l.Subject}} {
		if *of.to, err = of.budget.Limiter(web.MaxLimited); err != nil {
			return l, err
		}
	}
	return l, nil
}

// certificates tells the clients' service whose certificates it may see and believe,
// and returns what the issuer does about them.
func certificates(c *config.MTLS, clients *client.Service) (config.MTLS, error) {
	if c == nil {
		return config.MTLS{}, nil
	}
	var err error
	clients.Certificates = true
	clients.Authorities, err = c.Pool()
	return *c, err
}

// ready says whether tokens and the feed can be signed. It asks the store, at most once a
// second, and does not wait longer for it: a read by key cannot be given up.
func ready(ring *keyring.Ring) func() []web.Check {
	return web.Within(time.Second, func(ctx context.Context) (out []web.Check) {
		for _, purpose := range []string{keyring.PurposeToken, keyring.PurposeFeed} {
			c := web.Check{Name: "keys " + purpose, OK: true, Detail: "loaded"}
			if _, err := ring.Active(ctx, purpose, ""); err != nil {
				c.OK, c.Detail = false, err.Error()
			}
			out = append(out, c)
		}
		return out
	})
}

// minted counts a token, and warns of one that soon will not fit a header.
func (i *issuer) minted(m token.Minted) {
	i.metrics.Minted(m)
	if m.Large {
		i.log.Warn("large token: give the client fewer scopes, roles or permissions", "client_id", m.ClientID, "kind", m.Kind,
			"bytes", m.HeaderBytes+m.ClaimsBytes+m.SignatureBytes+2, "refused", m.Refused)
	}
}

// openRing opens the keys, seals them under the first master key, and makes
// the first ones.
func openRing(ctx context.Context, c *config.Issuer, store *sqlite.Store) (*keyring.Ring, error) {
	var masters [][]byte
	for _, s := range append([]config.Secret{c.MasterKey}, c.PreviousMasterKeys...) {
		key, err := config.MasterKey(s)
		if err != nil {
			return nil, fmt.Errorf("master key %v: %w", s, err)
		}
		masters = append(masters, key)
	}
	ring, err := keyring.New(store, masters, time.Now, c.Signing.PublishAhead, client.TokenLife)
	if err != nil {
		return nil, err
	}
	if err := configure(ctx, ring, store, c); err != nil {
		return nil, err
	}
	start := audit.Actor{Kind: "system", ID: "start"}
	if len(masters) > 1 {
		if err := ring.Reseal(ctx, start); err != nil {
			return nil, err
		}
	}
	for _, purpose := range []string{keyring.PurposeToken, keyring.PurposeFeed} {
		keys, err := ring.List(ctx, purpose)
		if err == nil && len(keys) == 0 {
			_, err = ring.Rotate(ctx, start, purpose, "")
		}
		if err != nil {
			return nil, err
		}
	}
	if err := ring.Check(ctx); err != nil {
		return nil, fmt.Errorf("issuer.master_key: %w", err)
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

// run forgets what has expired, looks after the keys, and tells clients of sessions
// that ended, until ctx ends.
func (i *issuer) run(ctx context.Context) {
	var telling sync.WaitGroup
	defer telling.Wait()
	telling.Go(func() {
		i.logouts.Run(ctx, func(err error) {
			i.log.Error("clients are not told of sessions that ended: it is tried again", "cause", err.Error())
		})
	})
	tick, second := time.NewTicker(sweepEvery), time.NewTicker(time.Second)
	defer tick.Stop()
	defer second.Stop()
	i.tend(ctx) // and forget nothing yet: after a crash, clients come back for answers that they never got
	for {
		select {
		case <-ctx.Done():
			return
		case <-second.C:
			i.store.Forget()
		case <-tick.C:
			i.tend(ctx)
			i.sweep(ctx)
		}
	}
}

func (i *issuer) sweep(ctx context.Context) {
	if _, err := i.store.Sweep(ctx, time.Now(), client.TokenLife, grant.DefaultGrace); err != nil && ctx.Err() == nil {
		i.log.Error("sweep failed: what has expired stays until the next one", "cause", err.Error())
	}
}

func feedSigner(ring *keyring.Ring) feed.Sign {
	return func(ctx context.Context, claims []byte) (text string, err error) {
		err = ring.Use(ctx, keyring.PurposeFeed, "", func(key *jwk.Key) error {
			signer, err := jwt.NewSigner(key, jwt.SignerOptions{Type: "secevent+jwt"})
			if err == nil {
				text, err = signer.Sign(claims)
			}
			return err
		})
		return text, err
	}
}
