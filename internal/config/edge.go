package config

import (
	"net/url"
	"time"

	"github.com/jotward/jotward/internal/rule"
)

// Edge configures the gateway.
type Edge struct {
	// The issuers whose tokens are accepted.
	Issuers []EdgeIssuer `yaml:"issuers"`
	// The ways through. The longest path wins; of equal paths one that names hosts goes before one that does not, then one that names methods.
	Routes []Route `yaml:"routes"`
	// Services of several addresses, for routes to name.
	Pools []Pool `yaml:"pools"`
	// Networks in CIDR notation whose forwarded headers are believed.
	TrustedProxies []string `yaml:"trusted_proxies"`
	// Refuse tokens that arrived over plain HTTP.
	RefuseInsecure bool `yaml:"refuse_insecure"`
	// How many tokens that do not hold one client network may have verified, such as 50/s (default); more are refused unverified.
	InvalidTokens Budget `yaml:"invalid_tokens"`
	// How many verified tokens are remembered, so that their signatures are not checked again. Each takes about three kilobytes with its claims. Default 16384, at most 16777216.
	TokenCache int `yaml:"token_cache"`
	// A folder for the issuers' public keys, so that an edge that starts while an issuer is away verifies by what it knew, for two hours at most. Whoever can write there can sign tokens. Default: none are kept.
	KeyCache string `yaml:"key_cache"`
	// Where the certificate comes from that a token is bound to (RFC 8705): connection (asked for in the TLS handshake; nobody vouches for it but the token), or header (Client-Cert of trusted_proxies, RFC 9440). Without it such tokens are refused.
	ClientCertificates string `yaml:"client_certificates"`
	// Accept tokens that are bound to a key by DPoP (RFC 9449), each with its proof. Without it they are refused.
	DPoP *EdgeDPoP `yaml:"dpop"`
	// Where several edges count and remember together: limits that are shared, tokens of one-time routes and DPoP proofs. Default: each edge alone.
	Shared *EdgeShared `yaml:"shared"`
	// What whoever follows the decisions at the admin listener is told of a request beside, for jotward rule replay. Default: neither path nor claims.
	Decisions *EdgeDecisions `yaml:"decisions"`
	// Let the edge sign who asks, for routes with identity: a JWT for their upstream alone. Its public keys are served beside the routes.
	Identity *EdgeIdentity `yaml:"identity"`
	// How long upstreams and clients are waited for. The body of an answer is not bounded, for it may be a stream.
	Timeouts Timeouts `yaml:"timeouts"`
}

// Timeouts bound the waits for upstream and client; zero means the default.
type Timeouts struct {
	// Until the connection stands. Default 5s.
	Connect time.Duration `yaml:"connect"`
	// Until TLS stands. Default 5s.
	TLSHandshake time.Duration `yaml:"tls_handshake"`
	// Until the headers of the answer have come. Default 60s.
	ResponseHeader time.Duration `yaml:"response_header"`
	// How long a client may rest while it sends a body. Default 60s.
	RequestBody time.Duration `yaml:"request_body"`
}

