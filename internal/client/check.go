package client

import (
	"errors"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/jose/jwk"
)

// maxList and maxText bound what an operator may give a client.
const maxList, maxText = 64, 2048

// AllowsRedirect compares exactly (RFC 9700 4.1.3), but for the port of a
// literal loopback address (RFC 8252 7.3).
func (c Client) AllowsRedirect(uri string) bool {
	if uri == "" || len(uri) > maxText {
		return false
	}
	if slices.Contains(c.RedirectURIs, uri) {
		return true
	}
	got, ok := withoutPort(uri)
	if !ok {
		return false
	}
	return slices.ContainsFunc(c.RedirectURIs, func(r string) bool {
		want, ok := withoutPort(r)
		return ok && want == got
	})
}

// Assured reports whether what is sent to a redirect URI is of use to nobody but
// the client: it has a secret to redeem it with, or an address that it alone can
// claim. A loopback port and a private scheme are anybody's on that machine
// (RFC 8252 8.6).
func (c Client) Assured(redirectURI string) bool {
	return !c.Public || strings.HasPrefix(redirectURI, "https://")
}

// withoutPort returns a loopback URI without its port, and false for anything
// else. It accepts one spelling only: what was parsed, put together again, must
// be the text itself.
func withoutPort(uri string) (string, bool) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "http" || u.User != nil || strings.Contains(uri, "#") {
		return "", false
	}
	host, authority := u.Hostname(), u.Hostname()
	if host != "127.0.0.1" && host != "::1" {
		return "", false
	}
	if host == "::1" {
		authority = "[::1]"
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 || strconv.FormatUint(n, 10) != p {
			return "", false
		}
		authority = net.JoinHostPort(host, p)
	}
	rest, ok := strings.CutPrefix(uri, "http://"+authority)
	if !ok || rest != "" && rest[0] != '/' && rest[0] != '?' {
		return "", false
	}
	return host + " " + rest, true
}

// checkRedirect says what may be registered in the list of that name: https, http on a loopback address
// (RFC 8252 7.3), or a scheme of one's own with a dot in it, as RFC 8252 7.1
// demands of apps; that also shuts out javascript, data, file and their kin.
func checkRedirect(name, uri string) error {
	u, err := url.Parse(uri)
	if err != nil || !u.IsAbs() || len(uri) > maxText || u.User != nil || strings.ContainsAny(uri, "#*\\") {
		return errors.New(name + ": one is not absolute, or has a fragment, a wildcard or user information (RFC 6749 3.1.2)")
	}
	if u, err := url.ParseQuery(u.RawQuery); err != nil || u.Has("code") || u.Has("state") || u.Has("iss") || u.Has("error") || u.Has("error_description") {
		return errors.New(name + ": one has a query that cannot be read, or holds a parameter of the answer itself (RFC 6749 4.1.2, RFC 9207 2)")
	}
	for _, b := range []byte(uri) {
		if b <= ' ' || b >= 0x7f {
			return errors.New(name + ": one has characters that a URI has not (RFC 3986 2)")
		}
	}
	switch {
	case u.Scheme == "https" && u.Hostname() != "", strings.Contains(u.Scheme, "."):
		return nil
	case u.Scheme == "http":
		if _, loop := withoutPort(uri); loop {
			return nil
		}
		return errors.New(name + ": one with http is not on 127.0.0.1 or [::1]: write these in place of localhost, which a resolver may answer otherwise (RFC 8252 8.3)")
	}
	return errors.New(name + ": one needs https, or a private scheme with a dot (RFC 8252 7.1)")
}

// checkScope holds a name to RFC 6749 3.3: %x21, %x23-5B, %x5D-7E.
func checkScope(s string) error {
	for _, b := range []byte(s) {
		if b <= ' ' || b == '"' || b == '\\' || b >= 0x7f {
			return errors.New("scopes has one with characters that RFC 6749 3.3 forbids")
		}
	}
	if s == "" {
		return errors.New("scopes has an empty one")
	}
	return nil
}

var grantTypes = []string{"authorization_code", "client_credentials", "refresh_token", "urn:ietf:params:oauth:grant-type:token-exchange", "urn:ietf:params:oauth:grant-type:device_code"}

// confidential are those that only a client with a secret or keys may use.
var confidential = []string{"client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange"}

func (s *Service) check(c Client) error {
	if err := s.fault(c); err != nil {
		return &reason.Error{Code: reason.RequestInvalid, Detail: err.Error()}
	}
	return nil
}

// fault is what is wrong with a client, in itself or for this issuer.
func (s *Service) fault(c Client) error {
	for _, fault := range []func(Client) error{Client.fault, Client.logoutFault, Client.formatFault, s.reachFault, s.certificateFault, s.algorithmFault, Client.encryptionFault, Client.claimsFault} {
		if err := fault(c); err != nil {
			return err
		}
	}
	return nil
}

// formatFault is an access token that there is not.
func (c Client) formatFault() error {
	switch c.AccessTokenFormat {
	case "", FormatJWT:
		return nil
	case FormatOpaque:
		if c.AccessTokenAlgorithm != "" {
			return errors.New("access_token_signed_response_alg is set and access_token_format is opaque: such tokens are not signed")
		}
		return nil
	}
	return errors.New("access_token_format is neither jwt nor opaque")
}

