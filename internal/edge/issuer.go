package edge

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwks"
	"github.com/jotward/jotward/jose/jwt"
)

// An issuer is one configuration's policy over a source.
type issuer struct {
	name     string
	audience string
	source   *source
	verifier *jwt.Verifier[map[string]any]
	nested   *jwt.NestedVerifier[map[string]any] // nil: none of its tokens are encrypted
	maxAge   time.Duration
	serve    bool // serve although the view is stale
	next     next // watched only

	encryptedOnly bool
	audiences     []string      // of all routes that take its tokens
	maxLifetime   time.Duration // for introspected tokens
	remember      time.Duration // how long an introspection is
}

// A source is what outlives a reload: keys, what is revoked, and the follower
// that keeps it.
type source struct {
	config   config.EdgeIssuer // what the source was built from
	keys     *jwks.Remote
	view     *revoke.View
	follower *follower // nil: no feed

	introspector *introspector // nil: it is not asked about tokens
	exchanger    *exchanger    // nil: it exchanges none
	kept         time.Time     // when the keys were fetched that were written down last
	cancel       context.CancelFunc
	running      sync.WaitGroup
}

// sourceConfig leaves out what is policy: a change to it needs no new source.
func sourceConfig(c config.EdgeIssuer) config.EdgeIssuer {
	out := config.EdgeIssuer{Issuer: c.Issuer, JWKSURI: c.JWKSURI, Algorithms: slices.Clone(c.Algorithms), AllowHTTP: c.AllowHTTP}
	if c.Feed != nil {
		out.Feed = &config.EdgeFeed{ClientID: c.Feed.ClientID, ClientSecret: c.Feed.ClientSecret}
	}
	if c.Introspection != nil {
		asked := *c.Introspection
		asked.MaxAge = 0
		out.Introspection = &asked
	}
	if c.Exchange != nil {
		own := *c.Exchange
		out.Exchange = &own
	}
	return out
}

// newSource takes over the view of the source before it, if there was one:
// a new secret or key address is no reason to forget what was revoked.
func (e *Edge) newSource(c config.EdgeIssuer, folder string, old *source) (*source, error) {
	c = sourceConfig(c)
	if old != nil && reflect.DeepEqual(old.config, c) {
		return old, nil
	}
	s := &source{config: c, view: new(revoke.View)}
	if old != nil {
		s.view = old.view
	}
	kc := jwks.Config{Issuer: c.Issuer, Algorithms: algorithms(c), Client: e.options.HTTPClient, Clock: e.options.Now, AllowHTTP: c.AllowHTTP}
	if c.JWKSURI != "" {
		kc.Issuer, kc.URL = "", c.JWKSURI
	}
	var err error
	if s.keys, err = jwks.NewRemote(kc); err != nil {
		return nil, err
	}
	if c.Introspection != nil {
		if s.introspector, err = newIntrospector(e.life, c, e.options, s.keys); err != nil {
			return nil, err
		}
	}
	if c.Exchange != nil {
		if s.exchanger, err = newExchanger(e.life, c, e.options); err != nil {
			return nil, err
		}
	}
	if e.warm(s, folder); c.Feed == nil {
		return s, nil
	}
	if s.follower, err = newFollower(c, s.view, e.options); err == nil {
		s.follower.tokens = s.keys
	}
	return s, err
}

// start reports whether the source was not running before.
func (s *source) start(life context.Context) bool {
	if s.cancel != nil {
		return false
	}
	ctx, cancel := context.WithCancel(life)
	s.cancel = cancel
	s.running.Go(func() { _ = s.keys.Run(ctx) }) // ends with ctx, and only then
	if s.follower != nil {
		s.running.Go(func() { s.follower.run(ctx) })
	}
	return true
}

// stop waits until nothing of the source runs. Cached keys stay usable for the
// requests that still hold them.
func (s *source) stop() {
	if s.cancel != nil {
		s.cancel()
	}
	s.running.Wait()
	_ = s.keys.Close() // it returns nil
	if s.follower != nil {
		s.follower.close()
	}
	if s.introspector != nil {
		s.introspector.client.CloseIdleConnections()
	}
	if s.exchanger != nil {
		s.exchanger.client.CloseIdleConnections()
	}
}

func algorithms(c config.EdgeIssuer) []jwk.Algorithm {
	var out []jwk.Algorithm
	for _, a := range c.Algorithms {
		out = append(out, jwk.Algorithm(a))
	}
	return out
}

// compileIssuer builds the policy. Its verifier accepts every audience that
// some route asks of this issuer; the route then insists on its own.
func (e *Edge) compileIssuer(c config.EdgeIssuer, routes []config.Route, folder string, old *source) (*issuer, error) {
	i := &issuer{name: c.Issuer, audience: c.Audience}
	typ := c.Type
	if typ == "" {
		typ = "at+jwt" // RFC 9068 4
	}
	if f := c.Feed; f != nil {
		switch f.Stale {
		case "", "refuse":
		case "serve":
			i.serve = true
		default:
			return nil, fmt.Errorf("feed.stale %q is neither refuse nor serve", f.Stale)
		}
		if i.maxAge = f.MaxAge; i.maxAge == 0 {
			i.maxAge = 10 * time.Second
		}
		if i.maxAge < 0 {
			return nil, errors.New("feed.max_age is negative")
		}
	}
	var err error
	if i.source, err = e.newSource(c, folder, old); err != nil {
		return nil, err
	}
	audiences := []string{c.Audience}
	for _, r := range routes {
		if r.Audience != "" && (len(r.Issuers) == 0 || slices.Contains(r.Issuers, c.Issuer)) {
			audiences = append(audiences, r.Audience)
		}
	}
	i.verifier, err = jwt.NewVerifier[map[string]any](i.source.keys, jwt.Policy{Issuers: []string{c.Issuer}, Audiences: audiences,
		Algorithms: algorithms(c), Type: typ, MaxLifetime: c.MaxLifetime, Clock: e.options.Now})
	if err != nil {
		return nil, err
	}
	i.audiences, i.maxLifetime = audiences, c.MaxLifetime
	if i.next, err = compileNext(c.Next, c); err != nil {
		return nil, err
	}
	return i, errors.Join(i.compileDecryption(c.Decryption), i.compileIntrospection(c.Introspection))
}

// Freshness says what is known of an issuer's revocations.
type Freshness string

// The kinds of freshness.
const (
	FeedFresh Freshness = "fresh"
	FeedStale Freshness = "stale"
	FeedNone  Freshness = "none" // no feed is followed: a revoked token lives until it expires
)

func (i *issuer) freshness(now time.Time) Freshness {
	switch {
	case i.source.follower == nil:
		return FeedNone
	case i.source.view.Stale(now, i.maxAge):
		return FeedStale
	}
	return FeedFresh
}
