package edge

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// identityType is the typ of what the edge signs: a kind of its own (RFC 8725 3.11),
// so that nobody who takes access tokens takes it for one.
const identityType = "edge-identity+jwt"

const authorization = "Authorization"

const (
	identityPath     = "/.well-known/jotward/jwks.json"
	identityLifetime = time.Minute
	identityLongest  = 5 * time.Minute
	// keysFresh is how long others may keep the public keys. A new key is published
	// for longer than that before it signs.
	keysFresh = 5 * time.Minute
)

// ownClaims are those that the edge writes itself. cnf is not passed on: it binds the
// token that came, whose proof was for the edge.
var ownClaims = []string{"iss", "sub", "sub_id", "aud", "exp", "nbf", "iat", "jti", "cnf"}

// signing is the edge as an issuer to its upstreams.
type signing struct {
	issuer    string
	lifetime  time.Duration
	path      string
	signer    *jwt.Signer
	published []byte // the public keys
	names     bool   // one issuer names all subjects, so that sub alone tells them apart
}

func (s *state) compileSigning(c *config.EdgeIdentity) (*signing, error) {
	if c == nil {
		return nil, nil
	}
	broken := &signing{} // known to the routes, so that they are not refused for it
	g := &signing{issuer: c.Issuer, lifetime: c.Lifetime, path: c.Path}
	if g.lifetime == 0 {
		g.lifetime = identityLifetime
	}
	if g.path == "" {
		g.path = identityPath
	}
	u, err := url.Parse(c.Issuer)
	switch {
	case err != nil || u.Host == "" || u.User != nil || strings.ContainsAny(c.Issuer, "?#") || u.Scheme != "https" && !(u.Scheme == "http" && config.Loopback(u.Hostname())):
		return broken, errors.New("issuer is no https URL without query and fragment")
	case s.issuers[c.Issuer] != nil:
		return broken, errors.New("issuer is one whose tokens are accepted: give the edge a name of its own")
	case g.lifetime < time.Second || g.lifetime > identityLongest:
		return broken, errors.New("lifetime is not between 1s and 5m")
	case !plainPath(g.path) || strings.HasSuffix(g.path, "/"):
		return broken, fmt.Errorf("path %q is not plain: letters, digits, - . _ ~ and single slashes, none at the end", g.path)
	}
	keys, err := identityKeys(c.Key)
	if err != nil {
		return broken, err
	}
	if g.signer, err = jwt.NewSigner(keys.Keys()[0], jwt.SignerOptions{Type: identityType}); err != nil {
		return broken, fmt.Errorf("key: the first: %w", err)
	}
	g.published, err = keys.MarshalJSON()
	return g, err
}

// identityKeys reads the keys. One that upstreams could not verify with is a mistake.
func identityKeys(secret config.Secret) (*jwk.Set, error) {
	if secret.Reveal() == "" {
		return nil, errors.New("key is missing: refer to a private JWK, or a set, with env:NAME or file:PATH")
	}
	var all []*jwk.Key
	for n, document := range keyDocuments(secret) {
		key, err := jwk.Parse(document, jwk.Options{})
		switch {
		case err != nil:
			return nil, fmt.Errorf("key: keys[%d]: %w", n, err)
		case key.IsSymmetric():
			return nil, fmt.Errorf("key: keys[%d]: is symmetric: whoever verifies with it could sign", n)
		case !key.Algorithm().IsSignature() || key.KeyID() == "":
			return nil, fmt.Errorf("key: keys[%d]: does not sign, or has no kid by which it is told from the next one", n)
		}
		all = append(all, key)
	}
	if len(all) == 0 {
		return nil, errors.New("key: the set is empty")
	}
	set, err := jwk.NewSet(all...)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	return set, nil
}

// compileIdentity reads what a route hands to its upstream.
func (s *state) compileIdentity(r *route) error {
	if s.signing.owns(strings.TrimSuffix(r.folded, "/")) {
		return errors.New("path is where the edge serves its own keys: choose another here, or as edge.identity.path")
	}
	c := r.Identity
	if c == nil {
		return nil
	}
	own := *c
	own.Claims = slices.Clone(c.Claims)
	r.Identity = &own
	switch {
	case s.signing == nil:
		return errors.New("identity needs edge.identity, with the issuer and the key that sign it")
	case c.Audience == "" || strings.TrimSpace(c.Audience) != c.Audience:
		return errors.New("identity.audience is missing, or has blanks at its ends: name the upstream")
	case c.Header == "":
		return errors.New("identity.header is missing: name one, such as X-Identity, or Authorization")
	}
	for n, claim := range c.Claims {
		if claim == "" || slices.Contains(ownClaims, claim) || slices.Contains(c.Claims[:n], claim) {
			return fmt.Errorf("identity.claims: %q is none, the edge's own or listed twice", claim)
		}
	}
	if strings.EqualFold(c.Header, authorization) {
		if r.Authorization == "forward" {
			return errors.New("identity.header is Authorization: the one that came cannot be forwarded as well")
		}
		if k := r.Credentials; k != nil && k.Cookie != nil && k.Cookie.Forward {
			return errors.New("identity.header is Authorization: the token is not forwarded in a cookie beside it")
		}
		r.strip, r.Identity.Header = true, authorization
		return nil
	}
	for name := range r.Headers {
		if fold(name) == fold(c.Header) {
			return fmt.Errorf("identity.header %q is set from a claim already", name)
		}
	}
	if err := checkHeaders(map[string]string{c.Header: "identity"}); err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	return nil
}

