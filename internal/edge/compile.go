package edge

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/rule"
	"github.com/jotward/jotward/internal/web"
)

// state is one compiled configuration. It is never changed once it serves.
type state struct {
	generation     uint64
	issuers        map[string]*issuer
	routes         []*route // in the order of matching
	trusted        []netip.Prefix
	refuseInsecure bool
	timeouts       config.Timeouts
	cache          *cache
	cacheSize      int
	shared         *commonStore          // nil: this edge is alone
	proofs         *proofs               // nil: tokens that are bound to a key are refused
	certificates   web.CertificateSource // where client certificates come from; "" nowhere
	keyCache       string                // where keys are kept; "" nowhere
	invalid        budget                // of tokens that do not hold, by network
	told           *told                 // beside decisions; nil: nothing
	signing        *signing              // nil: the edge signs nothing
	transports     *transports
	pools          map[string]*pool
	unmatched      *routeMetrics   // nil: none
	identity       map[string]bool // folded names of every header that some route sets
	byMethod       bool            // some route names methods, or has rules, which may
}

type authMode int

const (
	authRequired authMode = iota
	authOptional
	authNone
)

type route struct {
	config.Route
	folded  string // the path in lower case
	auth    authMode
	strip   bool // the Authorization header is not forwarded
	places  places
	hidden  []string // cookies that are a credential somewhere and are not forwarded here, underscored
	hosts   map[string]bool
	methods map[string]bool
	claims  map[string]string // as scalar writes them
	rules   *rule.Set         // nil: none
	schema  *rule.Schema      // nil: any claims
	limits  []*counted        // early and late ones, in the order of the file
	target  *url.URL
	proxy   *httputil.ReverseProxy
	metrics *routeMetrics // nil: none

	challenges children[reason.Code, []string] // of RFC 6750 3, see challenge
}

