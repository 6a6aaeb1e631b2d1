// Package config holds what operators write.
package config

import "time"

// Edge configures the gateway.
type Edge struct {
	Issuers        []EdgeIssuer `yaml:"issuers"`
	Routes         []Route      `yaml:"routes"`
	TrustedProxies []string     `yaml:"trusted_proxies"` // networks in CIDR notation
	RefuseInsecure bool         `yaml:"refuse_insecure"` // refuse tokens that arrived over plain HTTP
}

// EdgeIssuer is an issuer whose tokens the edge accepts.
type EdgeIssuer struct {
	Issuer      string        `yaml:"issuer"`
	JWKSURI     string        `yaml:"jwks_uri"` // empty: found by discovery
	Audience    string        `yaml:"audience"`
	Algorithms  []string      `yaml:"algorithms"`
	Type        string        `yaml:"typ"`
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

// Route is one way through the edge.
type Route struct {
	Name          string            `yaml:"name"`
	Hosts         []string          `yaml:"hosts"` // empty: every host
	Path          string            `yaml:"path"`  // prefix on segment boundaries
	Methods       []string          `yaml:"methods"`
	Upstream      string            `yaml:"upstream"`
	Auth          string            `yaml:"auth"` // required (default), optional or none
	Scopes        []string          `yaml:"scopes"`
	Roles         []string          `yaml:"roles"`
	Claims        map[string]string `yaml:"claims"`
	Headers       map[string]string `yaml:"headers"`       // header name to claim name
	Authorization string            `yaml:"authorization"` // forward (default) or strip
}
