package config

import (
	"slices"
	"strings"

	"github.com/jotward/jotward/internal/client"
)

// Registration is the policy for clients that register themselves.
type Registration struct {
	// Who may register a client: initial_token (who has a token that `jotward registration create` made) or open (everybody who reaches the issuer).
	Access string `yaml:"access"`
	// The grant types that they may ask for, of authorization_code, refresh_token, client_credentials (with initial_token only) and urn:ietf:params:oauth:grant-type:device_code. Default authorization_code and refresh_token.
	GrantTypes []string `yaml:"grant_types"`
	// How they may authenticate: none, client_secret_basic, client_secret_post, private_key_jwt. Default: all of them.
	AuthMethods []string `yaml:"auth_methods"`
	// The kinds of redirect URIs that they may have: https, loopback (RFC 8252 7.3) and private (a scheme of one's own, RFC 8252 7.1). Default https and loopback.
	RedirectURIs []string `yaml:"redirect_uris"`
	// The scopes that they may ask for. One that asks for none gets them all.
	Scopes []string `yaml:"scopes"`
	// The audiences of their tokens.
	Audiences []string `yaml:"audiences"`
	// How many registered clients there may be. Default 1000, at most 10000.
	MaxClients int `yaml:"max_clients"`
}

func (r *Registration) defaults() {
	if r.GrantTypes == nil {
		r.GrantTypes = []string{"authorization_code", "refresh_token"}
	}
	if r.AuthMethods == nil {
		r.AuthMethods = client.RegistrationMethods
	}
	if r.RedirectURIs == nil {
		r.RedirectURIs = []string{"https", "loopback"}
	}
	if r.MaxClients == 0 {
		r.MaxClients = 1000
	}
}

func (r *Registration) check(at string, p *problems) {
	if r.Access != string(client.WithToken) && r.Access != string(client.Open) {
		p.add(at+".access", "is neither initial_token nor open: say who may register")
	}
	for _, l := range []struct {
		name          string
		list, allowed []string
	}{{"grant_types", r.GrantTypes, client.RegistrationGrants}, {"auth_methods", r.AuthMethods, client.RegistrationMethods}, {"redirect_uris", r.RedirectURIs, client.RegistrationRedirects}} {
		for _, v := range l.list {
			if !slices.Contains(l.allowed, v) {
				p.add(at+"."+l.name, "has one that clients cannot register with: write some of "+strings.Join(l.allowed, ", "))
				break
			}
		}
		if len(l.list) == 0 {
			p.add(at+"."+l.name, "is empty: nobody could register")
		}
	}
	if r.Access == string(client.Open) && slices.Contains(r.GrantTypes, "client_credentials") {
		p.add(at+".grant_types", "has client_credentials, and access is open: everybody would have a token")
	}
	own := func(v string) bool { return strings.HasPrefix(v, "jotward:") }
	if len(r.Scopes) == 0 || slices.ContainsFunc(r.Scopes, own) {
		p.add(at+".scopes", "is empty, or has one of Jotward's own, which no stranger may have")
	}
	if len(r.Audiences) == 0 || slices.ContainsFunc(r.Audiences, own) {
		p.add(at+".audiences", "is empty, or has one of Jotward's own, which no stranger may have")
	}
	if r.MaxClients < 1 || r.MaxClients > 10000 {
		p.add(at+".max_clients", "is outside 1 to 10000")
	}
}

// Policy is what the issuer goes by; without a section it lets nobody register.
func (r *Registration) Policy() client.RegistrationPolicy {
	if r == nil {
		return client.RegistrationPolicy{}
	}
	return client.RegistrationPolicy{Access: client.Access(r.Access), GrantTypes: r.GrantTypes, AuthMethods: r.AuthMethods, RedirectURIs: r.RedirectURIs,
		Scopes: r.Scopes, Audiences: r.Audiences, MaxClients: r.MaxClients}
}
