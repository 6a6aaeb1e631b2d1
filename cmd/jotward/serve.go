package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"reflect"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/spf13/cobra"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/obs"
)

// defaultConfig is where a service finds its configuration.
const defaultConfig = "/etc/jotward/jotward.yaml"

// configFlag adds --config, with JOTWARD_CONFIG under it.
func configFlag(cmd *cobra.Command, path *string) {
	usual := os.Getenv("JOTWARD_CONFIG")
	if usual == "" {
		usual = defaultConfig
	}
	cmd.Flags().StringVar(path, "config", usual, "the configuration file (JOTWARD_CONFIG)")
}

// loadConfig is config.Load with a hint when there is no file at all.
func loadConfig(path string, sections ...string) (*config.File, error) {
	f, err := config.Load(path, sections...)
	if errors.Is(err, os.ErrNotExist) {
		if _, statErr := os.Stat(path); statErr != nil {
			return nil, usage("config: %s does not exist: make one with `jotward config init %s`, or name another with --config", path, path)
		}
	}
	return f, err
}

func serveCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the issuer from a configuration file",
		Args:  exactArgs(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := loadConfig(path, config.IssuerSection)
			if err != nil {
				return err
			}
			if f.Issuer == nil {
				return usage("serve: %s has no issuer: add one, or run `jotward edge`", path)
			}
			return runServe(cmd.Context(), path, f.Issuer, cmd.ErrOrStderr())
		},
	}
	configFlag(cmd, &path)
	return cmd
}

func runServe(ctx context.Context, path string, c *config.Issuer, errw io.Writer) (err error) {
	p := newProcess(obs.Logger(errw))
	defer p.close()
	i, err := newIssuer(ctx, c, p)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, i.store.Close()) }()
	public, err := p.listenPublic(c.Service, c.MTLS.Asks)
	if err != nil {
		return err
	}
	private, err := p.listen(c.Admin.Listen, c.Admin.TLS)
	if err != nil {
		return err
	}
	at := i.openConsole(ctx, consoleURL(c, private.Addr()))
	sweeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	go i.run(sweeping)
	p.serve(public, i.Public()).RegisterOnShutdown(i.Feed.Close)
	p.serve(private, i.Private())
	for _, w := range c.Warnings() {
		i.log.Warn(w)
	}
	i.log.Info("serving", "issuer", c.Issuer, "listen", public.Addr().String(), "admin", private.Addr().String(), "console", at, "version", version)
	files := append(certificateFiles(c.TLS), certificateFiles(c.Admin.TLS)...)
	go p.onChange(ctx, append(files, path), func() error { return p.reloadIssuer(ctx, path, c, i) })
	return p.wait(ctx, c.DrainDelay, c.DrainTimeout)
}

// reloadIssuer reads the certificates again, applies how tokens are signed, and says
// so when the file has something else in it than what runs: whoever replaced the admin
// token must not believe that the old one is dead.
func (p *process) reloadIssuer(ctx context.Context, path string, running *config.Issuer, i *issuer) error {
	f, err := config.Load(path, config.IssuerSection)
	if err != nil || f.Issuer == nil {
		return errors.Join(err, errors.New("the running configuration stays"))
	}
	if err := p.reloadCertificates(); err != nil {
		return err
	}
	if !reflect.DeepEqual(f.Issuer.Signing, running.Signing) {
		next := *running
		next.Signing = f.Issuer.Signing
		if err := configure(ctx, i.ring, i.store, &next); err != nil {
			return err
		}
		running.Signing = f.Issuer.Signing
		i.tend(ctx)
		p.log.Info("signing configuration applied", "algorithms", running.Signing.Algorithms)
	}
	if !reflect.DeepEqual(f.Issuer, running) {
		p.log.Warn("the issuer's configuration has changed and is not the one that runs: restart it")
		return nil
	}
	p.log.Info("certificates read again")
	return nil
}

func certificateFiles(t config.TLS) []string {
	if !t.Files() {
		return nil
	}
	return []string{t.Certificate, t.Key}
}

// settle is how long files must rest before they are read: an editor and a
// renewed certificate write more than once.
const settle = 200 * time.Millisecond

// onChange calls reload at SIGHUP and when one of the files changes. It watches
// their folders: Kubernetes swaps links, editors rename.
func (p *process) onChange(ctx context.Context, files []string, reload func() error) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	var events chan fsnotify.Event
	if w, err := fsnotify.NewWatcher(); err != nil {
		p.log.Warn("files are not watched: send SIGHUP after a change", "cause", err.Error())
	} else {
		defer w.Close()
		events = w.Events
		for _, f := range files {
			if err := w.Add(filepath.Dir(f)); err != nil {
				p.log.Warn("a folder is not watched: send SIGHUP after a change", "folder", filepath.Dir(f), "cause", err.Error())
			}
		}
	}
	rest := time.NewTimer(settle)
	rest.Stop()
	seen := fingerprint(files)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
			seen = ""
			rest.Reset(0)
		case <-events:
			rest.Reset(settle)
		case <-rest.C:
			now := fingerprint(files)
			if now == seen { // something else in the folder
				continue
			}
			seen = now
			if err := reload(); err != nil {
				p.log.Error("configuration not reloaded: the old one goes on", "cause", err.Error())
			}
		}
	}
}

// fingerprint changes when the contents of a file do. A file that cannot be
// read counts as empty: reading it for good will say why.
func fingerprint(files []string) string {
	h := sha256.New()
	for _, name := range files {
		data, _ := os.ReadFile(name)
		fmt.Fprintf(h, "%d %s", len(data), data)
	}
	return string(h.Sum(nil))
}
