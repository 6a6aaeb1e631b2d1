package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/edge"
	"github.com/jotward/jotward/internal/store/sqlite"
	"github.com/jotward/jotward/internal/web"
)

// story is what `dev --json` prints: all that a program needs to play the main
// job through.
type story struct {
	Issuer         string `json:"issuer"`
	Edge           string `json:"edge"`
	Admin          string `json:"admin"`
	AdminToken     string `json:"admin_token"`
	Origin         string `json:"origin"`
	Resource       string `json:"resource"`
	ClientID       string `json:"client_id"`
	ClientSecret   string `json:"client_secret"`
	PublicClientID string `json:"public_client_id"`
	RedirectURI    string `json:"redirect_uri"`
	Username       string `json:"username"`
	Password       string `json:"password"`
	Audience       string `json:"audience"`
	Scope          string `json:"scope"`
	App            string `json:"app"`
	Console        string `json:"console"`
}

func devCommand() *cobra.Command {
	var data string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run issuer, edge and a demo API on loopback",
		Args:  exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDev(cmd.Context(), data, asJSON, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVar(&data, "data", "", "keep state and addresses in this folder (default: throw them away)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one line of JSON on stdout when everything answers")
	return cmd
}

func runDev(ctx context.Context, data string, asJSON bool, out, errw io.Writer) error {
	if data == "" {
		folder, err := os.MkdirTemp("", "jotward-dev-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(folder)
		data = folder
	} else if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d := &dev{ctx: ctx, process: newProcess(slog.New(slog.NewTextHandler(errw, nil)))}
	defer d.stop()
	s, err := d.start(data)
	if err != nil {
		return err
	}
	if asJSON {
		if err := json.NewEncoder(out).Encode(s); err != nil {
			return err
		}
	}
	banner(errw, s)
	return d.wait(ctx, 0, 2*time.Second)
}

// dev is everything that runs in one process.
type dev struct {
	*process
	ctx    context.Context
	store  *sqlite.Store
	issuer *issuer
}

func (d *dev) stop() {
	d.close()
	if d.store != nil {
		_ = d.store.Close() // the process ends in any case
	}
}

func (d *dev) start(data string) (story, error) {
	// The database first: who holds it holds the folder, so that no two make
	// secrets for it.
	database := filepath.Join(data, "jotward.db")
	var err error
	if d.store, err = openStore(d.ctx, database); err != nil {
		return story{}, err
	}
	secrets, err := openSecrets(data)
	if err != nil {
		return story{}, err
	}
	listeners, urls, err := d.listenAgain(secrets, []int{8080, 8081, 8082, 8083, 8084})
	if err != nil {
		return story{}, err
	}
	s := story{
		Issuer: urls[0], Edge: urls[1], Admin: urls[2], Origin: urls[3], App: urls[4], Resource: urls[1] + "/hello",
		ClientID: "demo", PublicClientID: "demo-public", RedirectURI: "http://127.0.0.1/callback", Username: "alice", Audience: "demo-api", Scope: "read",
	}
	c := &config.Issuer{Issuer: s.Issuer, Database: database, SessionLifetime: 12 * time.Hour, Registration: &config.Registration{
		Access: "initial_token", GrantTypes: []string{"authorization_code", "refresh_token", "client_credentials"}, AuthMethods: client.RegistrationMethods, RedirectURIs: client.RegistrationRedirects,
		Scopes: []string{"openid", "profile", "email", s.Scope}, Audiences: []string{s.Audience}, MaxClients: 1000}}
	c.Signing.Defaults()
	s.AdminToken, s.Password = secrets.AdminToken, secrets.Password
	c.MasterKey, c.Admin.Token = config.Literal(secrets.MasterKey), config.Literal(s.AdminToken)
	if d.issuer, err = wire(d.ctx, c, d.process, d.store); err != nil {
		return s, err
	}
	s.Console = d.issuer.openConsole(d.ctx, s.Admin)
	go d.issuer.run(d.ctx)
	if err := d.seed(&s, secrets); err != nil {
		return s, err
	}
	gate, err := edge.New(devEdge(s, secrets.EdgeSecret), edge.Options{Now: time.Now, Logger: d.log.With("service", "edge"), Registerer: d.registry, Instance: "dev", Version: version})
	if err != nil {
		return s, err
	}
	signs := d.health.Ready
	d.health.Ready = func() []web.Check { return append(signs(), gate.Ready()...) }
	d.serve(listeners[0], d.issuer.Public()).RegisterOnShutdown(d.issuer.Feed.Close)
	// One admin listener for both: `jotward tail` follows the edge here.
	d.serve(listeners[2], d.issuer.Web.NoRebinding(d.issuer.Web.Mount(append(d.issuer.PrivateRoutes(), decisionsRoute(gate, s.AdminToken))))).RegisterOnShutdown(gate.EndTails)
	d.serve(listeners[3], http.HandlerFunc(demoAPI))
	app, err := newDevApp(s, s.App)
	if err != nil {
		return s, err
	}
	pages := &web.Server{Log: d.log.With("service", "app"), Now: time.Now}
	d.serve(listeners[4], pages.NoRebinding(pages.Mount(app.routes())))
	go func() { _ = gate.Run(d.ctx) }() // ends with ctx, and only then
	d.process.start(listeners[1], edge.NewServer(gate))
	return s, d.answering()
}

func devEdge(s story, secret string) config.Edge {
	return config.Edge{
		Issuers: []config.EdgeIssuer{{
			Issuer: s.Issuer, JWKSURI: s.Issuer + "/jwks", Audience: s.Audience, Algorithms: []string{"ES256"}, MaxLifetime: time.Hour, AllowHTTP: true,
			Feed: &config.EdgeFeed{ClientID: "dev-edge", ClientSecret: config.Literal(secret)},
		}},
		Routes: []config.Route{{Name: "demo", Path: "/", Upstream: s.Origin, Scopes: []string{s.Scope}, Headers: map[string]string{"X-Subject": "sub"}}},
	}
}

// answering waits until the edge has the issuer's keys and has heard its feed:
// until then it refuses every token, because it cannot know what was taken back.
func (d *dev) answering() error {
	late := time.NewTimer(10 * time.Second)
	defer late.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if !slices.ContainsFunc(d.health.Ready(), func(c web.Check) bool { return !c.OK }) {
			return nil
		}
		select {
		case <-d.ctx.Done():
			return d.ctx.Err()
		case <-late.C:
			return fmt.Errorf("dev: the edge is not ready after 10 seconds: %+v", d.health.Ready())
		case <-tick.C:
		}
	}
}

// demoAPI is the service behind the edge. It checks nothing: the edge does.
func demoAPI(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"hello": r.Header.Get("X-Subject"), "path": r.URL.Path})
}