// compile builds a state, or says all that is wrong with the configuration:
// each a config.Problem at its place. old is the state it will replace, nil for
// the first.
func (e *Edge) compile(c config.Edge, old *state) (*state, error) {
	var errs []error
	wrong := func(err error, path string, args ...any) {
		for _, one := range each(err) {
			errs = append(errs, &config.Problem{Path: fmt.Sprintf(path, args...), Text: one.Error()})
		}
	}
	s := &state{generation: e.generation.Add(1), issuers: map[string]*issuer{}, identity: map[string]bool{}, refuseInsecure: c.RefuseInsecure, keyCache: c.KeyCache}
	e.compileIssuers(s, c, old, wrong)
	s.compileTrusted(c.TrustedProxies, wrong)
	var err error
	if s.timeouts, err = timeouts(c.Timeouts); err != nil {
		wrong(err, "edge.timeouts")
	}
	if s.transports = newTransports(s.timeouts); old != nil && old.timeouts == s.timeouts {
		s.transports = old.transports
	}
	s.compilePools(c.Pools, old, e.options.Logger, wrong)
	if err := checkCertificates(c.ClientCertificates, len(s.trusted)); err != nil {
		wrong(err, "edge.client_certificates")
	}
	s.certificates = web.CertificateSource(c.ClientCertificates)
	if err := s.compileCache(c.TokenCache, old); err != nil {
		wrong(err, "edge.token_cache")
	}
	var common *commonStore
	if old != nil {
		common = old.shared
	}
	if s.shared, err = e.compileShared(c.Shared, common); err != nil {
		wrong(err, "edge.shared")
	}
	if s.proofs, err = e.compileProofs(c.DPoP, s.shared); err != nil {
		wrong(err, "edge.dpop")
	}
	if err := s.compileBudget(c.InvalidTokens, old); err != nil {
		wrong(err, "edge.invalid_tokens")
	}
	if s.told, err = compileTold(c.Decisions); err != nil {
		wrong(err, "edge.decisions")
	}
	if s.signing, err = s.compileSigning(c.Identity); err != nil {
		wrong(err, "edge.identity")
	}
	s.compileRoutes(c.Routes, old, wrong)
	if s.signing != nil {
		s.signing.names = s.oneSubjects()
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return s, nil
}

func (e *Edge) compileIssuers(s *state, c config.Edge, old *state, wrong func(error, string, ...any)) {
	for n, ic := range c.Issuers {
		if s.issuers[ic.Issuer] != nil {
			wrong(errors.New("is listed twice: name each once"), "edge.issuers[%d].issuer", n)
			continue
		}
		var before *source
		if old != nil && old.issuers[ic.Issuer] != nil {
			before = old.issuers[ic.Issuer].source
		}
		i, err := e.compileIssuer(ic, c.Routes, c.KeyCache, before)
		if err != nil {
			wrong(err, "edge.issuers[%d]", n)
			i = &issuer{name: ic.Issuer} // known to the routes, so that they are not refused for it
		}
		s.issuers[ic.Issuer] = i
	}
}

// compileCache keeps the cache whose size stays: a new generation finds nothing in
// it that an older one put there.
func (s *state) compileCache(tokens int, old *state) error {
	switch {
	case tokens < 0 || tokens > cacheMost:
		return fmt.Errorf("is not between 1 and %d", cacheMost)
	case tokens == 0:
		tokens = cacheDefault
	}
	if s.cacheSize = tokens; old != nil && old.cacheSize == tokens {
		s.cache = old.cache
		return nil
	}
	s.cache = newCache(tokens)
	return nil
}

func (s *state) compileTrusted(list []string, wrong func(error, string, ...any)) {
	for n, text := range list {
		p, err := netip.ParsePrefix(text)
		if err != nil || p.Addr().Zone() != "" || p.Addr().Is4In6() {
			wrong(errors.New("is no network: write 10.0.0.0/8 or fd00::/8"), "edge.trusted_proxies[%d]", n)
			continue
		}
		s.trusted = append(s.trusted, p)
	}
}

func (s *state) compileRoutes(list []config.Route, old *state, wrong func(error, string, ...any)) {
	for n, rc := range list {
		r, err := s.compileRoute(rc, old.route(rc.Name))
		if err != nil {
			wrong(err, "edge.routes[%d]", n)
			continue
		}
		for _, o := range s.routes {
			if err := r.collides(o); err != nil {
				wrong(err, "edge.routes[%d]", n)
			}
		}
		s.routes = append(s.routes, r)
		s.byMethod = s.byMethod || len(r.methods) > 0 || r.rules != nil
		for name := range rc.Headers {
			s.identity[fold(name)] = true
		}
		if rc.Identity != nil {
			s.identity[fold(rc.Identity.Header)] = true
		}
	}
	s.hideCookies()
	slices.SortStableFunc(s.routes, func(a, b *route) int {
		return cmp.Or(cmp.Compare(len(strings.TrimSuffix(b.Path, "/")), len(strings.TrimSuffix(a.Path, "/"))), cmp.Compare(b.specific(), a.specific()))
	})
}

// specific orders routes of one path.
func (r *route) specific() int {
	n := 0
	if len(r.hosts) > 0 {
		n += 2
	}
	if len(r.methods) > 0 {
		n++
	}
	return n
}

// collides refuses two routes between which only their order in the file, or
// the case of a letter, would decide.
func (r *route) collides(o *route) error {
	switch {
	case r.Name == o.Name:
		return fmt.Errorf("it is listed twice: name each once")
	case strings.TrimSuffix(r.folded, "/") != strings.TrimSuffix(o.folded, "/"):
		return nil
	case strings.TrimSuffix(r.Path, "/") != strings.TrimSuffix(o.Path, "/"):
		return fmt.Errorf("path %q differs from that of route %s in case only: an origin may not tell them apart", r.Path, o.Name)
	case r.specific() == o.specific() && overlap(r.hosts, o.hosts) && overlap(r.methods, o.methods):
		return fmt.Errorf("path, hosts and methods overlap with route %s: let one request have one route", o.Name)
	}
	return nil
}

// overlap says whether two lists have something in common; empty means all.
func overlap(a, b map[string]bool) bool {
	if len(a) == 0 || len(b) == 0 {
		return true
	}
	for k := range a {
		if b[k] {
			return true
		}
	}
	return false
}

func (s *state) names() []string { return slices.Sorted(maps.Keys(s.issuers)) }

// route returns the route of that name, nil when there is none.
func (s *state) route(name string) *route {
	if s == nil {
		return nil
	}
	for _, r := range s.routes {
		if r.Name == name {
			return r
		}
	}
	return nil
}

// each returns the errors that were joined.
func each(err error) []error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return many.Unwrap()
	}
	return []error{err}
}

// compileRoute compiles one route, and finds all that is wrong with it; before is the
// one it replaces, nil for none.
func (s *state) compileRoute(c config.Route, before *route) (*route, error) {
	r := &route{Route: c, methods: map[string]bool{}, hosts: map[string]bool{}, claims: map[string]string{}}
	r.Headers, r.Scopes, r.Roles, r.folded = maps.Clone(c.Headers), slices.Clone(c.Scopes), slices.Clone(c.Roles), lower(c.Path)
	var errs []error
	check := func(err error) { errs = append(errs, each(err)...) }
	check(r.compileAuth())
	check(s.compileMatch(r))
	check(checkHeaders(c.Headers))
	check(s.proofs.checkCalled(&c))
	check(s.compileIdentity(r))
	check(s.compileExchange(r))
	var err error
	r.places, err = compilePlaces(c.Credentials)
	check(err)
	if u, err := url.Parse(c.ResourceMetadata); c.ResourceMetadata != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.Fragment != "") {
		check(errors.New("resource_metadata is no http(s) address"))
	}
	r.challenges.make = r.challenge
	r.rules, err = compileRules(c)
	check(err)
	r.limits, err = s.compileLimits(c, before)
	check(err)
	way, err := s.compileWay(r)
	if check(err); errors.Join(errs...) != nil {
		return nil, errors.Join(errs...)
	}
	r.proxy = r.newProxy(way)
	return r, nil
}

