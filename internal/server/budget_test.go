package server_test

import (
	"net/http"
	"testing"
	"time"
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
	for range 250 { // nothing of this was refused
		v.want(good("198.51.100.1"), 200, "")
	}
	d := v.device()
	for range 250 { // that is how a device asks
		v.token(polling(d), from("198.51.100.1"))
	}
	for i := range 200 {
		if a := bad("198.51.100.1"); a.status != 401 {
			t.Fatalf("%d: %d %s", i, a.status, a.body)
		}
	}
	for path, ask := range map[string]answer{
		"/token": bad("198.51.100.1"), "a neighbour": bad("198.51.100.200"), "with a good secret": good("198.51.100.1"),
		"/introspect": v.ask("POST", "/introspect", form(pairs("token", "x")), v.as("service"), from("198.51.100.1")),
		"/revoke":     v.ask("POST", "/revoke", form(pairs("token", "x")), v.as("service"), from("198.51.100.1")),
		"/par":        v.push(request("app"), from("198.51.100.1")), "/userinfo": v.ask("GET", "/userinfo", bearer("x"), from("198.51.100.1")),
		"/device_authorization": v.ask("POST", "/device_authorization", form(pairs("client_id", "tv")), from("198.51.100.1")),
		"/feed":                 v.ask("GET", "/feed", basic("edge", "x"), from("198.51.100.1")), "/feed/position": v.ask("POST", "/feed/position", basic("edge", "x"), from("198.51.100.1")),
	} {
		if ask.status != http.StatusTooManyRequests || ask.json["code"] != "rate_limited" || ask.header.Get("Retry-After") != "1" {
			t.Errorf("%s: %d %s", path, ask.status, ask.body)
		}
	}
	v.want(good("203.0.113.1"), 200, "")
	v.want(bad("2001:db8::1"), 401, "client_invalid")
	v.pass(60 * time.Millisecond)
	v.want(good("198.51.100.1"), 200, "")
}

// What a client is refused that proved who it is costs its network nothing: an edge has
// tokens exchanged that strangers bring it, and shares a network with other edges.
func TestRefusalsOfAProvedClient(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.gateways("gw-1")
	at := from("198.51.100.1")
	theirs := v.want(v.token(pairs("grant_type", "client_credentials"), v.as("machine")), 200, "").text("access_token")
	for range 250 {
		v.want(v.token(exchange(theirs), v.as("gw-1"), at), 400, "subject_token_invalid")
	}
	v.want(v.token(pairs("grant_type", "client_credentials"), v.as("gw-1"), at), 200, "")
	v.want(v.ask("POST", "/revoke", form(pairs("token", "x")), v.as("gw-1"), at), 200, "")
	// A public client proves nothing by its name.
	for range 200 {
		v.want(v.token(refresh("app", "x"), at), 400, "refresh_invalid")
	}
	v.want(v.token(refresh("app", "x"), at), 429, "rate_limited")
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
	v.want(v.push(request("app"), from("203.0.113.1")), 201, "")
	v.pass(200 * time.Millisecond)
	v.want(start(), 200, "")
}
