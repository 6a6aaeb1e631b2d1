package client

import (
	"errors"
	"slices"
	"strings"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/jose/jwk"
)

// AuthPost is AuthSecret as RFC 7591 2 tells them apart. A client may send its secret
// either way.
const AuthPost = "client_secret_post"

// What a RegistrationPolicy may choose from. A client that registered itself never
// exchanges other people's tokens.
var (
	RegistrationGrants    = []string{"authorization_code", "refresh_token", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code"}
	RegistrationMethods   = []string{AuthNone, AuthSecret, AuthPost, AuthPrivateKey, AuthTLS, AuthSelfSigned}
	RegistrationRedirects = []string{"https", "loopback", "private"}
)

// Access says who may register a client.
type Access string

// The ways in. The zero value is no way.
const (
	WithToken Access = "initial_token" // who has an initial access token (RFC 7591 3)
	Open      Access = "open"          // everybody
)

// A RegistrationPolicy says what clients may register themselves for (RFC 7591). Its zero
// value lets nobody register.
type RegistrationPolicy struct {
	Access                  Access
	GrantTypes, AuthMethods []string
	RedirectURIs            []string // kinds of them, of RegistrationRedirects
	Scopes, Audiences       []string // a client gets all audiences, and the scopes that it asks for
	MaxClients              int      // how many registered clients there may be
}

// Wanted is what a client says of itself: the part of RFC 7591 2 that is kept.
type Wanted struct {
	Name                                 string
	RedirectURIs, PostLogoutRedirectURIs []string
	GrantTypes, Scopes                   []string // no scopes means all that there are
	AuthMethod, JWKS, JWKSURI            string
	DPoP, PAR, TLSBound                  bool
	TLSSubject                           TLSSubject
	// "" is the issuer's own, and an answer that is not signed.
	IDTokenAlgorithm, UserInfoAlgorithm jwk.Algorithm
	IDTokenEncryption, IDTokenContent   jwk.Algorithm

	BackchannelLogoutURI, FrontchannelLogoutURI         string
	BackchannelLogoutSession, FrontchannelLogoutSession bool
}

// apply makes a client what it wants to be, as far as the policy goes. What an operator
// alone decides stays as it is, and what is demanded of the client once, by whomever, it
// does not take off itself. Every refusal says which member is at fault.
func (p RegistrationPolicy) apply(c Client, w Wanted) (Client, error) {
	if c.Narrowed {
		p.GrantTypes, p.Scopes = left(p.GrantTypes, c.GrantTypes), left(p.Scopes, c.Scopes)
	}
	switch {
	case !slices.Contains(p.AuthMethods, w.AuthMethod):
		return c, metadata("token_endpoint_auth_method is not one that clients may register with here")
	case slices.ContainsFunc(w.GrantTypes, func(g string) bool { return !slices.Contains(p.GrantTypes, g) }):
		return c, metadata("grant_types has one that clients may not register with here")
	case slices.ContainsFunc(w.Scopes, func(s string) bool { return !slices.Contains(p.Scopes, s) }):
		return c, metadata("scope has one that clients may not register with here")
	case slices.Contains(w.GrantTypes, "authorization_code") && len(w.RedirectURIs) == 0:
		return c, redirect("redirect_uris is missing")
	case len(w.RedirectURIs) > maxList || len(w.PostLogoutRedirectURIs) > maxList:
		return c, redirect("there are too many redirect_uris")
	}
	for name, list := range map[string][]string{"redirect_uris": w.RedirectURIs, "post_logout_redirect_uris": w.PostLogoutRedirectURIs} {
		for _, uri := range list {
			if err := checkRedirect(name, uri); err != nil {
				return c, redirect(err.Error())
			}
			if !slices.Contains(p.RedirectURIs, redirectKind(uri)) {
				return c, redirect(name + ": one is of a kind that clients may not register with here")
			}
		}
	}
	c.Name, c.RedirectURIs, c.PostLogoutRedirectURIs, c.GrantTypes, c.JWKS, c.DPoP, c.PAR = w.Name, w.RedirectURIs, w.PostLogoutRedirectURIs, w.GrantTypes, w.JWKS, w.DPoP || c.DPoP, w.PAR || c.PAR
	c.BackchannelLogoutURI, c.BackchannelLogoutSession = w.BackchannelLogoutURI, w.BackchannelLogoutSession
	c.FrontchannelLogoutURI, c.FrontchannelLogoutSession = w.FrontchannelLogoutURI, w.FrontchannelLogoutSession
	c.JWKSURI, c.TLSSubject, c.TLSBound = w.JWKSURI, w.TLSSubject, w.TLSBound || c.TLSBound
	c.AuthMethod, c.IDTokenAlgorithm, c.UserInfoAlgorithm = registeredAs(w.AuthMethod), w.IDTokenAlgorithm, w.UserInfoAlgorithm
	c.IDTokenEncryption, c.IDTokenContent = w.IDTokenEncryption, w.IDTokenContent
	if c.Scopes = w.Scopes; len(w.Scopes) == 0 {
		c.Scopes = p.Scopes
	}
	return c, nil
}

// left is what of a policy an operator has left to a client.
func left(policy, client []string) []string {
	return slices.DeleteFunc(slices.Clone(policy), func(v string) bool { return !slices.Contains(client, v) })
}

// registeredAs is the AuthMethod of a client that registers for one.
func registeredAs(method string) string {
	if method == AuthPost {
		return AuthSecret
	}
	return method
}

// redirectKind names the kind of what checkRedirect let pass.
func redirectKind(uri string) string {
	switch scheme, _, _ := strings.Cut(uri, ":"); strings.ToLower(scheme) {
	case "https":
		return "https"
	case "http":
		return "loopback"
	}
	return "private"
}

func metadata(detail string) error {
	return &reason.Error{Code: reason.ClientMetadataInvalid, Detail: detail, Cause: errors.New("client: " + detail)}
}

func redirect(detail string) error {
	return &reason.Error{Code: reason.RedirectURIInvalid, Detail: detail, Cause: errors.New("client: " + detail)}
}