// oneSubjects says whether all routes with an identity take tokens of one and the same
// issuer. Two may give one sub to two people, and sub is unique to its iss (RFC 7519
// 4.1.2), which is the edge.
func (s *state) oneSubjects() bool {
	from := map[string]bool{}
	for _, r := range s.routes {
		if r.Identity == nil {
			continue
		}
		for _, name := range r.Issuers {
			from[name] = true
		}
		if len(r.Issuers) == 0 {
			maps.Copy(from, s.everyIssuer())
		}
	}
	return len(from) <= 1
}

func (s *state) everyIssuer() map[string]bool {
	all := map[string]bool{}
	for name := range s.issuers {
		all[name] = true
	}
	return all
}

// A perRoute holds what a token became for the upstreams of routes.
type perRoute struct{ first atomic.Pointer[signed] }

func (l *perRoute) find(rt *route, now time.Time) *signed {
	for at := l.first.Load(); at != nil; at = at.next {
		if at.route == rt && now.Before(at.until) {
			return at
		}
	}
	return nil
}

// keep puts one in place of its route's. Of two at once one is lost, and costs what it
// cost once more.
func (l *perRoute) keep(found *signed) {
	for at := l.first.Load(); at != nil; at = at.next {
		if at.route != found.route {
			found.next = &signed{at.route, at.text, at.until, found.next}
		}
	}
	l.first.Store(found)
}

// signed is what was signed of a token, for one route. It is never changed.
type signed struct {
	route *route
	text  string    // as it stands in the header
	until time.Time // when it is signed anew
	next  *signed   // for another route
}

// tell adds the route's identity to the headers. It dies with v, which the cache forgets
// with its configuration, its issuer's keys and its token, and which is asked about in
// the revocation view before each use.
func (g *signing) tell(told []header, rt *route, v *verified, now time.Time) ([]header, *refusal) {
	if rt.Identity == nil {
		return told, nil
	}
	found := v.signed.find(rt, now)
	if found == nil {
		var no *refusal
		if found, no = g.sign(rt, v.identity, v.expiry, now); no != nil {
			return nil, no
		}
		v.signed.keep(found)
	}
	return append(told, header{rt.Identity.Header, found.text}), nil
}

// sign writes what the upstream is told. It is used until half its life has passed, or,
// where the token's end bounds it, to that end: a new one would live no longer.
func (g *signing) sign(rt *route, id *identity, end, now time.Time) (*signed, *refusal) {
	issued := now.Truncate(time.Second)
	expiry, until := issued.Add(g.lifetime), issued.Add(g.lifetime/2)
	if last := end.Truncate(time.Second); !last.After(expiry) {
		expiry, until = last, last
	}
	if !now.Before(expiry) {
		return nil, &refusal{code: reason.TokenExpired, detail: "within this second"}
	}
	claims := map[string]any{"iss": g.issuer, "aud": rt.Identity.Audience, "iat": issued.Unix(), "exp": expiry.Unix(), "jti": rand.Text(),
		// RFC 9493 3.2.3, 4.1, 4.2: the subject, as its own issuer names it.
		"sub_id": map[string]string{"format": "iss_sub", "iss": id.issuer, "sub": id.subject.Subject}}
	if g.names {
		claims["sub"] = id.subject.Subject
	}
	for _, name := range rt.Identity.Claims {
		v, there := id.claims[name]
		if !there {
			continue
		}
		if !exact(v) {
			return nil, &refusal{code: reason.ClaimsInvalid, detail: "claim " + name + " has a number that another could round to"}
		}
		claims[name] = v
	}
	text, err := g.signer.Sign(claims)
	switch {
	case err != nil:
		return nil, &refusal{code: reason.Internal, detail: "the identity cannot be signed: " + err.Error()}
	case len(text) > jwt.DefaultMaxSize:
		return nil, &refusal{code: reason.ClaimsInvalid, detail: "the identity's claims are larger than a verifier reads"}
	}
	if rt.Identity.Header == authorization {
		text = "Bearer " + text
	}
	return &signed{route: rt, text: text, until: until}, nil
}

// exact says whether a claim is written as it was read: an origin must not take one
// tenant for another because two numbers round to one.
func exact(v any) bool {
	switch x := v.(type) {
	case float64:
		return x == math.Trunc(x) && math.Abs(x) < 1<<53
	case []any:
		for _, item := range x {
			if !exact(item) {
				return false
			}
		}
	case map[string]any:
		for _, member := range x {
			if !exact(member) {
				return false
			}
		}
	}
	return true
}

// owns says whether a path is that of the keys, in any case of its letters.
func (g *signing) owns(path string) bool {
	return g != nil && g.path != "" && strings.EqualFold(path, g.path)
}

// serve answers with the public keys where a request asks for them, and reports
// whether it did. It is no event, like the issuer's own key set: nothing is decided.
func (g *signing) serve(w http.ResponseWriter, r *http.Request, s *state, inClear func(way) bool) bool {
	if g == nil || r.URL.Path != g.path {
		return false
	}
	if _, path, ok := canonical(r); !ok || path != g.path {
		return false
	}
	way := s.wayOf(r)
	if inClear(way) { // refused as an event, like everything else
		return false
	}
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	if way.secure {
		h.Set("Strict-Transport-Security", hsts)
	}
	if r.ContentLength != 0 || !r.ProtoAtLeast(1, 1) { // its end may have two readings
		h.Set("Connection", "close")
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return true
	}
	h.Set("Content-Type", "application/jwk-set+json")
	h.Set("Cache-Control", fmt.Sprintf("public, max-age=%d", int(keysFresh.Seconds())))
	_, _ = w.Write(g.published) // a client that is gone needs no answer
	return true
}