// EdgeIssuer is an issuer whose tokens the edge accepts.
type EdgeIssuer struct {
	// Its identifier: the iss of its tokens, exactly.
	Issuer string `yaml:"issuer"`
	// The address of its key set. Default: found by discovery.
	JWKSURI string `yaml:"jwks_uri"`
	// The aud that tokens must hold, for routes that name none.
	Audience string `yaml:"audience"`
	// The accepted algorithms, such as ES256. None is accepted that is not named.
	Algorithms []string `yaml:"algorithms"`
	// The typ of its access tokens. Default at+jwt (RFC 9068).
	Type string `yaml:"typ"`
	// The longest life, from iat to exp, of an accepted token.
	MaxLifetime time.Duration `yaml:"max_lifetime"`
	// Allow plain HTTP to the issuer, on loopback addresses only.
	AllowHTTP bool `yaml:"allow_http"`
	// Follow its revocations; without it a revoked token is accepted until it expires.
	Feed *EdgeFeed `yaml:"feed"`
	// Its tokens may be encrypted for this edge: a signed token inside (RFC 7519 5.2), which is held to all the rest. The upstream receives them as they came.
	Decryption *EdgeDecryption `yaml:"decryption"`
	// A stricter policy to come, watched only: what it would refuse of the tokens that hold is counted and logged as shadow, under the rule issuer_next. To promote it, write its values into the issuer.
	Next *EdgeIssuerNext `yaml:"next"`
	// Ask it about tokens that are neither signed nor encrypted (RFC 7662). Answers are remembered only while its feed is followed.
	Introspection *EdgeIntrospection `yaml:"introspection"`
	// The client that the edge is at the issuer, for routes with exchange. Tokens must name it in their aud.
	Exchange *EdgeExchange `yaml:"exchange"`
}

// EdgeIssuerNext is what may change of an issuer's policy; what is left out stays. Introspected tokens are not held against it.
type EdgeIssuerNext struct {
	// The algorithms that stay accepted.
	Algorithms []string `yaml:"algorithms"`
	// The typ of its access tokens, exactly.
	Type string `yaml:"typ"`
	// The longest life, from iat to exp.
	MaxLifetime time.Duration `yaml:"max_lifetime"`
}

// check says in the words of the file what the library would refuse in its own.
func (i *EdgeIssuer) check(at string, p *problems) {
	address, key := i.Issuer, ".issuer"
	if i.JWKSURI != "" {
		address, key = i.JWKSURI, ".jwks_uri"
	}
	if u, err := url.Parse(address); err == nil && u.Scheme == "http" && !(i.AllowHTTP && Loopback(u.Hostname())) {
		p.add(at+key, "is not https: plain HTTP is for loopback, and there with allow_http: true")
	}
	for _, required := range []struct {
		given     bool
		key, what string
	}{
		{i.Issuer != "", ".issuer", "give the iss of its tokens"},
		{i.Audience != "", ".audience", "give the aud that its tokens must hold"},
		{len(i.Algorithms) > 0, ".algorithms", "name what is accepted, such as [ES256]"},
		{i.MaxLifetime != 0, ".max_lifetime", "give the longest life of an accepted token, such as 1h"},
	} {
		if !required.given {
			p.add(at+required.key, "is missing: "+required.what)
		}
	}
}

// EdgeFeed is how the edge follows an issuer's revocations.
type EdgeFeed struct {
	// The client that the edge is at the issuer; it needs the scope jotward:feed.
	ClientID string `yaml:"client_id"`
	// Its secret.
	ClientSecret Secret `yaml:"client_secret"`
	// What to do with tokens while revocations have not been heard for max_age: refuse (default) or serve.
	Stale string `yaml:"stale"`
	// When the view is stale. Default 10s.
	MaxAge time.Duration `yaml:"max_age"`
}

// EdgeShared is a Valkey or Redis that several edges share. A reload that changes it needs its answer; the store before is asked as well until what was used there is too old. What has to be remembered there is refused while it does not answer, or if it may forget keys (maxmemory-policy other than noeviction).
type EdgeShared struct {
	// redis://host:port[/db], rediss:// for TLS, or unix:///path; no password in it. A cluster is found through any of its nodes.
	URL string `yaml:"url"`
	// The ACL user, when there is one.
	Username string `yaml:"username"`
	// The password.
	Password Secret `yaml:"password"`
	// What every key begins with; the same for edges that share. Default jotward:.
	Prefix string `yaml:"prefix"`
	// What keys are hashed with, 32 bytes at least; the same for edges that share. Without it whoever reads the store can find by trying which addresses, subjects and clients came. With another one, what was counted counts anew.
	Secret Secret `yaml:"secret"`
	// How long one answer is waited for. Default 100ms, at most 10s.
	Timeout time.Duration `yaml:"timeout"`
}

