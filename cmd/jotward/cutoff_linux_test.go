package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// What happens to a machine's cable.
var troubles = map[string]struct{ begin, end func(*network, *machine) }{
	"cut off":      {(*network).cut, (*network).heal},
	"a slow cable": {func(n *network, m *machine) { n.slow(m, "1kbit") }, (*network).fast},
}

// While the issuer is not heard, one edge refuses as soon as its bound has passed and not
// before, the other one serves and says so; when it is back, both know what was revoked
// in between, and the first one lets through nothing that was.
func TestIssuerAway(t *testing.T) {
	t.Parallel()
	for name, trouble := range troubles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			kept, _ := f.token()
			gone, jti := f.token()
			early, jtiEarly := f.token()
			f.slow(f.issuer, "64kbit") // which is enough
			for _, g := range f.edges {
				for _, token := range []string{kept, gone, early} {
					g.want("/", token, "200")
				}
			}
			f.revoke(jtiEarly)
			for _, g := range f.edges {
				await(t, "a revocation over a slow cable", func() bool { return g.ask("/", early) == "401 token_revoked" })
			}
			f.fast(f.issuer)

			trouble.begin(f.network, f.issuer)
			f.revoke(jti)
			f.edges[0].awaitStale(kept)
			for n, g := range f.edges { // awaited, for over a slow cable a late word can still come
				await(t, "it says that it hears nothing", func() bool {
					is, said := g.ready()
					return is == (n == 1) && strings.Contains(said, "revocation_stale")
				})
			}
			f.edges[1].want("/", kept, "200")
			f.edges[1].want("/", early, "401 token_revoked") // what is known stays known
			if name == "cut off" {
				for _, g := range f.edges { // so that the way back is a new connection
					await(t, "the connection is given up", func() bool { return g.log.has("revocation feed interrupted") })
				}
			}

			trouble.end(f.network, f.issuer)
			await(t, "what was revoked meanwhile is refused", func() bool {
				got := f.edges[0].ask("/", gone)
				if got == "200" {
					t.Error("an edge that refuses without its issuer let a revoked token through")
				}
				return got == "401 token_revoked"
			})
			await(t, "the same by the other edge", func() bool { return f.edges[1].ask("/", gone) == "401 token_revoked" })
			for _, g := range f.edges {
				g.awaitReady(true)
				g.want("/", kept, "200")
			}
			f.awaitPositions()
		})
	}
}

func (f *fleet) revoke(jti string) { f.Helper(); f.admin("revoke", "--", "token", jti) }

// awaitStale asks until the edge refuses because it does not hear its issuer, and holds
// each answer against the silence just before and just after it.
func (g *guard) awaitStale(token string) {
	g.Helper()
	await(g, "it refuses", func() bool {
		before := g.lag()
		got := g.ask("/", token)
		after := g.lag()
		switch {
		case got != "200" && got != "503 revocation_stale",
			after >= before && (got == "200" && before > staleAfter || got != "200" && after < staleAfter): // nothing was heard in between
			g.Errorf("%s after %.3f to %.3f seconds", got, before, after)
		}
		return got != "200"
	})
}

// awaitPositions waits until both edges have told the issuer that they know all.
func (f *fleet) awaitPositions() {
	f.Helper()
	await(f, "both edges report the last revocation", func() bool {
		_, text, _ := f.issuer.get("http://127.0.0.1:8082/admin/v1/edges", adminToken)
		var edges struct {
			Items []struct{ Seq int } `json:"items"`
		}
		if err := json.Unmarshal([]byte(text), &edges); err != nil {
			f.Fatal(text)
		}
		known := 0
		for _, e := range edges.Items {
			if e.Seq == 2 {
				known++
			}
		}
		return known == 2
	})
}

// While Valkey does not answer, each edge lets through what alone_rate says, and nothing
// that must be remembered; requests that only count never fail for it. When it is back,
// what was used before is known, and the edges count together.
func TestValkeyAway(t *testing.T) {
	t.Parallel()
	for name, trouble := range troubles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			one, two := f.edges[0], f.edges[1]
			token, _ := f.token()
			one.want("/pay", token, "200")
			two.want("/pay", token, "401 token_replayed")
			for _, g := range f.edges { // two of five, counted together
				if _, body, h := g.get(g.front+"/few", token); !strings.HasPrefix(h.Get("RateLimit"), `"few";r=`) {
					t.Error(body, h)
				}
			}

			trouble.begin(f.network, f.valkey)
			for _, g := range f.edges {
				await(t, "it notices", func() bool {
					g.want("/many", token, "200")
					is, _ := g.ready()
					return !is
				})
				if !g.log.has("the shared store cannot be used") {
					t.Error(g.name, " does not say so")
				}
			}
			second, _ := f.token()
			for _, g := range f.edges {
				for _, want := range []string{"200", "200", "429 rate_limited"} { // alone_rate
					g.want("/few", token, want)
				}
				g.want("/pay", second, "503 store_unavailable")
				g.want("/pay", token, "503 store_unavailable")
				g.want("/", token, "200")
			}

			trouble.end(f.network, f.valkey)
			for _, g := range f.edges {
				g.awaitReady(true)
				g.want("/pay", token, "401 token_replayed")
			}
			third, _ := f.token()
			two.want("/pay", third, "200")
			one.want("/pay", third, "401 token_replayed")
			passed := 0 // a question of before may still have been counted
			for n := range 6 {
				if f.edges[n%2].ask("/few", token) == "200" {
					passed++
				}
			}
			if passed > 3 {
				t.Error(passed, " passed: the edges do not count together")
			}
			for _, g := range f.edges {
				g.want("/few", token, "429 rate_limited")
			}
		})
	}
}
