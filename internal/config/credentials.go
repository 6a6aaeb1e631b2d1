package config

import (
	"strings"
	"time"
)

// Credentials are the places where a route takes a token from.
type Credentials struct {
	// Take it from the Authorization header. To be said where other places are named.
	Header bool `yaml:"header"`
	// Take it from a cookie. Browsers send that by themselves, so unsafe methods and WebSockets need a page of the same origin.
	Cookie *CredentialCookie `yaml:"cookie"`
	// Take it from the query (RFC 6750 2.3), which logs and histories of others keep. It is not forwarded.
	Query *CredentialQuery `yaml:"query"`
	// Take it from the subprotocols that a WebSocket's client offers, for browsers can send no header there. It is not forwarded.
	Subprotocol *CredentialSubprotocol `yaml:"subprotocol"`
}

// CredentialCookie is a cookie that holds a token.
type CredentialCookie struct {
	// Its name, exactly. It begins with __Host-, so that browsers take it from this host alone and send it to no other, or with __Secure-, which hosts of one domain can share (RFC 6265bis 4.1.3).
	Name string `yaml:"name"`
	// Take a name without such a prefix, which any host of the domain can set, also over plain HTTP. For development on loopback, and for cookies that cannot be renamed.
	Unprefixed bool `yaml:"unprefixed"`
	// Forward it to the upstream. Default: it is removed, on the other routes of the same hosts as well, and on those of all hosts where its name does not begin with __Host-.
	Forward bool `yaml:"forward"`
	// Origins whose pages may send it with unsafe methods and WebSockets too, such as https://app.example.com.
	TrustedOrigins []string `yaml:"trusted_origins"`
}

// OfOneHost says whether browsers keep the cookie to the one host that set it (RFC
// 6265bis 4.1.3.2).
func (c *CredentialCookie) OfOneHost() bool { return strings.HasPrefix(c.Name, "__Host-") }

// CredentialQuery is a parameter that holds a token.
type CredentialQuery struct {
	// Its name. Default access_token.
	Parameter string `yaml:"parameter"`
}

// CredentialSubprotocol is a subprotocol that holds a token.
type CredentialSubprotocol struct {
	// What stands before the token: NAME.TOKEN, the token in base64url without padding. NAME alone may be offered beside it, and is what the edge answers when the upstream chooses none. Default jotward.bearer; base64url.bearer.authorization.k8s.io is that of Kubernetes.
	Name string `yaml:"name"`
}

// Warnings say what is allowed and seldom wise.
func (e *Edge) Warnings() []string {
	var out []string
	for _, i := range e.Issuers {
		if i.Feed == nil {
			out = append(out, "issuer "+i.Issuer+" has no feed: its revoked tokens are accepted until they expire")
		}
	}
	for _, r := range e.Routes {
		c := r.Credentials
		if c == nil {
			continue
		}
		if c.Cookie != nil && !c.Cookie.OfOneHost() {
			out = append(out, "route "+r.Name+": any host of the domain can set the cookie "+c.Cookie.Name+" and may receive it: name it __Host-"+strings.TrimPrefix(c.Cookie.Name, "__Secure-"))
		}
		if c.Query != nil {
			out = append(out, "route "+r.Name+": a token in the query stays in histories and in the logs of every server before the edge (RFC 9700 4.3.2)")
		}
	}
	return out
}

// EdgeDecryption is how an issuer's tokens are encrypted.
type EdgeDecryption struct {
	// The private keys, each a JWK or a set of them; a token's kid chooses.
	Keys []Secret `yaml:"keys"`
	// The accepted algorithms of key management, such as ECDH-ES+A256KW or RSA-OAEP-256.
	Algorithms []string `yaml:"algorithms"`
	// The accepted encryptions of the content, such as A256GCM.
	Encryptions []string `yaml:"encryptions"`
	// Refuse its tokens that are not encrypted.
	Required bool `yaml:"required"`
}

// EdgeIntrospection is how an issuer is asked about tokens.
type EdgeIntrospection struct {
	// Where it is asked. Default: found by discovery.
	Endpoint string `yaml:"endpoint"`
	// The client that the edge is at the issuer.
	ClientID string `yaml:"client_id"`
	// Its secret.
	ClientSecret Secret `yaml:"client_secret"`
	// Ask for signed answers (RFC 9701), and believe no others.
	Signed bool `yaml:"signed"`
	// The aud of signed answers. Default: client_id.
	Audience string `yaml:"audience"`
	// How long an answer is remembered at most, where the feed is followed and the answer names what may be revoked. Where it is not remembered the issuer is asked again as often about WebSockets and server-sent events. Default 60s, at most 10m.
	MaxAge time.Duration `yaml:"max_age"`
	// How long an answer is awaited. Default 5s, at most 30s.
	Timeout time.Duration `yaml:"timeout"`
	// How many questions may be under way; more are refused, and one client network may hold half of them at most. Default 64.
	Concurrent int `yaml:"concurrent"`
}

// EdgeIdentity is the edge as an issuer to its upstreams.
type EdgeIdentity struct {
	// The iss of what it signs, an https URL: no issuer whose tokens it accepts.
	Issuer string `yaml:"issuer"`
	// The keys: a private JWK, or a set of which the first signs and all are published. None is symmetric, each has a kid. Edges that stand for one another share them.
	Key Secret `yaml:"key"`
	// How long a JWT lives, and never longer than the token that it stands for. Default 60s, at most 5m.
	Lifetime time.Duration `yaml:"lifetime"`
	// Where the public keys are served, on every host. No route has this path. Default /.well-known/jotward/jwks.json.
	Path string `yaml:"path"`
}

// RouteIdentity is the JWT that a route hands to its upstream.
type RouteIdentity struct {
	// The aud: the upstream, and no other.
	Audience string `yaml:"audience"`
	// The header that it stands in, such as X-Identity; or Authorization, as a bearer token in place of the one that came.
	Header string `yaml:"header"`
	// The claims of the token that go along unchanged, such as [client_id, scope]. Default: none but the subject.
	Claims []string `yaml:"claims"`
}

// EdgeExchange is how an issuer is asked to exchange tokens.
type EdgeExchange struct {
	// Its token endpoint. Default: found by discovery.
	Endpoint string `yaml:"endpoint"`
	// The client that the edge is at the issuer, which may use token exchange.
	ClientID string `yaml:"client_id"`
	// Its secret.
	ClientSecret Secret `yaml:"client_secret"`
	// How long an answer is awaited. Default 5s, at most 30s.
	Timeout time.Duration `yaml:"timeout"`
}

// RouteExchange is the token that a route's upstream gets.
type RouteExchange struct {
	// The aud that it shall hold: the upstream, and no other.
	Audience string `yaml:"audience"`
	// The scopes that it shall hold, such as [read]. Default: those that the issuer gives.
	Scope []string `yaml:"scope"`
}