// EdgeDecisions is what decisions tell of a request beside.
type EdgeDecisions struct {
	// Its host and path, without the query. Paths may hold what is nobody's business.
	Paths bool `yaml:"paths"`
	// The claims of its token that are shown, such as [scope, roles, tenant]; iss and aud go along. No others are.
	Claims []string `yaml:"claims"`
}

// EdgeDPoP is which DPoP proofs the edge accepts.
type EdgeDPoP struct {
	// What clients call this edge: https://host[:port], each scheme and port that they use. A proof made for another server is refused. Default: the hosts of each route, at the scheme's own port; a route that takes proofs and names no hosts needs the list.
	Origins []string `yaml:"origins"`
	// The accepted algorithms of proofs. Default: ES256, EdDSA, Ed25519.
	Algorithms []string `yaml:"algorithms"`
	// How old a proof may be. Default 60s, at most 10m.
	MaxAge time.Duration `yaml:"max_age"`
	// What is granted to the clocks of clients. Default 5s.
	Leeway time.Duration `yaml:"leeway"`
	// Give out nonces and demand them, so that no proof can be made ahead of time. One edge knows only its own.
	Nonces bool `yaml:"nonces"`
	// How many proofs are remembered, each until it is too old and a minute longer. When they are that many, more are refused. Default 250000, for two thousand a second; the store of edge.shared is bounded by its own memory.
	Remember int `yaml:"remember"`
}

// Budget is how often something may happen.
type Budget struct {
	// So many in a second, minute, hour or day: 100/s, 100/m, 100/h, 100/d.
	Rate string `yaml:"rate"`
	// How many of them may come at once. Default: all.
	Burst int `yaml:"burst"`
}

// Limit is how often requests of one kind may come.
type Limit struct {
	// Its name in headers, logs and metrics; each once on its route.
	Name string `yaml:"name"`
	// What is counted apart: route (all together), network (an IPv4 address, an IPv6 /64), credential, subject, client, or claim:NAME. The last three are counted once the token held.
	By string `yaml:"by"`
	// So many in a second, minute, hour or day: 100/s, 100/m, 100/h, 100/d.
	Rate string `yaml:"rate"`
	// How many of them may come at once. Default: all.
	Burst int `yaml:"burst"`
	// How many are counted apart at most. When they are that many, more are refused until one is free. Default 100000.
	Keys int `yaml:"keys"`
	// Count in the store of edge.shared, so that all edges together keep the rate.
	Shared bool `yaml:"shared"`
	// What each edge alone lets through while the shared store does not answer, such as 10/s. Default: the rate, in each edge.
	AloneRate string `yaml:"alone_rate"`
	// Watch only: what the limit would refuse is counted, logged and forwarded.
	Shadow bool `yaml:"shadow"`
}

// Pool is a service that has several addresses. A request goes to the one of two, picked at random, that has fewer under way.
type Pool struct {
	// Its name for routes, logs and metrics; each once.
	Name string `yaml:"name"`
	// Its addresses, http(s)://host[:port], all of one scheme; 64 at most.
	Upstreams []string `yaml:"upstreams"`
	// How often a request that certainly reached none of them is sent to another one, 5 at most. Default 2. All retries together stay below a fifth of the requests, or one a second where there are few.
	Retries *int `yaml:"retries"`
	// How many failures in a row, to connect or to begin an answer in time, take an upstream out: for a second, then for twice as long each time, until one request that tries it succeeds. Default 3.
	EjectAfter int `yaml:"eject_after"`
	// For how long it is out at most before it is tried. Default 10s, at most 10m.
	EjectLongest time.Duration `yaml:"eject_longest"`
	// Ask each upstream how it is. One whose check fails gets no requests.
	Health *PoolHealth `yaml:"health"`
}

