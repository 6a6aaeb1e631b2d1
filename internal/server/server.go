// Package server is the issuer over HTTP: one mount list for the public
// listener and one for the admin listener, and a package per family of
// endpoints behind them.
package server

import (
	"net/http"
	"slices"

	"github.com/jotward/jotward/internal/keyring"
	"github.com/jotward/jotward/internal/server/admin"
	"github.com/jotward/jotward/internal/server/authorize"
	"github.com/jotward/jotward/internal/server/feed"
	"github.com/jotward/jotward/internal/server/metadata"
	"github.com/jotward/jotward/internal/server/registration"
	"github.com/jotward/jotward/internal/server/token"
	"github.com/jotward/jotward/internal/server/userinfo"
	"github.com/jotward/jotward/internal/web"
)

// Issuer holds the families of endpoints.
type Issuer struct {
	Web       *web.Server
	Ops       *web.Ops
	Metadata  *metadata.Endpoints
	Token     *token.Endpoints
	Authorize *authorize.Endpoints
	UserInfo  *userinfo.Endpoints
	Feed      *feed.Feed
	Register  *registration.Endpoints // nil, or with a policy that lets nobody in: not mounted
	Admin     *admin.Endpoints
	Console   []web.Route // of the console, which stands beside this package; none where it has no address
}

// PublicRoutes is the mount list of the public listener.
func (s *Issuer) PublicRoutes() []web.Route {
	return append([]web.Route{
		{Pattern: "GET /.well-known/oauth-authorization-server", Style: web.Problem, Handler: s.Metadata.Document, Access: web.AnyOrigin},
		{Pattern: "GET /.well-known/openid-configuration", Style: web.Problem, Handler: s.Metadata.Document, Access: web.AnyOrigin},
		{Pattern: "GET /jwks", Style: web.Problem, Handler: s.Metadata.JWKS(keyring.PurposeToken), Access: web.AnyOrigin, Quiet: true},
		{Pattern: "GET /jwks/{name}", Style: web.Problem, Handler: s.Metadata.ResourceJWKS, Quiet: true},
		{Pattern: "GET /authorize", Style: authorize.Refusal, Handler: s.Authorize.Authorize},
		{Pattern: "POST /authorize", Style: authorize.Refusal, Handler: s.Authorize.Posted, Access: web.AnyForm},
		{Pattern: "POST /par", Style: web.OAuth, Handler: s.Authorize.Push, Access: web.AnyOrigin, Counted: true},
		{Pattern: "GET /userinfo", Style: userinfo.Refusal, Handler: s.UserInfo.UserInfo, Access: web.AnyOrigin, Counted: true},
		{Pattern: "POST /userinfo", Style: userinfo.Refusal, Handler: s.UserInfo.UserInfo, Access: web.AnyOrigin, Counted: true},
		{Pattern: "POST /signin", Style: authorize.Refusal, Handler: s.Authorize.SignIn},
		{Pattern: "POST /consent", Style: authorize.Refusal, Handler: s.Authorize.Consent},
		{Pattern: "GET /logout", Style: authorize.Refusal, Handler: s.Authorize.Logout},
		{Pattern: "POST /logout", Style: authorize.Refusal, Handler: s.Authorize.LogoutPosted, Access: web.AnyForm},
		{Pattern: "POST /signout", Style: authorize.Refusal, Handler: s.Authorize.SignOut},
		{Pattern: "POST /device_authorization", Style: web.OAuth, Handler: s.Authorize.StartDevice, Access: web.AnyOrigin, Counted: true},
		{Pattern: "GET /device", Style: authorize.Refusal, Handler: s.Authorize.Device},
		{Pattern: "POST /device", Style: authorize.Refusal, Handler: s.Authorize.DeviceAnswer},
		{Pattern: "POST /device/signin", Style: authorize.Refusal, Handler: s.Authorize.DeviceSignIn},
		{Pattern: "GET /sessions", Style: authorize.Refusal, Handler: s.Authorize.ListSessions},
		{Pattern: "POST /sessions", Style: authorize.Refusal, Handler: s.Authorize.EndSessions},
		{Pattern: "POST /sessions/signin", Style: authorize.Refusal, Handler: s.Authorize.SessionsSignIn},
		{Pattern: "GET /style.css", Style: web.Problem, Handler: web.Stylesheet},
		{Pattern: "POST /token", Style: web.OAuth, Handler: s.Token.Token, Access: web.AnyOrigin, Counted: true},
		{Pattern: "POST /introspect", Style: web.OAuth, Handler: s.Token.Introspect, Counted: true},
		{Pattern: "POST /revoke", Style: web.OAuth, Handler: s.Token.Revoke, Access: web.AnyOrigin, Counted: true},
		{Pattern: "GET /feed", Style: web.OAuth, Handler: s.Feed.Stream, Counted: true, Unlimited: true},
		{Pattern: "POST /feed/position", Style: web.OAuth, Handler: s.Feed.Report, Quiet: true, Counted: true, Unlimited: true},
		{Pattern: "GET /feed/jwks", Style: web.Problem, Handler: s.Metadata.JWKS(keyring.PurposeFeed), Quiet: true},
		{Pattern: "GET /healthz", Style: web.Problem, Handler: s.Ops.Health.Live, Quiet: true},
		{Pattern: "GET /readyz", Style: web.Problem, Handler: s.Ops.Health.Brief, Quiet: true},
	}, s.Register.Routes()...)
}

// Public serves the public listener.
func (s *Issuer) Public() http.Handler {
	return s.Web.Guard(s.Web.Mount(s.Web.Limited(s.PublicRoutes())))
}

// PrivateRoutes is the mount list of the admin listener.
func (s *Issuer) PrivateRoutes() []web.Route {
	return slices.Concat(s.Ops.Routes(), s.Admin.Routes(), s.Console)
}

// Private serves the admin listener.
func (s *Issuer) Private() http.Handler { return s.Web.NoRebinding(s.Web.Mount(s.PrivateRoutes())) }
