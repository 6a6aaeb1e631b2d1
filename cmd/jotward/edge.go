package main

import (
	"context"
	"errors"
	"io"
	"net/url"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/edge"
	"github.com/jotward/jotward/internal/obs"
	"github.com/jotward/jotward/internal/web"
)

// edgeFlags stand in for a file: one route from an address to an upstream.
type edgeFlags struct {
	from, to, issuer, audience, admin string
	algorithms, scopes                []string
	maxLifetime                       time.Duration
	feedClient, feedSecret            string
}

func edgeCommand() *cobra.Command {
	var path string
	var f edgeFlags
	cmd := &cobra.Command{
		Use:   "edge",
		Short: "Run the edge from a configuration file, or from flags alone",
		Example: `  jotward edge --config jotward.yaml
  jotward edge --from 127.0.0.1:8080 --to http://localhost:3000 --issuer https://id.example.com --audience https://api.example.com`,
		Args: exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !given(cmd) {
				file, err := loadConfig(path, config.EdgeSection)
				if err != nil {
					return file.More(err, compiled)
				}
				if file.Edge == nil {
					return usage("edge: %s has no edge: add one, or run `jotward serve`", path)
				}
				return runEdge(cmd.Context(), path, file, cmd.ErrOrStderr())
			}
			if cmd.Flags().Changed("config") {
				return usage("edge: --config and other flags exclude each other: write it all into the file, or into flags")
			}
			file, err := f.file(cmd)
			if err != nil {
				return err
			}
			return runEdge(cmd.Context(), "", file, cmd.ErrOrStderr())
		},
	}
	configFlag(cmd, &path)
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", "", "the address to listen on; off loopback use a configuration file, for TLS")
	flags.StringVar(&f.to, "to", "", "the upstream, http(s)://host:port")
	flags.StringVar(&f.issuer, "issuer", "", "the issuer whose tokens are accepted")
	flags.StringVar(&f.audience, "audience", "", "the audience that tokens must be for")
	flags.StringSliceVar(&f.algorithms, "alg", []string{"ES256"}, "the accepted algorithms")
	flags.StringSliceVar(&f.scopes, "scope", nil, "the scopes that every request needs")
	flags.DurationVar(&f.maxLifetime, "max-lifetime", time.Hour, "the longest life of an accepted token")
	flags.StringVar(&f.feedClient, "feed-client-id", "", "follow the issuer's revocations as this client")
	flags.StringVar(&f.feedSecret, "feed-client-secret", "", "its secret: FILE, - or env:NAME")
	flags.StringVar(&f.admin, "admin", "", "the address of the admin listener: health and metrics (default: none)")
	return cmd
}

// given reports whether any flag but --config was set: one that a file would
// silently overrule might have been meant to restrict.
func given(cmd *cobra.Command) bool {
	any := false
	cmd.Flags().Visit(func(f *pflag.Flag) { any = any || f.Name != "config" })
	return any
}

// file is the configuration that the flags stand for.
func (f *edgeFlags) file(cmd *cobra.Command) (*config.File, error) {
	if f.from == "" || f.to == "" || f.issuer == "" || f.audience == "" {
		return nil, usage("edge: --from, --to, --issuer and --audience belong together: give all four, or --config")
	}
	if (f.feedClient == "") != (f.feedSecret == "") {
		return nil, usage("edge: --feed-client-id and --feed-client-secret belong together: give both")
	}
	from := f.from
	if strings.HasPrefix(from, ":") { // plain HTTP is for this machine
		from = "127.0.0.1" + from
	}
	u, err := url.Parse(f.issuer)
	if err != nil {
		return nil, usage("edge: --issuer: is not a URL")
	}
	trusted := config.EdgeIssuer{Issuer: f.issuer, Audience: f.audience, Algorithms: f.algorithms, MaxLifetime: f.maxLifetime,
		AllowHTTP: u.Scheme == "http" && config.Loopback(u.Hostname())}
	if f.feedClient != "" {
		text, err := readSecret(cmd, f.feedSecret, "--feed-client-secret")
		if err != nil {
			return nil, err
		}
		trusted.Feed = &config.EdgeFeed{ClientID: f.feedClient, ClientSecret: config.Literal(strings.TrimSpace(string(text)))}
	}
	return config.Check(&config.File{Edge: &config.EdgeService{
		Service: config.Service{Listen: from, Admin: config.Admin{Listen: f.admin}},
		Edge: config.Edge{Issuers: []config.EdgeIssuer{trusted},
			Routes: []config.Route{{Name: "all", Path: "/", Upstream: f.to, Scopes: f.scopes}}},
	}})
}

