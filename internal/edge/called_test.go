package edge

import (
	"strings"
	"testing"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/jose/jwt"
)

// A proof that was made for another server holds here under no name: not by a Host
// header that no route asks for, nor by one that a trusted proxy passes on (RFC 9449
// 4.3, 9).
func TestDPoPOfAnotherServer(t *testing.T) {
	t.Parallel()
	named := with(config.Route{Name: "named", Path: "/named/", Hosts: []string{"Edge.example", "two.example"}})
	only := func(w *world, c *config.Edge) { c.Routes, c.DPoP = c.Routes[:1], &config.EdgeDPoP{} }
	for _, c := range []struct {
		origins          []string
		path, host, more string
		url              string // of the proof
		allowed          bool
	}{
		{origins: []string{"http://EDGE.example:80"}, path: "/api/x", host: "edge.example", url: "http://edge.example/api/x", allowed: true},
		{origins: []string{"http://edge.example"}, path: "/api/x", host: "Edge.example:80", url: "http://edge.example/api/x", allowed: true},
		{origins: []string{"http://edge.example"}, path: "/api/x", host: "edge.example:080", url: "http://edge.example/api/x", allowed: true},
		{origins: []string{"http://edge.example:8080", "https://edge.example"}, path: "/api/x", host: "edge.example:8080", url: "http://edge.example:8080/api/x", allowed: true},
		{origins: []string{"http://edge.example"}, path: "/api/x", host: "other.example", url: "http://other.example/api/x"},
		{origins: []string{"http://edge.example"}, path: "/api/x", host: "edge.example:8080", url: "http://edge.example:8080/api/x"},
		{origins: []string{"https://edge.example"}, path: "/api/x", host: "edge.example", url: "http://edge.example/api/x"},
		{origins: []string{"http://edge.example"}, path: "/api/x", host: "edge.example", more: "X-Forwarded-Host: other.example\r\n", url: "http://other.example/api/x"},
		{origins: []string{"http://edge.example"}, path: "/api/x", host: "inside.example", more: "X-Forwarded-Host: edge.example\r\n", url: "http://edge.example/api/x", allowed: true},
		{origins: []string{"https://edge.example"}, path: "/api/x", host: "edge.example", more: "X-Forwarded-Proto: https\r\n", url: "https://edge.example/api/x", allowed: true},
		{path: "/named/", host: "edge.example", url: "http://edge.example/named/", allowed: true},
		{path: "/named/", host: "two.example:80", url: "http://two.example/named/", allowed: true},
		{path: "/named/", host: "edge.example:8080", url: "http://edge.example:8080/named/"},
		{path: "/named/", host: "edge.example", more: "X-Forwarded-Host: other.example\r\n", url: "http://other.example/named/"},
		{path: "/named/", host: "edge.example", more: "X-Forwarded-Host: two.example\r\n", url: "http://two.example/named/", allowed: true},
	} {
		change := withDPoP(config.EdgeDPoP{Origins: c.origins})
		if c.origins == nil {
			change = only
		}
		w := build(t, trustLoopback, named, change)
		h := newHolder(w)
		token := h.token(nil)
		a := w.get(c.path, "Host: "+c.host+"\r\nAuthorization: DPoP "+token+"\r\n"+c.more+h.proof(jwt.DPoPTarget{AccessToken: token, URL: c.url}))
		if c.allowed != (a.status == 200) || !c.allowed && (a.code() != "claim_mismatch" || w.origin.hits.Load() != 0 || !strings.Contains(a.header.Get("Www-Authenticate"), "invalid_dpop_proof")) {
			t.Errorf("%+v: %s %s", c, a, a.event.Detail)
		}
	}
}

// Where proofs are taken the configuration says what clients call this edge.
func TestDPoPOriginsAreRefused(t *testing.T) {
	t.Parallel()
	w := build(t)
	for _, origins := range [][]string{{"edge.example"}, {"https://"}, {"ftp://edge.example"}, {"https://edge.example/"}, {"https://edge.example."}, {"https://u@edge.example"}, {"https://edge.example:"}, {"https://edge.example:0"},
		{"HTTPS://edge.example"}, {"https://edge.example?"}, {"https://*.example"}, {"https://edge.example", ""}, {"https://edge.example:65536"}, {"https://[::1%25eth0]"}} {
		c := w.config
		c.DPoP = &config.EdgeDPoP{Origins: origins}
		if err := w.edge.Reload(c); err == nil || !strings.Contains(err.Error(), "edge.dpop: origins") {
			t.Errorf("%q: %v", origins, err)
		}
	}
	for _, origins := range [][]string{{"https://edge.example"}, {"http://[::1]:8080", "https://[::1]"}, {"https://192.0.2.1:8443"}} {
		c := w.config
		c.DPoP = &config.EdgeDPoP{Origins: origins}
		if err := w.edge.Reload(c); err != nil {
			t.Errorf("%q: %v", origins, err)
		}
	}
	for _, c := range []struct {
		change func(*config.Route)
		taken  bool
	}{
		{func(*config.Route) {}, false}, {func(r *config.Route) { r.Auth, r.Scopes = "optional", nil }, false}, {func(r *config.Route) {
			r.Credentials = &config.Credentials{Header: true, Query: &config.CredentialQuery{}}
		}, false},
		{func(r *config.Route) { r.Hosts = []string{"edge.example"} }, true}, {func(r *config.Route) { r.Auth, r.Scopes, r.Headers = "none", nil, nil }, true},
		{func(r *config.Route) { r.Credentials = &config.Credentials{Query: &config.CredentialQuery{}} }, true},
	} {
		next := w.config
		next.DPoP, next.Routes = &config.EdgeDPoP{}, []config.Route{w.config.Routes[0]}
		c.change(&next.Routes[0])
		err := w.edge.Reload(next)
		if c.taken && err != nil || !c.taken && (err == nil || !strings.Contains(err.Error(), "edge.routes[0]: takes DPoP proofs") || !strings.Contains(err.Error(), "edge.dpop.origins")) {
			t.Errorf("%+v: %v", next.Routes[0], err)
		}
	}
}
