package server_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/jose/jwk"
	"github.com/jotward/jotward/jose/jwt"
)

// Conditions of the OpenID Foundation's conformance suite that no other test holds:
// docs/spec/openid.md says which module each is of.

// Parameters that change nothing, and scopes in any order, are no error.
func TestRequestsThatAreServedAllTheSame(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	b := &browser{world: v}
	b.allow(request("app"))
	for _, more := range [][]string{
		{"display", "page"}, {"display", "popup"}, {"ui_locales", "se"}, {"claims_locales", "se"}, {"acr_values", "1 2"}, {"login_hint", "ann"}, {"extra", "foobar"}, {"max_age", "10000"}, {"nonce", ""},
		{"scope", "email profile openid"}, {"scope", "profile openid email"},
	} {
		a := b.open(with(request("app"), more...))
		if a.back().Get("code") == "" || a.back().Get("state") != "st-1" {
			t.Errorf("%v: %d %v", more, a.status, a.header)
			continue
		}
		got := v.want(v.token(redemption("app", a.back().Get("code"))), 200, "")
		if id := v.payload(got.text("id_token")); id["auth_time"] == nil || (id["nonce"] == "no-1") == (more[0] == "nonce") || id["nonce"] != nil && more[0] == "nonce" {
			t.Errorf("%v: %v", more, id)
		}
	}
}

// auth_time says when the person signed in, however often the client asks (Core 2, 3.1.2.1).
func TestAuthTimeSaysWhen(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	b := &browser{world: v}
	at := func(more ...string) (time any, sub any) {
		t.Helper()
		id := v.payload(v.want(v.token(redemption("app", b.allow(with(request("app"), more...)).back().Get("code"))), 200, "").text("id_token"))
		return id["auth_time"], id["sub"]
	}
	began, who := at()
	for _, again := range [][]string{{"max_age", "1"}, {"prompt", "login"}} {
		v.pass(2 * time.Second)
		if page := b.open(with(request("app"), again...)); !strings.Contains(page.body, `name="password"`) {
			t.Errorf("%v: not asked: %d", again, page.status)
		}
		if now, sub := at(again...); now != float64(v.now().Unix()) || now == began || sub != who {
			t.Errorf("%v: %v of %v", again, now, sub)
		}
	}
	last := float64(v.now().Unix())
	for _, silent := range [][]string{{"max_age", "10000"}, {"prompt", "none"}, nil} {
		v.pass(2 * time.Second)
		if now, sub := at(silent...); now != last || sub != who {
			t.Errorf("%v: %v of %v", silent, now, sub)
		}
	}
}

// What the first use of a code got dies with the second, at UserInfo as well.
func TestTokensOfAReusedCode(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	good := redemption("app", v.code("app"))
	access := v.want(v.token(good), 200, "").text("access_token")
	v.want(v.ask("GET", "/userinfo", bearer(access)), 200, "")
	v.pass(30 * time.Second)
	v.want(v.token(good), 400, "code_reused")
	v.want(v.ask("GET", "/userinfo", bearer(access)), 401, "token_revoked")
}

// The key of an ID token is named in its header, and is in the key set (Core 10.1).
func TestIDTokenNamesItsKey(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(v.tokens().text("id_token"), ".")[0])
	v.ok(err)
	var head struct{ Alg, Kid string }
	v.ok(json.Unmarshal(raw, &head))
	set, err := jwk.ParseSet([]byte(v.ask("GET", "/jwks").body), jwk.Options{PublicOnly: true})
	v.ok(err)
	if !slices.ContainsFunc(set.Keys(), func(k *jwk.Key) bool { return k.KeyID() == head.Kid && string(k.Algorithm()) == head.Alg }) || head.Kid == "" {
		t.Errorf("%+v", head)
	}
}

// RP-Initiated Logout 2: what may be left out, and a hint that somebody else signed.
func TestSignOutRequests(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.withLogout()
	foreign, err := jwk.Generate(jwk.ES256, "theirs")
	v.ok(err)
	signer, err := jwt.NewSigner(foreign, jwt.SignerOptions{Type: "JWT"})
	v.ok(err)
	for name, c := range map[string]struct {
		query func(hint string) url.Values
		to    string // "" for a page
		asked bool
	}{
		"all of it": {func(h string) url.Values {
			return pairs("id_token_hint", h, "post_logout_redirect_uri", signedOutURI, "state", "s")
		}, signedOutURI + "&state=s", false},
		"no state":        {func(h string) url.Values { return pairs("id_token_hint", h, "post_logout_redirect_uri", signedOutURI) }, signedOutURI, false},
		"no address":      {func(h string) url.Values { return pairs("id_token_hint", h, "state", "s") }, "", false},
		"the hint alone":  {func(h string) url.Values { return pairs("id_token_hint", h) }, "", false},
		"the state alone": {func(string) url.Values { return pairs("state", "s") }, "", true},
		"nothing":         {func(string) url.Values { return nil }, "", true},
	} {
		b := &browser{world: v}
		hint := v.want(v.token(redemption("app", b.allow(request("app")).back().Get("code"))), 200, "").text("id_token")
		a := b.leave(c.query(hint))
		if c.asked {
			if a.status != 200 || a.header.Get("Location") != "" || !strings.Contains(a.body, "Stay signed in") {
				t.Errorf("%s: %d %v", name, a.status, a.header)
			}
			a = b.post("/signout", with(fields(a), "decision", "allow"))
		}
		if a.header.Get("Location") != c.to || c.to == "" && !strings.Contains(a.body, "You are signed out") {
			t.Errorf("%s: %d %v", name, a.status, a.header)
		}
		if after := b.open(with(request("app"), "prompt", "none")); after.back().Get("error") != "login_required" {
			t.Errorf("%s: somebody is signed in still: %v", name, after.header)
		}
		claims := v.payload(hint)
		claims["exp"] = v.now().Add(time.Hour).Unix()
		fake, err := signer.Sign(claims)
		v.ok(err)
		if a := b.leave(pairs("id_token_hint", fake, "post_logout_redirect_uri", signedOutURI)); a.status != 400 || a.header.Get("Location") != "" {
			t.Errorf("a foreign hint: %d %v", a.status, a.header)
		}
	}
}

