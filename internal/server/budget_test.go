package server_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/web"
)

func from(addr string) func(*http.Request) {
	return func(r *http.Request) { r.RemoteAddr = addr + ":4711" }
}

// A network that is refused too often is answered before a secret is hashed or a
// signature checked; others, and what is not refused, are not concerned.
func TestThreatFloods(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.withDevice()
	cc := pairs("grant_type", "client_credentials")
	good := func(addr string) answer { return v.token(cc, v.as("machine"), from(addr)) }
	bad := func(addr string) answer { return v.token(cc, basic("machine", "x"), from(addr)) }
	v.drain(bad, "198.51.100.1")
	for range 20 { // nothing of this is refused, or it is how devices ask
		v.want(good("198.51.100.1"), 200, "")
		v.want(v.token(polling(v.device()), from("198.51.100.1")), 400, "device_pending")
	}
	for range 10 {
		v.want(bad("198.51.100.1"), 401, "client_invalid")
	}
	for path, ask := range map[string]answer{
		"/token": bad("198.51.100.1"), "a neighbour": bad("198.51.100.200"), "with a good secret": good("198.51.100.1"),
		"/introspect": v.ask("POST", "/introspect", form(pairs("token", "x")), v.as("service"), from("198.51.100.1")),
		"/revoke":     v.ask("POST", "/revoke", form(pairs("token", "x")), v.as("service"), from("198.51.100.1")),
		"/par":        v.push(request("app"), from("198.51.100.1")), "/userinfo": v.ask("GET", "/userinfo", bearer("x"), from("198.51.100.1")),
		"/device_authorization": v.ask("POST", "/device_authorization", form(pairs("client_id", "tv")), from("198.51.100.1")),
		"/feed":                 v.ask("GET", "/feed", basic("edge", "x"), from("198.51.100.1")), "/feed/position": v.ask("POST", "/feed/position", basic("edge", "x"), from("198.51.100.1")),
	} {
		if oauth := ask.text("error"); ask.status != http.StatusTooManyRequests || ask.json["code"] != "rate_limited" || oauth != "" && oauth != "temporarily_unavailable" || ask.header.Get("Retry-After") != "1" {
			t.Errorf("%s: %d %s", path, ask.status, ask.body)
		}
	}
	v.want(good("203.0.113.1"), 200, "")
	v.want(bad("2001:db8::1"), 401, "client_invalid")
	v.pass(60 * time.Millisecond)
	v.want(good("198.51.100.1"), 200, "")
}

// drain leaves ten of what a network may be refused.
func (v *world) drain(bad func(addr string) answer, addr string) {
	v.Helper()
	for range web.RefusedRate.Burst - 10 {
		if a := bad(addr); a.status == http.StatusTooManyRequests {
			v.Fatalf("too early: %s", a.body)
		}
	}
}

// What a client is refused that proved who it is costs its network nothing: an edge has
// tokens exchanged that strangers bring it, and shares a network with other edges.
func TestRefusalsOfAProvedClient(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.gateways("gw-1")
	at := from("198.51.100.1")
	theirs := v.want(v.token(pairs("grant_type", "client_credentials"), v.as("machine")), 200, "").text("access_token")
	stranger := func(addr string) answer { return v.token(refresh("app", "x"), from(addr)) }
	v.drain(stranger, "198.51.100.1")
	for range 20 {
		v.want(v.token(exchange(theirs), v.as("gw-1"), at), 400, "subject_token_invalid")
	}
	v.want(v.token(pairs("grant_type", "client_credentials"), v.as("gw-1"), at), 200, "")
	v.want(v.ask("POST", "/revoke", form(pairs("token", "x")), v.as("gw-1"), at), 200, "")
	// A public client proves nothing by its name.
	for range 10 {
		v.want(stranger("198.51.100.1"), 400, "refresh_invalid")
	}
	v.want(stranger("198.51.100.1"), 429, "rate_limited")
}

// A device that asks without pause makes us write each time, so that is counted.
func TestThreatPollingFlood(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.withDevice()
	d := v.device()
	v.drain(func(addr string) answer { return v.token(refresh("app", "x"), from(addr)) }, "198.51.100.1")
	at := from("198.51.100.1")
	v.want(v.token(polling(d), at), 400, "device_pending")
	for range 10 {
		v.want(v.token(polling(d), at), 400, "device_slow_down")
	}
	v.want(v.token(polling(d), at), 429, "rate_limited")
}

// Anybody makes keys and proofs. One network fills no more of the memory than its share, at
// no endpoint, nor has more signatures checked, whatever the requests come to; clients that
// prove who they are do not count.
func TestThreatProofFlood(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	h := v.holder()
	at := from("198.51.100.1")
	nonce := h.nonce
	h.nonce = "x" // it costs a signature check, and is no refusal that counts
	stale := h.prove()
	for range 500 {
		v.want(v.token(refresh("app", "x"), stale, at), 400, "nonce_mismatch")
	}
	h.nonce = nonce
	v.want(v.token(refresh("app", "x"), h.prove(), at), 429, "rate_limited")
	v.want(v.push(request("app"), h.proof("POST", "/par", ""), at), 429, "rate_limited")
	v.want(v.token(pairs("grant_type", "client_credentials"), v.as("machine"), h.prove(), at), 200, "")
	access := v.want(v.token(redemption("app", v.code("app")), h.prove()), 200, "").text("access_token")
	userInfo := func(addr string) answer {
		return v.ask("GET", "/userinfo", header("Authorization", "DPoP "+access), h.proof("GET", "/userinfo", access), from(addr))
	}
	v.want(userInfo("198.51.100.1"), 429, "rate_limited")
	v.want(userInfo("203.0.113.1"), 200, "")
	v.pass(20 * time.Millisecond)
	v.want(userInfo("198.51.100.1"), 200, "")
}

// What clients that prove nothing have us keep is bounded by network; those that prove
// who they are, are not.
func TestThreatStrangers(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.withDevice()
	start := func() answer {
		return v.ask("POST", "/device_authorization", form(pairs("client_id", "tv")), from("198.51.100.1"))
	}
	for range 50 {
		v.want(start(), 200, "")
		v.want(v.push(request("app"), from("198.51.100.1")), 201, "")
	}
	v.want(start(), 429, "rate_limited")
	if a := v.want(v.push(request("app"), from("198.51.100.1")), 429, "rate_limited"); a.header.Get("Retry-After") != "1" {
		t.Errorf("%v", a.header)
	}
	v.want(v.push(with(request("service"), "client_id", ""), v.as("service"), from("198.51.100.1")), 201, "")
	// A secret that one gave oneself proves nothing.
	made := v.want(v.register("POST", "/register", v.invite(1), anApp("token_endpoint_auth_method", "client_secret_basic")), 201, "")
	own := basic(made.text("client_id"), made.text("client_secret"))
	v.want(v.push(with(request(""), "scope", "read"), own, from("198.51.100.1")), 429, "rate_limited")
	v.want(v.push(with(request(""), "scope", "read"), own, from("203.0.113.1")), 201, "")
	v.want(v.push(request("app"), from("203.0.113.1")), 201, "")
	v.pass(200 * time.Millisecond)
	v.want(start(), 200, "")
}
