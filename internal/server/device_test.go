package server_test

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/token"
)

// withDevice makes a public client of devices, and the form of its requests.
func (v *world) withDevice() {
	v.Helper()
	_, _, err := v.clients.Create(v.Context(), root(), client.Client{ID: "tv", Name: "TV <b>", Public: true, GrantTypes: []string{grant.DeviceCode, "refresh_token"},
		Scopes: []string{"openid", "profile", "read"}, Audiences: []string{"api"}})
	v.ok(err)
}

func (v *world) device() answer {
	v.Helper()
	return v.want(v.ask("POST", "/device_authorization", form(pairs("client_id", "tv", "scope", "openid read"))), 200, "")
}

func polling(device answer) url.Values {
	return pairs("grant_type", grant.DeviceCode, "client_id", "tv", "device_code", device.text("device_code"))
}

// connect plays the person: signs in where it must, and answers.
func (b *browser) connect(code, decision string) answer {
	b.Helper()
	page := b.ask("GET", "/device?"+pairs("user_code", code).Encode(), b.keep)
	if strings.Contains(page.body, `name="password"`) {
		a := b.post("/device/signin", with(fields(page), "username", "ann", "password", password))
		if a.status != 303 {
			b.Fatalf("sign-in: %d %s", a.status, a.body)
		}
		page = b.ask("GET", a.header.Get("Location"), b.keep)
	}
	if !strings.Contains(page.body, `name="consent_token"`) {
		return page
	}
	return b.post("/device", with(fields(page), "decision", decision))
}

// RFC 8628: a device shows a code, a person at another screen allows it.
func TestDevice(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.withDevice()
	d := v.device()
	code := d.text("user_code")
	if !regexp.MustCompile(`^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$`).MatchString(code) || d.text("verification_uri") != issuerURL+"/device" ||
		d.text("verification_uri_complete") != issuerURL+"/device?user_code="+code || d.json["expires_in"] != 600.0 || d.json["interval"] != 5.0 || len(d.text("device_code")) != 43 {
		t.Fatalf("%s", d.body)
	}
	ask := func(status int, code string) answer { t.Helper(); return v.want(v.token(polling(d)), status, code) }
	if a := ask(400, "device_pending"); a.text("error") != "authorization_pending" {
		t.Errorf("%s", a.body)
	}
	// Who asks too soon waits five seconds longer from then on (3.5).
	v.pass(4 * time.Second)
	if a := ask(400, "device_slow_down"); a.text("error") != "slow_down" {
		t.Errorf("%s", a.body)
	}
	v.pass(6 * time.Second)
	ask(400, "device_slow_down")
	v.pass(15 * time.Second)
	ask(400, "device_pending")

	b := &browser{world: v}
	if page := b.ask("GET", "/device", b.keep); !strings.Contains(page.body, `name="password"`) {
		t.Errorf("nobody is signed in: %s", page.body)
	}
	// People type as they like; the page names who asks for what, and the code.
	if a := b.connect(code, "x"); !strings.Contains(a.body, "declined") {
		t.Errorf("%d %s", a.status, a.body)
	}
	typed := strings.ToLower(strings.ReplaceAll(v.device().text("user_code"), "-", " "))
	page := b.ask("GET", "/device?"+pairs("user_code", typed).Encode(), b.keep)
	for _, text := range []string{"<strong>TV &lt;b&gt;</strong>", "<strong>ann</strong>", "Know who you are", "<code>" + typed + "</code>"} {
		if !strings.Contains(page.body, text) {
			t.Errorf("the page lacks %q: %s", text, page.body)
		}
	}
}

