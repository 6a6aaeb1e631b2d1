package client

import (
	"slices"
	"strings"
	"testing"
)

var narrow = RegistrationPolicy{Access: Open, GrantTypes: []string{"authorization_code"}, AuthMethods: []string{AuthNone, AuthSecret}, RedirectURIs: []string{"https", "loopback"},
	Scopes: []string{"openid", "read"}, Audiences: []string{"api"}, MaxClients: 1}

// FuzzRegistrationPolicy: what passes is within the policy, and whatever an operator alone
// decides is untouched.
func FuzzRegistrationPolicy(f *testing.F) {
	for _, uri := range []string{"https://app.example/cb", "http://127.0.0.1/cb", "http://[::1]:9/cb", "HTTPS://app.example/cb", "com.example:/cb", "javascript:alert(1)", "http://127.0.0.1@evil/cb", "https://a/#x"} {
		f.Add(uri, "openid read", "none", "authorization_code", "Name")
	}
	f.Add("https://app.example/cb", "write", "private_key_jwt", "client_credentials", "\u202e")
	f.Fuzz(func(t *testing.T, uri, scope, method, grantType, name string) {
		c, err := narrow.apply(Client{ID: "dcr_1", Public: method == AuthNone, Audiences: narrow.Audiences}, Wanted{Name: name, RedirectURIs: []string{uri}, Scopes: strings.Fields(scope),
			AuthMethod: method, GrantTypes: []string{grantType}})
		if err != nil {
			return
		}
		for _, s := range c.Scopes {
			if !slices.Contains(narrow.Scopes, s) {
				t.Fatalf("scope %q", s)
			}
		}
		low := strings.ToLower(uri)
		if !strings.HasPrefix(low, "https://") && !strings.HasPrefix(low, "http://127.0.0.1") && !strings.HasPrefix(low, "http://[::1]") || strings.ContainsAny(uri, "#*\\ ") {
			t.Fatalf("redirect %q", uri)
		}
		if c.SkipConsent || len(c.Roles)+len(c.Permissions) > 0 || len(c.Audiences) != 1 || grantType != "authorization_code" || method != AuthNone && method != AuthSecret {
			t.Fatalf("%+v", c)
		}
	})
}
