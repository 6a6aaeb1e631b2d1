package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jotward/jotward/internal/limit"
)

func (v *world) limiter(burst int) *limit.Limiter {
	v.Helper()
	l, err := limit.New(limit.Rate{Every: time.Minute, Burst: burst}, 1000)
	v.ok(err)
	return l
}

// limited is 429 with the time to wait, in the words of the endpoint.
func (v *world) limited(a answer) {
	v.Helper()
	if oauth := a.text("error"); a.status != http.StatusTooManyRequests || a.json["code"] != "rate_limited" || oauth != "" && oauth != "temporarily_unavailable" || a.header.Get("Retry-After") != "60" {
		v.Errorf("%d %s", a.status, a.body)
	}
}

// A network is counted at every endpoint, before anything of a request is read.
func TestLimitsByNetwork(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.issuer.Web.Limits.Network = v.limiter(3)
	for range 3 {
		v.want(v.token(pairs("grant_type", "client_credentials"), v.as("machine"), from("198.51.100.1")), 200, "")
	}
	for _, route := range []string{"POST /token", "POST /introspect", "POST /revoke", "POST /par", "GET /userinfo", "POST /device_authorization",
		"GET /authorize", "POST /signin", "POST /consent", "GET /logout", "GET /device", "POST /device", "GET /.well-known/openid-configuration"} {
		method, path, _ := strings.Cut(route, " ")
		if a := v.ask(method, path, from("198.51.100.9")); a.status != http.StatusTooManyRequests {
			t.Errorf("%s: %d %s", route, a.status, a.body)
		}
	}
	v.limited(v.token(pairs("grant_type", "client_credentials"), v.as("machine"), from("198.51.100.1")))
	for _, path := range []string{"/jwks", "/feed/jwks", "/healthz"} {
		v.want(v.ask("GET", path, from("198.51.100.1")), 200, "")
	}
	// No limit of an operator's stands in the way of revocations.
	v.issuer.Web.Limits.Client = v.limiter(1)
	for range 3 {
		v.want(v.ask("POST", "/feed/position", v.as("edge"), body("application/json", "{}"), from("198.51.100.1")), 400, "request_invalid")
		v.want(v.ask("GET", "/feed?after=x", v.as("edge"), from("198.51.100.1")), 400, "request_invalid")
	}
	v.issuer.Web.Limits.Client = nil
	v.want(v.token(pairs("grant_type", "client_credentials"), v.as("machine"), from("203.0.113.1")), 200, "")
	v.pass(time.Minute)
	v.want(v.token(pairs("grant_type", "client_credentials"), v.as("machine"), from("198.51.100.1")), 200, "")
}

// A client is counted once it has proved who it is: by name alone anybody could use up
// what is another's.
func TestLimitsByClient(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.issuer.Web.Limits.Client = v.limiter(2)
	for range 5 {
		v.want(v.token(pairs("grant_type", "client_credentials"), basic("machine", "x")), 401, "client_invalid")
		v.want(v.token(refresh("app", "x")), 400, "refresh_invalid")
	}
	for range 2 {
		v.want(v.token(pairs("grant_type", "client_credentials"), v.as("machine")), 200, "")
	}
	v.limited(v.token(pairs("grant_type", "client_credentials"), v.as("machine")))
	v.limited(v.ask("POST", "/introspect", form(pairs("token", "x")), v.as("machine")))
	v.want(v.ask("POST", "/introspect", form(pairs("token", "x")), v.as("service")), 200, "")
	v.want(v.ask("POST", "/par", form(with(request("service"), "client_id", "")), v.as("service")), 201, "")
	v.limited(v.ask("POST", "/par", form(with(request("service"), "client_id", "")), v.as("service")))
}

// A person is counted where tokens of his are made or he is looked at; what was refused
// spends nothing.
func TestLimitsBySubject(t *testing.T) {
	t.Parallel()
	v := newWorld(t)
	v.gateways("gw-1")
	first, theirs := v.tokens(), v.forGateway("gw-1").text("access_token")
	v.issuer.Web.Limits.Subject = v.limiter(3)
	second := v.want(v.token(refresh("app", first.text("refresh_token"))), 200, "")
	v.want(v.ask("GET", "/userinfo", bearer(second.text("access_token"))), 200, "")
	code := v.code("app")
	v.want(v.token(redemption("app", code)), 200, "")
	soon := v.want(v.token(refresh("app", second.text("refresh_token"))), 429, "rate_limited")
	if got := soon.header.Get("Retry-After"); got != "5" { // while another's rotation can be answered still
		t.Errorf("Retry-After %q", got)
	}
	v.limited(v.ask("GET", "/userinfo", bearer(second.text("access_token"))))
	v.limited(v.token(exchange(theirs), v.as("gw-1")))
	code = v.code("app")
	v.limited(v.token(redemption("app", code)))
	v.want(v.token(pairs("grant_type", "client_credentials"), v.as("machine")), 200, "")
	v.pass(3 * time.Minute)
	v.want(v.token(refresh("app", second.text("refresh_token"))), 200, "")
}