// newEdge compiles the gateway; nothing runs before its Run.
func newEdge(c *config.EdgeService, p *process) (*edge.Edge, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	return edge.New(c.Edge, edge.Options{Now: time.Now, Logger: p.log.With("service", "edge"), Registerer: p.registry, Instance: host + " " + c.Listen, Version: version, TLSAtProxy: c.TLS.AtProxy})
}

func runEdge(ctx context.Context, path string, file *config.File, errw io.Writer) error {
	c := file.Edge
	p := newProcess(obs.Logger(errw))
	defer p.close()
	gate, err := newEdge(c, p)
	if err != nil {
		return file.Locate(err)
	}
	public, err := p.listenPublic(c.Service, asks(c))
	if err != nil {
		return err
	}
	p.health.Ready = gate.Ready
	if err := p.serveOps(c.Admin, gate); err != nil {
		return errors.Join(err, public.Close())
	}
	following, stop := context.WithCancel(context.WithoutCancel(ctx)) // until everything has drained
	defer stop()
	go func() { _ = gate.Run(following) }() // ends with following, and only then
	p.start(public, edge.NewServer(gate))
	p.log.Info("guarding", "listen", public.Addr().String(), "routes", len(c.Routes), "issuers", len(c.Issuers), "version", version)
	if path != "" {
		files := append(certificateFiles(c.TLS), certificateFiles(c.Admin.TLS)...)
		go p.onChange(ctx, append(files, path), func() error { return p.reloadEdge(path, gate, c.Service) })
	}
	return p.wait(ctx, c.DrainDelay, c.DrainTimeout)
}

// serveOps opens an edge's admin listener, when one is configured.
func (p *process) serveOps(a config.Admin, gate *edge.Edge) error {
	if a.Listen == "" {
		return nil
	}
	l, err := p.listen(a.Listen, a.TLS)
	if err != nil {
		return err
	}
	s := &web.Server{Log: p.log, Now: time.Now}
	routes := append(p.ops(a.Token.Reveal()).Routes(), decisionsRoute(gate, a.Token.Reveal()))
	p.serve(l, s.NoRebinding(s.Mount(routes))).RegisterOnShutdown(gate.EndTails)
	return nil
}

// decisionsRoute is what an edge's admin listener has beside that of every process.
func decisionsRoute(gate *edge.Edge, token string) web.Route {
	return web.Route{Pattern: "GET /decisions", Style: web.Problem, Handler: web.Local(token, gate.Decisions), Quiet: true}
}

// reloadEdge reads the file again and replaces what the edge decides by. Its
// listeners stay as they were opened.
func (p *process) reloadEdge(path string, gate *edge.Edge, running config.Service) error {
	file, err := config.Load(path, config.EdgeSection)
	if err != nil {
		return err
	}
	if file.Edge == nil {
		return usage("%s has no edge any more", path)
	}
	if err := gate.Reload(file.Edge.Edge); err != nil {
		return file.Locate(err)
	}
	if err := p.reloadCertificates(); err != nil {
		return err
	}
	p.log.Info("configuration reloaded")
	if !reflect.DeepEqual(file.Edge.Service, running) {
		p.log.Warn("the settings of the listeners have changed and are not those that run: restart it")
	}
	return nil
}

// asks has every connection asked for a certificate where tokens are bound to them.
func asks(c *config.EdgeService) func(string) bool {
	return func(string) bool { return c.ClientCertificates == string(web.FromConnection) }
}
