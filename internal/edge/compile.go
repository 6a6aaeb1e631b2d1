package edge

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwks"
	"github.com/jotward/jotward/jose/jwt"
)

// state is one compiled configuration. It is never changed.
type state struct {
	config     config.Edge
	generation uint64
	issuers    map[string]*issuer
	routes     []*route // longest path first
	trusted    []netip.Prefix
	unmatched  RouteMetrics    // nil: none
	identity   map[string]bool // folded names of every identity header
}

type issuer struct {
	name     string
	keys     *jwks.Remote
	verifier *jwt.Verifier[map[string]any]
	view     *revoke.View
	follower *follower // nil: no feed
	maxAge   time.Duration
	serve    bool // serve although the view is stale
}

type authMode int

const (
	authRequired authMode = iota
	authOptional
	authNone
)

type route struct {
	config.Route
	auth    authMode
	strip   bool // the Authorization header is not forwarded
	hosts   map[string]bool
	methods map[string]bool
	target  *url.URL
	proxy   *httputil.ReverseProxy
	metrics RouteMetrics
}

func (e *Edge) compile(c config.Edge, issuers map[string]*issuer) (*state, error) {
	s := &state{config: c, generation: e.generation.Add(1), issuers: issuers, identity: map[string]bool{}}
	if e.options.Metrics != nil {
		s.unmatched = e.options.Metrics.Route("")
	}
	if issuers == nil {
		s.issuers = map[string]*issuer{}
		for _, ic := range c.Issuers {
			if s.issuers[ic.Issuer] != nil {
				return nil, fmt.Errorf("edge: issuer %s twice", ic.Issuer)
			}
			i, err := e.compileIssuer(ic)
			if err != nil {
				return nil, fmt.Errorf("edge: issuer %s: %w", ic.Issuer, err)
			}
			s.issuers[ic.Issuer] = i
		}
	}
	for _, text := range c.TrustedProxies {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("edge: trusted_proxies: %w", err)
		}
		s.trusted = append(s.trusted, p)
	}
	for _, rc := range c.Routes {
		r, err := e.compileRoute(rc)
		if err != nil {
			return nil, fmt.Errorf("edge: route %s: %w", rc.Name, err)
		}
		if slices.ContainsFunc(s.routes, func(o *route) bool { return o.Name == r.Name }) {
			return nil, fmt.Errorf("edge: route %s twice", r.Name)
		}
		s.routes = append(s.routes, r)
		for name := range rc.Headers {
			s.identity[fold(name)] = true
		}
	}
	slices.SortStableFunc(s.routes, func(a, b *route) int { return len(b.Path) - len(a.Path) })
	return s, nil
}

func (e *Edge) compileIssuer(c config.EdgeIssuer) (*issuer, error) {
	var algorithms []jwk.Algorithm
	for _, a := range c.Algorithms {
		algorithms = append(algorithms, jwk.Algorithm(a))
	}
	kc := jwks.Config{Issuer: c.Issuer, Algorithms: algorithms, Client: e.options.HTTPClient, Clock: e.options.Now, AllowHTTP: c.AllowHTTP}
	if c.JWKSURI != "" {
		kc.Issuer, kc.URL = "", c.JWKSURI
	}
	i := &issuer{name: c.Issuer, view: new(revoke.View)}
	var err error
	if i.keys, err = jwks.NewRemote(kc); err != nil {
		return nil, err
	}
	typ := c.Type
	if typ == "" {
		typ = "at+jwt" // RFC 9068 4
	}
	i.verifier, err = jwt.NewVerifier[map[string]any](i.keys, jwt.Policy{Issuers: []string{c.Issuer}, Audiences: []string{c.Audience},
		Algorithms: algorithms, Type: typ, MaxLifetime: c.MaxLifetime, Clock: e.options.Now})
	if err != nil || c.Feed == nil {
		return i, err
	}
	switch c.Feed.Stale {
	case "", "refuse":
	case "serve":
		i.serve = true
	default:
		return nil, fmt.Errorf("feed.stale %q is neither refuse nor serve", c.Feed.Stale)
	}
	if i.maxAge = c.Feed.MaxAge; i.maxAge <= 0 {
		i.maxAge = 10 * time.Second
	}
	i.follower, err = newFollower(c, i.view, e.options)
	return i, err
}

func (e *Edge) compileRoute(c config.Route) (*route, error) {
	r := &route{Route: c, methods: map[string]bool{}, hosts: map[string]bool{}}
	r.Headers, r.Claims = maps.Clone(c.Headers), maps.Clone(c.Claims)
	switch c.Auth {
	case "", "required":
	case "optional":
		r.auth = authOptional
	case "none":
		r.auth = authNone
	default:
		return nil, fmt.Errorf("auth %q is not required, optional or none", c.Auth)
	}
	if r.auth != authRequired && len(c.Scopes)+len(c.Roles)+len(c.Claims) > 0 {
		return nil, fmt.Errorf("scopes, roles and claims need auth: required")
	}
	switch c.Authorization {
	case "", "forward":
	case "strip":
		r.strip = true
	default:
		return nil, fmt.Errorf("authorization %q is neither forward nor strip", c.Authorization)
	}
	if c.Name == "" || !plainPath(c.Path) {
		return nil, fmt.Errorf("name is missing, or path %q is not plain: letters, digits, - . _ ~ and single slashes", c.Path)
	}
	for _, h := range c.Hosts {
		host, ok := canonicalHost(h)
		if !ok {
			return nil, fmt.Errorf("host %q is invalid", h)
		}
		r.hosts[host] = true
	}
	for _, m := range c.Methods {
		r.methods[m] = true
	}
	for name := range c.Headers {
		if name == "" || strings.ContainsFunc(name, func(c rune) bool { return c > 'z' || c <= ' ' || c == ':' }) {
			return nil, fmt.Errorf("header %q is invalid", name)
		}
		switch http.CanonicalHeaderKey(name) {
		case "Authorization", "Host", "Connection", "Content-Length", "Transfer-Encoding":
			return nil, fmt.Errorf("header %q is not for identities", name)
		}
	}
	var err error
	if r.target, err = url.Parse(c.Upstream); err != nil || r.target.Host == "" || r.target.Scheme != "http" && r.target.Scheme != "https" ||
		strings.Trim(r.target.Path, "/") != "" || r.target.RawQuery != "" || r.target.User != nil {
		return nil, fmt.Errorf("upstream %q is not http(s)://host[:port]", c.Upstream)
	}
	if e.options.Metrics != nil {
		r.metrics = e.options.Metrics.Route(c.Name)
	}
	r.proxy = e.newProxy(r)
	return r, nil
}
