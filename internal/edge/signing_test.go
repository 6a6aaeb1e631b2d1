package edge

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/config"
	"github.com/jotward/jotward/internal/revoke"
	"github.com/jotward/jotward/jose"
	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwks"
	"github.com/jotward/jotward/jose/jwt"
)

const edgeName = "https://edge.test"

// private writes keys as the configuration refers to them: one alone, or a set.
func private(t *testing.T, keys ...*jwk.Key) config.Secret {
	t.Helper()
	var all []string
	for _, k := range keys {
		text, err := k.ExportPrivate()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(text))
	}
	if len(all) == 1 {
		return config.Literal(all[0])
	}
	return config.Literal(`{"keys":[` + strings.Join(all, ",") + `]}`)
}

// signs lets the edge sign with these keys, and its route api hand on what it says.
func signs(t *testing.T, keys ...*jwk.Key) func(*world, *config.Edge) {
	return func(_ *world, c *config.Edge) {
		c.Identity = &config.EdgeIdentity{Issuer: edgeName, Key: private(t, keys...)}
		c.Routes[0].Identity = &config.RouteIdentity{Audience: "orders", Header: "X-Identity", Claims: []string{"client_id", "scope", "tenant", "act"}}
	}
}

// An upstream that verifies what it is told by the keys that the edge serves.
type upstreamVerifier struct{ *jwt.Verifier[map[string]any] }

func (w *world) upstream(audience string, required ...string) upstreamVerifier {
	w.t.Helper()
	keys, err := jwks.NewRemote(jwks.Config{URL: w.server.URL + identityPath, Algorithms: []jwk.Algorithm{jwk.ES256}, AllowHTTP: true, Clock: w.now})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = keys.Close() })
	v, err := jwt.NewVerifier[map[string]any](keys, jwt.Policy{Issuers: []string{edgeName}, Audiences: []string{audience}, Algorithms: []jwk.Algorithm{jwk.ES256},
		Type: identityType, MaxLifetime: identityLongest, Required: required, Clock: w.now})
	if err != nil {
		w.t.Fatal(err)
	}
	return upstreamVerifier{v}
}