// compileMatch reads what a request must be for the route, and whose tokens it takes.
func (s *state) compileMatch(r *route) error {
	var errs []error
	if r.Name == "" {
		errs = append(errs, errors.New("name is missing: logs and metrics call it by that"))
	}
	if !plainPath(r.Path) {
		errs = append(errs, fmt.Errorf("path %q is not plain: letters, digits, - . _ ~ and single slashes", r.Path))
	}
	for _, name := range r.Issuers {
		if s.issuers[name] == nil {
			errs = append(errs, fmt.Errorf("issuer %q is not configured: list it under issuers", name))
		}
	}
	for _, h := range r.Hosts {
		host, ok := canonicalHost(h)
		if !ok {
			errs = append(errs, fmt.Errorf("host %q is invalid: write a name or an address without a trailing dot", h))
		}
		r.hosts[host] = true
	}
	for _, m := range r.Methods {
		if m == "" || strings.Trim(m, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			errs = append(errs, fmt.Errorf("method %q is invalid: write it in capitals", m))
		} else if !forwardable(m) {
			errs = append(errs, fmt.Errorf("method %s is never forwarded: leave it out", m))
		}
		r.methods[m] = true
	}
	return errors.Join(errs...)
}

// compileWay finds what a route forwards to.
func (s *state) compileWay(r *route) (way http.RoundTripper, err error) {
	if (r.Upstream == "") == (r.Pool == "") {
		return nil, errors.New("it needs upstream or pool, one of them")
	}
	if r.Pool == "" {
		if r.target, err = upstreamURL(r.Upstream); err != nil {
			return nil, fmt.Errorf("upstream %w", err)
		}
		return s.transports.to(r.target), nil
	}
	p, known := s.pools[r.Pool]
	if !known {
		return nil, fmt.Errorf("pool %q is not configured: list it under pools", r.Pool)
	}
	r.target = &url.URL{Scheme: "http"} // the way names the member
	return pooled{p}, nil
}

func (r *route) compileAuth() error {
	switch r.Auth {
	case "", "required":
	case "optional":
		r.auth = authOptional
	case "none":
		r.auth = authNone
	default:
		return fmt.Errorf("auth %q is not required, optional or none", r.Auth)
	}
	if r.auth != authRequired && (len(r.Scopes)+len(r.Roles)+len(r.Claims) > 0 || r.OneTime) {
		return fmt.Errorf("scopes, roles, claims and one_time need auth: required")
	}
	if r.auth == authNone && (len(r.Headers)+len(r.Issuers) > 0 || r.Audience != "" || r.ClaimsSchema != nil || r.Credentials != nil || r.Identity != nil || r.Exchange != nil) {
		return fmt.Errorf("headers, identity, exchange, issuers, audience, claims_schema and credentials need auth: required or optional")
	}
	switch r.Authorization {
	case "", "forward":
	case "strip":
		r.strip = true
	default:
		return fmt.Errorf("authorization %q is neither forward nor strip", r.Authorization)
	}
	if r.ClaimsSchema != nil {
		var err error
		if r.schema, err = rule.CompileSchema(r.ClaimsSchema); err != nil {
			return fmt.Errorf("claims_schema: %w", err)
		}
	}
	for name, want := range r.Claims {
		text, ok := expected(want)
		if name == "" || !ok {
			return fmt.Errorf("claim %q: want is neither a string, a whole number nor a boolean", name)
		}
		r.claims[name] = text
	}
	return nil
}

// expected writes a configured value as scalar writes a claim. YAML readers
// give whole numbers several types.
func expected(v any) (string, bool) {
	switch x := v.(type) {
	case int:
		return scalar(float64(x))
	case int64:
		return scalar(float64(x))
	case uint64:
		return scalar(float64(x))
	}
	return scalar(v)
}

// scalar writes a claim so that two are equal only if their types are, too: the
// string "1" is not the number 1, nor "true" true. An object, a list and null
// have no such text, nor has a number that another could round to.
func scalar(v any) (string, bool) {
	switch x := v.(type) {
	case string:
		return "s" + x, true
	case bool:
		return "b" + strconv.FormatBool(x), true
	case float64:
		if x != math.Trunc(x) || math.Abs(x) >= 1<<53 {
			return "", false
		}
		return "n" + strconv.FormatInt(int64(x), 10), true
	}
	return "", false
}
