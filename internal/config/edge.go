// Package config holds what operators write.
package config

import "time"

// Edge configures the gateway.
type Edge struct {
	Issuers        []EdgeIssuer `yaml:"issuers"`
	Routes         []Route      `yaml:"routes"`
	TrustedProxies []string     `yaml:"trusted_proxies"` // networks in CIDR notation whose forwarded headers are believed
	RefuseInsecure bool         `yaml:"refuse_insecure"` // refuse tokens that arrived over plain HTTP
	Timeouts       Timeouts     `yaml:"timeouts"`
}

// Timeouts bound the waits for an upstream; zero means the default. The body of
// an answer is not bounded, for it may be a stream.
type Timeouts struct {
	Connect        time.Duration `yaml:"connect"`         // default 5s
	TLSHandshake   time.Duration `yaml:"tls_handshake"`   // default 5s
	ResponseHeader time.Duration `yaml:"response_header"` // default 60s
}

// EdgeIssuer is an issuer whose tokens the edge accepts.
type EdgeIssuer struct {
	Issuer      string        `yaml:"issuer"`
	JWKSURI     string        `yaml:"jwks_uri"` // empty: found by discovery
	Audience    string        `yaml:"audience"` // for routes that name none
	Algorithms  []string      `yaml:"algorithms"`
	Type        string        `yaml:"typ"` // default at+jwt
	MaxLifetime time.Duration `yaml:"max_lifetime"`
	AllowHTTP   bool          `yaml:"allow_http"` // plain HTTP to loopback addresses only
	Feed        *EdgeFeed     `yaml:"feed"`
}

// EdgeFeed is how the edge follows an issuer's revocations.
type EdgeFeed struct {
	ClientID     string        `yaml:"client_id"`
	ClientSecret Secret        `yaml:"client_secret"`
	Stale        string        `yaml:"stale"`   // refuse (default) or serve
	MaxAge       time.Duration `yaml:"max_age"` // when the view is stale; default 10s
}

// Route is one way through the edge. The longest path wins; of equal paths one
// that names hosts goes before one that does not, then one that names methods.
type Route struct {
	Name          string            `yaml:"name"`
	Hosts         []string          `yaml:"hosts"`   // empty: every host
	Path          string            `yaml:"path"`    // prefix on segment boundaries
	Methods       []string          `yaml:"methods"` // empty: every method
	Upstream      string            `yaml:"upstream"`
	Auth          string            `yaml:"auth"`     // required (default), optional or none
	Issuers       []string          `yaml:"issuers"`  // empty: every configured issuer
	Audience      string            `yaml:"audience"` // empty: the audience of the token's issuer
	Scopes        []string          `yaml:"scopes"`
	Roles         []string          `yaml:"roles"`
	Claims        map[string]any    `yaml:"claims"`        // equal in value and type: a string, a whole number or a boolean
	Headers       map[string]string `yaml:"headers"`       // header name to claim name
	Authorization string            `yaml:"authorization"` // forward (default) or strip
}
