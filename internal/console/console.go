// Package console is the dashboard: pages on the admin listener for people who hold Role.
// They sign in at the issuer as to any other application (code with PKCE, OpenID Connect
// Core 3.1). Its sessions are in memory alone. Every page works without a script.
package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/jotward/jotward/internal/audit"
	"github.com/jotward/jotward/internal/client"
	"github.com/jotward/jotward/internal/grant"
	"github.com/jotward/jotward/internal/reason"
	"github.com/jotward/jotward/internal/web"
)

// Role is what an account must have to use the console.
const Role = "jotward:admin"

// ClientID is the console's as a client of the issuer. audience is what marks it as the
// console's own, whatever else somebody may have named so.
const ClientID, audience = "console", "jotward:console"

// Config says what a Console stands on.
type Config struct {
	Issuer string
	// URL is where browsers reach the admin listener: https, or http on loopback.
	URL     string
	Clients *client.Service
	Grants  *grant.Service
	Now     func() time.Time
}

// A Console serves its pages.
type Console struct {
	c        Config
	host     string // of URL
	prefix   string // of cookies' names: __Host- where the browser takes it (RFC 6265bis 4.1.3.2)
	sessions sessions
}

// New makes a Console.
func New(c Config) (*Console, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Path != "" || c.Issuer == "" || c.Clients == nil || c.Grants == nil || c.Now == nil {
		return nil, errors.New("console: its URL is none, or something of its configuration is missing")
	}
	v := &Console{c: c, host: u.Host, sessions: sessions{now: c.Now}}
	if u.Scheme == "https" {
		v.prefix = "__Host-"
	}
	return v, nil
}

// Routes is the mount list, for the admin listener.
func (c *Console) Routes() []web.Route {
	route := func(pattern string, h web.HandlerFunc) web.Route {
		return web.Route{Pattern: pattern, Style: c.refusal, Handler: h, Counted: true}
	}
	return []web.Route{
		route("GET /console", c.Page),
		route("POST /console/signin", c.SignIn),
		route("GET /console/callback", c.Callback),
		route("POST /console/explain", c.signedIn(c.Explain)),
		route("POST /console/signout", c.signedIn(c.SignOut)),
		{Pattern: "GET /style.css", Style: web.Problem, Handler: web.Stylesheet, Quiet: true},
	}
}

// client is the console as the issuer knows it. It is confidential, and nobody has its
// secret: a code that a program on the same machine catches can be redeemed by nobody
// but this process (RFC 8252 8.6).
func (c *Console) client() client.Client {
	return client.Client{ID: ClientID, Name: "Jotward console", GrantTypes: []string{"authorization_code"}, RedirectURIs: []string{c.callback()},
		Scopes: []string{"openid", "profile"}, Audiences: []string{audience}, SkipConsent: true, AccessTokenLifetime: client.MaxLifetime}
}

func (c *Console) callback() string { return c.c.URL + "/console/callback" }

// Register makes the console a client of the issuer, or puts it right after its address has
// changed. It fails where a client of that name is something else.
func (c *Console) Register(ctx context.Context) error {
	want, system := c.client(), audit.Actor{Kind: "system", ID: "start"}
	have, err := c.c.Clients.Get(ctx, ClientID)
	switch {
	case errors.Is(err, reason.New(reason.NotFound, nil)):
		_, _, err = c.c.Clients.Create(ctx, system, want) // the secret is dropped, and with it forgotten
		return err
	case err != nil:
		return err
	case have.Public || !slices.Equal(have.Audiences, want.Audiences):
		return errors.New("console: the client " + ClientID + " is not the console's: make that one anew under another name, and delete it")
	case slices.Equal(have.RedirectURIs, want.RedirectURIs):
		return nil
	}
	_, err = c.c.Clients.Update(ctx, system, have.Revision, want)
	return err
}

// A handler is asked by a person who is signed in.
type handler func(w http.ResponseWriter, r *http.Request, who person) error

// signedIn asks for the person first, and shows the way to sign in where there is none.
func (c *Console) signedIn(next handler) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		who, err := c.person(w, r)
		if errors.Is(err, http.ErrNoCookie) {
			return errors.Join(reason.New(reason.SignInRequired, nil), c.show(w, http.StatusUnauthorized, view{Alert: "You are not signed in, or not any more."}))
		}
		if err != nil {
			return err
		}
		return next(w, r, who)
	}
}

// Page answers GET /console.
func (c *Console) Page(w http.ResponseWriter, r *http.Request) error {
	if r.Host != c.host { // cookies are kept by name, and the way back leads to this one
		http.Redirect(w, r, c.c.URL+"/console", http.StatusSeeOther)
		return nil
	}
	who, err := c.person(w, r)
	if err != nil && !errors.Is(err, http.ErrNoCookie) {
		return err
	}
	return c.show(w, http.StatusOK, view{Who: who})
}
