package edge

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/jose/jwk"
)

func TestIdentityIsRefused(t *testing.T) {
	t.Parallel()
	key := newKey(t, "e1")
	w := build(t, signs(t, key))
	for name, wrong := range refusedIdentities(t, key) {
		next := w.config
		own := *w.config.Identity
		next.Identity, next.Routes = &own, slices.Clone(w.config.Routes)
		route := *next.Routes[0].Identity
		next.Routes[0].Identity = &route
		wrong.change(&next, &next.Routes[0])
		if err := w.edge.Reload(next); err == nil || !strings.Contains(err.Error(), wrong.says) || strings.Contains(err.Error(), "secret-text") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := w.edge.Reload(w.config); err != nil {
		t.Fatal(err)
	}
}

type wrongIdentity struct {
	says   string
	change func(*config.Edge, *config.Route)
}

func refusedIdentities(t *testing.T, key *jwk.Key) map[string]wrongIdentity {
	t.Helper()
	of := func(says string, change func(*config.EdgeIdentity)) wrongIdentity {
		return wrongIdentity{"edge.identity: " + says, func(c *config.Edge, _ *config.Route) { change(c.Identity) }}
	}
	on := func(says string, change func(*config.Route)) wrongIdentity {
		return wrongIdentity{says, func(_ *config.Edge, r *config.Route) { change(r) }}
	}
	literal := func(says, text string) wrongIdentity {
		return of("key"+says, func(c *config.EdgeIdentity) { c.Key = config.Literal(text) })
	}
	public, err := key.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]wrongIdentity{
		"nothing": of("issuer", func(c *config.EdgeIdentity) { *c = config.EdgeIdentity{} }), "no key": of("key", func(c *config.EdgeIdentity) { c.Key = config.Secret{} }),
		"plain HTTP": of("issuer", func(c *config.EdgeIdentity) { c.Issuer = "http://edge.test" }), "a query": of("issuer", func(c *config.EdgeIdentity) { c.Issuer += "?x" }),
		"an issuer's name": of("issuer", func(c *config.EdgeIdentity) { c.Issuer = "https://a.test" }),
		"too long a life":  of("lifetime", func(c *config.EdgeIdentity) { c.Lifetime = 5*time.Minute + 1 }), "too short a life": of("lifetime", func(c *config.EdgeIdentity) { c.Lifetime = -1 }),
		"an odd path": of("path", func(c *config.EdgeIdentity) { c.Path = "/a/../b" }), "a folder": of("path", func(c *config.EdgeIdentity) { c.Path = "/keys/" }), "the root": of("path", func(c *config.EdgeIdentity) { c.Path = "/" }),
		"a shared secret": literal(": keys[0]: is symmetric", `{"kty":"oct","alg":"HS256","kid":"x","k":"`+strings.Repeat("A", 43)+`"}`), "no kid": literal(": keys[0]: does not sign, or has no kid", strings.Replace(private(t, key).Reveal(), `"kid":"e1",`, "", 1)),
		"a public key": literal(": the first", string(public)), "an empty set": literal(": the set is empty", `{"keys":[]}`), "no JSON": literal(": keys[0]", "secret-text"),
		"one key twice": of("key", func(c *config.EdgeIdentity) { c.Key = private(t, key, key) }), "a key that decrypts": of("key", func(c *config.EdgeIdentity) { c.Key = private(t, decryptionKey(t, "d", jwk.ECDHESA256KW)) }),
		"a route that has the path": on("path is where", func(r *config.Route) { r.Path = identityPath }), "but for its case": on("path is where", func(r *config.Route) { r.Path = "/.well-known/Jotward/jwks.json/" }),
		"no edge.identity":         {"identity needs edge.identity", func(c *config.Edge, _ *config.Route) { c.Identity = nil }},
		"no audience":              on("identity.audience", func(r *config.Route) { r.Identity.Audience = "" }),
		"no header":                on("identity.header", func(r *config.Route) { r.Identity.Header = "" }),
		"a header of another kind": on("identity: header", func(r *config.Route) { r.Identity.Header = "Cookie" }),
		"a claim's header":         on("identity.header", func(r *config.Route) { r.Identity.Header = "x-user" }),
		"the edge's own claim":     on("identity.claims", func(r *config.Route) { r.Identity.Claims = []string{"exp"} }),
		"a binding":                on("identity.claims", func(r *config.Route) { r.Identity.Claims = []string{"cnf"} }),
		"a claim twice":            on("identity.claims", func(r *config.Route) { r.Identity.Claims = []string{"a", "a"} }),
		"both in one header":       on("identity.header", func(r *config.Route) { r.Identity.Header, r.Authorization = "Authorization", "forward" }),
		"nobody to tell of": on("identity, exchange, issuers", func(r *config.Route) {
			*r = config.Route{Name: "n", Path: "/n", Upstream: r.Upstream, Auth: "none", Identity: r.Identity}
		}),
		"the token in a cookie beside it": on("identity.header", func(r *config.Route) {
			r.Identity.Header, r.Credentials = "Authorization", &config.Credentials{Cookie: &config.CredentialCookie{Name: "__Host-t", Forward: true}}
		}),
	}
}