// algorithmFault is a signature that the issuer could not make for the client.
func (s *Service) algorithmFault(c Client) error {
	for _, v := range []struct {
		name string
		alg  jwk.Algorithm
	}{{"id_token_signed_response_alg", c.IDTokenAlgorithm}, {"userinfo_signed_response_alg", c.UserInfoAlgorithm}, {"access_token_signed_response_alg", c.AccessTokenAlgorithm}} {
		if v.alg != "" && (s.Offers == nil || !s.Offers(v.alg)) {
			return errors.New(v.name + " is none of issuer.signing.algorithms")
		}
	}
	return nil
}

// reachFault is an address that the issuer would call and may not.
func (s *Service) reachFault(c Client) error {
	for _, to := range []struct{ name, address string }{{"backchannel_logout_uri", c.BackchannelLogoutURI}, {"jwks_uri", c.JWKSURI}} {
		if to.address != "" && (s.Reachable == nil || s.Reachable(to.address) != nil) {
			return errors.New(to.name + " is not an https address that the issuer may send to")
		}
	}
	return nil
}

// logoutFault looks at where the client is told of the end of a session. The page that
// a browser opens must be of an origin that people are sent to anyway (Front-Channel
// Logout 2): it stands in a frame of ours.
func (c Client) logoutFault() error {
	if c.FrontchannelLogoutURI != "" {
		if err := checkRedirect("frontchannel_logout_uri", c.FrontchannelLogoutURI); err != nil {
			return err
		}
		if !slices.ContainsFunc(c.RedirectURIs, func(r string) bool { return origin(r) == origin(c.FrontchannelLogoutURI) }) || !strings.HasPrefix(c.FrontchannelLogoutURI, "http") {
			return errors.New("frontchannel_logout_uri is not of the scheme, host and port of a redirect URI (Front-Channel Logout 2)")
		}
		if u, err := url.ParseQuery(query(c.FrontchannelLogoutURI)); err != nil || u.Has("sid") {
			return errors.New("frontchannel_logout_uri has a sid of its own")
		}
	}
	if c.BackchannelLogoutSession && c.BackchannelLogoutURI == "" || c.FrontchannelLogoutSession && c.FrontchannelLogoutURI == "" {
		return errors.New("logout_session_required is set without its logout_uri")
	}
	return nil
}

// origin is scheme, host and port as they are written.
func origin(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func query(uri string) string {
	_, q, _ := strings.Cut(uri, "?")
	return q
}

func (c Client) fault() error {
	// usr_ begins people's ids: the sub of a client's token must never be
	// theirs (RFC 9700 4.15).
	if c.ID == "" || len(c.ID) > 256 || strings.HasPrefix(c.ID, "usr_") {
		return errors.New("client_id is missing, too long or starts with usr_")
	}
	if !plainID(c.ID) {
		return errors.New("client_id has other characters than letters, digits and -._~, or begins with another than a letter or digit")
	}
	if len(c.Name) > 256 || strings.ContainsFunc(c.Name, unseen) {
		return errors.New("name is too long, or has control characters")
	}
	if l := c.Lifetime(); l < MinLifetime || l > MaxLifetime {
		return errors.New("access_token_lifetime is outside 300 to 3600 seconds")
	}
	for _, l := range []struct {
		name string
		list []string
	}{{"grant_types", c.GrantTypes}, {"redirect_uris", c.RedirectURIs}, {"post_logout_redirect_uris", c.PostLogoutRedirectURIs}, {"scopes", c.Scopes}, {"audiences", c.Audiences}, {"roles", c.Roles}, {"permissions", c.Permissions}} {
		if len(l.list) > maxList || slices.ContainsFunc(l.list, func(v string) bool { return v == "" || len(v) > maxText || strings.ContainsFunc(v, unseen) }) {
			return errors.New(l.name + " is too long, or an entry of it is empty, too long, or has control characters")
		}
	}
	for _, s := range c.Scopes {
		if err := checkScope(s); err != nil {
			return err
		}
	}
	for name, list := range map[string][]string{"redirect_uris": c.RedirectURIs, "post_logout_redirect_uris": c.PostLogoutRedirectURIs} {
		for _, r := range list {
			if err := checkRedirect(name, r); err != nil {
				return err
			}
		}
	}
	for _, g := range c.GrantTypes {
		if !slices.Contains(grantTypes, g) {
			return errors.New("grant_types has one that does not exist here")
		}
	}
	if c.Public && slices.ContainsFunc(c.GrantTypes, func(g string) bool { return slices.Contains(confidential, g) }) {
		return errors.New("a public client cannot use client_credentials (RFC 6749 4.4) or token exchange")
	}
	return c.methodFault()
}

// unseen are characters that change what a reader takes a text for: the name stands
// on the page where people allow the client what it asks for.
func unseen(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

// plainID keeps to what needs no escape in a path of the admin API and is no
// flag on a command line.
func plainID(id string) bool {
	for i, c := range []byte(id) {
		alnum := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !alnum && (i == 0 || strings.IndexByte("-._~", c) < 0) {
			return false
		}
	}
	return true
}