// What the person says is what the device gets, once.
func TestDeviceAnswers(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.withDevice()
	b := &browser{world: v}
	yes, no := v.device(), v.device()
	if a := b.connect(yes.text("user_code"), "allow"); a.status != 200 || !strings.Contains(a.body, "The device is connected") {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := b.connect(no.text("user_code"), "deny"); a.status != 200 || !strings.Contains(a.body, "declined") {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := v.want(v.token(polling(no)), 400, "consent_denied"); a.text("error") != "access_denied" {
		t.Errorf("%s", a.body)
	}
	got := v.want(v.token(polling(yes)), 200, "")
	c := v.claims(got.text("access_token"))
	if c["sub"] != v.ann.ID || c["client_id"] != "tv" || got.text("scope") != "openid read" || v.claims(got.text("id_token"))["sub"] != v.ann.ID {
		t.Errorf("%s", got.body)
	}
	v.want(v.token(refresh("tv", got.text("refresh_token"))), 200, "")
	// A second time is theft, as with a code.
	v.want(v.token(polling(yes)), 400, "code_reused")
	if ids := v.revoked("grant"); len(ids) != 1 || ids[0] != c["grant_id"] {
		t.Errorf("revoked: %v", ids)
	}
	// A key that the device proves binds its refresh tokens.
	h, thief := v.holder(), v.holder()
	bound := v.device()
	b.connect(bound.text("user_code"), "allow")
	first := v.want(v.token(polling(bound), h.prove()), 200, "")
	v.want(v.token(refresh("tv", first.text("refresh_token")), thief.prove()), 400, "sender_mismatch")
	v.want(v.token(refresh("tv", first.text("refresh_token")), h.prove()), 200, "")
}

// Of two answers the first counts, and who was second hears what everybody hears. A
// grant that is revoked while its tokens are signed is no theft.
func TestDeviceOutrun(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.withDevice()
	grants := v.issuer.Token.Grants
	d, _, err := grants.FindDevice(t.Context(), v.device().text("user_code"))
	v.ok(err)
	v.ok(grants.DenyDevice(t.Context(), root(), d))
	if err := grants.DenyDevice(t.Context(), root(), d); !errors.Is(err, reason.New(reason.UserCodeInvalid, nil)) {
		t.Error(err)
	}
	waits := v.device()
	(&browser{world: v}).connect(waits.text("user_code"), "allow")
	grants.Minter.Minted = func(token.Minted) {
		list, err := grants.List(t.Context(), v.ann.ID, "", 10)
		v.ok(err)
		for _, g := range list {
			v.ok(grants.RevokeGrant(t.Context(), root(), g.ID))
		}
	}
	v.want(v.token(polling(waits)), 400, "code_invalid")
}

// Of fifty at once one gets tokens, every time (RFC 8628 5.2).
func TestThreatDeviceRace(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.withDevice()
	d := v.device()
	(&browser{world: v}).connect(d.text("user_code"), "allow")
	won := 0
	for _, a := range v.race(50, func() answer { return v.token(polling(d)) }) {
		if a.status == 200 {
			won++
		} else if a.text("error") != "invalid_grant" || a.text("access_token") != "" {
			t.Errorf("a loser got %s", a.body)
		}
	}
	if won != 1 || len(v.revoked("grant")) != 1 {
		t.Errorf("%d winners, revoked %v", won, v.revoked("grant"))
	}
}

// RFC 8628 5: guessing, other clients, pages of others, late answers.
func TestThreatDevice(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.withDevice()
	for name, c := range map[string]struct {
		values url.Values
		change func(*http.Request)
		error  string
	}{
		"no client":          {pairs("scope", "read"), func(*http.Request) {}, "invalid_client"},
		"without permission": {pairs("client_id", "app"), func(*http.Request) {}, "unauthorized_client"},
		"a wrong secret":     {pairs(), basic("service", "x"), "invalid_client"},
		"an unknown scope":   {pairs("client_id", "tv", "scope", "admin"), func(*http.Request) {}, "invalid_scope"},
		"elsewhere":          {pairs("client_id", "tv", "resource", "elsewhere"), func(*http.Request) {}, "invalid_target"},
	} {
		if a := v.ask("POST", "/device_authorization", form(c.values), c.change); a.text("error") != c.error || a.text("user_code") != "" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	d := v.device()
	v.want(v.token(with(polling(d), "client_id", "app")), 400, "client_unauthorized")
	v.want(v.token(with(polling(d), "device_code", "x")), 400, "code_invalid")
	v.want(v.token(with(polling(d), "device_code", "")), 400, "request_invalid")
	v.want(v.token(with(polling(d), "device_code", d.text("user_code"))), 400, "code_invalid")
	_, _, err := v.clients.Create(t.Context(), root(), client.Client{ID: "tv-2", Public: true, GrantTypes: []string{grant.DeviceCode}, Scopes: []string{"read"}, Audiences: []string{"api"}})
	v.ok(err)
	v.want(v.token(with(polling(d), "client_id", "tv-2")), 400, "code_invalid")

	// The page counts for its session and its device alone.
	b, eve := &browser{world: v}, &browser{world: v}
	b.signIn(request("app"))
	eve.signIn(request("app"))
	page := func(b *browser) answer {
		return b.ask("GET", "/device?"+pairs("user_code", d.text("user_code")).Encode(), b.keep)
	}
	other := v.device()
	allow := with(fields(page(b)), "decision", "allow")
	for name, values := range map[string]url.Values{"no token": with(allow, "consent_token", ""), "another's": with(allow, "consent_token", fields(page(eve)).Get("consent_token")),
		"another device": with(allow, "request", "user_code="+other.text("user_code"))} {
		if a := b.post("/device", values); a.status != 400 {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	v.want(v.ask("POST", "/device", form(allow), b.keep, header("Sec-Fetch-Site", "cross-site")), 403, "")
	v.want(v.ask("POST", "/device/signin", form(pairs("username", "ann", "password", password)), header("Sec-Fetch-Site", "cross-site")), 403, "")
	if a := v.ask("POST", "/device", form(allow)); !strings.Contains(a.body, `name="password"`) {
		t.Errorf("nobody is signed in: %d %s", a.status, a.body)
	}
	v.want(v.token(polling(d)), 400, "device_pending")

	// Too late: for the person, and for the device.
	v.pass(10 * time.Minute)
	if a := b.post("/device", allow); a.status != 400 || !strings.Contains(a.body, "No device waits") {
		t.Errorf("late: %d %s", a.status, a.body)
	}
	if a := v.want(v.token(polling(d)), 400, "device_expired"); a.text("error") != "expired_token" {
		t.Errorf("%s", a.body)
	}

	// A guesser gets five, then one a minute, whatever comes.
	if a := b.ask("GET", "/device?user_code=BCDF-GHJK", b.keep); a.status != 400 || !strings.Contains(a.body, "No device waits") {
		t.Errorf("%d %s", a.status, a.body)
	}
	last := 0
	for range 5 {
		last = b.ask("GET", "/device?user_code=BCDF-GHJK", b.keep).status
	}
	if a := b.ask("GET", "/device?"+pairs("user_code", v.device().text("user_code")).Encode(), b.keep); last != 429 || a.status != 429 || a.header.Get("Retry-After") == "" {
		t.Errorf("after five: %d, %d %v", last, a.status, a.header)
	}
	v.pass(time.Minute)
	if a := eve.connect(v.device().text("user_code"), "allow"); !strings.Contains(a.body, "connected") {
		t.Errorf("after a minute: %d %s", a.status, a.body)
	}
}
