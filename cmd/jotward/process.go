package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/obs"
	"github.com/jotward/jotward/internal/web"
)

// A process is a set of listeners that start together and drain together.
type process struct {
	log      *slog.Logger
	registry *prometheus.Registry
	health   web.Health
	servers  []*http.Server
	certs    []*certificate
	failed   chan error
}

func newProcess(log *slog.Logger) *process {
	return &process{log: log, registry: obs.Registry(version), failed: make(chan error, 8)}
}

// listen opens the address of a listener, with TLS when files are given. clients says
// whether clients are asked for certificates, which nobody verifies here.
func (p *process) listen(address string, t config.TLS) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	return p.secure(l, t, nil)
}

// listenPublic is listen for a public listener, which may stand behind a balancer
// that speaks the PROXY protocol, and asks connections to some hosts for certificates
// of clients; nil: to none.
func (p *process) listenPublic(s config.Service, asks func(host string) bool) (net.Listener, error) {
	l, err := net.Listen("tcp", s.Listen)
	if err != nil {
		return nil, err
	}
	if len(s.ProxyProtocol) > 0 {
		peers, err := trust(s.ProxyProtocol, false)
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		l = web.ProxyProtocol{Trusted: peers.Trusted, Refused: p.headerless()}.Listen(l)
	}
	return p.secure(l, s.TLS, asks)
}

// headerless says at most once a minute that a balancer sends no PROXY header, or a
// wrong one.
func (p *process) headerless() func(net.Addr) {
	var next atomic.Int64
	return func(peer net.Addr) {
		now := time.Now().Unix()
		if at := next.Load(); now >= at && next.CompareAndSwap(at, now+60) {
			p.log.Warn("connections without a valid PROXY header are refused: have the balancer send one, or take it out of proxy_protocol", "peer", peer.String())
		}
	}
}

func (p *process) secure(l net.Listener, t config.TLS, asks func(host string) bool) (net.Listener, error) {
	if !t.Enabled() {
		return l, nil
	}
	settings := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	if t.ACME != nil {
		p.obtain(settings, t.ACME)
		return tls.NewListener(l, asking(settings, asks)), nil
	}
	c := &certificate{files: t}
	if err := c.load(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	p.certs = append(p.certs, c)
	settings.GetCertificate = c.get
	return tls.NewListener(l, asking(settings, asks)), nil
}

// asking returns the settings with a question for a certificate to those who connect
// to some hosts. It may be of any issuer: what it is good for is decided with the
// client that shows it, or by the token that names it (RFC 8705 2, 3).
func asking(settings *tls.Config, asks func(host string) bool) *tls.Config {
	if asks == nil {
		return settings
	}
	ask := settings.Clone()
	ask.ClientAuth = tls.RequestClientCert
	settings.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if asks(hello.ServerName) {
			return ask, nil
		}
		return nil, nil
	}
	return settings
}

// serve answers small requests on a listener until the process ends, and bounds
// what a stranger can cost before a handler sees them. The feed streams, so
// writing has no bound of its own.
func (p *process) serve(l net.Listener, h http.Handler) *http.Server {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 4 * web.MaxHeader}
	p.start(l, s)
	return s
}

// start runs a server until the process ends.
func (p *process) start(l net.Listener, s *http.Server) {
	s.ErrorLog = slog.NewLogLogger(p.log.Handler(), slog.LevelDebug)
	p.servers = append(p.servers, s)
	go func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			p.failed <- err
		}
	}()
}

// wait runs until ctx ends or a listener fails, then drains: readiness fails
// first, then listeners close, then requests that run may end.
func (p *process) wait(ctx context.Context, delay, timeout time.Duration) error {
	select {
	case err := <-p.failed:
		p.close()
		return err
	case <-ctx.Done():
	}
	p.health.Drain()
	if delay > 0 {
		p.log.Info("draining", "delay", delay.String())
		select {
		case <-time.After(delay):
		case err := <-p.failed:
			p.close()
			return err
		}
	}
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	end, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	errs := make(chan error, len(p.servers))
	for _, s := range p.servers {
		go func() { errs <- s.Shutdown(end) }()
	}
	for range p.servers {
		if err := <-errs; err != nil {
			p.log.Warn("requests were cut off at the end of drain_timeout", "timeout", timeout.String())
			p.close()
			return nil
		}
	}
	return nil
}

func (p *process) close() {
	for _, s := range p.servers {
		_ = s.Close() // the process ends in any case
	}
}

// reloadCertificates reads every certificate again; a bad one leaves the old.
func (p *process) reloadCertificates() error {
	var errs []error
	for _, c := range p.certs {
		errs = append(errs, c.load())
	}
	return errors.Join(errs...)
}

// A certificate is read from files and replaced whole.
type certificate struct {
	files   config.TLS
	current atomic.Pointer[tls.Certificate]
}

func (c *certificate) load() error {
	pair, err := tls.LoadX509KeyPair(c.files.Certificate, c.files.Key)
	if err != nil {
		return fmt.Errorf("tls: %w: check certificate and key", err)
	}
	c.current.Store(&pair)
	return nil
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.current.Load(), nil
}

// ops is what the admin listener shows besides its own routes.
func (p *process) ops(token string) *web.Ops {
	return &web.Ops{Health: &p.health, Metrics: obs.Metrics(p.registry), Profiles: obs.Profiles(), Version: versions(), Token: token}
}