// modules are those of the suite's plans for an OpenID provider, form post among them.
var modules = map[string]string{
	"Basic": `oidcc-server oidcc-response-type-missing oidcc-idtoken-signature oidcc-idtoken-unsigned oidcc-userinfo-get oidcc-userinfo-post-header oidcc-userinfo-post-body
		oidcc-ensure-request-without-nonce-succeeds-for-code-flow oidcc-scope-profile oidcc-scope-email oidcc-scope-address oidcc-scope-phone oidcc-scope-all oidcc-ensure-other-scope-order-succeeds
		oidcc-alternate-happy-flow oidcc-display-page oidcc-display-popup oidcc-prompt-login oidcc-prompt-none-not-logged-in oidcc-prompt-none-logged-in oidcc-max-age-1 oidcc-max-age-10000
		oidcc-ensure-request-with-unknown-parameter-succeeds oidcc-id-token-hint oidcc-login-hint oidcc-ui-locales oidcc-claims-locales oidcc-ensure-request-with-acr-values-succeeds oidcc-codereuse
		oidcc-codereuse-30seconds oidcc-ensure-registered-redirect-uri oidcc-ensure-post-request-succeeds oidcc-server-client-secret-post
		oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported oidcc-claims-essential
		oidcc-ensure-request-object-with-redirect-uri oidcc-refresh-token oidcc-ensure-request-with-valid-pkce-succeeds`,
	"Config": "oidcc-discovery-endpoint-verification",
	"Dynamic": `oidcc-idtoken-rs256 oidcc-userinfo-rs256 oidcc-ensure-redirect-uri-in-authorization-request oidcc-redirect-uri-query-OK oidcc-redirect-uri-query-mismatch oidcc-redirect-uri-query-added
		oidcc-redirect-uri-regfrag oidcc-registration-logo-uri oidcc-registration-policy-uri oidcc-registration-tos-uri oidcc-registration-jwks-uri oidcc-registration-sector-uri oidcc-registration-sector-bad
		oidcc-server-rotate-keys oidcc-refresh-token-rp-key-rotation oidcc-request-uri-unsigned oidcc-request-uri-signed-rs256 oidcc-ensure-client-assertion-with-iss-aud-succeeds`,
	"RP-Initiated Logout": `oidcc-rp-initiated-logout-discovery-endpoint-verification oidcc-rp-initiated-logout oidcc-rp-initiated-logout-bad-post-logout-redirect-uri oidcc-rp-initiated-logout-modified-id-token-hint
		oidcc-rp-initiated-logout-no-id-token-hint oidcc-rp-initiated-logout-no-params oidcc-rp-initiated-logout-no-post-logout-redirect-uri oidcc-rp-initiated-logout-no-state
		oidcc-rp-initiated-logout-only-state oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri oidcc-rp-initiated-logout-bad-id-token-hint`,
	"Back-Channel Logout":  "oidcc-backchannel-logout-discovery-endpoint-verification oidcc-backchannel-rp-initiated-logout",
	"Front-Channel Logout": "oidcc-frontchannel-logout-discovery-endpoint-verification oidcc-frontchannel-rp-initiated-logout",
}

// docs/spec/openid.md has each module of each plan once, with tests that exist or the
// reason why there is none.
func TestConformanceModulesAreMapped(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/spec/openid.md")
	if err != nil {
		t.Fatal(err)
	}
	part := regexp.MustCompile("([a-z/]+) (`Test[^;.]*)")
	name := regexp.MustCompile("`(Test\\w+)`")
	plan, seen := "", map[string]int{}
	for line := range strings.Lines(string(text)) {
		if head, ok := strings.CutPrefix(strings.TrimSpace(line), "## "); ok {
			plan = head
		}
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 5 || !strings.Contains(cells[1], "`oidcc-") {
			continue
		}
		id := strings.Trim(cells[1], " `")
		seen[plan+" "+id]++
		tests := 0
		for _, p := range part.FindAllStringSubmatch(cells[3], -1) {
			for _, n := range name.FindAllStringSubmatch(p[2], -1) {
				if tests++; !has(t, filepath.Join("..", p[1]), n[1]) {
					t.Errorf("%s: internal/%s has no %s", id, p[1], n[1])
				}
			}
		}
		if reason, ok := strings.CutPrefix(strings.TrimSpace(cells[3]), "none: "); tests == 0 && (!ok || len(reason) < 20) {
			t.Errorf("%s: neither a test nor a reason in %q", id, cells[3])
		}
		if strings.TrimSpace(cells[2]) == "" {
			t.Errorf("%s: no condition", id)
		}
	}
	for plan, list := range modules {
		for _, id := range strings.Fields(list) {
			if n := seen[plan+" "+id]; n != 1 {
				t.Errorf("%s: %s has %d rows", plan, id, n)
			}
			delete(seen, plan+" "+id)
		}
	}
	for row := range seen {
		t.Errorf("nobody knows the module of the row %s", row)
	}
}