func banner(w io.Writer, s story) {
	fmt.Fprintf(w, `jotward dev: everything on loopback, for development only

  issuer   %s
  edge     %s
  admin    %s
  console  %s: explains tokens
  app      %s: signs in, calls, refreshes, revokes
  sign-in  %s / %s, at both

# for jotward client, user, session, grant, revoke, keys, edges, audit and tail
export JOTWARD_ADMIN=%s JOTWARD_ADMIN_TOKEN=%s

# 1. get a token
TOKEN=$(curl -s -u '%s:%s' -d grant_type=client_credentials -d scope=%s %s/token | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
# 2. call the API through the edge: 200
curl -i -H "Authorization: Bearer $TOKEN" %s
# 3. take the token back
curl -i -u '%s:%s' --data-urlencode "token=$TOKEN" %s/revoke
# 4. call again: 401, and why
curl -i -H "Authorization: Bearer $TOKEN" %s

# 5. a person signs in: open this, and copy the code out of the address at which it ends
#    %s/authorize?%s
# 6. exchange the code
CODE=...
TOKENS=$(curl -s -d grant_type=authorization_code -d client_id=%s -d redirect_uri=%s -d code_verifier=%s -d "code=$CODE" %s/token)
# 7. refresh: a new pair, and the old refresh token is spent
curl -s -d grant_type=refresh_token -d client_id=%s -d "refresh_token=$(echo "$TOKENS" | sed 's/.*"refresh_token":"\([^"]*\)".*/\1/')" %s/token
`, s.Issuer, s.Edge, s.Admin, s.Console, s.App, s.Username, s.Password, s.Admin, s.AdminToken,
		s.ClientID, s.ClientSecret, s.Scope, s.Issuer, s.Resource, s.ClientID, s.ClientSecret, s.Issuer, s.Resource,
		s.Issuer, s.signIn().Encode(), s.PublicClientID, s.RedirectURI, pkceVerifier, s.Issuer, s.PublicClientID, s.Issuer)
}

// pkceVerifier is RFC 7636 appendix B's: everybody's, and so for a demo alone.
const pkceVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

// signIn is the request of a native client (RFC 8252), whose redirect nobody awaits.
func (s story) signIn() url.Values {
	sum := sha256.Sum256([]byte(pkceVerifier))
	return url.Values{"response_type": {"code"}, "client_id": {s.PublicClientID}, "redirect_uri": {s.RedirectURI}, "scope": {"openid " + s.Scope},
		"state": {"demo"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}
}