func (v upstreamVerifier) holds(t *testing.T, text string) *jwt.Token[map[string]any] {
	t.Helper()
	got, err := v.Verify(context.Background(), text)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// told is what the origin heard last in a header that came once; "" for none.
func (w *world) told(name string) string {
	w.t.Helper()
	values := w.origin.last.Load().Header[name]
	if len(values) > 1 {
		w.t.Fatal(name, "came", len(values), "times")
	}
	return strings.Join(values, "")
}

// allowed sends a request that must pass, and returns the identity the origin was told.
func (w *world) allowed(path, headers string) string {
	w.t.Helper()
	if a := w.get(path, headers); a.status != 200 {
		w.t.Fatal(path, a)
	}
	return w.told("X-Identity")
}

// An upstream learns who asks, for itself alone, from what the edge signed.
func TestIdentityToTheOrigin(t *testing.T) {
	t.Parallel()
	w := build(t, signs(t, newKey(t, "e1")))
	act := map[string]any{"sub": "svc"}
	text := w.allowed("/api/x", w.bearer(map[string]any{"tenant": "t1", "act": act, "roles": []string{"admin"}, "exp": w.now().Add(time.Hour).Unix()}))
	got := w.upstream("orders").holds(t, text)
	c := got.Claims
	if got.Subject != "usr_1" || c["client_id"] != "c" || c["scope"] != "read" || c["tenant"] != "t1" || got.Header.KeyID != "e1" {
		t.Error(c)
	}
	if id := c["sub_id"].(map[string]any); id["format"] != "iss_sub" || id["iss"] != w.a.name || id["sub"] != "usr_1" {
		t.Error("the subject as its issuer names it:", id)
	}
	if got.ID == "" || got.ID == "j" || !slices.Equal(got.Audience, []string{"orders"}) || got.Expiry.Sub(got.IssuedAt) != time.Minute {
		t.Error(got.ID, got.Audience, got.Expiry.Sub(got.IssuedAt))
	}
	if c["act"].(map[string]any)["sub"] != "svc" {
		t.Error(c["act"])
	}
	want := []string{"act", "aud", "client_id", "exp", "iat", "iss", "jti", "scope", "sub", "sub_id", "tenant"}
	if names := slices.Sorted(maps.Keys(c)); !slices.Equal(names, want) {
		t.Errorf("claims beyond the list: %v", names)
	}
	if w.told("Authorization") == "" {
		t.Error("the token is forwarded, unless the route says otherwise")
	}
	_, err := w.upstream("billing").Verify(context.Background(), text)
	if jose.ReasonOf(err) != jose.AudienceMismatch {
		t.Error("another upstream takes it:", err)
	}
	// The edge itself takes it for no access token, nor does anybody who takes those.
	if a := w.get("/api/x", auth(text)); a.status != 401 {
		t.Error("it came in again:", a)
	}
	if a := w.get("/api/x", w.bearer(map[string]any{"scope": "none"})); a.status != 403 {
		t.Error(a)
	}
}

// It never outlives the token, and is signed anew when half its life has passed.
func TestIdentityLife(t *testing.T) {
	t.Parallel()
	w := build(t, signs(t, newKey(t, "e1")), func(_ *world, c *config.Edge) {
		c.Identity.Lifetime = 2 * time.Minute
		other := c.Routes[0]
		other.Name, other.Path, other.Identity = "other", "/other", &config.RouteIdentity{Audience: "billing", Header: "X-Identity"}
		c.Routes = append(c.Routes, other)
	})
	v, billing := w.upstream("orders"), w.upstream("billing")
	start := w.now()
	token := w.bearer(map[string]any{"exp": start.Add(200 * time.Second).Unix()})
	w.allowed("/api/x", token) // fetches the keys, which makes a new generation of them
	first, second := w.allowed("/api/x", token), w.allowed("/other", token)
	if got := billing.holds(t, second); len(got.Audience) != 1 {
		t.Error("the other route's audience:", got.Audience)
	}
	w.forward(59 * time.Second)
	if w.allowed("/api/x", token) != first || w.allowed("/other", token) != second {
		t.Error("signed anew although half its life has not passed")
	}
	w.forward(time.Second)
	again := w.allowed("/api/x", token)
	if got := v.holds(t, again); again == first || !got.Expiry.Equal(start.Add(180*time.Second)) {
		t.Error("not signed anew:", got.Expiry.Sub(start))
	}
	w.allowed("/other", token)
	w.forward(70 * time.Second) // at 130: the token's end is 70 seconds away
	last := w.allowed("/api/x", token)
	if got := v.holds(t, last); !got.Expiry.Equal(start.Add(200 * time.Second)) {
		t.Error("it outlives the token:", got.Expiry.Sub(start))
	}
	w.forward(69500 * time.Millisecond)
	if w.allowed("/api/x", token) != last {
		t.Error("signed anew although it can live no longer")
	}
	if a := w.get("/api/x", w.bearer(map[string]any{"exp": float64(w.now().UnixMilli())/1000 + 0.25})); a.status == 200 {
		t.Error("an identity that has no second to live:", a)
	}
	w.forward(time.Second)
	if a := w.get("/api/x", token); a.status != 401 {
		t.Error(a)
	}
}

// The first key signs, all are published, and nothing of them that is private.
func TestIdentityKeys(t *testing.T) {
	t.Parallel()
	e1, e2 := newKey(t, "e1"), newKey(t, "e2")
	w := build(t, signs(t, e1, e2))
	v := w.upstream("orders")
	v.holds(t, w.allowed("/api/x", w.bearer(nil)))
	answer, err := http.Get(w.server.URL + identityPath + "?x=1")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != 200 || answer.Header.Get("Cache-Control") != "public, max-age=300" || answer.Header.Get("Content-Type") != "application/jwk-set+json" {
		t.Error(err, answer)
	}
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(body, &set); err != nil || len(set.Keys) != 2 {
		t.Fatal(err, string(body))
	}
	for _, k := range set.Keys {
		if _, is := k["d"]; is || k["kty"] != "EC" {
			t.Error("published:", k)
		}
	}
	next := w.config
	next.Identity = &config.EdgeIdentity{Issuer: edgeName, Key: private(t, e2, e1)}
	if err := w.edge.Reload(next); err != nil {
		t.Fatal(err)
	}
	if got := v.holds(t, w.allowed("/api/x", w.bearer(nil))); got.Header.KeyID != "e2" {
		t.Error("signed by", got.Header.KeyID)
	}
	public, err := e1.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	next.Identity.Key = config.Literal(`{"keys":[` + private(t, e2).Reveal() + "," + string(public) + "]}")
	if err := w.edge.Reload(next); err != nil {
		t.Error("the public half of one that signs no more:", err)
	}
}

// The path of the keys is the edge's own, whatever a route says.
func TestIdentityPath(t *testing.T) {
	t.Parallel()
	w := build(t, signs(t, newKey(t, "e1")), with(config.Route{Name: "all", Path: "/", Auth: "none"}))
	for request, want := range map[string]int{
		"GET " + identityPath: 200, "HEAD " + identityPath: 200, "POST " + identityPath: 405, "DELETE " + identityPath: 405,
		"GET /.Well-Known/jotward/jwks.json": 400, "GET /.well-known/jotward/jwks%2ejson": 400, "GET /.well-known/jotward/./jwks.json": 400,
	} {
		before := w.origin.hits.Load()
		a := w.raw(request + " HTTP/1.1\r\nHost: any.example\r\nConnection: close\r\n\r\n")
		if a.status != want || w.origin.hits.Load() != before {
			t.Errorf("%s: %s, want %d", request, a, want)
		}
	}
	a := w.raw("POST " + identityPath + " HTTP/1.1\r\nHost: e\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
	if a.status != 405 || a.header.Get("Allow") != "GET, HEAD" {
		t.Error(a, a.header)
	}
	if got := w.edge.Try(Trial{Method: "GET", Host: "h", Target: identityPath, Now: w.now()}); got.Route != "" || got.Reason == "" {
		t.Errorf("%+v", got)
	}
	if a := w.get("/.well-known/jotward/", ""); a.status != 200 {
		t.Error("the neighbours are the routes':", a)
	}
}

// Nobody's word but the edge's arrives, on no route, for no request.
func TestIdentityIsOurs(t *testing.T) {
	t.Parallel()
	w := build(t, signs(t, newKey(t, "e1")), with(config.Route{Name: "open", Path: "/open", Auth: "none"}),
		with(config.Route{Name: "watched", Path: "/watched", Shadow: true, Identity: &config.RouteIdentity{Audience: "orders", Header: "X-Identity"}}),
		with(config.Route{Name: "maybe", Path: "/maybe", Auth: "optional", Identity: &config.RouteIdentity{Audience: "orders", Header: "X-Identity"}}))
	v := w.upstream("orders")
	for _, name := range []string{"X-Identity", "x_identity", "X.IDENTITY", "x~identity"} {
		for _, path := range []string{"/open", "/maybe", "/watched", "/api/x"} {
			token := ""
			if path == "/api/x" {
				token = w.bearer(nil)
			}
			w.allowed(path, token+name+": root\r\nConnection: X-Identity\r\n")
			for got, values := range w.origin.last.Load().Header {
				if letters(got) != "xidentity" {
					continue
				}
				if path != "/api/x" || got != "X-Identity" || len(values) != 1 {
					t.Fatal(path, name, got, values)
				}
				v.holds(t, values[0])
			}
			if path == "/api/x" && w.told("X-Identity") == "" {
				t.Error("a client had it removed by", name)
			}
		}
	}
	v.holds(t, w.allowed("/maybe", w.bearer(nil)))
}

// In the Authorization header it stands for the token, which then goes nowhere.
func TestIdentityAsAuthorization(t *testing.T) {
	t.Parallel()
	as := &config.RouteIdentity{Audience: "orders", Header: "authorization"}
	w := build(t, signs(t, newKey(t, "e1")), func(_ *world, c *config.Edge) { c.Routes[0].Identity = as },
		with(config.Route{Name: "watched", Path: "/watched", Shadow: true, Identity: as}), with(config.Route{Name: "maybe", Path: "/maybe", Auth: "optional", Identity: as}),
		with(config.Route{Name: "cookie", Path: "/cookie", Identity: as, Credentials: &config.Credentials{Header: true, Cookie: &config.CredentialCookie{Name: "__Host-t"}}}),
		with(config.Route{Name: "plain", Path: "/plain"}))
	v, token := w.upstream("orders"), w.a.token(nil)
	for _, c := range []struct{ path, headers string }{{"/api/x", auth(token)}, {"/maybe", auth(token)}, {"/cookie", "Cookie: __Host-t=" + token + "\r\n"}} {
		w.allowed(c.path, c.headers+"Connection: Authorization\r\n")
		text, ok := strings.CutPrefix(w.told("Authorization"), "Bearer ")
		if v.holds(t, text); !ok || strings.Contains(w.told("Cookie"), token) {
			t.Error(c.path, w.origin.last.Load().Header)
		}
	}
	for path, headers := range map[string]string{"/maybe": "", "/watched": auth("x.y.z")} {
		if w.allowed(path, headers); w.told("Authorization") != "" {
			t.Error(path, "has an identity:", w.told("Authorization"))
		}
	}
	if w.allowed("/plain", auth(token)); w.told("Authorization") != "Bearer "+token {
		t.Error("another route's token:", w.told("Authorization"))
	}
}

// A token that was taken back has no identity any more, although one is remembered.
func TestIdentityOfARevokedToken(t *testing.T) {
	t.Parallel()
	w := build(t, signs(t, newKey(t, "e1")))
	token := w.bearer(nil)
	w.allowed("/api/x", token)
	hits := w.origin.hits.Load()
	w.revoke(revoke.Entry{Kind: revoke.KindToken, ID: "j"})
	if a := w.get("/api/x", token); a.code() != "token_revoked" || w.origin.hits.Load() != hits {
		t.Error(a)
	}
}

// A one-time token is spent last, when its identity could be signed, and then says
// nothing more, not on a route that is watched only.
func TestIdentityOfAOneTimeToken(t *testing.T) {
	t.Parallel()
	once := func(c *config.RouteIdentity) config.Route {
		return config.Route{Name: "once", Path: "/once", OneTime: true, Identity: c}
	}
	w := build(t, signs(t, newKey(t, "e1")), with(once(&config.RouteIdentity{Audience: "orders", Header: "X-Identity", Claims: []string{"tenant"}})))
	for range 2 {
		if a := w.get("/once", w.bearer(map[string]any{"tenant": 0.5})); a.code() != "claims_invalid" {
			t.Error("spent for nothing:", a)
		}
	}
	shadow := once(&config.RouteIdentity{Audience: "orders", Header: "X-Identity"})
	shadow.Shadow = true
	w = build(t, signs(t, newKey(t, "e1")), with(shadow))
	if token := w.bearer(nil); w.allowed("/once", token) == "" || w.allowed("/once", token) != "" {
		t.Error("the token was spent, and still has an identity")
	}
}

// What cannot be passed on unchanged is not passed on at all.
func TestIdentityClaims(t *testing.T) {
	t.Parallel()
	w := build(t, signs(t, newKey(t, "e1")))
	v := w.upstream("orders")
	for name, tenant := range map[string]any{"a number that rounds": json.Number("9007199254740993"), "one inside": []any{map[string]any{"n": json.Number("1e300")}}, "a fraction": 0.5} {
		if a := w.get("/api/x", w.bearer(map[string]any{"tenant": tenant})); a.code() != "claims_invalid" || a.status != 401 {
			t.Error(name, a)
		}
	}
	tenant := map[string]any{"id": 7.0, "tags": []any{"<é>", true, nil}}
	got := v.holds(t, w.allowed("/api/x", w.bearer(map[string]any{"tenant": tenant, "act": nil})))
	if !reflect.DeepEqual(got.Claims["tenant"], any(tenant)) {
		t.Error(got.Claims["tenant"])
	}
}

// Two issuers may give one sub to two people: under the edge's name it would be one.
func TestIdentityOfTwoIssuers(t *testing.T) {
	t.Parallel()
	w := build(t, signs(t, newKey(t, "e1")), withB)
	lenient, strict := w.upstream("orders", "exp"), w.upstream("orders")
	for _, p := range []*party{w.a, w.b} {
		text := w.allowed("/api/x", auth(p.token(nil)))
		c := lenient.holds(t, text).Claims
		if id := c["sub_id"].(map[string]any); c["sub"] != nil || id["iss"] != p.name || id["sub"] != "usr_1" {
			t.Error(c)
		}
		if _, err := strict.Verify(context.Background(), text); jose.ReasonOf(err) != jose.ClaimMissing {
			t.Error("an upstream that reads sub alone:", err)
		}
	}
	next := w.config
	next.Routes = slices.Clone(w.config.Routes)
	next.Routes[0].Issuers = []string{w.b.name}
	if err := w.edge.Reload(next); err != nil {
		t.Fatal(err)
	}
	if got := strict.holds(t, w.allowed("/api/x", auth(w.b.token(nil)))); got.Subject != "usr_1" {
		t.Error(got.Claims)
	}
}

// A service behind verifies an opaque token's identity without asking anybody.
func TestIdentityOfAnOpaqueToken(t *testing.T) {
	t.Parallel()
	o := &oracle{}
	w := build(t, asks(o), signs(t, newKey(t, "e1")))
	got := w.upstream("orders").holds(t, w.allowed("/api/x", auth(ref)))
	if got.Subject == "" || got.Claims["sub_id"].(map[string]any)["iss"] != w.a.name {
		t.Error(got.Claims)
	}
	o.body = func(string) string { return w.active(map[string]any{"tenant": strings.Repeat("x", 8000)}) }
	if a := w.get("/api/x", auth(ref)); a.code() != "claims_invalid" {
		t.Error("larger than verifiers read:", a)
	}
}