// PoolHealth is how the upstreams of a pool are asked for their health. Until one has answered, it is taken to be well.
type PoolHealth struct {
	// What is asked for, with GET, such as /healthz. Redirects are not followed.
	Path string `yaml:"path"`
	// The Host header. Default: the address of the upstream.
	Host string `yaml:"host"`
	// How often. Default 10s; 100ms to 10m.
	Interval time.Duration `yaml:"interval"`
	// How long an answer is waited for, at most the interval. Default 2s.
	Timeout time.Duration `yaml:"timeout"`
	// How many checks in a row bring an upstream back. Default 2.
	HealthyAfter int `yaml:"healthy_after"`
	// How many in a row take it out. Default 3.
	UnhealthyAfter int `yaml:"unhealthy_after"`
	// The statuses that are well, one or a range. Default 200-299.
	Status string `yaml:"status"`
}

// Route is one way through the edge.
type Route struct {
	// Its name in logs and metrics; each once.
	Name string `yaml:"name"`
	// The hosts it serves. Default: every host.
	Hosts []string `yaml:"hosts"`
	// The path it serves, and all below it on segment boundaries.
	Path string `yaml:"path"`
	// The methods it serves. Default: every method.
	Methods []string `yaml:"methods"`
	// Where it forwards to: http(s)://host[:port]. A route has this or pool.
	Upstream string `yaml:"upstream"`
	// The name of the pool that it forwards to.
	Pool string `yaml:"pool"`
	// required (default), optional or none.
	Auth string `yaml:"auth"`
	// The issuers whose tokens it takes. Default: all that are configured.
	Issuers []string `yaml:"issuers"`
	// The aud that tokens must hold. Default: the audience of the token's issuer.
	Audience string `yaml:"audience"`
	// The scopes that a token needs, all of them.
	Scopes []string `yaml:"scopes"`
	// The roles that a token needs, all of them.
	Roles []string `yaml:"roles"`
	// Claims that must be equal in value and type: a string, a whole number or a boolean.
	Claims map[string]any `yaml:"claims"`
	// The JSON Schema that a token's claims must fit, such as the one of the issuer's resource.
	ClaimsSchema map[string]any `yaml:"claims_schema"`
	// Rules, asked in their order once the token holds; the first that holds and decides does.
	Rules []rule.Rule `yaml:"rules"`
	// What is decided when no rule decides: deny (default) or allow. A route without rules has none to ask.
	RulesDefault rule.Action `yaml:"rules_default"`
	// Let each token through once: the next request needs another one. Tokens need a jti, and are remembered in this edge alone, or in the store of edge.shared.
	OneTime bool `yaml:"one_time"`
	// How often requests may come, each counted apart. What is refused is 429 with Retry-After.
	Limits []Limit `yaml:"limits"`
	// Watch only: what the route would refuse for its token, or the lack of one, or by its rules, is counted, logged and forwarded without identity headers.
	Shadow bool `yaml:"shadow"`
	// Headers set for the upstream, each from a claim: header name to claim name. A caller's own are removed everywhere.
	Headers map[string]string `yaml:"headers"`
	// Tell the upstream who asks in a JWT of the edge's own, which it can verify and pass on. It needs edge.identity.
	Identity *RouteIdentity `yaml:"identity"`
	// Give the upstream a token of its own in Authorization, in place of the one that came: the issuer exchanges it (RFC 8693). It needs issuers[].exchange.
	Exchange *RouteExchange `yaml:"exchange"`
	// The address of the resource's metadata (RFC 9728), named in every challenge so that clients find the issuer. Default: not named.
	ResourceMetadata string `yaml:"resource_metadata"`
	// What becomes of the Authorization header: forward (default) or strip. Where identity writes that header it is stripped.
	Authorization string `yaml:"authorization"`
	// Where a token may be. Default: in the Authorization header alone. A request may bring one, in one place.
	Credentials *Credentials `yaml:"credentials"`
}
